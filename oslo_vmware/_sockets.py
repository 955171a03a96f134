"""What the sockets of all connections have in common, to services and for image data alike.

TCP by itself notices nothing of a peer that vanished, or of a firewall that forgot a connection
over which nothing was said for long: whoever waits for an answer waits on. So the kernel asks
(keep-alive). That also keeps a connection in the memory of firewalls, most of which forget after
five minutes or more.

A socket that a process inherited is its parent's. Of TLS, too, which would say goodbye in the
parent's name: so nothing but the descriptor is closed.
"""

import contextlib
import os
import socket
from typing import Any

#: Seconds without a byte after which the kernel asks whether the peer is still there.
KEEPALIVE_IDLE_SECONDS = 60

#: Seconds after which it asks again, if there is no answer.
KEEPALIVE_INTERVAL_SECONDS = 30

#: Questions without an answer after which a connection is lost: four minutes after the last byte.
KEEPALIVE_PROBES = 6

# macOS has another name for the first.
_IDLE = getattr(socket, 'TCP_KEEPIDLE', None) or getattr(socket, 'TCP_KEEPALIVE', None)

#: Arguments of ``setsockopt``; what the platform does not have is left out.
KEEPALIVE_OPTIONS: tuple[tuple[int, int, int], ...] = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, option, value)
        for option, value in (
            (_IDLE, KEEPALIVE_IDLE_SECONDS),
            (getattr(socket, 'TCP_KEEPINTVL', None), KEEPALIVE_INTERVAL_SECONDS),
            (getattr(socket, 'TCP_KEEPCNT', None), KEEPALIVE_PROBES),
        )
        if option is not None
    ),
)


def keep_alive(sock: socket.socket) -> None:
    """Have the kernel ask whether the peer of a connection is still there."""
    for option in KEEPALIVE_OPTIONS:
        sock.setsockopt(*option)


def inode_of(sock: Any) -> int:
    """What tells a socket from all others, whatever descriptor it has."""
    return os.fstat(sock.fileno()).st_ino


def let_go(sock: Any, inode: int) -> None:
    """Close an inherited socket in this process, without a word to its peer.

    :param sock: a socket, or TLS over one
    :param inode: of the socket; if the descriptor has another one, somebody who closes all of them
                  after a fork has done so, and the number is somebody else's
    """
    # TLS within TLS, to a proxy, is an object around a socket.
    sock = getattr(sock, 'socket', sock)
    descriptor = sock.detach()
    with contextlib.suppress(OSError):
        if os.fstat(descriptor).st_ino == inode:
            os.close(descriptor)

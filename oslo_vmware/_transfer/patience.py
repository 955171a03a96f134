"""How long a socket waits, by the kernel's own time-outs.

With a time-out of Python's a socket does not block: before each call ``poll`` is asked, which says
that there is room when a third of the buffer is empty. A sender that blocks goes on when there is
any, so the receiver never runs dry; and it is one call of the system instead of two.
"""

import os
import socket
import struct
import sys
from typing import Any

#: The least that can be told to the kernel, for which zero means without end.
_LEAST_SECONDS = 0.001

SENDING = socket.SO_SNDTIMEO
RECEIVING = socket.SO_RCVTIMEO


def wait_at_most(sock: Any, what: int, seconds: float) -> None:
    """Let a socket wait for so long; then it raises BlockingIOError or TimeoutError.

    :param what: SENDING or RECEIVING; where the kernel is not asked, it holds for both
    """
    seconds = max(seconds, _LEAST_SECONDS)
    if sys.platform == 'linux':
        sock.setblocking(True)
        # Those of green threads never do, and wait in their hub.
        if os.get_blocking(sock.fileno()):
            interval = struct.pack('ll', int(seconds), int(seconds % 1 * 1_000_000))
            sock.setsockopt(socket.SOL_SOCKET, what, interval)
            return
    sock.settimeout(seconds)

"""A transfer belongs to the process that began it.

A process that was forked off finds the handles of its parent, with the same sockets and leases.
What it would read there is missing in its parent, what it would write is too much, and what it
would clear away is in use. So in another process a transfer does not go on, and ends without a
word to anybody.
"""

import contextlib
import http.client
import os
import socket
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware._i18n import _


class Owner:
    """The process that began a transfer, which is the one that makes this.

    :param name: of what is transferred, for texts
    """

    def __init__(self, name: Any) -> None:
        self._name = name
        self._process = os.getpid()

    def is_here(self) -> bool:
        """Whether it is this process."""
        return os.getpid() == self._process

    def check(self) -> None:
        """Go on only in this process.

        :raises VimException: it is another one
        """
        if not self.is_here():
            raise exceptions.VimException(
                _('%(name)s belongs to the process %(process)s, which has begun it.')
                % {'name': self._name, 'process': self._process}
            )

    def hang_up(self, connection: http.client.HTTPConnection, sock: Any) -> None:
        """Close a connection, so that its server notices.

        :param sock: its socket, of which processes that were forked off may have a descriptor
        """
        if self.is_here():
            # To close it would tell nobody while somebody else has it open.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        connection.close()

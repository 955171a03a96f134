"""govmomi's simulator of a vCenter as a process, and what was asked of it."""

import pathlib
from typing import Self

from tests.drivers.on_vcsim import server
from tests.vcsim.traffic import Call, Traffic

ROOT = pathlib.Path(__file__).parents[2]
BINARY = ROOT / '.vcsim' / 'vcsim'
SOURCE = pathlib.Path(__file__).with_name('main.go')


def is_built() -> bool:
    """Whether ``make vcsim`` has built the server from the source there is now."""
    return BINARY.exists() and BINARY.stat().st_mtime >= SOURCE.stat().st_mtime


class Vcsim(server.Vcsim):
    """A running server, with the face that the functional tests know of our own simulator.

    :param directory: for its log and the files of its datastores
    :param authority: directory of the authority and the certificate
    :param traffic: the library's requests
    :param options: further options of ``main.go``
    """

    def __init__(
        self, directory: pathlib.Path, authority: pathlib.Path, traffic: Traffic, *options: str
    ) -> None:
        super().__init__(BINARY, directory, authority, *options)
        self.traffic = traffic

    @property
    def url(self) -> str:
        return f'https://{self.host}:{self.port}'

    @property
    def calls(self) -> list[Call]:
        """The library's requests."""
        return self.traffic.calls

    def count(self, operation: str) -> int:
        return self.traffic.count(operation)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def expire_sessions(self) -> None:
        """End the library's sessions on the server."""
        with self.observer() as content:
            manager = content.sessionManager
            own = manager.currentSession.key
            others = [one.key for one in manager.sessionList if one.key != own]
            manager.TerminateSession(others)

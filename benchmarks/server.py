"""Where the server of a benchmark is; alone, so that a process can know it and nothing else."""

from typing import NamedTuple


class Server(NamedTuple):
    """Where a library finds the server, and who it says it is.

    :ivar cacert: file to verify the server with
    """

    host: str
    port: int
    username: str
    password: str
    cacert: str

    @property
    def url(self) -> str:
        return f'https://{self.host}:{self.port}'

"""govmomi's simulator of a vCenter as a process, and what was asked of it."""

import os
import pathlib
import ssl
import subprocess
import urllib.parse
from typing import IO, Any, Self

from pyVim.connect import Disconnect, SmartConnect

from tests.vcsim.traffic import Call, Traffic

ROOT = pathlib.Path(__file__).parents[2]
BINARY = ROOT / '.vcsim' / 'vcsim'
SOURCE = pathlib.Path(__file__).with_name('main.go')


def is_built() -> bool:
    """Whether ``make vcsim`` has built the server from the source there is now."""
    return BINARY.exists() and BINARY.stat().st_mtime >= SOURCE.stat().st_mtime


class Vcsim:
    """A running server, with the face that the functional tests know of our own simulator.

    :param directory: for its log and the files of its datastores
    :param certificate: files of the certificate and of its private key
    :param cacert: file of the authority that issued it
    :param traffic: the library's requests
    :param options: further options of ``main.go``
    """

    username = 'admin@vsphere.local'
    password = 'quite secret & <safe>'

    def __init__(
        self,
        directory: pathlib.Path,
        certificate: tuple[str, str],
        cacert: str,
        traffic: Traffic,
        *options: str,
    ) -> None:
        self.cacert = cacert
        self.traffic = traffic
        directory.mkdir()
        self._log_path = directory / 'log'
        self._log = self._log_path.open('w')
        cert, key = certificate
        credentials = ['-user', self.username, '-password', self.password]
        self._process = subprocess.Popen(
            [BINARY, '-cert', cert, '-key', key, *credentials, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | {'TMPDIR': str(directory)},
            text=True,
        )
        url = urllib.parse.urlsplit(_pipe(self._process.stdout).readline())
        if url.hostname is None or url.port is None:
            self.close()
            raise RuntimeError(f'vcsim did not start: {self.log}')
        self.host = url.hostname
        self.port = url.port

    @property
    def url(self) -> str:
        return f'https://{self.host}:{self.port}'

    @property
    def log(self) -> str:
        """What the server has logged."""
        return self._log_path.read_text()

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

    def close(self) -> None:
        """End the process, which removes its files."""
        _pipe(self._process.stdin).close()
        _pipe(self._process.stdout).close()
        try:
            status = self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._log.close()
        if status:
            raise RuntimeError(f'vcsim ended with status {status}')

    # Seen and done by a client that is not ours

    def observer(self) -> 'Observer':
        return Observer(self)

    def expire_sessions(self) -> None:
        """End the library's sessions on the server."""
        with self.observer() as content:
            manager = content.sessionManager
            own = manager.currentSession.key
            others = [one.key for one in manager.sessionList if one.key != own]
            manager.TerminateSession(others)


class Observer:
    """VMware's own SDK, logged in for a while; gives the ServiceContent."""

    def __init__(self, vc: Vcsim) -> None:
        self._vc = vc
        self._instance: Any = None

    def __enter__(self) -> Any:
        vc = self._vc
        self._instance = SmartConnect(
            host=vc.host,
            port=vc.port,
            user=vc.username,
            pwd=vc.password,
            sslContext=ssl.create_default_context(cafile=vc.cacert),
        )
        return self._instance.RetrieveContent()

    def __exit__(self, *exc_info: object) -> None:
        Disconnect(self._instance)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe

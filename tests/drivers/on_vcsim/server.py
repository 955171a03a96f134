"""govmomi's simulator of a vCenter as a process: a server that is not ours.

It stands here, and not in :mod:`tests.vcsim`, because drivers' tests run away from the work tree.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import ssl
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterator
from typing import IO, Any

import trustme
from pyVim.connect import Disconnect, SmartConnect

from oslo_vmware import wsdl

#: Where ``make vcsim`` has put the program; the runner passes it on.
VARIABLE = 'OSLO_VMWARE_TEST_VCSIM'


class Vcsim:
    """A running server.

    :param binary: the program
    :param directory: for its log and the files of its datastores; it is made
    :param authority: directory with ``ca.pem``, and the server's ``cert.pem`` and ``key.pem``
    :param options: further options of ``main.go``
    :ivar cacert: file of the authority of its certificate
    """

    username = 'admin@vsphere.local'
    password = 'quite secret & <safe>'

    def __init__(
        self,
        binary: str | pathlib.Path,
        directory: pathlib.Path,
        authority: pathlib.Path,
        *options: str,
    ) -> None:
        self.cacert = str(authority / 'ca.pem')
        directory.mkdir()
        self._log_path = directory / 'log'
        self._log = self._log_path.open('w')
        certificate = ['-cert', str(authority / 'cert.pem'), '-key', str(authority / 'key.pem')]
        credentials = ['-user', self.username, '-password', self.password]
        self._process = subprocess.Popen(
            [binary, *certificate, *credentials, *options],
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
    def log(self) -> str:
        """What the server has logged."""
        return self._log_path.read_text()

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

    def observer(self) -> contextlib.AbstractContextManager[Any]:
        """VMware's own SDK, logged in for a while; gives the ServiceContent."""
        return _observer(self)


@contextlib.contextmanager
def _observer(vc: Vcsim) -> Iterator[Any]:
    instance = SmartConnect(
        host=vc.host,
        port=vc.port,
        user=vc.username,
        pwd=vc.password,
        sslContext=ssl.create_default_context(cafile=vc.cacert),
    )
    try:
        yield instance.RetrieveContent()
    finally:
        Disconnect(instance)


def issue_certificate(directory: pathlib.Path) -> None:
    """Write an authority and a server's certificate, as :class:`Vcsim` takes them."""
    ca = trustme.CA()
    server = ca.issue_cert('127.0.0.1')
    ca.cert_pem.write_to_path(directory / 'ca.pem')
    server.private_key_pem.write_to_path(directory / 'key.pem')
    server.cert_chain_pems[0].write_to_path(directory / 'cert.pem')


@contextlib.contextmanager
def running(*options: str) -> Iterator[Vcsim]:
    """Run a server for a driver."""
    # The reference engine asks the server for its description, and govmomi has none.
    description = str(pathlib.Path(wsdl.vim_wsdl_path()).parent)
    with tempfile.TemporaryDirectory() as name:
        authority = pathlib.Path(name)
        issue_certificate(authority)
        program = os.environ[VARIABLE]
        with contextlib.closing(
            Vcsim(program, authority / 'vcsim', authority, '-descriptions', description, *options)
        ) as made:
            yield made


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe

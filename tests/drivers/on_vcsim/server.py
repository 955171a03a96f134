"""govmomi's simulator of a vCenter as a process, for drivers: a server that is not ours."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import trustme

from oslo_vmware import wsdl

#: Where ``make vcsim`` has put the program; the runner passes it on.
VARIABLE = 'OSLO_VMWARE_TEST_VCSIM'

USERNAME = 'admin@vsphere.local'
PASSWORD = 'quite secret & <safe>'


@dataclass(frozen=True)
class Vcsim:
    """A running server.

    :ivar cacert: file of the authority of its certificate
    """

    host: str
    port: int
    cacert: str
    username: str = USERNAME
    password: str = PASSWORD


@contextlib.contextmanager
def running(*options: str) -> Iterator[Vcsim]:
    """Run the server; it ends when its standard input is closed."""
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        authority = trustme.CA()
        certificate = authority.issue_cert('127.0.0.1')
        cacert, cert, key = directory / 'ca.pem', directory / 'cert.pem', directory / 'key.pem'
        authority.cert_pem.write_to_path(cacert)
        certificate.cert_chain_pems[0].write_to_path(cert)
        certificate.private_key_pem.write_to_path(key)
        process = subprocess.Popen(
            [
                *(os.environ[VARIABLE], '-cert', str(cert), '-key', str(key)),
                *('-user', USERNAME, '-password', PASSWORD),
                # The reference engine asks the server for its description, and govmomi has none.
                *('-descriptions', str(pathlib.Path(wsdl.vim_wsdl_path()).parent), *options),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {'TMPDIR': name},
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            host, _, port = url.removeprefix('https://').partition('/')[0].partition(':')
            yield Vcsim(host, int(port), str(cacert))
        finally:
            process.stdin.close()
            process.wait(30)
            process.stdout.close()

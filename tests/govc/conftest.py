"""Servers of our own, and govc to run against them.

Without govc, which ``make govc`` builds, there are no tests here: ``make test`` needs no Go.
``make test-govc`` builds it and runs them.
"""

import os
import pathlib
import shlex
import string
import subprocess
import tarfile
import time
from collections.abc import Iterator

import pytest

from tests.simulator.vsphere import Client, connected

BINARY = pathlib.Path(__file__).parents[2] / '.govc' / 'govc'

if not BINARY.exists():
    collect_ignore_glob = ['test_*.py']


class Govc:
    """Runs command lines in a directory of its own, logged in to a simulator.

    :ivar client: pyVmomi's view of the same server
    :ivar names: what was printed and has been given a name
    """

    def __init__(self, client: Client, directory: pathlib.Path) -> None:
        self.client = client
        self.directory = directory
        self.names: dict[str, str] = {}
        vc = client.vc
        self._environ = {
            'PATH': os.environ['PATH'],
            'HOME': str(directory),
            'GOVC_URL': vc.sdk_url,
            'GOVC_USERNAME': vc.username,
            'GOVC_PASSWORD': vc.password,
            'GOVC_TLS_CA_CERTS': str(vc.cacert),
        }

    def run(self, command: str) -> tuple[int, str]:
        """The exit status and the output of a command line."""
        words = [string.Template(word).safe_substitute(self.names) for word in shlex.split(command)]
        done = subprocess.run(
            [BINARY, *words],
            cwd=self.directory,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            text=True,
        )
        return done.returncode, done.stdout

    def property(self, place: str, path: str) -> str:
        """A property as pyVmomi reads it; None where there is no such object."""
        value = self.client.content.searchIndex.FindByInventoryPath(place)
        for step in path.split('.'):
            if isinstance(value, list):
                value = [getattr(one, step) for one in value]
            else:
                value = getattr(value, step, None)
        return str(list(value) if isinstance(value, list) else value)

    def pack(self, archive: str, directory: str) -> None:
        """Put the files of a directory into an OVA, the descriptor first."""
        found = sorted((self.directory / directory).iterdir(), key=lambda one: one.suffix != '.ovf')
        with tarfile.open(self.directory / archive, 'w') as made:
            for path in found:
                made.add(path, path.name)

    def settled(self, place: str, path: str, value: str) -> str:
        """A property when it has come to a value, or a second later: guests act on their own."""
        for _ in range(20):
            found = self.property(place, path)
            if found == value:
                break
            time.sleep(0.05)
        return found

    def read(self, name: str) -> bytes | None:
        """The content of a file in the directory; None where there is none."""
        path = self.directory / name
        return path.read_bytes() if path.exists() else None


@pytest.fixture(scope='module')
def govc(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Govc]:
    """govc on a server with the usual inventory: one for each chapter of the table."""
    with connected() as client:
        directory = tmp_path_factory.mktemp(str(request.param))
        (directory / 'hello.txt').write_text('Hello, datastore.\n')
        yield Govc(client, directory)

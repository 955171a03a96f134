"""A fresh server for each test, which takes some hundredths of a second, and sessions with it.

Without the server, which ``make vcsim`` builds, there are no tests here: ``make test`` needs no
Go. ``make test-vcsim`` builds it and runs them.
"""

import pathlib
from collections.abc import Callable, Iterator

import pytest

from oslo_vmware import wsdl
from tests.drivers.on_vcsim.server import issue_certificate

# The fixtures of the functional tests ask for nothing but a server's address and credentials.
from tests.functional.conftest import connect, pauses, pbm_description, session  # noqa: F401
from tests.vcsim.server import Vcsim, is_built
from tests.vcsim.traffic import Traffic

if not is_built():
    collect_ignore_glob = ['test_*.py']

ServerMaker = Callable[..., Vcsim]


@pytest.fixture(scope='session')
def authority(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A directory with ``ca.pem``, and with ``cert.pem`` and ``key.pem`` of the servers."""
    directory = tmp_path_factory.mktemp('authority')
    issue_certificate(directory)
    return directory


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """The library's requests."""
    return Traffic(monkeypatch)


@pytest.fixture
def start(
    authority: pathlib.Path, traffic: Traffic, tmp_path: pathlib.Path
) -> Iterator[ServerMaker]:
    """Starts servers with options."""
    started: list[Vcsim] = []

    def make(*options: str) -> Vcsim:
        directory = tmp_path / f'vcsim-{len(started)}'
        started.append(Vcsim(directory, authority, traffic, *options))
        return started[-1]

    yield make
    for server in started:
        server.close()


@pytest.fixture
def vc(start: ServerMaker) -> Vcsim:
    """A vCenter of one cluster with two hosts, four machines that are off, two datastores."""
    return start('-descriptions', str(pathlib.Path(wsdl.vim_wsdl_path()).parent))

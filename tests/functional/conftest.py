"""A simulated vCenter and sessions with it, over real HTTPS."""

import os
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import api, pbm, wsdl
from oslo_vmware._session import login, waiting
from oslo_vmware.simulator import VCenterSimulator

if os.environ.get('OSLO_VMWARE_TEST_EVENTLET') == '1':
    # They look at processes of their own, which eventlet has not patched.
    collect_ignore = [
        *('test_eventlet_optional.py', 'test_scale.py', 'test_transfer_memory.py'),
        'test_what_is_imported.py',
    ]

#: One description for all tests: suds parses it for seconds, once for each URL and process.
DESCRIPTION = wsdl.file_url(wsdl.vim_wsdl_path())

SessionMaker = Callable[..., api.VMwareAPISession]


@pytest.fixture
def vc() -> Iterator[VCenterSimulator]:
    """A vCenter with a small inventory, which itself makes no mistake."""
    with VCenterSimulator(task_seconds=0.05) as simulator:
        yield simulator
    assert simulator.errors == []


@pytest.fixture
def connect() -> Iterator[SessionMaker]:
    """Makes sessions, verified against the simulator's own authority unless told otherwise."""
    made: list[api.VMwareAPISession] = []

    def make(vc: VCenterSimulator, **overrides: Any) -> api.VMwareAPISession:
        arguments: dict[str, Any] = {
            'host': vc.host,
            'port': vc.port,
            'server_username': vc.username,
            'server_password': vc.password,
            'api_retry_count': 3,
            'task_poll_interval': 0.05,
            'cacert': vc.cacert,
            'wsdl_loc': DESCRIPTION,
        } | overrides
        session = api.VMwareAPISession(create_session=False, **arguments)
        made.append(session)
        session._create_session()
        return session

    yield make
    for session in made:
        session.close()


@pytest.fixture
def session(vc: VCenterSimulator, connect: SessionMaker) -> api.VMwareAPISession:
    """A session that is logged in."""
    return connect(vc)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, in seconds: noted instead of slept."""
    noted: list[float] = []
    for module in (api, login, waiting):
        monkeypatch.setattr(module, 'time', SimpleNamespace(sleep=noted.append))
    return noted


def as_long_as(pauses: list[float], *longest: float) -> bool:
    """Whether there were these pauses, each shortened by chance by no more than a quarter."""
    return len(pauses) == len(longest) and all(
        0.75 * bound <= pause <= bound for pause, bound in zip(pauses, longest, strict=True)
    )


class Crowd:
    """Runs a function in many threads at once and gathers what came of it."""

    def __init__(self, size: int, function: Callable[[int], Any]) -> None:
        self.results: list[Any] = [None] * size
        self.errors: list[BaseException] = []
        barrier = threading.Barrier(size)

        def run(number: int) -> None:
            try:
                barrier.wait(30)
                self.results[number] = function(number)
            except BaseException as exc:  # noqa: BLE001 - handed to join()
                self.errors.append(exc)

        self._threads = [threading.Thread(target=run, args=(n,)) for n in range(size)]
        for thread in self._threads:
            thread.start()

    def join(self) -> list[Any]:
        """The results in the order of the threads' numbers; the first error is raised."""
        for thread in self._threads:
            thread.join(60)
        if self.errors:
            raise self.errors[0]
        return self.results


@pytest.fixture(scope='session')
def pbm_description() -> str:
    """URL of a PBM description; one for all tests, as above."""
    location = pbm.get_pbm_wsdl_location('8.0')
    assert location
    return location

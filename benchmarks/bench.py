"""What the measuring functions of all rooms stand on: libraries, a server, rounds, fresh processes.

Everything is made when a figure first wants it, so that asking for one figure takes seconds.
"""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self

import requests

from benchmarks import fresh
from benchmarks.libraries import OURS, PAGE, TITLES, Library, load
from benchmarks.progress import Progress
from benchmarks.replay import Replay
from benchmarks.server import Server
from benchmarks.timing import Action, Clock, fastest
from oslo_vmware.simulator import Inventory


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured.

    :param machines: virtual machines in the inventory
    :param in_one_reply: of those, in the reply that is decoded
    :param rounds: of which the best counts
    :param block: seconds for which something is repeated in a round
    :param processes: fresh ones, of which the best counts
    :param patience: seconds after which what is slow has no more rounds or processes
    :param calls: of a number of threads together
    :param quick: only to see that it runs
    """

    machines: int
    in_one_reply: int
    rounds: int
    block: float
    processes: int
    patience: float
    calls: int
    quick: bool = False


FULL = Size(
    machines=10_000, in_one_reply=100, rounds=12, block=0.1, processes=5, patience=3, calls=600
)
QUICK = Size(
    machines=PAGE + 100,
    in_one_reply=100,
    rounds=1,
    block=0.001,
    processes=1,
    patience=float('inf'),
    calls=32,
    quick=True,
)


class WrongResult(Exception):
    """Libraries disagree about what the server said: nothing here can be believed."""


class Bench(contextlib.AbstractContextManager['Bench']):
    """What is there to measure with."""

    def __init__(self, size: Size, progress: Progress) -> None:
        self.size = size
        self.progress = progress
        self._closing = contextlib.ExitStack()

    @functools.cached_property
    def replay(self) -> Replay:
        """The server; what it has not met it records, but see :meth:`frozen`."""
        self.progress.tell('starting a server')
        return self._closing.enter_context(Replay(Inventory.large(self.size.machines)))

    @property
    def server(self) -> Server:
        return self.replay.server

    @functools.cached_property
    def libraries(self) -> dict[str, Library]:
        """All of them, with a session each."""
        opened = {}
        for title in TITLES:
            self.progress.tell(f'opening a session of {title}')
            opened[title] = load(title)(self.server)
        return opened

    @property
    def ours(self) -> Any:
        return self.libraries[OURS]

    @functools.cached_property
    def machines(self) -> dict[str, list[Any]]:
        """References to the same machines, in the way of each library."""
        count = self.size.in_one_reply
        return {title: library.machines(count) for title, library in self.libraries.items()}

    @functools.cached_property
    def reads(self) -> dict[str, Action]:
        """How each library reads one property; they agree about it."""
        reads = {
            title: library.read_name(self.machines[title][0])
            for title, library in self.libraries.items()
        }
        agree({title: read() for title, read in reads.items()})
        return reads

    def record_inventory(self) -> None:
        """Let the server meet the requests for all pages."""
        self.machines  # noqa: B018 - before that, what each library does before its first page
        self.progress.tell('recording the inventory')
        found = sum(len(page) for page in self.ours.pages())
        if found != self.size.machines:
            raise WrongResult(f'{found} machines were read, and there are {self.size.machines}')

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Measure on nothing but what was recorded, so that all have the same bytes."""
        self.replay.freeze()
        try:
            yield
        finally:
            missed = self.replay.thaw()
        if missed:
            raise WrongResult(f'the server was asked what was never recorded: {missed}')

    def fastest(
        self, actions: Mapping[str, Action], clock: Clock = time.process_time, **options: Any
    ) -> dict[str, float]:
        """See :func:`benchmarks.timing.fastest`."""
        usual: dict[str, Any] = {
            'rounds': self.size.rounds,
            'block': self.size.block,
            'patience': self.size.patience,
        }
        return fastest(actions, clock, **{**usual, **options}, tell=self.progress.tell)

    def fresh(
        self,
        what: str,
        *more: object,
        titles: Iterable[str] = TITLES,
        eventlet: bool = False,
        rounds: int | None = None,
    ) -> dict[str, dict[str, float]]:
        """What :mod:`benchmarks.fresh` does in processes of their own, which take turns."""

        def measure(title: str) -> dict[str, float]:
            return fresh.measure(what, title, self.server, *map(str, more), eventlet=eventlet)

        return self.in_turns(what, measure, titles, rounds)

    def in_turns(
        self,
        what: str,
        measure: Callable[[str], Mapping[str, float]],
        titles: Iterable[str] = TITLES,
        rounds: int | None = None,
    ) -> dict[str, dict[str, float]]:
        """The least of each figure of some rounds, in which all have their turn.

        :param what: as it is told
        :param measure: called with one of the titles
        :param rounds: other than the size says, where nothing differs from one to the next
        """
        rounds = self.size.processes if rounds is None else rounds
        best: dict[str, dict[str, float]] = {}
        spent = dict.fromkeys(titles, 0.0)
        for number in range(rounds):
            for title in spent:
                if number and spent[title] >= self.size.patience:
                    continue
                self.progress.tell(f'{what}, {title}, round {number + 1} of {rounds}')
                began = time.monotonic()
                figures = measure(title)
                spent[title] += time.monotonic() - began
                known = best.setdefault(title, dict(figures))
                best[title] = {name: min(known[name], value) for name, value in figures.items()}
        return best

    def exchange(self, request: bytes) -> dict[str, Any]:
        """The arguments of ``requests`` for sending a request as it is."""
        return {
            'url': f'{self.server.url}/sdk',
            'data': request,
            'headers': {'SOAPAction': self.ours.client._soap_action},
            'verify': self.server.cacert,
        }

    def post(self, request: bytes) -> bytes:
        """The reply to a request."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(**self.exchange(request))
        if answer.status_code != 200:
            raise WrongResult(f'the server said {answer.status_code}: {answer.text}')
        return answer.content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.close()


def agree(results: Mapping[str, Any]) -> None:
    """Refuse to go on when results differ."""
    first, *others = results.values()
    if any(other != first for other in others):
        seen = '; '.join(f'{title}: {str(result)[:200]}' for title, result in results.items())
        raise WrongResult(f'the libraries disagree: {seen}')

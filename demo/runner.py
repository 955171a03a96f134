"""Runs the steps one after the other, times them, and says what failed.

The first step that fails is the last one that runs, and the session ends in order all the same.
What the library logs meanwhile is kept for the steps to show; its warnings are shown at once.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from demo.show import Outcome, Show
from oslo_vmware import api, exceptions
from oslo_vmware.cli.connection import Settings
from oslo_vmware.cli.failures import CommandError

if TYPE_CHECKING:
    from oslo_vmware.simulator import VCenterSimulator


class StepFailed(Exception):
    """What a step found is not what it should be."""


class Log(logging.Handler):
    """What is logged while the demo runs.

    :ivar session_lines: what the session has logged from INFO on, the first line of each message
    """

    def __init__(self, show: Show) -> None:
        super().__init__(logging.INFO)
        self.session_lines: list[str] = []
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.name == api.__name__:
            self.session_lines.append(message.partition('\n')[0])
        if record.levelno >= logging.WARNING:
            self._show.warning(f'{record.name}: {message}')

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Receive everything that this process logs."""
        root, library = logging.getLogger(), logging.getLogger('oslo_vmware')
        level = library.level
        root.addHandler(self)
        library.setLevel(logging.INFO)
        try:
            yield
        finally:
            library.setLevel(level)
            root.removeHandler(self)


@dataclass
class Stage:
    """What the steps work with.

    :ivar server: to connect to; the first step sets it when it starts a simulated one
    :ivar simulator: the server behind it, None when that is a real one
    :ivar cleanup: what is to happen at the end, whether the steps succeed or not
    """

    show: Show
    server: Settings | None
    simulator: VCenterSimulator | None = None
    log: Log = field(init=False)
    cleanup: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _session: api.VMwareAPISession | None = None

    def __post_init__(self) -> None:
        self.log = Log(self.show)

    @property
    def session(self) -> api.VMwareAPISession:
        if self._session is None:
            raise StepFailed('There is no session yet: a step that connects must come before.')
        return self._session

    @session.setter
    def session(self, session: api.VMwareAPISession) -> None:
        self._session = session

    @property
    def requests(self) -> int | None:
        """How many calls have reached the server, if it can be asked."""
        return len(self.simulator.calls) if self.simulator is not None else None


@dataclass(frozen=True)
class Step:
    """One thing to show.

    :ivar changes_something: it must not run on a server that somebody needs
    """

    title: str
    run: Callable[[Stage], None]
    changes_something: bool = False


#: All steps, in the order in which they are shown.
STEPS: list[Step] = []


def step(
    title: str, *, changes_something: bool = False
) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Make a function the next step.

    :param changes_something: whether it changes anything on the server
    """

    def register(function: Callable[[Stage], None]) -> Callable[[Stage], None]:
        STEPS.append(Step(title, function, changes_something))
        return function

    return register


def run(steps: list[Step], show: Show, server: Settings | None) -> bool:
    """Show the steps, and how long each took.

    :param server: a real server, None to start a simulated one
    :returns: whether all went well
    """
    stage = Stage(show, server)
    read_only = server is not None
    outcomes: list[Outcome] = []
    begin = time.perf_counter()
    with stage.log.attached(), stage.cleanup:
        for number, each in enumerate(steps, 1):
            show.title(number, len(steps), each.title)
            outcomes.append(_run_one(each, stage, read_only))
            if outcomes[-1].result == 'failed':
                break
    outcomes.extend(Outcome(each.title, 'not run') for each in steps[len(outcomes) :])
    show.outcomes(outcomes, time.perf_counter() - begin)
    return all(outcome.result != 'failed' for outcome in outcomes)


def _run_one(each: Step, stage: Stage, read_only: bool) -> Outcome:
    if read_only and each.changes_something:
        stage.show.out.line('Skipped: it changes something, and this server may be needed.')
        return Outcome(each.title, 'skipped')
    requests = stage.requests or 0
    begin = time.perf_counter()
    result = 'failed'
    try:
        each.run(stage)
        result = 'done'
    except BrokenPipeError:
        # Nobody reads any more; the library turns such trouble with a server into its own.
        raise
    except (StepFailed, CommandError, exceptions.VMwareDriverException, OSError) as expected:
        stage.show.failure(str(expected))
    except Exception:  # noqa: BLE001 - whatever a step does wrong, the session must end in order
        stage.show.crash()
    seconds = time.perf_counter() - begin
    now = stage.requests
    return Outcome(each.title, result, seconds, None if now is None else now - requests)

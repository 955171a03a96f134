"""tasks and events, and following them until somebody has seen enough."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oslo_vmware.cli.main import main
from oslo_vmware.simulator import Inventory, VCenterSimulator

from .conftest import Run, environment_of, run_command


@pytest.fixture(scope='module')
def vc() -> Iterator[VCenterSimulator]:
    """A vCenter whose tasks end at once."""
    with VCenterSimulator(task_seconds=0.01, inventory=Inventory(vms=4)) as simulator:
        yield simulator
    assert simulator.errors == []


pytestmark = pytest.mark.timeout(30)


class Reader(io.StringIO):
    """A stream that does things when something is written, and has enough at some time.

    :param steps: what to wait for in a line, and what to do then, in this order
    """

    def __init__(self, steps: list[tuple[str, Callable[[], Any]]]) -> None:
        super().__init__()
        self._steps = steps

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._steps and self._steps[0][0] in self.getvalue():
            self._steps.pop(0)[1]()
            if not self._steps:
                raise KeyboardInterrupt
        return written


def follow(vc: VCenterSimulator, *arguments: str, steps: list) -> tuple[int, list[str]]:
    """Run a command until all steps are done, which is when somebody presses Ctrl-C."""
    out, err = Reader(steps), io.StringIO()
    code = main(arguments, environment_of(vc), out, err)
    assert 'interrupted' in err.getvalue()
    assert len(err.getvalue().splitlines()) == 1
    assert vc.terminate_sessions() == 0
    return code, out.getvalue().splitlines()


def switch(vc: VCenterSimulator, how: str) -> Callable[[], Any]:
    """Something that happens on the server, by somebody else."""
    return lambda: run_command('vm', 'power', how, 'fra-db-0002', environ=environment_of(vc))


def test_tasks(run: Run, vc: VCenterSimulator) -> None:
    """What was done lately, what became of it, and who did it."""
    switch(vc, 'off')()
    last = run('tasks', '--json').data[-1]
    assert last['what'] == 'VirtualMachine.powerOff'
    assert last['state'] in ('success', 'error')
    assert last['user']
    assert 'VirtualMachine.powerOff' in run('tasks').out
    vc.faults.fail_task('SuspendVM_Task', 'NotSupported', message='Not today.')
    switch(vc, 'suspend')()
    assert run('tasks').lines[-1] == f'! {run("tasks", "--json").data[-1]["task"]}: Not today.'


def test_tasks_are_followed(vc: VCenterSimulator) -> None:
    """Each change of a task is told until Ctrl-C, which ends it with 130 and logs out."""
    switch(vc, 'on')()
    code, lines = follow(
        vc,
        *('tasks', '--follow'),
        steps=[('powerOn', switch(vc, 'suspend')), ('suspend  fra-db-0002  success', int)],
    )
    assert code == 130
    assert 'VirtualMachine.suspend  fra-db-0002  success' in lines[-1]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ('what', 'waits', 'then'),
    [('tasks', 1, 'powerOff  fra-db-0002  success'), ('events', 2, 'is powered off')],
)
def test_a_session_ends_while_it_waits(what: str, waits: int, then: str) -> None:
    """Whoever follows waits for the next one in a new session; at first there may be none."""
    with VCenterSimulator(task_seconds=0.01, inventory=Inventory(vms=2)) as vc:

        def end_session() -> None:
            while vc.count('WaitForUpdatesEx') < waits:
                ended.wait(0.01)
            ended.wait(0.05)
            assert vc.terminate_sessions() == 1
            while vc.count('Login') < 2:
                ended.wait(0.01)
            switch(vc, 'off')()

        ended = threading.Event()
        other = threading.Thread(target=end_session)
        other.start()
        # Who has done it has logged out before sessions are counted.
        code, _lines = follow(vc, what, '--follow', steps=[(then, other.join)])
        assert code == 130


def test_events(run: Run) -> None:
    """The latest come last, of all or of one object, of all types or of one."""
    assert len(run('events', '--last', '3').lines) == 3
    events = run('events', '--json', '--type', 'UserLoginSessionEvent').data
    assert {event['type'] for event in events} == {'UserLoginSessionEvent'}
    assert [event['key'] for event in events] == sorted(event['key'] for event in events)
    (event,) = run('events', '--json', '--last', '1', 'fra-db-0002').data
    assert 'fra-db-0002' in event['message'] or event['type'] == 'TaskEvent'
    assert run('events', '--type', 'AlarmClearedEvent').lines == ['There are no such events.']
    assert run('events', '--last', '1001').code == 2


def test_events_are_followed(vc: VCenterSimulator) -> None:
    """Those that come are told, each once, over the loss of the session, too."""
    switch(vc, 'on')()
    code, lines = follow(
        vc,
        *('events', '--json', '--follow', '--last', '2', 'fra-db-0002'),
        steps=[
            ('Task', switch(vc, 'off')),
            ('is powered off', vc.terminate_sessions),
            ('is powered off', switch(vc, 'on')),
            ('is powered on', int),
        ],
    )
    assert code == 130
    keys = [json.loads(line)['key'] for line in lines]
    assert keys == sorted(set(keys))

"""What a call, opening a session and its memory cost beside another build: ``make before``.

``python -m benchmarks.before`` takes the commit before for the other build, and ``python -m
benchmarks.before CHECKOUT`` a work tree, such as ``git worktree add ../before COMMIT`` makes.
Processes of both builds do the same with the same server, in turns; the best turn counts, because
whatever else a machine does makes something slower, never faster. A *call* reads a property, a few
hundred times in each turn of a process that stays. *Opening* is importing the library and logging
in, in a process for each turn, and *memory* what that process has then. Times are by the clock and
of the processor.

With ``--fail-above 1.25`` the exit status is 1 if something takes more than so many times as much
as before. What looks so is looked at once more, and has to look so again: a machine that is busy
for a moment makes no verdict. A commit before that there is not, or that cannot do what is measured
here, makes none either, and that is said.
"""

import argparse
import compileall
import contextlib
import functools
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

HERE = pathlib.Path(__file__).parents[1]

#: Reads before the first turn, which make what is made once.
WARM_UP = 200

#: Of as many, one hardly fails to be nearly undisturbed, in each build.
TURNS = 20

#: Seconds after which a process that opens a session is given up.
_PATIENCE = 60

BEFORE, NOW = 'before', 'now'
_UNITS = {'memory': 'MiB', 'opening': 'ms', 'call': 'µs'}

#: The best of each build, by figure: ``{'call, clock': {'before': 800.0, 'now': 790.0}, …}``.
Figures = dict[str, dict[str, float]]


class CannotRun(Exception):
    """A build that does not do what is measured."""

    def __init__(self, checkout: pathlib.Path, what: str) -> None:
        super().__init__(f'{checkout}: {what}')
        self.checkout = checkout


class Build:
    """The processes of one build.

    :param checkout: directory of the project
    """

    def __init__(self, checkout: pathlib.Path, server: tuple[Any, ...]) -> None:
        self._checkout = checkout
        # Both, and whatever the environment says: opening is mostly importing.
        compileall.compile_dir(checkout / 'oslo_vmware', quiet=1)
        self._environment = os.environ | {'PYTHONPATH': str(checkout)}
        # Not with the directory of this file in the path: other things are called like ours.
        self._command = [sys.executable, '-P', '-W', 'ignore', __file__, json.dumps(server)]
        self._process = subprocess.Popen(
            [*self._command, '--client', 'call'],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        found = pathlib.Path(self._answer())
        if checkout.resolve() not in found.resolve().parents:
            self.close()
            raise CannotRun(checkout, f'has no oslo_vmware; {found} was imported instead')

    def calls(self, reads: int) -> dict[str, float]:
        """Microseconds of one read, by the clock and of the processor."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            print(reads, file=self._process.stdin, flush=True)
        figures: dict[str, float] = json.loads(self._answer())
        return figures

    def opening(self) -> dict[str, float]:
        """Milliseconds until logged in, imports included, and MiB then."""
        opened = subprocess.run(
            [*self._command, '--client', 'opening'],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=_PATIENCE,
        )
        if opened.returncode:
            raise CannotRun(self._checkout, 'opens no session')
        figures: dict[str, float] = json.loads(opened.stdout)
        return figures

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        if not answer:
            raise CannotRun(self._checkout, 'reads no property')
        return answer

    def close(self) -> None:
        """End the process that stays."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _open(server: list[Any]) -> Any:
    from oslo_vmware import api

    host, port, user, password, cacert = server
    return api.VMwareAPISession(host, user, password, 3, 0.1, port=port, cacert=cacert)


def _client_opening(server: list[Any]) -> None:
    """What a process does that opens a session."""
    began, worked = time.perf_counter(), time.process_time()
    session = _open(server)
    clock, processor = time.perf_counter() - began, time.process_time() - worked
    status = pathlib.Path('/proc/self/status').read_text()
    (size,) = (line.split()[1] for line in status.splitlines() if line.startswith('VmRSS:'))
    figures = {'clock': clock * 1e3, 'processor': processor * 1e3}
    print(
        json.dumps(
            {f'opening, {name}': value for name, value in figures.items()}
            | {'memory': int(size) / 1024}
        )
    )
    session.logout()


def _client_call(server: list[Any]) -> None:
    """What a process does that stays: read as often as each line of its input says."""
    import oslo_vmware
    from oslo_vmware import vim_util

    session = _open(server)
    # Not with a page of one, which is what reading a property asks for: the server would replay it.
    found = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    machine = found.objects[0].obj

    def read(times: int) -> None:
        for _ in range(times):
            session.invoke_api(vim_util, 'get_object_property', session.vim, machine, 'name')

    read(WARM_UP)
    print(oslo_vmware.__file__, flush=True)
    for line in sys.stdin:
        reads = int(line)
        began, worked = time.perf_counter(), time.process_time()
        read(reads)
        seconds = (time.perf_counter() - began, time.process_time() - worked)
        clock, processor = (second / reads * 1e6 for second in seconds)
        print(json.dumps({'call, clock': clock, 'call, processor': processor}), flush=True)


def in_turns(turns: int, builds: Mapping[str, Callable[[], Mapping[str, float]]]) -> Figures:
    """The best turn of each build."""
    best: Figures = {}
    for number in range(turns):
        # Neither always comes after the other.
        for name, measure in list(builds.items())[:: -1 if number % 2 else 1]:
            for figure, value in measure().items():
                known = best.setdefault(figure, {})
                known[name] = min(known.get(name, value), value)
    return best


def compare(checkout: pathlib.Path, server: tuple[Any, ...], turns: int, reads: int) -> Figures:
    """All figures, of a checkout and of this work tree."""
    with Build(checkout, server) as before, Build(HERE, server) as now:
        builds = {BEFORE: before, NOW: now}
        calls = {name: functools.partial(build.calls, reads) for name, build in builds.items()}
        opening = {name: build.opening for name, build in builds.items()}
        return in_turns(turns, calls) | in_turns(turns, opening)


def losses(figures: Figures, limit: float) -> set[str]:
    """What takes more than so many times as much as before."""
    return {name for name, of in figures.items() if of[NOW] > limit * of[BEFORE]}


def verdict(look: Callable[[], Figures], limit: float | None) -> set[str]:
    """What was lost, by each of two looks; without a limit nothing is."""
    figures = look()
    suspects = losses(figures, limit) if limit else set()
    if limit and suspects:
        print(f'Above {limit} times: {"; ".join(sorted(suspects))}. Once more:', flush=True)
        suspects &= losses(look(), limit)
    return suspects


def show(figures: Figures) -> None:
    """Print a line for each."""
    for name, of in figures.items():
        unit = _UNITS[name.partition(',')[0]]
        ratio = of[NOW] / of[BEFORE]
        print(f'{name:20}{of[BEFORE]:9.1f} {unit} before, {of[NOW]:9.1f} now, {ratio:.3f} times')
    sys.stdout.flush()


@contextlib.contextmanager
def _other_build(
    checkout: pathlib.Path | None, commit: str | None
) -> Iterator[pathlib.Path | None]:
    """The directory of the other build; None if there is no commit before."""
    from benchmarks import commits

    if checkout is not None:
        yield checkout
        return
    found = commits.named(commit) if commit else commits.before()
    if found is None:
        yield None
        return
    print(f'Beside {commits.described(found)}', flush=True)
    with commits.checked_out(found) as directory:
        yield directory


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('checkout', nargs='?', help='the other build')
    parser.add_argument('--commit', help='the other build, as git names it; by default that before')
    parser.add_argument('--fail-above', type=float, metavar='TIMES', help='what counts as a loss')
    parser.add_argument('--turns', type=int, default=TURNS)
    parser.add_argument('--reads', type=int, default=300, help='of each turn')
    parser.add_argument('--client', choices=('call', 'opening'), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        act = _client_call if options.client == 'call' else _client_opening
        act(json.loads(options.checkout))
        return 0

    given = pathlib.Path(options.checkout) if options.checkout else None
    with _other_build(given, options.commit) as checkout:
        if checkout is None:
            print('There is no commit before (a shallow clone has none): nothing is compared.')
            return 0
        try:
            lost = _measure(checkout, options)
        except CannotRun as exc:
            print(exc, file=sys.stderr)
            if exc.checkout == HERE or given is not None:
                return 1
            print('The commit before cannot be measured: nothing is compared.')
            return 0
    if lost:
        print(f'Lost since then: {"; ".join(sorted(lost))}', file=sys.stderr)
    return 1 if lost else 0


def _measure(checkout: pathlib.Path, options: argparse.Namespace) -> set[str]:
    from benchmarks.replay import Replay
    from oslo_vmware.simulator import Inventory

    with Replay(Inventory(vms=2)) as replay:

        def look() -> Figures:
            figures = compare(checkout, tuple(replay.server), options.turns, options.reads)
            show(figures)
            return figures

        return verdict(look, options.fail_above)


if __name__ == '__main__':
    sys.exit(main())

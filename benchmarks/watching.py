"""Reading all machines again of which a few have changed: a watch beside a reading of all.

A server of its own, because the one that replays does not change: a simulated vCenter in another
process, which renames machines between the rounds.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.aside import aside
from benchmarks.bench import Bench, WrongResult
from benchmarks.libraries import OURS, PAGE
from benchmarks.rows import Measured
from oslo_vmware import api, vim_util, watch
from oslo_vmware.simulator import Inventory, VCenterSimulator

CHANGED = 10
PATHS = ['name', 'runtime.powerState']

#: Columns that are no libraries.
READING = 'reading them'
FIRST = "the watch's first time"


def watching(bench: Bench) -> Measured:
    """Time by the clock, the simulated server's included, time of the client, and calls."""
    with _server(bench.size.machines) as (server, pipe), _session(server) as session:
        best: dict[str, dict[str, float]] = {'time': {}, 'processor': {}, 'calls': {}}
        with watch.Watch(session, {'VirtualMachine': PATHS}) as machines:
            machines.refresh()
            ways: dict[str, Callable[[], int]] = {
                OURS: lambda: len(machines.refresh().changed),
                READING: lambda: _read(session),
                FIRST: lambda: _first(session),
            }
            for number in range(bench.size.processes):
                for title, way in ways.items():
                    bench.progress.tell(f'{title}, round {number + 1} of {bench.size.processes}')
                    _asked(pipe, CHANGED)
                    if title != OURS:
                        machines.refresh()
                    found, figures = _measured(way, pipe)
                    if found != (CHANGED if title == OURS else bench.size.machines):
                        raise WrongResult(f'{title}: {found} machines')
                    for row, value in figures.items():
                        best[row][title] = min(value, best[row].get(title, value))
    return best


def _measured(way: Callable[[], int], pipe: Any) -> tuple[int, dict[str, float]]:
    calls = _asked(pipe, 0)
    began, began_here = time.perf_counter(), time.process_time()
    found = way()
    here, seconds = time.process_time() - began_here, time.perf_counter() - began
    return found, {
        'time': seconds * 1e3,
        'processor': here * 1e3,
        'calls': _asked(pipe, 0) - calls,
    }


def _read(session: Any) -> int:
    page = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', PAGE, PATHS)
    with vim_util.WithRetrieval(session.vim, page) as contents:
        return len({one.obj.value: vim_util.propset_dict(one.propSet) for one in contents})


def _first(session: Any) -> int:
    with watch.Watch(session, {'VirtualMachine': PATHS}) as machines:
        return len(machines.refresh().added)


@contextlib.contextmanager
def _session(server: dict[str, Any]) -> Iterator[Any]:
    with api.VMwareAPISession(api_retry_count=0, task_poll_interval=0.1, **server) as session:
        yield session


@contextlib.contextmanager
def _server(machines: int) -> Iterator[tuple[dict[str, Any], Any]]:
    with aside(_serve, machines) as pipe:
        yield pipe.recv(), pipe


def _asked(pipe: Any, changes: int) -> int:
    """Let some machines be renamed; tells how many calls there have been."""
    pipe.send(changes)
    calls: int = pipe.recv()
    return calls


def _serve(pipe: Any, machines: int) -> None:
    with VCenterSimulator(inventory=Inventory.large(machines)) as vc:
        pipe.send(
            {
                'host': vc.host,
                'port': vc.port,
                'server_username': vc.username,
                'server_password': vc.password,
                'cacert': vc.cacert,
            }
        )
        there = [one for one in vc.world.objects.values() if one.wire_type == 'VirtualMachine']
        rounds = 0
        while (changes := pipe.recv()) is not None:
            rounds += 1
            with vc.world.lock:
                for one in there[:changes]:
                    one.update(name=f'renamed-{rounds}')
            pipe.send(vc.calls.counts.total())

"""Waiting for tasks: the calls that it takes, and the time from their end to the waiter's return.

A server of its own, because the one that replays has no time in it: a simulated vCenter in another
process, which counts calls, and notes when it has ended tasks. That is the moment from which time
is taken; clocks of processes are one. It is compared with one round trip: the time until the bytes
of such an answer are with a client that does nothing else, so what the server takes to make it
and to send it is in there.
"""

import contextlib
import http.client
import multiprocessing
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from pyVim.task import WaitForTask, WaitForTasks
from pyVmomi import vim

from benchmarks.bench import Bench, WrongResult
from benchmarks.libraries import OURS, PYVMOMI
from benchmarks.libraries.of_pyvmomi import Client
from benchmarks.rows import Measured
from benchmarks.server import Server
from oslo_vmware import api, vim_util
from oslo_vmware._session.collector import Collector
from oslo_vmware.simulator import VCenterSimulator

TASK_SECONDS = 0.3
MANY = 200

#: Columns that are no libraries.
TRIP = 'one round trip'
ALLOWED = 'round trip and more'
#: Milliseconds that it may take beside a round trip, by the number of those who wait.
MORE = {1: 5, MANY: 50}

_REQUEST = """<?xml version="1.0" encoding="UTF-8"?>\
<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>\
<WaitForUpdatesEx xmlns="urn:vim25"><_this type="PropertyCollector">{collector}</_this>\
<version>{version}</version><options><maxWaitSeconds>30</maxWaitSeconds></options>\
</WaitForUpdatesEx></e:Body></e:Envelope>"""


def waiting(bench: Bench) -> Measured:
    """Calls of one task and of many, and how late their waiters are."""
    rows: dict[str, dict[str, float]] = {'first': {}, 'again': {}, 'many': {}}
    with _server() as (server, asked):
        for title, connect in (OURS, _ours), (PYVMOMI, _pyvmomi):
            with connect(server) as wait:
                bench.progress.tell(f'{title}, calls')
                for row, count in (('first', 1), ('again', 1), ('many', MANY)):
                    tasks = asked('start', count)
                    calls = asked('calls')
                    wait(tasks)
                    rows[row][title] = (asked('calls') - calls) / count
        for row, count in (('latency', 1), ('latency of many', MANY)):
            with _ours(server) as ours, _pyvmomi(server) as theirs, _bare(server) as bare:
                ways = {OURS: ours, PYVMOMI: theirs, TRIP: bare}
                best: dict[str, float] = {}
                for number in range(bench.size.processes):
                    for title, wait in ways.items():
                        bench.progress.tell(f'{title}, {count} at once, round {number + 1}')
                        best[title] = min(_late(asked, wait, count), best.get(title, 1e9))
            rows[row] = best | {ALLOWED: best[TRIP] + MORE[count]}
    return rows


#: Returns when tasks have ended.
Wait = Callable[[list[str]], Any]
#: Has the server do something.
Ask = Callable[..., Any]


def _late(asked: Ask, wait: Wait, count: int) -> float:
    """Milliseconds from the end of tasks, all at the same moment, to the return of the last."""
    tasks = asked('begin', count)
    returned: list[float] = []

    def waiter() -> None:
        wait(tasks)
        returned.append(time.monotonic())

    thread = threading.Thread(target=waiter, daemon=True)
    thread.start()
    # Until nothing is under way any more but the request that waits.
    calls = -1
    while calls != (calls := asked('calls')):
        time.sleep(0.3)
    ended = asked('end', tasks)
    thread.join()
    return (returned[0] - ended) * 1e3


@contextlib.contextmanager
def _ours(server: Server) -> Iterator[Wait]:
    """A thread for each task, of one session."""
    with api.VMwareAPISession(
        server.host, server.username, server.password, 0, 0.5,
        port=server.port, cacert=server.cacert,
    ) as session:  # fmt: skip
        one = lambda task: session.wait_for_task(vim_util.get_moref(task, 'Task'))  # noqa: E731
        yield lambda tasks: _together(one, tasks)


def _together(one: Callable[[str], Any], tasks: list[str]) -> None:
    threads = [threading.Thread(target=one, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextlib.contextmanager
def _pyvmomi(server: Server) -> Iterator[Wait]:
    """Its own functions: threads cannot share them, so one waits for all tasks."""
    client = Client(server)

    def wait(tasks: list[str]) -> None:
        found = [vim.Task(task, client.stub) for task in tasks]
        if len(found) == 1:
            WaitForTask(found[0], si=client.instance)
        else:
            WaitForTasks(found, si=client.instance)

    yield wait
    client.content.sessionManager.Logout()


@contextlib.contextmanager
def _bare(server: Server) -> Iterator[Wait]:
    """Gets the bytes of the answer, and nothing else."""
    with (
        api.VMwareAPISession(
            server.host, server.username, server.password, 0, 0.5,
            port=server.port, cacert=server.cacert,
        ) as session,
        contextlib.closing(
            http.client.HTTPSConnection(
                server.host, server.port, context=ssl.create_default_context(cafile=server.cacert)
            )
        ) as connection,
    ):  # fmt: skip
        (cookie,) = session.vim.client.cookiejar
        headers = {'Cookie': f'{cookie.name}={cookie.value}', 'Content-Type': 'text/xml'}

        def wait(tasks: list[str]) -> None:
            collector = Collector(session.vim)
            collector.change_view([vim_util.get_moref(task, 'Task') for task in tasks], [])
            collector.ask(0)
            body = _REQUEST.format(collector=collector._moref.value, version=collector._version)
            connection.request('POST', '/sdk', body, headers)
            answer = connection.getresponse().read()
            if answer.count(b'success') != len(tasks):
                raise WrongResult(f'not the end of {len(tasks)} tasks: {answer[:1000]!r}')
            collector.destroy()

        yield wait


# The server


def _serve(pipe: Any) -> None:
    with VCenterSimulator(task_seconds=TASK_SECONDS) as vc:
        manager = vc.world.task_manager
        machine = next(one for one in vc.world.objects.values() if one.is_a('VirtualMachine'))
        pipe.send(Server(vc.host, vc.port, vc.username, vc.password, str(vc.cacert)))
        while (question := pipe.recv()) is not None:
            name, *arguments = question
            with vc.world.lock:
                if name == 'calls':
                    answer: Any = sum(vc.calls.counts.values())
                elif name == 'start':
                    started = range(arguments[0])
                    answer = [
                        manager.start(machine, 'ReconfigVM_Task', lambda: None).value
                        for _ in started
                    ]
                elif name == 'begin':
                    begun = range(arguments[0])
                    answer = [
                        manager.show(machine, 'com.example.task', lambda: None).ref.value
                        for _ in begun
                    ]
                else:
                    for task in arguments[0]:
                        vc.world.objects[task].end()
                    answer = time.monotonic()
            pipe.send(answer)


@contextlib.contextmanager
def _server() -> Iterator[tuple[Server, Ask]]:
    """A simulated vCenter in a process of its own, and how to ask it."""
    context = multiprocessing.get_context('spawn')
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    process.start()

    def ask(*question: Any) -> Any:
        here.send(question)
        return here.recv()

    try:
        yield here.recv(), ask
    finally:
        here.send(None)
        process.join()

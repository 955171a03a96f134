"""Programs that fork, for :mod:`tests.functional.test_fork`: scenarios in processes of their own.

``python -m tests.forks SCENARIO ARGUMENTS``, with the arguments of a session as JSON; what came of
it is printed as JSON. A process that forks should have nothing else going on, least of all the
server it talks to. With ``OSLO_VMWARE_TEST_EVENTLET=1`` the scenario runs in green threads.
"""

import os
import sys

GREEN = os.environ.get('OSLO_VMWARE_TEST_EVENTLET') == '1'

if GREEN:
    import warnings

    warnings.filterwarnings('ignore', r'\s*Eventlet is deprecated')
    import eventlet
    import eventlet.hubs

    eventlet.monkey_patch()

import atexit  # noqa: E402
import contextlib  # noqa: E402
import ctypes  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import multiprocessing  # noqa: E402
import random  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
import traceback  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from types import SimpleNamespace  # noqa: E402
from typing import Any  # noqa: E402

from oslo_vmware import (  # noqa: E402
    _pbm_session,
    api,
    exceptions,
    rw_handles,
    spbm,
    vim_util,
    watch,
)
from oslo_vmware._session.updates import SharedUpdates  # noqa: E402
from oslo_vmware.soap import descriptions  # noqa: E402
from oslo_vmware.spbm import cache  # noqa: E402
from tests.transfer.disks import content_of, stream_of  # noqa: E402
from tests.transfer.place import Place  # noqa: E402

WORKERS = 4
ROUNDS = 25

#: What is transferred, and how much of it is when the process forks.
# What cannot be compressed is as long on the wire.
IMAGE = random.Random(0).randbytes(1024 * 1024)
MIDDLE = 300_000

#: Where a forked process writes its result.
RESULT = 200

#: Seconds after which a process counts as blocked for ever.
PATIENCE = 30.0


def opened(arguments: dict[str, Any]) -> api.VMwareAPISession:
    return api.VMwareAPISession(api_retry_count=0, task_poll_interval=0.05, **arguments)


# Forking


def forked(body: Callable[[], Any], fork: Callable[[], int] = os.fork) -> Callable[[], Any]:
    """Run a function in a process that is forked off; gives a function that waits for its result.

    The result is that of the function, or the words ``blocked for ever``, or a traceback.
    """
    receiving, sending = os.pipe()
    process = fork()
    if process == 0:
        try:
            os.close(receiving)
            os.dup2(sending, RESULT)
            new_loop()
            result = body()
        except BaseException:  # noqa: BLE001 - it is the result
            result = traceback.format_exc()
        os.write(RESULT, json.dumps(result).encode())
        os._exit(0)
    os.close(sending)

    def joined() -> Any:
        deadline = time.monotonic() + PATIENCE
        while os.waitpid(process, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(process, 9)
                os.waitpid(process, 0)
                return 'blocked for ever'
            time.sleep(0.01)
        with open(receiving, 'rb') as results:
            return json.loads(results.read() or b'"died"')

    return joined


_old_loops: list[Any] = []


def new_loop() -> None:
    """As launchers of green services do it after a fork: the loop of the parent is the parent's."""
    if GREEN:
        # Collected, it would close its descriptor, whatever has that number by then.
        _old_loops.append(eventlet.hubs.get_hub())
        eventlet.hubs.use_hub()
        eventlet.hubs.get_hub()


def fork_in_c() -> int:
    """As a server does that has Python inside: no hook of Python's runs."""
    return int(ctypes.PyDLL(None).fork())


def by_multiprocessing(method: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def forked(body: Callable[[], Any]) -> Callable[[], Any]:
        context = multiprocessing.get_context(method)
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=_send, args=(body, sending))  # type: ignore[attr-defined]
        process.start()
        sending.close()

        def joined() -> Any:
            process.join(PATIENCE)
            if process.is_alive():
                process.kill()
                return 'blocked for ever'
            return receiving.recv()

        return joined

    return forked


def _send(body: Callable[[], Any], sending: Any) -> None:
    new_loop()
    sending.send(body())


FORKS: dict[str, Callable[[Callable[[], Any]], Callable[[], Any]]] = {
    'os.fork': forked,
    'a fork in C': lambda body: forked(body, fork_in_c),
    'multiprocessing fork': by_multiprocessing('fork'),
}
# Where eventlet has replaced sockets, multiprocessing finds that it cannot pass descriptors.
if not GREEN:
    FORKS['multiprocessing forkserver'] = by_multiprocessing('forkserver')


# Work


class Work:
    """Reads names, each process in another order, and counts those that are right."""

    def __init__(self, session: api.VMwareAPISession) -> None:
        self.session = session
        result = session.invoke_api(
            vim_util,
            'get_objects',
            session.vim,
            'VirtualMachine',
            100,
            ['name', 'runtime.powerState'],
        )
        found = {
            one.obj.value: {prop.name: prop.val for prop in one.propSet} for one in result.objects
        }
        self.names = {one: values['name'] for one, values in found.items()}
        self.off = sorted(
            one for one, values in found.items() if values['runtime.powerState'] == 'poweredOff'
        )

    def rounds(self, number: int) -> int:
        ids = sorted(self.names)
        right = 0
        for round_ in range(ROUNDS):
            one = ids[(number * 7 + round_) % len(ids)]
            right += self.name(one) == self.names[one]
        return right

    def name(self, one: str) -> Any:
        moref = vim_util.get_moref(one, 'VirtualMachine')
        return self.session.invoke_api(
            vim_util, 'get_object_property', self.session.vim, moref, 'name'
        )

    def power_on(self, number: int) -> str:
        moref = vim_util.get_moref(self.off[number], 'VirtualMachine')
        task = self.session.invoke_api(self.session.vim, 'PowerOnVM_Task', moref)
        return str(self.session.wait_for_task(task).state)


class FromImport:
    """Work on the session that the module opened when it was imported, where there is one."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self) -> int:
        import tests.forks_preloaded as preloaded

        return preloaded.work.rounds(self.number)


def workers(arguments: dict[str, Any], method: str) -> Any:
    """Parent and children read at once."""
    fork = FORKS[method]
    if method == 'multiprocessing forkserver':
        os.environ['OSLO_VMWARE_TEST_FORK'] = json.dumps(arguments)
        multiprocessing.set_forkserver_preload(['tests.forks_preloaded'])
        joins = [fork(FromImport(number)) for number in range(WORKERS)]
        return {'children': [join() for join in joins], 'parent': ROUNDS}
    work = Work(opened(arguments))
    joins = [fork(lambda number=number: work.rounds(number)) for number in range(WORKERS)]
    parent = work.rounds(WORKERS)
    return {'children': [join() for join in joins], 'parent': parent}


def descriptors(arguments: dict[str, Any]) -> Any:
    """Which sockets parent and child have to the server, when both have used the session."""
    work = Work(opened(arguments))

    def child() -> Any:
        work.rounds(1)
        return sorted(inodes(arguments['port']))

    join = forked(child)
    work.rounds(0)
    return {'child': join(), 'parent': sorted(inodes(arguments['port']))}


def bridge(arguments: dict[str, Any]) -> Any:
    """Parent and children read by pyVmomi's objects, at once."""
    from oslo_vmware import pyvmomi

    work = Work(opened(arguments))
    machines = {
        one: pyvmomi.managed_object(work.session, vim_util.get_moref(one, 'VirtualMachine'))
        for one in work.names
    }
    work.name = lambda one: machines[one].name  # type: ignore[method-assign]

    def child(number: int) -> Any:
        return work.rounds(number), sorted(inodes(arguments['port']))

    joins = [forked(lambda number=number: child(number)) for number in range(WORKERS)]
    parent = work.rounds(WORKERS)
    children = [join() for join in joins]
    here = set(inodes(arguments['port']))
    return {
        'children': [right for right, _ in children],
        'parent': parent,
        'shared': sum(bool(here & set(theirs)) for _, theirs in children),
    }


def inodes(port: int) -> Iterator[int]:
    import socket

    for name in os.listdir('/proc/self/fd'):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name))) as one:
            if one.family == socket.AF_INET and one.getpeername()[1] == port:
                yield os.fstat(int(name)).st_ino


def closed_by_others(arguments: dict[str, Any]) -> Any:
    """A child that closes all descriptors, as daemons do, and opens files of its own."""
    work = Work(opened(arguments))

    def child() -> Any:
        os.closerange(3, RESULT)
        new_loop()
        files = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
        right = work.rounds(1)
        for one in files:
            os.fstat(one)
        return right

    return forked(child)()


def locks(arguments: dict[str, Any]) -> Any:
    """Other threads hold every lock there is while this one forks."""
    session = opened(arguments)
    work = Work(session)
    held = list(all_locks(session))
    holding = threading.Barrier(len(held) + 1)
    ended = threading.Event()

    def hold(lock: Any) -> None:
        with lock:
            holding.wait()
            ended.wait()

    threads = [threading.Thread(target=hold, args=(lock,), daemon=True) for lock in held]
    for thread in threads:
        thread.start()
    holding.wait()

    def child() -> Any:
        state = work.power_on(0)
        session.vim.client.cookiejar.clear()
        session._login()
        right = work.rounds(1)
        session.pbm  # noqa: B018 - reads a description
        session.close()
        return [state, right, work.rounds(2)]

    results = [forked(child)(), forked(lambda: atexit._run_exitfuncs() or 'ended')()]
    ended.set()
    for thread in threads:
        thread.join()
    return {'locks': len(held), 'children': results}


def all_locks(session: api.VMwareAPISession) -> Iterator[Any]:
    own = session._own.get()
    yield own.login_lock
    yield own.client_lock
    updates = session._shared_updates()
    assert isinstance(updates, SharedUpdates)
    yield updates._lock
    yield descriptions._compiling.get()
    transport = session.vim._transport
    yield transport.cookiejar._cookies_lock
    if os.environ.get('OSLO_VMWARE_SOAP_ENGINE') == 'reference':
        from oslo_vmware.soap import reference

        yield reference._descriptions._lock.get()
        yield from reference._parsing.get().values()


def silence(arguments: dict[str, Any]) -> Any:
    """Children that end in each way there is, with and without using the session before."""
    session = opened(arguments)
    work = Work(session)
    results = []
    for uses, leaves in [(False, True), (True, True), (False, False), (True, False)]:
        process = os.fork()
        if process == 0:
            new_loop()
            if uses:
                work.rounds(1)
            if leaves:
                session.vim.close()
                os._exit(7)
            # As a process ends that nobody forked: with what waits for its end, and collected.
            atexit._run_exitfuncs()
            del session, work
            sys.exit(7)
        results.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
    return {'children': results, 'parent': work.rounds(0)}


def waiting(arguments: dict[str, Any]) -> Any:
    """Parent and child wait for tasks at the same time."""
    work = Work(opened(arguments))
    join = forked(lambda: work.power_on(0))
    return [work.power_on(1), join()]


def forked_while_waiting(arguments: dict[str, Any]) -> Any:
    """Other threads wait for tasks while this one forks, and the child tells what it did."""
    session = opened(arguments)
    work = Work(session)
    states: list[str] = []
    updates = session._shared_updates()
    assert updates is not None
    waiters = []
    for number in range(2):

        def wait(number: int = number) -> None:
            states.append(work.power_on(number))

        waiter = eventlet.spawn(wait) if GREEN else threading.Thread(target=wait, daemon=True)
        if not GREEN:
            waiter.start()
        waiters.append(waiter)
        # The first asks the server, the second one waits for the first.
        while len(updates._waiters) <= number or not updates._leader:
            time.sleep(0.01)
    time.sleep(0.3)

    def child() -> Any:
        if GREEN:
            # Green threads are forked along. This is what ends one that nobody will resume. Not
            # the first: its socket is watched by the loop of the parent, for both processes.
            waiters[1].parent = eventlet.getcurrent()
            waiters[1].throw()
        return work.rounds(1)

    result = forked(child)()
    for waiter in waiters:
        waiter.wait() if GREEN else waiter.join(PATIENCE)
    return [result, states]


def watching(arguments: dict[str, Any]) -> Any:
    """Parent and children follow the same machines; another thread waits during the second fork."""
    work = Work(opened(arguments))
    watched = watch.Watch(work.session, {'VirtualMachine': ['name', 'runtime.powerState']})
    watched.refresh()

    def follow(change: Callable[[], Any]) -> Any:
        unchanged = not watched.refresh()
        change()
        changed = [one.value for one in watched.refresh().changed]
        watched.close()
        return {'unchanged': unchanged, 'changed': changed, 'known': len(watched)}

    child = forked(lambda: follow(lambda: work.power_on(0)))()
    parent = [one.value for one in watched.refresh().changed]
    asked = threading.Thread(target=lambda: watched.wait(1))
    asked.start()
    time.sleep(0.3)
    blocked = forked(lambda: follow(lambda: None))()
    asked.join()
    watched.close()
    return {'child': child, 'parent': parent, 'blocked': blocked}


def logged_out(arguments: dict[str, Any]) -> Any:
    """A child logs out; parent and child go on."""
    session = opened(arguments)
    work = Work(session)

    def child() -> Any:
        session.logout()
        return work.rounds(1)

    first = forked(child)()
    return [first, work.rounds(0)]


def policies(arguments: dict[str, Any]) -> Any:
    """Another thread asks for policies, and others hold the locks around them, at the fork."""
    session = opened(arguments)
    names = sorted(one.name for one in spbm.list_policies(session))
    kept = spbm.policy_cache(session)
    kept.ttl, kept.inventory_ttl = 30, 20
    kept.keep_seen(kept.state, 'HostSystem', {'host-1': 'known'})
    assert kept.seen('HostSystem', ['host-1'])
    held = [
        *(kept._own.get().lock, kept._flights._own.get().lock),
        *(cache._caches_lock.get(), _pbm_session._flights_lock.get()),
    ]
    asking = threading.Barrier(2)
    holding = threading.Barrier(len(held) + 1)
    ended = threading.Event()

    def ask() -> None:
        asking.wait()
        ended.wait()

    def hold(lock: Any) -> None:
        with lock:
            holding.wait()
            ended.wait()

    asker = threading.Thread(target=lambda: kept.share(('listing', 'REQUIREMENT'), ask))
    asker.start()
    asking.wait()
    holders = [threading.Thread(target=hold, args=(lock,)) for lock in held]
    for thread in holders:
        thread.start()
    holding.wait()

    def child() -> Any:
        mine = sorted(one.name for one in spbm.list_policies(session))
        here = spbm.policy_cache(session)
        return [mine == names, here.ttl, here.inventory_ttl, here.seen('HostSystem', ['host-1'])]

    result = forked(child)()
    ended.set()
    for thread in [asker, *holders]:
        thread.join()
    return [result, sorted(one.name for one in spbm.list_policies(session)) == names]


def misused(handles: Any, use: Callable[[Any], Any], ending: str) -> Any:
    """Use and end handles in a process that is forked off; gives what they say to that."""

    def child() -> list[str]:
        problems = []
        for handle in handles:
            for action in (use, lambda one: getattr(one, ending)()):
                try:
                    action(handle)
                except exceptions.VimException as exc:
                    problems.append(str(exc))
        gc.collect()
        return problems

    return forked(child)()


def transfers(arguments: dict[str, Any], ending: str) -> Any:
    """A child finds handles in the middle of their work, and does what it should not."""
    session = opened(arguments)
    place = Place(SimpleNamespace(**arguments), session)
    jar = session.vim.client.cookiejar
    where = (arguments['host'], arguments['port'], place.dc.name, place.ds.name, jar)
    writing = rw_handles.FileWriteHandle(*where, 'there', len(IMAGE))
    writing.write(IMAGE[:MIDDLE])
    disk = stream_of(IMAGE)
    importing = rw_handles.VmdkWriteHandle(
        session,
        arguments['host'],
        arguments['port'],
        place.first('ResourcePool'),
        place.read(place.dc.ref, 'vmFolder'),
        place.import_spec('imported'),
        len(disk),
        'POST',
    )
    importing.write(disk[:MIDDLE])
    handles = (writing, importing)

    problems = misused(handles, lambda handle: handle.write(b'x'), ending)
    for handle, data in zip(handles, (IMAGE, disk), strict=True):
        handle.write(data[MIDDLE:])
        handle.close()
    reading = rw_handles.FileReadHandle(*where, 'there')
    exporting = rw_handles.VmdkReadHandle(
        session, arguments['host'], arguments['port'], importing.get_imported_vm(), None, 1 << 30
    )
    handles = (reading, exporting)
    begun = [handle.read(MIDDLE) for handle in handles]

    problems += misused(handles, lambda handle: handle.read(1), ending)
    ends = []
    for handle, data in zip(handles, begun, strict=True):
        ends.append(data + b''.join(iter(lambda handle=handle: handle.read(65536), b'')))
        handle.close()
    file, stream = ends
    whole = [file == IMAGE, content_of(stream, len(IMAGE)) == IMAGE]
    return {'problems': problems, 'whole': whole}


def called_off(arguments: dict[str, Any]) -> Any:
    """A parent calls transfers off while a child that knows nothing of them lives on."""
    url = f'{arguments["scheme"]}://{arguments["host"]}:{arguments["port"]}'
    writing = rw_handles.FileWriteHandle(f'{url}/a', file_size=1000)
    reading = rw_handles.FileReadHandle(f'{url}/b')
    writing.write(b'x')
    assert reading.read(1)
    receiving, sending = os.pipe()
    join = forked(lambda: os.read(receiving, 1) and 'lived on')
    writing.abort()
    reading.abort()
    print('called off', flush=True)
    sys.stdin.read(1)
    os.write(sending, b'x')
    return join()


SCENARIOS = {
    function.__name__: function
    for function in (
        workers,
        bridge,
        descriptors,
        closed_by_others,
        locks,
        silence,
        waiting,
        forked_while_waiting,
        watching,
        logged_out,
        policies,
        transfers,
        called_off,
    )
}

if __name__ == '__main__':
    name, given, *more = sys.argv[1:]
    print(json.dumps(SCENARIOS[name](json.loads(given), *more)))

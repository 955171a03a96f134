"""What is measured in a process of its own, because it happens once in a process.

``python -m benchmarks.fresh`` is that process: told what to do by its arguments, it prints one
line of JSON. Memory is what Linux says of the process.
"""

import argparse
import functools
import gc
import importlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

from benchmarks.libraries import Library, load
from benchmarks.memory import MIB, forget_peak, peak, resident
from benchmarks.server import Server
from benchmarks.timing import Action

#: What users import of each library.
MODULES = {
    'oslo.vmware': ['oslo_vmware.api'],
    'suds': ['suds.client', 'suds.transport.https'],
    'zeep': ['zeep', 'requests'],
    'pyVmomi': ['pyVim.connect', 'pyVmomi'],
}
#: What is no library of ours or others, but a parser that stands beside them.
LXML = 'lxml'
_ROOT = pathlib.Path(__file__).parents[1]
_TIMEOUT = 120


def measure(
    what: str, title: str, server: Server, *more: str, eventlet: bool = False
) -> dict[str, float]:
    """Do something in a process of its own.

    :param what: a key of :data:`EXERCISES`
    :param title: of the library
    :param eventlet: whether it is monkey-patched
    :returns: the figures
    """
    options = ['--eventlet'] if eventlet else []
    command = [*options, what, title, json.dumps(server), *more]
    figures: dict[str, float] = json.loads(_run('-m', 'benchmarks.fresh', *command))
    return figures


def import_seconds(title: str) -> float:
    """Seconds of an import, in a process that has done nothing else."""
    program = (
        'import time; began = time.perf_counter(); '
        f'import {", ".join(MODULES[title])}; print(time.perf_counter() - began)'
    )
    return float(_run('-c', program))


def import_and_open(title: str, server: Server) -> dict[str, float]:
    """Seconds until logged in, and memory then, of a process that has done nothing else."""
    program = (
        'import time; began = time.perf_counter(); '
        'from benchmarks.libraries import load; from benchmarks.server import Server; '
        f'library = load({title!r})(Server(*{tuple(server)!r})); '
        'seconds = time.perf_counter() - began; '
        'from benchmarks.memory import MIB, resident; print(seconds, resident() / MIB)'
    )
    seconds, memory = _run('-c', program).split()
    return {'seconds': float(seconds), 'memory': float(memory)}


def _run(*arguments: str) -> bytes:
    # Who may not keep byte code compiles our modules anew each time, and not installed ones.
    kept = {name: value for name, value in os.environ.items() if not name.startswith('PYTHON')}
    command = [sys.executable, '-W', 'ignore', *arguments]
    # Of a group of its own, so that Ctrl-C on a terminal ends one process, which ends the others.
    return subprocess.check_output(command, env=kept, cwd=_ROOT, timeout=_TIMEOUT, process_group=0)


def _imported(title: str) -> type[Library]:
    for name in MODULES[title]:
        importlib.import_module(name)
    return load(title)


def opening(title: str, server: Server) -> dict[str, float]:
    """Seconds until logged in, after imports."""
    return {'seconds': _opened(_imported(title), server)}


def described(title: str, server: Server) -> dict[str, float]:
    """The same, by the description that the server has."""
    return {'seconds': _opened(_imported(title), server, f'{server.url}/sdk/vimService.wsdl')}


def _opened(kind: Callable[..., Library], *arguments: Any) -> float:
    began = time.perf_counter()
    library = kind(*arguments)
    seconds = time.perf_counter() - began
    del library
    return seconds


def inventory(title: str, server: Server, pages: str) -> dict[str, float]:
    """Read machines; how many, seconds, and memory at the peak."""
    library = _imported(title)(server)
    forget_peak()
    before = peak()
    began = time.process_time()
    machines = _read(library, pages)
    seconds = time.process_time() - began
    return {'machines': len(machines), 'seconds': seconds, 'peak': (peak() - before) / MIB}


def iterate(title: str, server: Server) -> dict[str, float]:
    """Look at all machines and keep none; seconds for each, and memory at the peak."""
    library: Any = _imported(title)(server)
    machines = values = 0
    forget_peak()
    before = peak()
    began = time.process_time()
    for machine in library.each():
        machines += 1
        for prop in machine.propSet:
            values += prop.val is not None
    seconds = time.process_time() - began
    return {'each': seconds / machines, 'peak': (peak() - before) / MIB, 'values': values}


def weight(title: str, server: Server, pages: str) -> dict[str, float]:
    """Read machines; memory of the objects, each of which is looked at."""
    from pympler.asizeof import asizeof

    return {'own': asizeof(_read(_imported(title)(server), pages)) / MIB}


def _read(library: Library, pages: str) -> list[Any]:
    return [one for page in itertools.islice(library.pages(), int(pages)) for one in page]


def decoded(title: str, server: Server, file: str, kept: str) -> dict[str, float]:
    """Memory of each of some results of decoding a reply that are kept; lxml has trees."""
    reply = pathlib.Path(file).read_bytes()
    decode: Action
    if title == LXML:
        from lxml import etree

        decode = functools.partial(etree.fromstring, reply)
    else:
        decode = _imported(title)(server).decode(reply)
    decode()  # makes what is made once
    gc.collect()
    before = resident()
    results = [decode() for _ in range(int(kept))]
    gc.collect()
    return {'memory': (resident() - before) / len(results) / MIB}


def calling(title: str, server: Server, workers: str, calls: str) -> dict[str, float]:
    """Seconds that each call takes of threads that share one session, all together."""
    library = _imported(title)(server)
    read = library.read_name(library.machines(1)[0])
    each = int(calls) // int(workers)
    barrier = threading.Barrier(int(workers))

    def warm_up() -> None:
        barrier.wait()  # so that none can do the work of two, with one connection
        for _ in range(3):
            read()

    def work() -> None:
        for _ in range(each):
            read()

    _together(warm_up, int(workers))
    began = time.perf_counter()
    _together(work, int(workers))
    return {'seconds': (time.perf_counter() - began) / (each * int(workers))}


def _together(work: Callable[[], None], workers: int) -> None:
    with futures.ThreadPoolExecutor(workers) as pool:
        for one in [pool.submit(work) for _ in range(workers)]:
            one.result()


EXERCISES: dict[str, Callable[..., dict[str, float]]] = {
    'open': opening,
    'described': described,
    'inventory': inventory,
    'iterate': iterate,
    'weight': weight,
    'decoded': decoded,
    'calls': calling,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--eventlet', action='store_true')
    parser.add_argument('what', choices=EXERCISES)
    parser.add_argument('title')
    parser.add_argument('server', type=json.loads)
    parser.add_argument('more', nargs='*')
    arguments = parser.parse_args()
    exercise = EXERCISES[arguments.what]
    print(json.dumps(exercise(arguments.title, Server(*arguments.server), *arguments.more)))


if __name__ == '__main__':
    if '--eventlet' in sys.argv:
        import eventlet

        eventlet.monkey_patch()
    main()

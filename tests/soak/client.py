"""One half of a soak run: clients, natively or under eventlet, and what they leave behind.

``python -m tests.soak.client SEED SECONDS [--eventlet]`` prints one line of JSON. It starts its
server, works for a while to be warm, closes the session and counts; works for the time it was
given, closes the session and counts again. The two counts have to agree.
"""

# What services under eventlet do before anything else.
import sys

if '--eventlet' in sys.argv:
    import warnings

    warnings.filterwarnings('ignore', r'\s*Eventlet is deprecated')
    import eventlet

    eventlet.monkey_patch()

import argparse
import collections
import gc
import json
import logging
import os
import re
import subprocess
import threading
import time
import traceback
from typing import Any

from benchmarks.memory import MIB, resident
from oslo_vmware._transfer import connection as transfer_connection
from tests.faults.stand import PASSWORD, no_pauses
from tests.soak.work import SILENCE, Truth, Work, Wrong, connect, do

WORKERS = 4

#: How often one looks at the memory while work is done.
SAMPLES = 20

#: MiB by which the process may grow, from warm to the end.
MEMORY_MIB = 32.0

#: Share of the time that goes into getting warm, and seconds that it takes at least and at most.
WARM_UP = (0.1, 5.0, 120.0)

#: Seconds in which what is closed has to be closed.
TO_SETTLE = 20.0

_SECRET = re.compile(rf'{PASSWORD}|(?<![0-9a-f:])[0-9a-f]{{40}}(?![0-9a-f])')


class Tally:
    """What was done and what came of it.

    :ivar memory: MiB of the process, from time to time; that of a leak grows to the end
    """

    def __init__(self) -> None:
        self.done: collections.Counter[str] = collections.Counter()
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self.memory: list[int] = []
        self._lock = threading.Lock()

    def note(self, kind: str, outcome: str) -> None:
        with self._lock:
            self.done[kind] += 1
            self.outcomes[outcome] += 1

    def complain(self, what: str) -> None:
        with self._lock:
            self.wrong.append(what)


class SecretsInLogs(logging.Handler):
    """Looks at what the library logs, debugging included."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(logging.DEBUG)
        self._tally = tally

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if _SECRET.search(text) and 'thumbprint' not in text:
            self._tally.complain(f'a secret is in a log: {text[:200]}')


def work_until(deadline: float, work: Work, tally: Tally) -> None:
    while time.monotonic() < deadline:
        kind = work.choose()
        try:
            tally.note(kind, do(work, kind))
        except Exception as exc:  # noqa: BLE001 - whatever comes is told
            tally.note(kind, 'wrong')
            where = '' if isinstance(exc, Wrong) else traceback.format_exc()
            tally.complain(f'{kind}: {exc!r}\n{where}')


def phase(seconds: float, place: dict[str, Any], session: Any, seed: str, tally: Tally) -> None:
    """Work in all threads, then let the session go."""
    truth = Truth(place['truth'])
    truth.noise(1)
    deadline = time.monotonic() + seconds
    threads = [
        threading.Thread(
            target=work_until,
            args=(deadline, Work(place, session, f'{seed}-{seconds}', number), tally),
            name=f'soak-{number}',
        )
        for number in range(WORKERS)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(max(0.1, min(seconds / SAMPLES, deadline - time.monotonic())))
        tally.memory.append(round(resident() / MIB))
    truth.noise(0)
    before = truth.state()
    session.close()
    print(f'before logging out: {before}', file=sys.stderr)


def counts(truth: Truth) -> dict[str, float]:
    """What the process and the server have, once it is stable."""
    found: dict[str, float] = {}
    for _ in range(int(TO_SETTLE / 0.5)):
        gc.collect()
        last, found = (
            found,
            {
                'descriptors': len(os.listdir('/proc/self/fd')),
                'threads': threading.active_count(),
                'tasks': len(os.listdir('/proc/self/task')),
                **{f'server: {name}': count for name, count in truth.state().items()},
            },
        )
        if found == last:
            break
        time.sleep(0.5)
    return found | {'memory MiB': round(resident() / MIB, 1)}


def compared(before: dict[str, float], after: dict[str, float]) -> list[str]:
    """What is not as it was."""
    problems = []
    for name, count in after.items():
        if name == 'memory MiB':
            if count > before[name] + MEMORY_MIB:
                problems.append(f'{name}: {before[name]} became {count}, {MEMORY_MIB} more may be')
        elif count > before[name]:
            problems.append(f'{name}: {before[name]} became {count}')
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('seed')
    parser.add_argument('seconds', type=float)
    parser.add_argument('--eventlet', action='store_true')
    arguments = parser.parse_args()
    tally = Tally()
    logger = logging.getLogger('oslo_vmware')
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(SecretsInLogs(tally))
    transfer_connection.STALL_SECONDS = transfer_connection.CONNECT_SECONDS = SILENCE
    share, least, most = WARM_UP
    warm_up = min(most, max(least, share * arguments.seconds))
    server = subprocess.Popen(
        [sys.executable, '-m', 'tests.soak.server', arguments.seed],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        place = json.loads(server.stdout.readline())
        truth = Truth(place['truth'])
        session = connect(place)
        began = time.monotonic()
        # Both engines are there before anything is measured: suds' schemas take 90 MiB, and on a
        # busy machine longer than getting warm does.
        for engine in ('compiled', 'reference'):
            with connect(place, engine) as first:
                assert first.vim.client.factory
        with no_pauses():
            phase(warm_up, place, session, arguments.seed, tally)
            before = counts(truth)
            phase(arguments.seconds - warm_up, place, session, arguments.seed, tally)
            after = counts(truth)
        report = truth.report()
        wrong = tally.wrong + compared(before, after)
        wrong += [f'the simulator failed: {error}' for error in report['errors']]
        result = {
            'seconds': round(time.monotonic() - began, 1),
            'done': tally.done,
            'outcomes': tally.outcomes,
            'wrong': wrong,
            'memory': tally.memory,
            'before': before,
            'after': after,
            **report,
        }
        print(json.dumps(result))
    finally:
        server.stdin.close()
        server.wait(60)


if __name__ == '__main__':
    main()

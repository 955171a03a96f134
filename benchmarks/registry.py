"""All figures that ``make bench`` knows, and what each is to reach.

The functions are in rooms, a module for each theme; this is the only place that knows all of them.
"""

from benchmarks import (
    calls,
    codec,
    images,
    inventory,
    iterating,
    opening,
    placement,
    waiting,
    watching,
)
from benchmarks.fresh import LXML
from benchmarks.libraries import OURS, PYVMOMI, THREADS
from benchmarks.rows import Figure, Row, Target


def _rate(title: str, *more: Target) -> Row:
    targets = (Target(1.25, PYVMOMI, at_least=True), *more)
    return Row(title, 'calls/s', targets, more_is_better=True)


def _transfer(title: str, than: str, limit: float = 1) -> Row:
    targets = (Target(limit, than, at_least=True),)
    return Row(title, 'MiB/s', targets, more_is_better=True)


_NOT_LATE = (Target(1, waiting.ALLOWED),)
_NOT_FEWER = Target(1, calls.ALONE, at_least=True)

FIGURES = (
    Figure(
        'read',
        calls.reading,
        {
            'wall': Row('read one property', 'ms', (Target(0.75, PYVMOMI),)),
            'processor': Row('  processor time of that', 'ms', (Target(0.8, PYVMOMI),)),
        },
    ),
    Figure(
        'calls',
        calls.calling,
        {
            'native 1': _rate('calls, 1 thread'),
            f'native {THREADS}': _rate(f'calls, {THREADS} threads', _NOT_FEWER),
            'green 1': _rate('calls, 1 green thread'),
            f'green {THREADS}': _rate(f'calls, {THREADS} green threads', _NOT_FEWER),
        },
    ),
    Figure(
        'opening',
        opening.opening,
        {
            'together': Row('import and open a session', 's', (Target(1.2, PYVMOMI),)),
            'import': Row('  import', 's'),
            'open': Row('  open a session', 's'),
            'memory': Row('  memory of the process', 'MiB', (Target(1.1, PYVMOMI),)),
        },
    ),
    Figure(
        'wsdl',
        opening.described,
        {'open': Row('open a session with wsdl_loc', 's', (Target(0.5),))},
    ),
    Figure(
        'inventory',
        inventory.inventory,
        {
            'time': Row(
                'read 10,000 machines x 10',
                's',
                (Target(0.12, PYVMOMI), Target(1.2, inventory.HALF)),
            ),
            'memory': Row(
                '  memory of what was read',
                'MiB',
                (Target(1.0, PYVMOMI), Target(1.5, inventory.OWN)),
            ),
        },
    ),
    Figure(
        'iterate',
        iterating.iterating,
        {
            'growth': Row(
                'iterate 50,000 x 10, growth',
                'MB',
                (Target(10), Target(10, mine=iterating.FEW)),
            ),
            'time': Row(
                '  client time for each',
                'µs',
                (Target(28), Target(28, mine=iterating.FEW)),
            ),
        },
    ),
    Figure(
        'decode',
        codec.decoding,
        {
            'time': Row(
                'decode 1 MB, 100 machines',
                'ms',
                (
                    Target(2.6, LXML),
                    Target(0.5, codec.GOVMOMI),
                    Target(1.2, OURS, mine=codec.COLD),
                ),
            ),
            'memory': Row('  memory of what was decoded', 'MiB', (Target(1.0, codec.GOVMOMI),)),
        },
    ),
    Figure(
        'encode',
        codec.encoding,
        {'time': Row('encode a config spec, 20 disks', 'ms', (Target(0.2, PYVMOMI),))},
    ),
    Figure(
        'create',
        codec.creating,
        {'time': Row('create a config spec', 'ms', (Target(0.02),))},
    ),
    Figure(
        'watch',
        watching.watching,
        {
            'time': Row(
                f'read again 10,000, {watching.CHANGED} changed',
                'ms',
                (Target(0.01, watching.READING),),
            ),
            'processor': Row('  the same, processor time', 'ms', (Target(0.01, watching.READING),)),
            'calls': Row('  the same, by calls', 'calls', (Target(1),)),
        },
    ),
    Figure(
        'waiting',
        waiting.waiting,
        {
            'first': Row('wait for a task, the first', 'calls', (Target(5),)),
            'again': Row('wait for the next', 'calls', (Target(3),)),
            'many': Row(f'wait for {waiting.MANY} at once, each', 'calls', (Target(1.3),)),
            'latency': Row('from its end to our return', 'ms', _NOT_LATE),
            'latency of many': Row(f'  the same, {waiting.MANY} at once', 'ms', _NOT_LATE),
        },
    ),
    Figure(
        'images',
        images.moving,
        {
            'up': _transfer('upload 512 MiB', images.PLAIN),
            'up, processor': Row('  processor time of that upload', 's'),
            'down': _transfer('download 512 MiB', images.PLAIN),
            'down, processor': Row('  processor time of that download', 's'),
            'slow': _transfer('upload from a slow source', images.BOUND, 0.95),
            'memory': Row('  memory of a transfer', 'MiB', (Target(4),)),
        },
    ),
    Figure(
        'placement',
        placement.choosing,
        {
            'time': Row('datastores of a policy, of 300', 'ms', (Target(1.2, placement.HELPER),)),
            'memory': Row('  memory of all reasons', 'MiB', (Target(0.5),)),
        },
    ),
)

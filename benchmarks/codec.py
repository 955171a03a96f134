"""Bytes to objects and back, without a wire."""

import tempfile
from typing import Any

from lxml import etree

from benchmarks import govmomi
from benchmarks.bench import Bench, agree
from benchmarks.fresh import LXML
from benchmarks.libraries import OURS, TITLES
from benchmarks.memory import MIB
from benchmarks.rows import Measured, Values

DEVICES = 20
#: Results that are kept to see what one weighs.
KEPT = 5
#: The columns of decoding that are no libraries.
COLD = 'nothing remembered'
GOVMOMI = 'govmomi'


def decoding(bench: Bench) -> Measured:
    """A reply with the configuration of machines, beside a parser that makes no objects."""
    request = bench.ours.retrieve(bench.machines[OURS], ['name', 'config'])
    reply = bench.post(request)
    actions = {title: one.decode(reply) for title, one in bench.libraries.items()}
    agree({title: _digest(decode()) for title, decode in actions.items()})
    beside = {
        COLD: bench.ours.decode_the_first_time(reply),
        LXML: lambda: etree.fromstring(reply),
    }
    times = bench.fastest(actions | beside)
    with tempfile.NamedTemporaryFile() as file, bench.frozen():
        file.write(reply)
        file.flush()
        kept = bench.fresh('decoded', file.name, KEPT, titles=[*TITLES, LXML], rounds=1)
    memory = {title: figures['memory'] for title, figures in kept.items()}
    bench.progress.tell('govmomi')
    if (in_go := govmomi.decode(reply, bench.size.rounds, KEPT)) is not None:
        times[GOVMOMI] = in_go[0]
        memory[GOVMOMI] = in_go[1] / MIB
    return {'time': _milliseconds(times), 'memory': memory}


def _digest(decoded: Any) -> Any:
    """Enough of a decoded reply to see that it was read whole."""
    found = []
    for one in decoded.objects:
        values = {prop.name: prop.val for prop in one.propSet}
        devices = values['config'].hardware.device
        found.append((str(values['name']), [device.key for device in devices]))
    return found


def encoding(bench: Bench) -> Measured:
    """A request with many objects in it."""
    actions = {
        title: one.encode(bench.machines[title][0], DEVICES)
        for title, one in bench.libraries.items()
    }
    agree({title: _contents(encode()) for title, encode in actions.items()})
    return {'time': _milliseconds(bench.fastest(actions))}


def _contents(request: bytes | str) -> Any:
    """The elements and texts of a request, without what libraries write differently."""
    root = etree.fromstring(request.encode() if isinstance(request, str) else request)
    return [
        (etree.QName(one).localname, (one.text or '').strip())
        for one in root.iter()
        if etree.QName(one).namespace == 'urn:vim25'
    ]


def creating(bench: Bench) -> Measured:
    """Empty request objects."""
    actions = {title: one.create() for title, one in bench.libraries.items()}
    return {'time': _milliseconds(bench.fastest(actions))}


def _milliseconds(times: Values) -> Values:
    return {name: seconds * 1e3 for name, seconds in times.items()}

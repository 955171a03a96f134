"""Bytes to objects and back, without a wire."""

from typing import Any

from lxml import etree

from benchmarks import govmomi
from benchmarks.bench import Bench, agree
from benchmarks.libraries import OURS
from benchmarks.rows import Measured, Values

DEVICES = 20
#: The columns of decoding that are no libraries.
COLD = 'nothing remembered'
LXML = 'lxml'
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
    bench.progress.tell('govmomi')
    if (seconds := govmomi.decode_seconds(reply, bench.size.rounds)) is not None:
        times[GOVMOMI] = seconds
    return {'time': _milliseconds(times)}


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

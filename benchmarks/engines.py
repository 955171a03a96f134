"""This library beside suds, zeep and pyVmomi: ``make bench``.

All work on the same bytes, which a server in a process of its own replays; see
:mod:`benchmarks.replay`. A figure is the best of several rounds in which the libraries take turns.
``--quick`` makes everything small, which proves that it runs and measures nothing worth quoting.
A target that is missed is shown as missed; only wrong results make the exit status 1.
"""

import argparse
import dataclasses
import http.client
import platform
import ssl
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import requests
from lxml import etree
from rich.console import Console

from benchmarks import fresh, govmomi
from benchmarks.libraries import LIBRARIES, PAGE, PATHS, THREADS, Ours, PyVmomi, Suds, specs
from benchmarks.replay import Replay
from benchmarks.server import Server
from benchmarks.table import Row, Target, show
from benchmarks.timing import Action, fastest
from oslo_vmware.simulator import Inventory

DEVICES = 20
IN_ONE_REPLY = 100
#: Distributions whose versions are told.
COMPARED = ('suds-community', 'zeep', 'pyvmomi', 'lxml')


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured.

    :param machines: virtual machines in the inventory
    :param rounds: of which the best counts
    :param block: seconds for which something is repeated in a round
    :param processes: fresh ones, of which the best counts
    :param calls: of a number of threads together
    """

    machines: int
    rounds: int
    block: float
    processes: int
    calls: int


FULL = Size(machines=10_000, rounds=15, block=0.1, processes=5, calls=800)
QUICK = Size(machines=PAGE + IN_ONE_REPLY, rounds=1, block=0.001, processes=1, calls=32)


class WrongResult(Exception):
    """Libraries disagree about what the server said: nothing here can be believed."""


class Bench:
    """The libraries, each with a session.

    :param server: a server that still records
    """

    def __init__(self, server: Server, size: Size) -> None:
        self.server = server
        self.size = size
        self.libraries = {title: kind(server) for title, kind in LIBRARIES.items()}
        self.machines = {
            title: library.machines(IN_ONE_REPLY) for title, library in self.libraries.items()
        }
        self.reads: dict[str, Action] = {
            title: library.read_name(self.machines[title][0])
            for title, library in self.libraries.items()
        }
        _agree({title: read() for title, read in self.reads.items()})
        self.ours: Any = self.libraries[Ours.title]
        self.reply = self._post(self._request(self.machines[Ours.title], ['name', 'config']))
        self.small_request = self._request(self.machines[Ours.title][:1], ['name'])
        self._post(self.small_request)
        # All pages, for those that read them once the server records no more.
        found = sum(len(page) for page in self.ours.pages())
        if found != size.machines:
            raise WrongResult(f'{found} machines were read, and there are {size.machines}')

    def _request(self, machines: list[Any], paths: list[str]) -> bytes:
        create = self.ours.client.factory.create
        options = create('ns0:RetrieveOptions')
        options.maxObjects = len(machines)
        content = self.ours.session.vim.service_content
        request: bytes = self.ours.client._codec.encoder.request(
            self.ours.client.operation('RetrievePropertiesEx'),
            content.propertyCollector,
            {'specSet': [specs(create, machines, paths)], 'options': options},
        )
        return request

    def _post(self, request: bytes) -> bytes:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(**self.exchange(request))
        if answer.status_code != 200:
            raise WrongResult(f'the server said {answer.status_code}: {answer.text}')
        return answer.content

    def exchange(self, request: bytes) -> dict[str, Any]:
        """The arguments of ``requests`` for sending a request as it is."""
        return {
            'url': f'{self.server.url}/sdk',
            'data': request,
            'headers': {'SOAPAction': self.ours.client._soap_action},
            'verify': self.server.cacert,
        }

    def fastest(self, actions: Mapping[str, Action]) -> dict[str, float]:
        """See :func:`benchmarks.timing.fastest`."""
        return fastest(actions, rounds=self.size.rounds, block=self.size.block)

    def fresh(
        self, what: str, *more: int, titles: Iterable[str] = LIBRARIES, **options: Any
    ) -> dict[str, dict[str, float]]:
        """The least of each figure, of libraries in processes of their own, which take turns."""
        best: dict[str, dict[str, float]] = {}
        for _ in range(self.size.processes):
            for title in titles:
                figures = fresh.measure(what, title, self.server, *map(str, more), **options)
                known = best.setdefault(title, figures)
                best[title] = {name: min(known[name], value) for name, value in figures.items()}
        return best


def _agree(results: Mapping[str, Any]) -> None:
    first, *others = results.values()
    if any(other != first for other in others):
        seen = '; '.join(f'{title}: {str(result)[:200]}' for title, result in results.items())
        raise WrongResult(f'the libraries disagree: {seen}')


def decoding(bench: Bench) -> Row:
    """From bytes to objects."""
    actions = {title: one.decode(bench.reply) for title, one in bench.libraries.items()}
    _agree({title: _digest(decode()) for title, decode in actions.items()})
    beside = {
        'the first time': bench.ours.decode_the_first_time(bench.reply),
        'lxml': lambda: etree.fromstring(bench.reply),
    }
    times = bench.fastest(actions | beside)
    ours = times[Ours.title]
    extra = [(name, times[name] * 1e3) for name in beside]
    targets = [
        Target.fraction(ours, times[Suds.title], 30, 'suds'),
        Target.fraction(ours, times[PyVmomi.title], 5, 'pyVmomi'),
        Target.multiple(ours, times['lxml'], 5, 'lxml'),
    ]
    in_go = govmomi.decode_seconds(bench.reply, bench.size.rounds)
    if in_go is not None:
        extra.append(('govmomi', in_go * 1e3))
        targets.append(Target.multiple(ours, in_go, 1, 'govmomi'))
    title = f'decode {len(bench.reply) / 1000:.0f} kB, {IN_ONE_REPLY} VMs'
    return _milliseconds(title, times, targets, extra)


def _digest(decoded: Any) -> Any:
    """Enough of a decoded reply to see that it was read whole."""
    found = []
    for one in decoded.objects:
        values = {prop.name: prop.val for prop in one.propSet}
        devices = values['config'].hardware.device
        found.append((str(values['name']), [device.key for device in devices]))
    return found


def encoding(bench: Bench) -> Row:
    """From objects to bytes."""
    actions = {
        title: one.encode(bench.machines[title][0], DEVICES)
        for title, one in bench.libraries.items()
    }
    _agree({title: _contents(encode()) for title, encode in actions.items()})
    times = bench.fastest(actions)
    targets = [Target.fraction(times[Ours.title], times[Suds.title], 15, 'suds')]
    return _milliseconds(f'encode a config spec, {DEVICES} disks', times, targets)


def _contents(request: bytes | str) -> Any:
    """The elements and texts of a request, without what libraries write differently."""
    root = etree.fromstring(request.encode() if isinstance(request, str) else request)
    return [
        (etree.QName(one).localname, (one.text or '').strip())
        for one in root.iter()
        if etree.QName(one).namespace == 'urn:vim25'
    ]


def creating(bench: Bench) -> Row:
    """Empty request objects."""
    times = bench.fastest({title: one.create() for title, one in bench.libraries.items()})
    targets = [Target.at_most(times[Ours.title] * 1e3, 0.02, 'ms')]
    return _milliseconds('create a config spec', times, targets)


def reading(bench: Bench) -> Row:
    """One property over the wire, beside the same bytes exchanged without any library for SOAP."""
    arguments = bench.exchange(bench.small_request)
    bare = requests.Session()
    bare.trust_env = False
    tls = ssl.create_default_context(cafile=bench.server.cacert)
    barest = http.client.HTTPSConnection(bench.server.host, bench.server.port, context=tls)

    def exchange() -> Any:
        return bare.post(**arguments).content

    def exchange_barely() -> Any:
        barest.request('POST', '/sdk', bench.small_request, arguments['headers'])
        return barest.getresponse().read()

    _agree({'requests': exchange(), 'http.client': exchange_barely()})
    exchanges = {'requests': exchange, 'http.client': exchange_barely}
    # The best of single calls: a row of them hardly ever goes undisturbed.
    times = fastest(
        bench.reads | exchanges, time.perf_counter, rounds=20 * bench.size.rounds, block=0
    )
    bare.close()
    barest.close()
    beyond = (times[Ours.title] - times['requests']) * 1e3
    extra = [(f'bare {name}', times[name] * 1e3) for name in exchanges]
    targets = [Target.at_most(beyond, 0.30, 'ms beyond bare requests')]
    return _milliseconds('read one property', times, targets, extra)


def importing(bench: Bench) -> Row:
    """What users import."""
    times = {
        title: min(fresh.import_seconds(title) for _ in range(bench.size.processes))
        for title in LIBRARIES
    }
    return Row('import', 's', times, (Target.at_most(times[Ours.title], 0.15, 's'),))


def opening(bench: Bench) -> list[Row]:
    """Time until logged in, and memory then."""
    figures = bench.fresh('open')
    rows = []
    for title, unit, name, limit in (
        ('open a session', 's', 'seconds', 0.06),
        ('memory of the process', 'MiB', 'memory', 45.0),
    ):
        values = {library: one[name] for library, one in figures.items()}
        targets = (Target.at_most(values[Ours.title], limit, unit),)
        rows.append(Row(title, unit, values, targets))
    (described,) = bench.fresh('described', titles=[Ours.title]).values()
    values = {Ours.title: described['seconds']}
    target = Target.at_most(values[Ours.title], 0.5, 's')
    return [rows[0], Row('the same with wsdl_loc', 's', values, (target,)), rows[1]]


def inventory(bench: Bench) -> list[Row]:
    """All machines, page by page."""
    pages = -(-bench.size.machines // PAGE)
    whole = bench.fresh('inventory', pages)
    half = bench.fresh('inventory', -(-pages // 2), titles=[Ours.title])[Ours.title]
    for title, figures in whole.items():
        if figures['machines'] != bench.size.machines:
            raise WrongResult(f'{title} read {figures["machines"]:.0f} machines')
    read = f'read {bench.size.machines} VMs x {len(PATHS)}'
    seconds = {title: figures['seconds'] for title, figures in whole.items()}
    each = seconds[Ours.title] / bench.size.machines
    # What is left over is noise, not a slope: a quadratic cost would show as twice.
    linear = Target.multiple(
        each, half['seconds'] / half['machines'], 1.2, f'per VM of {half["machines"]:.0f}'
    )
    peaks = {title: figures['peak'] for title, figures in whole.items()}
    own = whole[Ours.title]['own']
    flat = Target.multiple(peaks[Ours.title], own, 1.5, 'the result itself')
    return [
        Row(read, 's', seconds, (linear,)),
        Row('memory for that', 'MiB', peaks, (flat,), (('the result itself', own),)),
    ]


def calling(bench: Bench) -> list[Row]:
    """Reads of one property per second, by threads that share a session."""
    rows = []
    for name, eventlet in (('threads', False), ('green threads', True)):
        rates = {
            workers: {
                title: 1 / figures['seconds']
                for title, figures in bench.fresh(
                    'calls', workers, bench.size.calls, eventlet=eventlet
                ).items()
            }
            for workers in (1, THREADS)
        }
        ratio = rates[THREADS][Ours.title] / rates[1][Ours.title]
        target = Target(f'as many with {THREADS} as with 1', f'{ratio:.2f} x', ratio >= 1)
        rows.append(Row(f'calls, 1 of the {name}', '1/s', rates[1], more_is_better=True))
        rows.append(
            Row(f'calls, {THREADS} {name}', '1/s', rates[THREADS], (target,), more_is_better=True)
        )
    return rows


def _milliseconds(
    title: str,
    times: Mapping[str, float],
    targets: Sequence[Target],
    extra: Sequence[tuple[str, float]] = (),
) -> Row:
    values = {library: times[library] * 1e3 for library in LIBRARIES}
    return Row(title, 'ms', values, tuple(targets), tuple(extra))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--quick', action='store_true', help='only see that it runs')
    size = QUICK if parser.parse_args().quick else FULL
    console = Console(width=100, highlight=False)
    with Replay(Inventory.large(size.machines)) as replay:
        bench = Bench(replay.server, size)
        replay.freeze()
        rows = [decoding(bench), encoding(bench), creating(bench), reading(bench)]
        rows += [importing(bench), *opening(bench), *inventory(bench), *calling(bench)]
        if missed := replay.misses():
            raise WrongResult(f'the server was asked what was never recorded: {missed}')
    versions = ', '.join(f'{name} {version(name)}' for name in COMPARED)
    console.print(f'Python {platform.python_version()}, {versions}\n')
    show(rows, console)
    return 0


if __name__ == '__main__':
    sys.exit(main())

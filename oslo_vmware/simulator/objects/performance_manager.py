"""The PerformanceManager: how busy machines and hosts are, as counters.

What a machine does is as steady as its quick statistics, and derived from the same figures: its
CPU and memory, and for each network card and disk a rate that is its own. So a client that asks
twice gets the same, and knows that a number is right. A test that wants other numbers, or a gap,
records them::

    vc.performance.record(machine, 'cpu.usage.average', [1200, -1, 1800])

There are samples of every 20 seconds for the last hour, and of the longer periods that
``historicalInterval`` lists. As on a real server there are none for the time in which a machine
was off, and in a machine that is off there is nothing to be measured at all. A counter has a value
of the whole (instance ``''``), of single devices (``4000``, ``naa.6…``, ``scsi0:0``), or both.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Sequence
from typing import Any, NamedTuple

from oslo_vmware.simulator.objects.performance_figures import host_figures, machine_figures
from oslo_vmware.simulator.world.data import DataObject, invalid_argument, merged, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed

# Seconds between two samples that a host takes, and for how long it keeps them.
REAL_TIME = 20
_REAL_TIME_KEPT = 3600

# Samples of vCenter's own: name, seconds between two, seconds for which they are kept.
_HISTORY = (
    ('Past day', 300, 86400),
    ('Past week', 1800, 604800),
    ('Past month', 7200, 2592000),
    ('Past year', 86400, 31536000),
)

_MAX_LEVEL = 4

# What a sample reads where nothing was measured.
GAP = -1


class Counter(NamedTuple):
    """A counter.

    :ivar key: its number; each vCenter has its own, so that clients must look it up by name
    :ivar level: statistics level from which on history is kept
    """

    key: int
    group: str
    name: str
    rollup: str
    unit: str
    stats: str
    level: int
    label: str

    @property
    def full_name(self) -> str:
        return f'{self.group}.{self.name}.{self.rollup}'

    def info(self) -> DataObject:
        return types.PerfCounterInfo(
            key=self.key,
            nameInfo=types.ElementDescription(key=self.name, label=self.label, summary=self.label),
            groupInfo=types.ElementDescription(key=self.group, **_texts(_GROUPS[self.group])),
            unitInfo=types.ElementDescription(key=self.unit, **_texts(_UNITS[self.unit])),
            rollupType=self.rollup,
            statsType=self.stats,
            level=self.level,
            perDeviceLevel=max(3, self.level),
        )


def _texts(text: str) -> dict[str, str]:
    return {'label': text, 'summary': text}


_GROUPS = {
    'cpu': 'CPU',
    'mem': 'Memory',
    'net': 'Network',
    'disk': 'Disk',
    'virtualDisk': 'Virtual disk',
    'sys': 'System',
}
_UNITS = {
    'percent': '%',
    'megaHertz': 'MHz',
    'millisecond': 'ms',
    'kiloBytes': 'KB',
    'kiloBytesPerSecond': 'KBps',
    'number': 'num',
    'second': 's',
}
_RATE = ('average', 'kiloBytesPerSecond', 'rate')
_REQUESTS = ('average', 'number', 'rate')
_AMOUNT = ('average', 'kiloBytes', 'absolute')
_COUNTERS = tuple(
    Counter(*row)
    for row in (
        (2, 'cpu', 'usage', 'average', 'percent', 'rate', 1, 'Usage'),
        (6, 'cpu', 'usagemhz', 'average', 'megaHertz', 'rate', 1, 'Usage in MHz'),
        (12, 'cpu', 'ready', 'summation', 'millisecond', 'delta', 1, 'Ready'),
        (24, 'mem', 'usage', 'average', 'percent', 'absolute', 1, 'Host consumed %'),
        (33, 'mem', 'active', *_AMOUNT, 2, 'Active'),
        (90, 'mem', 'vmmemctl', *_AMOUNT, 1, 'Ballooned memory'),
        (98, 'mem', 'consumed', *_AMOUNT, 1, 'Consumed'),
        (125, 'disk', 'usage', *_RATE, 1, 'Usage'),
        (130, 'disk', 'read', *_RATE, 2, 'Read rate'),
        (131, 'disk', 'write', *_RATE, 2, 'Write rate'),
        (143, 'net', 'usage', *_RATE, 1, 'Usage'),
        (148, 'net', 'received', *_RATE, 2, 'Data receive rate'),
        (149, 'net', 'transmitted', *_RATE, 2, 'Data transmit rate'),
        (155, 'sys', 'uptime', 'latest', 'second', 'absolute', 1, 'Uptime'),
        (173, 'virtualDisk', 'numberReadAveraged', *_REQUESTS, 1, 'Average read requests'),
        (174, 'virtualDisk', 'numberWriteAveraged', *_REQUESTS, 1, 'Average write requests'),
        (178, 'virtualDisk', 'read', *_RATE, 2, 'Read rate'),
        (179, 'virtualDisk', 'write', *_RATE, 2, 'Write rate'),
        (428, 'disk', 'numberReadAveraged', *_REQUESTS, 1, 'Average read requests per second'),
        (429, 'disk', 'numberWriteAveraged', *_REQUESTS, 1, 'Average write requests per second'),
    )
)
_BY_KEY = {counter.key: counter for counter in _COUNTERS}
_BY_NAME = {counter.full_name: counter for counter in _COUNTERS}


class Metric(NamedTuple):
    """A counter of the whole (instance ``''``) or of one device."""

    counter: Counter
    instance: str

    def id(self) -> DataObject:
        return types.PerfMetricId(counterId=self.counter.key, instance=self.instance)


@managed('PerformanceManager')
class PerformanceManager(ManagedObject):
    """Answers questions about counters."""

    def __init__(self, world: World) -> None:
        self._recorded: dict[tuple[str, Metric], list[int]] = {}
        # Of counters for which somebody has set it.
        self._levels: dict[int, dict[str, int]] = {}
        self.historicalInterval = [
            types.PerfInterval(
                key=key, samplingPeriod=period, name=name, length=length, level=1, enabled=True
            )
            for key, (name, period, length) in enumerate(_HISTORY, 1)
        ]
        super().__init__(world, 'PerfMgr')

    def record(
        self,
        entity: ManagedObject,
        counter: str,
        values: Sequence[int],
        instance: str = '',
    ) -> None:
        """Let the latest samples of 20 seconds be these, the last one the newest.

        They are what is there from now on, whatever the time: a later question gets them too.

        :param counter: for example ``cpu.usage.average``, in hundredths of a percent
        :param instance: a device; ``''`` is the whole
        """
        metric = Metric(_BY_NAME[counter], instance)
        self._recorded[entity.ref.value, metric] = list(values)

    def forget(self) -> None:
        """Let all be as steady as before anything was recorded."""
        self._recorded.clear()

    def latest(self, entity: ManagedObject, metric_id: DataObject) -> int | None:
        """The newest sample of a metric; None where it is not measured."""
        counter = _BY_KEY.get(metric_id.counterId)
        if counter is None or not _provides(entity):
            return None
        metric = Metric(counter, metric_id.instance)
        usual = self._figures(entity).get(metric)
        return None if usual is None else self._series(entity, metric, usual, 1, REAL_TIME)[-1]

    # Properties

    @property
    def perfCounter(self) -> list[DataObject]:
        return [self._info(counter) for counter in _COUNTERS]

    @property
    def description(self) -> DataObject:
        rollups = ('average', 'maximum', 'minimum', 'latest', 'summation', 'none')
        kinds = ('absolute', 'delta', 'rate')
        return types.PerformanceDescription(
            counterType=[types.ElementDescription(key=one, **_texts(one)) for one in rollups],
            statsType=[types.ElementDescription(key=one, **_texts(one)) for one in kinds],
        )

    # Operations

    def QueryPerfProviderSummary(self, call: Call) -> DataObject:
        entity = self.world.get(call.entity)
        provides = _provides(entity)
        return types.PerfProviderSummary(
            entity=entity.ref,
            currentSupported=provides,
            summarySupported=provides,
            refreshRate=REAL_TIME if provides else None,
        )

    def QueryPerfCounter(self, call: Call) -> list[DataObject]:
        return [self._info(_known(key, 'counterId')) for key in call.counterId]

    def QueryPerfCounterByLevel(self, call: Call) -> list[DataObject]:
        if not 1 <= call.level <= _MAX_LEVEL:
            raise invalid_argument('level')
        return [info for info in self.perfCounter if info.level <= call.level]

    def UpdateCounterLevelMapping(self, call: Call) -> None:
        for mapping in call.counterLevelMap:
            _known(mapping.counterId, 'counterLevelMap.counterId')
            levels = {'level': mapping.aggregateLevel, 'perDeviceLevel': mapping.perDeviceLevel}
            levels = {name: level for name, level in levels.items() if level is not None}
            if not all(1 <= level <= _MAX_LEVEL for level in levels.values()):
                raise invalid_argument('counterLevelMap')
            self._levels.setdefault(mapping.counterId, {}).update(levels)
        self.changed('perfCounter')

    def ResetCounterLevelMapping(self, call: Call) -> None:
        for key in call.counters:
            _known(key, 'counters')
            self._levels.pop(key, None)
        self.changed('perfCounter')

    def UpdatePerfInterval(self, call: Call) -> None:
        """Change how much is kept of a period: no more than of the shorter ones."""
        wanted: DataObject = call.interval
        history = [copy.copy(one) for one in self.historicalInterval]
        periods = [one.samplingPeriod for one in history]
        if wanted.samplingPeriod not in periods:
            raise invalid_argument('interval.samplingPeriod')
        at = periods.index(wanted.samplingPeriod)
        shorter = history[at - 1] if at else None
        if not 1 <= (wanted.level or 1) <= (shorter.level if shorter else _MAX_LEVEL):
            raise invalid_argument('interval.level')
        if wanted.enabled and shorter and not shorter.enabled:
            raise invalid_argument('interval.enabled')
        history[at].enabled, history[at].length = wanted.enabled, wanted.length
        history[at].level = wanted.level or history[at].level
        for one in history[at + 1 :]:
            # Its samples are made of those of the shorter period.
            one.level = min(one.level, history[at].level)
            one.enabled = one.enabled and wanted.enabled
        self.update(historicalInterval=history)

    def QueryAvailablePerfMetric(self, call: Call) -> list[DataObject]:
        entity = self.world.get(call.entity)
        period = call.intervalId or REAL_TIME
        times = self._times(entity, period, call.beginTime, call.endTime)
        return [metric.id() for metric in self._figures(entity)] if times else []

    def QueryPerf(self, call: Call) -> list[DataObject]:
        answers = (self._answer(spec) for spec in call.querySpec)
        return [answer for answer in answers if answer is not None]

    def QueryPerfComposite(self, call: Call) -> DataObject:
        """A host and the machines that run on it, all by the same specification."""
        spec: DataObject = call.querySpec
        entity: Any = self.world.get(spec.entity)
        if entity.wire_type != 'HostSystem':
            raise invalid_argument('querySpec.entity')
        children = (
            self._answer(merged(spec, types.PerfQuerySpec(entity=machine.ref)))
            for machine in entity.vm
        )
        return types.PerfCompositeMetric(
            entity=self._answer(spec), childEntity=[one for one in children if one is not None]
        )

    # Inside

    def _info(self, counter: Counter) -> DataObject:
        found = counter.info()
        for name, level in self._levels.get(counter.key, {}).items():
            setattr(found, name, level)
        return found

    def _answer(self, spec: DataObject) -> DataObject | None:
        entity = self.world.get(spec.entity)
        if not _provides(entity):
            raise invalid_argument('querySpec.entity')
        if spec.format not in (None, 'normal', 'csv'):
            raise invalid_argument('querySpec.format')
        if spec.maxSample is not None and spec.maxSample < 1:
            raise invalid_argument('querySpec.maxSample')
        period = spec.intervalId or REAL_TIME
        times = self._times(entity, period, spec.startTime, spec.endTime)
        # vCenter heeds the limit only where it asks the host.
        if spec.maxSample and period == REAL_TIME:
            times = times[-spec.maxSample :]
        figures = self._figures(entity)
        wanted = _chosen(figures, spec.metricId)
        if not times or not figures:
            return None
        series = {
            metric: self._series(entity, metric, figures[metric], len(times), period)
            for metric in wanted
        }
        if spec.format == 'csv':
            return _as_csv(entity, times, series, period)
        return types.PerfEntityMetric(
            entity=entity.ref,
            sampleInfo=[types.PerfSampleInfo(timestamp=at, interval=period) for at in times],
            value=[
                types.PerfMetricIntSeries(id=metric.id(), value=values)
                for metric, values in series.items()
            ],
        )

    def _figures(self, entity: ManagedObject) -> dict[Metric, int]:
        """What there is to be measured of something, and what it is as a rule."""
        if entity.wire_type == 'HostSystem':
            found = host_figures(entity)  # type: ignore[arg-type]
        else:
            found = machine_figures(entity)  # type: ignore[arg-type]
        figures = {
            Metric(_BY_NAME[name], instance): value for (name, instance), value in found.items()
        }
        if figures:
            # A device that is only in the records is one that the test made up.
            figures |= {
                metric: 0
                for at, metric in self._recorded
                if at == entity.ref.value and metric not in figures
            }
        return figures

    def _series(
        self, entity: ManagedObject, metric: Metric, usual: int, count: int, period: int
    ) -> list[int]:
        if period != REAL_TIME:
            return [usual] * count
        recorded = self._recorded.get((entity.ref.value, metric), [])
        return ([usual] * count + recorded)[-count:]

    def _times(
        self,
        entity: Any,
        period: int,
        begin: datetime.datetime | None,
        end: datetime.datetime | None,
    ) -> list[datetime.datetime]:
        """When samples were taken: after the one time, up to the other."""
        kept = {REAL_TIME: _REAL_TIME_KEPT}
        for interval in self.historicalInterval:
            kept[interval.samplingPeriod] = interval.length if interval.enabled else 0
        if period not in kept:
            raise invalid_argument('querySpec.interval')
        if entity.boot_time is None:
            return []
        now = self.world.now()
        last = min(now, end or now)
        bounds = [now - datetime.timedelta(seconds=kept[period]), entity.boot_time, begin]
        first = max(bound for bound in bounds if bound is not None)
        at = int(last.timestamp()) // period * period
        times = []
        while at > first.timestamp():
            times.append(datetime.datetime.fromtimestamp(at, datetime.UTC))
            at -= period
        return times[::-1]


def _provides(entity: ManagedObject) -> bool:
    return entity.wire_type in ('VirtualMachine', 'HostSystem')


def _known(key: int, argument: str) -> Counter:
    if key not in _BY_KEY:
        raise invalid_argument(argument)
    return _BY_KEY[key]


def _chosen(figures: dict[Metric, int], wanted: list[DataObject] | None) -> list[Metric]:
    """The metrics that a question is about: without one all, ``*`` is every instance."""
    if not wanted:
        return list(figures)
    found: dict[Metric, None] = {}
    for one in wanted:
        counter = _known(one.counterId, 'querySpec.metricId')
        for metric in figures:
            if metric.counter is counter and one.instance in ('*', metric.instance):
                found[metric] = None
    return list(found)


def _as_csv(
    entity: ManagedObject,
    times: list[datetime.datetime],
    series: dict[Metric, list[int]],
    period: int,
) -> DataObject:
    samples = ','.join(f'{period},{at:%Y-%m-%dT%H:%M:%SZ}' for at in times)
    return types.PerfEntityMetricCSV(
        entity=entity.ref,
        sampleInfoCSV=samples,
        value=[
            types.PerfMetricSeriesCSV(id=metric.id(), value=','.join(map(str, values)))
            for metric, values in series.items()
        ],
    )

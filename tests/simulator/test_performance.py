"""Counters and their samples, as pyVmomi asks for them."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.vsphere import Client, connected, done

ON = 'Frankfurt/vm/Production/Production databases/fra-db-0002'
OFF = 'Frankfurt/vm/Production/fra-web-0001'
SPEC = vim.PerformanceManager.QuerySpec
METRIC = vim.PerformanceManager.MetricId


@pytest.fixture
def client() -> Iterator[Client]:
    with connected(Inventory(vms=16)) as made:
        yield made


def counter(client: Client, name: str) -> int:
    """The number of a counter, by its name."""
    (key,) = [
        one.key
        for one in client.content.perfManager.perfCounter
        if f'{one.groupInfo.key}.{one.nameInfo.key}.{one.rollupType}' == name
    ]
    return key


def values(client: Client, entity: Any, name: str, instance: str = '*', **more: Any) -> Any:
    """The samples of a counter, by instance."""
    metric = METRIC(counterId=counter(client, name), instance=instance)
    spec = SPEC(entity=entity, metricId=[metric], **({'intervalId': 20, 'maxSample': 1} | more))
    (answer,) = client.content.perfManager.QueryPerf([spec])
    assert answer.entity == entity
    return {one.id.instance: list(one.value) for one in answer.value}


def simulated(client: Client, entity: Any) -> Any:
    """The simulator's object for one of pyVmomi's."""
    return client.vc.world.objects[entity._moId]


def test_counters_are_described(client: Client) -> None:
    """Each counter says what it is; they can be had by number and by level too."""
    manager = client.content.perfManager
    infos = {one.key: one for one in manager.perfCounter}
    assert len(infos) == len(manager.perfCounter)
    usage = infos[counter(client, 'cpu.usage.average')]
    assert (usage.unitInfo.key, usage.statsType, usage.rollupType) == ('percent', 'rate', 'average')
    assert [one.key for one in manager.QueryPerfCounter([usage.key])] == [usage.key]
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.QueryPerfCounter([usage.key, 99999])
    basic = {one.key for one in manager.QueryPerfCounterByLevel(1)}
    assert basic == {key for key, one in infos.items() if one.level == 1} < infos.keys()
    assert [one.samplingPeriod for one in manager.historicalInterval] == [300, 1800, 7200, 86400]


def test_levels_of_counters_are_set_and_reset(client: Client) -> None:
    """A level that is not given stays; a reset brings back those of the installation."""
    manager, key = client.content.perfManager, counter(client, 'mem.active.average')

    def levels() -> tuple[int, int]:
        (info,) = manager.QueryPerfCounter([key])
        return info.level, info.perDeviceLevel

    before = levels()
    mapping = vim.PerformanceManager.CounterLevelMapping
    manager.UpdateCounterLevelMapping([mapping(counterId=key, aggregateLevel=1)])
    assert levels() == (1, before[1])
    assert key in [one.key for one in manager.QueryPerfCounterByLevel(1)]
    manager.UpdateCounterLevelMapping([mapping(counterId=key, perDeviceLevel=4)])
    assert levels() == (1, 4)
    manager.ResetCounterLevelMapping([key])
    assert levels() == before
    for wrong in (mapping(counterId=key, aggregateLevel=5), mapping(counterId=0)):
        with pytest.raises(vmodl.fault.InvalidArgument):
            manager.UpdateCounterLevelMapping([wrong])


def test_periods_of_history_change(client: Client) -> None:
    """No period keeps more than a shorter one, and none goes on without the shorter ones."""
    manager = client.content.perfManager
    day, week, month, year = manager.historicalInterval
    week.level = 2
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.UpdatePerfInterval(week)
    day.level = 2
    with client.seen(manager, 'historicalInterval') as seen:
        manager.UpdatePerfInterval(day)
        manager.UpdatePerfInterval(week)
    assert seen
    assert [one.level for one in manager.historicalInterval] == [2, 2, 1, 1]
    month.enabled = False
    manager.UpdatePerfInterval(month)
    assert [one.enabled for one in manager.historicalInterval] == [True, True, False, False]
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.UpdatePerfInterval(year)
    machine = client.at(ON)
    assert manager.QueryPerf([SPEC(entity=machine, intervalId=month.samplingPeriod)]) == []
    day.samplingPeriod = 77
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.UpdatePerfInterval(day)


def test_figures_agree_with_the_quick_statistics(client: Client) -> None:
    """CPU in MHz and hundredths of a percent, memory in KB: what the machine's summary says."""
    machine = client.at(ON)
    stats, host = machine.summary.quickStats, machine.runtime.host
    share = stats.overallCpuUsage / machine.runtime.maxCpuUsage * 10000
    assert stats.overallCpuUsage > 0
    assert values(client, machine, 'cpu.usagemhz.average', '') == {'': [stats.overallCpuUsage]}
    assert values(client, machine, 'cpu.usage.average', '') == {'': [int(share)]}
    used = stats.hostMemoryUsage * 1024
    assert values(client, machine, 'mem.consumed.average') == {'': [used]}
    used = host.summary.quickStats.overallMemoryUsage * 1024
    assert values(client, host, 'mem.consumed.average') == {'': [used]}


def test_devices_have_figures_of_their_own(client: Client) -> None:
    """A card's instance is its key, a virtual disk's its slot, and the whole is their sum."""
    machine = client.at(ON)
    card = vim.vm.device.VirtualVmxnet3(
        key=-1,
        backing=vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName='VM Network'),
    )
    change = vim.vm.device.VirtualDeviceSpec(operation='add', device=card)
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))
    received = values(client, machine, 'net.received.average')
    assert received.keys() == {'', '4000', '4001'}
    assert received['4000'] != received['4001']
    assert received[''][0] == received['4000'][0] + received['4001'][0]
    assert values(client, machine, 'net.received.average', '4001') == {'4001': received['4001']}
    assert values(client, machine, 'virtualDisk.read.average').keys() == {'scsi0:0'}


@pytest.mark.parametrize('kind', ['NFS', 'VMFS', 'vsan'])
def test_only_vmfs_has_figures_of_luns(client: Client, kind: str) -> None:
    """The group disk is about the LUNs below VMFS; on other datastores there is nothing."""
    machine = next(
        one
        for one in client.all(vim.VirtualMachine)
        if one.runtime.powerState == 'poweredOn' and one.datastore[0].summary.type == kind
    )
    found = values(client, machine, 'disk.numberReadAveraged.average')
    luns = {one.diskName for one in machine.datastore[0].info.vmfs.extent} if kind == 'VMFS' else {}
    assert found.keys() == set(luns)
    assert all(value > 0 for one in found.values() for value in one)


def test_as_many_samples_as_asked_for(client: Client) -> None:
    """At most so many, each 20 seconds after the one before, the last one just taken."""
    machine = client.at(ON)
    now = datetime.datetime.now(datetime.UTC)
    spec = SPEC(entity=machine, intervalId=20, maxSample=5)
    (answer,) = client.content.perfManager.QueryPerf([spec])
    times = [one.timestamp for one in answer.sampleInfo]
    assert len(times) == 5
    assert {one.interval for one in answer.sampleInfo} == {20}
    steps = {late - early for early, late in itertools.pairwise(times)}
    assert steps == {datetime.timedelta(seconds=20)}
    assert abs(now - times[-1]) <= datetime.timedelta(seconds=30)
    # Without a metric it is about all there are, and each has its five values.
    available = client.content.perfManager.QueryAvailablePerfMetric(machine, intervalId=20)
    asked = [(one.counterId, one.instance) for one in available]
    assert [(one.id.counterId, one.id.instance) for one in answer.value] == asked
    assert {len(one.value) for one in answer.value} == {5}
    # All there is of an hour.
    (answer,) = client.content.perfManager.QueryPerf([SPEC(entity=machine, intervalId=20)])
    assert len(answer.sampleInfo) in (179, 180)


def test_a_span_of_time(client: Client) -> None:
    """The beginning is not part of the span, the end is."""
    machine = client.at(ON)
    (answer,) = client.content.perfManager.QueryPerf([SPEC(entity=machine, intervalId=300)])
    times = [one.timestamp for one in answer.sampleInfo]
    assert len(times) in (287, 288)
    spec = SPEC(entity=machine, intervalId=300, startTime=times[10], endTime=times[13])
    (answer,) = client.content.perfManager.QueryPerf([spec])
    assert [one.timestamp for one in answer.sampleInfo] == times[11:14]


def test_values_separated_by_commas(client: Client) -> None:
    """The format csv has the same numbers."""
    machine = client.at(ON)
    plain = values(client, machine, 'cpu.usagemhz.average', '', maxSample=3)
    metric = METRIC(counterId=counter(client, 'cpu.usagemhz.average'), instance='')
    spec = SPEC(entity=machine, metricId=[metric], intervalId=20, maxSample=3, format='csv')
    (answer,) = client.content.perfManager.QueryPerf([spec])
    assert [list(map(int, one.value.split(','))) for one in answer.value] == [plain['']]
    samples = answer.sampleInfoCSV.split(',')
    assert samples[::2] == ['20', '20', '20']
    assert samples[1].endswith('Z')


def test_recorded_samples(client: Client) -> None:
    """What a test records is the end of the series; gaps are -1, as a server has them."""
    machine = client.at(ON)
    usual = values(client, machine, 'cpu.usage.average', '')['']
    client.vc.performance.record(simulated(client, machine), 'cpu.usage.average', [1200, -1, 1800])
    client.vc.performance.record(
        simulated(client, machine), 'net.received.average', [7], instance='4000'
    )
    read = values(client, machine, 'cpu.usage.average', '', maxSample=4)
    assert read == {'': [*usual, 1200, -1, 1800]}
    assert values(client, machine, 'cpu.usage.average', '', maxSample=1) == {'': [1800]}
    assert values(client, machine, 'net.received.average', '4000') == {'4000': [7]}


def test_nothing_of_a_machine_that_is_off(client: Client) -> None:
    """No samples from a machine that is off, nor from before it was switched on."""
    machine, manager = client.at(OFF), client.content.perfManager
    spec = SPEC(entity=machine, intervalId=20, maxSample=3)
    assert manager.QueryPerf([spec]) == []
    assert manager.QueryAvailablePerfMetric(machine, intervalId=20) == []
    done(machine.PowerOnVM_Task())
    started = machine.runtime.bootTime
    answers = manager.QueryPerf([SPEC(entity=machine, intervalId=20)])
    assert all(one.timestamp > started for answer in answers for one in answer.sampleInfo)


def test_who_provides_figures(client: Client) -> None:
    """Machines and hosts do, every 20 seconds; a folder does not, and cannot be asked."""
    manager = client.content.perfManager
    machine, folder = client.at(ON), client.at('Frankfurt/vm')
    summary = manager.QueryPerfProviderSummary(machine)
    assert (summary.currentSupported, summary.refreshRate) == (True, 20)
    summary = manager.QueryPerfProviderSummary(folder)
    assert (summary.currentSupported, summary.refreshRate) == (False, None)
    with pytest.raises(vmodl.fault.InvalidArgument) as raised:
        manager.QueryPerf([SPEC(entity=folder)])
    assert raised.value.invalidProperty == 'querySpec.entity'


@pytest.mark.parametrize(
    ('wrong', 'property'),
    [
        ({'intervalId': 21}, 'querySpec.interval'),
        ({'maxSample': 0}, 'querySpec.maxSample'),
        ({'format': 'xml'}, 'querySpec.format'),
        ({'metricId': [METRIC(counterId=99999, instance='')]}, 'querySpec.metricId'),
    ],
)
def test_questions_that_make_no_sense(client: Client, wrong: dict[str, Any], property: str) -> None:
    """They are refused, with the argument at fault."""
    with pytest.raises(vmodl.fault.InvalidArgument) as raised:
        client.content.perfManager.QueryPerf([SPEC(entity=client.at(ON), **wrong)])
    assert raised.value.invalidProperty == property


def test_a_host_and_its_machines(client: Client) -> None:
    """QueryPerfComposite asks a host and all machines that run on it at once."""
    host = client.at(ON).runtime.host
    metric = METRIC(counterId=counter(client, 'cpu.usagemhz.average'), instance='')
    spec = SPEC(entity=host, metricId=[metric], intervalId=20, maxSample=2)
    found = client.content.perfManager.QueryPerfComposite(spec)
    running = [vm for vm in host.vm if vm.runtime.powerState == 'poweredOn']
    assert found.entity.entity == host
    assert [one.entity for one in found.childEntity] == running
    assert {len(one.value[0].value) for one in found.childEntity} == {2}
    spec.entity = running[0]
    with pytest.raises(vmodl.fault.InvalidArgument):
        client.content.perfManager.QueryPerfComposite(spec)

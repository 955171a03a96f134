"""Ceilometer's ``VsphereInspector``: what it samples of an instance is what the server measured.

The server measures by what the machine's quick statistics say, and what a test has recorded; see
``oslo_vmware/simulator/objects/performance_manager.py``. Rates of LUNs are for VMFS only, so the
machines here lie on VMFS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ceilometer.compute.virt import inspector as virt_inspector
from ceilometer.compute.virt.vmware.inspector import VsphereInspector

from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.simulator.world.data import types as data
from tests.drivers.ceilometer.support import inspecting, instance

KIB = 1024

# As in Nova's machines: the instance's id, which the inspector finds a machine by.
INSTANCE_KEY = 'nvp.vm-uuid'
RUNNING = '6f6f8ae4-5b2e-4b60-9be4-0d62a1a4b3f1'
OFF = '0b5c55ff-8a6e-49f7-a5ae-0a3c1f9d6d7e'


@pytest.fixture(scope='module')
def server() -> Iterator[VCenterSimulator]:
    inventory = Inventory(nfs_datastores=0, vsan_datastores=0, vms=40)
    with VCenterSimulator(inventory=inventory, task_seconds=0.01) as made:
        for machine, uuid in zip(_running(made)[:1] + _off(made)[:1], (RUNNING, OFF), strict=True):
            # Nova has written down whose it is.
            machine.extra = {INSTANCE_KEY: uuid}
        yield made


@pytest.fixture
def vcenter(server: VCenterSimulator) -> Iterator[VCenterSimulator]:
    """The vCenter, which one test finds like the other."""
    server.calls.clear()
    yield server
    server.performance.forget()
    assert server.errors == []


@pytest.fixture
def machine(vcenter: VCenterSimulator) -> Any:
    """The machine of the instance that runs."""
    return _running(vcenter)[0]


def _machines(vcenter: VCenterSimulator) -> list[Any]:
    return [one for one in vcenter.world.objects.values() if one.is_a('VirtualMachine')]


def _running(vcenter: VCenterSimulator) -> list[Any]:
    return [one for one in _machines(vcenter) if one.running]


def _off(vcenter: VCenterSimulator) -> list[Any]:
    return [one for one in _machines(vcenter) if one.power_state == 'poweredOff']


@pytest.fixture(scope='module')
def started(server: VCenterSimulator) -> Iterator[VsphereInspector]:
    """The inspector, configured as in a deployment. One serves for as long as its agent runs."""
    with inspecting(server) as made:
        assert len(server.sessions) == 1
        yield made
    assert len(server.sessions) == 0


@pytest.fixture
def inspector(started: VsphereInspector, vcenter: VCenterSimulator) -> VsphereInspector:
    return started


def test_cpu_and_memory(
    inspector: VsphereInspector, vcenter: VCenterSimulator, machine: Any
) -> None:
    """CPU in percent and memory in MiB are those of the machine, as the server shows them."""
    vcenter.calls.clear()
    stats = inspector.inspect_instance(instance(RUNNING), duration=600)
    quick = machine.summary.quickStats
    usage = quick.overallCpuUsage / (machine.num_cpu * machine.host.model.mhz) * 100
    assert stats.cpu_util > 0
    assert stats.cpu_util == pytest.approx(usage, abs=0.01)
    assert stats.memory_usage == quick.hostMemoryUsage
    # One question for each of the counters, about this machine.
    assert vcenter.count('QueryPerf') == 2


def test_samples_are_averaged_and_gaps_ignored(
    inspector: VsphereInspector, vcenter: VCenterSimulator, machine: Any
) -> None:
    """The mean over the duration asked for; -1, which stands for no sample, does not count."""
    vcenter.performance.record(machine, 'cpu.usage.average', [9900, 1000, -1, 3000])
    vcenter.performance.record(machine, 'mem.consumed.average', [2048, 4096 + 2048])
    # 60 seconds are three samples.
    assert inspector.inspect_instance(instance(RUNNING), duration=60).cpu_util == 20.0
    assert inspector.inspect_instance(instance(RUNNING), duration=40).memory_usage == 4.0
    # Less than the time between two samples is the last one.
    latest = inspector.inspect_instance(instance(RUNNING), duration=None)
    assert (latest.cpu_util, latest.memory_usage) == (30.0, 6.0)


def test_vnic_rates(inspector: VsphereInspector, vcenter: VCenterSimulator, machine: Any) -> None:
    """Rates in bytes per second of each card by its key; neither the sum of all cards nor the
    host's own cards are among them.
    """
    card = data.VirtualVmxnet3(
        key=-1,
        backing=data.VirtualEthernetCardNetworkBackingInfo(deviceName='VM Network'),
    )
    before = machine.own_devices
    change = data.VirtualDeviceConfigSpec(operation='add', device=card)
    machine.configure(data.VirtualMachineConfigSpec(deviceChange=[change]))
    record = vcenter.performance.record
    record(machine, 'net.received.average', [10, 30], instance='4000')
    record(machine, 'net.transmitted.average', [5, 6], instance='4000')
    record(machine, 'net.received.average', [200, 201], instance='4001')
    record(machine, 'net.transmitted.average', [0, 0], instance='4001')
    record(machine, 'net.received.average', [999, 999], instance='vmnic0')
    found = list(inspector.inspect_vnic_rates(instance(RUNNING), duration=40))
    machine.own_devices = before
    assert [(one.name, one.rx_bytes_rate, one.tx_bytes_rate) for one in found] == [
        ('4000', 20 * KIB, 5.5 * KIB),
        ('4001', 200.5 * KIB, 0),
    ]


def test_vnic_rates_as_measured(inspector: VsphereInspector, machine: Any) -> None:
    """Without records there is a rate for each card that the machine has."""
    found = list(inspector.inspect_vnic_rates(instance(RUNNING), duration=600))
    cards = [str(one.key) for one in machine.devices if one.wire_type == 'VirtualVmxnet3']
    assert [one.name for one in found] == cards == ['4000']
    assert found[0].rx_bytes_rate > 0
    assert found[0].rx_bytes_rate != found[0].tx_bytes_rate > 0


def test_disk_rates(inspector: VsphereInspector, vcenter: VCenterSimulator, machine: Any) -> None:
    """Bytes and requests per second, read and written, of each LUN that the machine lies on."""
    lun = machine.home.disk_name
    for counter, values in {
        'read': [10, 12],
        'write': [100, 300],
        'numberReadAveraged': [3, 4],
        'numberWriteAveraged': [7, 9],
    }.items():
        vcenter.performance.record(machine, f'disk.{counter}.average', values, instance=lun)
    (found,) = inspector.inspect_disk_rates(instance(RUNNING), duration=40)
    assert found.device == lun
    assert found.device.startswith('naa.6')
    assert (found.read_bytes_rate, found.read_requests_rate) == (11 * KIB, 3.5)
    assert (found.write_bytes_rate, found.write_requests_rate) == (200 * KIB, 8)


def test_counters_are_looked_up_once(
    inspector: VsphereInspector, vcenter: VCenterSimulator
) -> None:
    """The numbers of the counters and the machines are read once, whatever is sampled after."""
    inspector.inspect_instance(instance(RUNNING), duration=60)
    vcenter.calls.clear()
    inspector.inspect_instance(instance(RUNNING), duration=60)
    list(inspector.inspect_disk_rates(instance(RUNNING), duration=60))
    assert vcenter.count('QueryPerf') == 2 + 4
    # Beyond that the power state only.
    assert vcenter.calls.counts.total() == 2 + 4 + 2


def test_many_machines_are_found_page_by_page(
    inspector: VsphereInspector, vcenter: VCenterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines beyond the first page of the inventory are found too."""
    late = _running(vcenter)[-1]
    uuid = '2f0d4b7c-5c53-4e8b-8c42-7f3c1f1f9a11'
    late.extra = {INSTANCE_KEY: uuid}
    monkeypatch.setattr(inspector._ops, '_max_objects', 7)
    stats = inspector.inspect_instance(instance(uuid), duration=20)
    assert stats.memory_usage == late.summary.quickStats.hostMemoryUsage
    assert vcenter.count('ContinueRetrievePropertiesEx') == 5


@pytest.mark.parametrize('sample', ['instance', 'vnic_rates', 'disk_rates'])
def test_instances_without_samples(inspector: VsphereInspector, sample: str) -> None:
    """One that is shut off and one that is not there raise Ceilometer's own exceptions."""
    inspect = getattr(inspector, f'inspect_{sample}')

    def samples(uuid: str) -> None:
        found = inspect(instance(uuid), duration=60)
        if sample != 'instance':
            list(found)

    with pytest.raises(virt_inspector.InstanceShutOffException):
        samples(OFF)
    with pytest.raises(virt_inspector.InstanceNotFoundException):
        samples('3d0b1f4a-0000-4000-8000-7b2f1f3f9a77')

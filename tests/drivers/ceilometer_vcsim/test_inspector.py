"""Ceilometer's ``VsphereInspector`` on a vCenter that is not ours.

Of a machine's samples those of the machine as a whole come, not those of its devices: govmomi's
simulator takes the ``*`` that stands for all of them for the name of one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ceilometer.compute.virt import inspector as virt_inspector
from ceilometer.compute.virt.vmware.inspector import VsphereInspector
from pyVim.task import WaitForTask
from pyVmomi import vim

from tests.drivers.ceilometer.support import inspecting, instance
from tests.drivers.on_vcsim.inventory import machines
from tests.drivers.on_vcsim.server import Vcsim, running

RUNNING = '6f6f8ae4-5b2e-4b60-9be4-0d62a1a4b3f1'
OFF = '0b5c55ff-8a6e-49f7-a5ae-0a3c1f9d6d7e'
SAMPLES = 60


@pytest.fixture(scope='module')
def server() -> Iterator[Vcsim]:
    """Two of its machines are Nova's, of which one runs."""
    with running() as made:
        with made.observer() as content:
            for machine, uuid in zip(machines(content), (OFF, RUNNING), strict=False):
                option = vim.option.OptionValue(key='nvp.vm-uuid', value=uuid)
                WaitForTask(machine.ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=[option])))
            WaitForTask(machines(content)[1].PowerOnVM_Task())
        yield made


@pytest.fixture(scope='module')
def inspector(server: Vcsim) -> Iterator[VsphereInspector]:
    """The inspector, which has no more than one session."""
    with inspecting(server) as made:
        yield made
    with server.observer() as content:
        assert len(content.sessionManager.sessionList) == 1


def mean(server: Vcsim, group: str, name: str) -> float:
    """Of a counter of the instance that runs, as VMware's own SDK reads it."""
    with server.observer() as content:
        manager = content.perfManager
        (counter,) = [
            one.key
            for one in manager.perfCounter
            if (one.groupInfo.key, one.nameInfo.key, one.rollupType) == (group, name, 'average')
        ]
        query = vim.PerformanceManager.QuerySpec(
            entity=machines(content)[1],
            metricId=[vim.PerformanceManager.MetricId(counterId=counter, instance='')],
            intervalId=20,
            maxSample=SAMPLES,
        )
        (answer,) = manager.QueryPerf([query])
        values = answer.value[0].value
    assert len(values) == SAMPLES
    return sum(values) / SAMPLES


def test_cpu_and_memory(server: Vcsim, inspector: VsphereInspector) -> None:
    """The means are those of the server, which adds some noise to what it has, each time anew."""
    stats = inspector.inspect_instance(instance(RUNNING), duration=20 * SAMPLES)
    # The noise of a sample is a fifth of it, that of two means of sixty one part in 27.
    assert stats.cpu_util == pytest.approx(mean(server, 'cpu', 'usage') / 100, rel=0.25)
    assert stats.memory_usage == pytest.approx(mean(server, 'mem', 'consumed') / 1024, rel=0.25)


def test_devices_are_not_told_apart(inspector: VsphereInspector) -> None:
    """When govmomi learns it, rates of cards and disks are flows as those above."""
    cards = list(inspector.inspect_vnic_rates(instance(RUNNING), duration=60))
    assert [card.name for card in cards] == ['*']
    # It has no figures for a machine's disks, and leaves out the zeros that it takes for them.
    with pytest.raises(AttributeError, match=r"'PerfMetricIntSeries' .* 'value'"):
        list(inspector.inspect_disk_rates(instance(RUNNING), duration=60))


def test_instances_without_samples(inspector: VsphereInspector) -> None:
    """One that is shut off and one that is not there raise Ceilometer's own exceptions."""
    with pytest.raises(virt_inspector.InstanceShutOffException):
        inspector.inspect_instance(instance(OFF), duration=60)
    with pytest.raises(virt_inspector.InstanceNotFoundException):
        inspector.inspect_instance(instance('3d0b1f4a-0000-4000-8000-7b2f1f3f9a77'), duration=60)

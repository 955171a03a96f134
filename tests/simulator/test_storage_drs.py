"""Datastore clusters: recommendations for what is new or moves, and their being applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from tests.simulator.vsphere import Client, connected, done, failed

MACHINE = 'Frankfurt/vm/Production/fra-web-0001'
POD = 'Frankfurt/datastore/fra-pod-01'
FIRST, SECOND = 'fra-pod-01-vmfs-01', 'fra-pod-01-vmfs-02'
SPEC = vim.storageDrs.StoragePlacementSpec


@pytest.fixture
def client() -> Iterator[Client]:
    with connected() as made:
        made.vc.set_free_space(FIRST, 500 * 1024**3)
        made.vc.set_free_space(SECOND, 400 * 1024**3)
        yield made


def placement(client: Client, kind: str, **fields: Any) -> Any:
    pods = vim.storageDrs.PodSelectionSpec(storagePod=client.at(POD))
    return SPEC(type=kind, podSelectionSpec=pods, **fields)


def new_machine(client: Client, gib: int = 1) -> Any:
    """A placement of a new machine with a thick disk."""
    machine = client.at(MACHINE)
    scsi = vim.vm.device.ParaVirtualSCSIController(key=-1, busNumber=0, sharedBus='noSharing')
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName='', diskMode='persistent')
    disk = vim.vm.device.VirtualDisk(
        key=-2, controllerKey=-1, unitNumber=0, capacityInKB=gib * 1024**2, backing=backing
    )
    change = vim.vm.device.VirtualDeviceSpec
    return placement(
        client,
        'create',
        configSpec=vim.vm.ConfigSpec(
            name='new',
            memoryMB=512,
            deviceChange=[
                change(operation='add', device=scsi),
                change(operation='add', fileOperation='create', device=disk),
            ],
        ),
        resourcePool=machine.resourcePool,
        folder=client.at('Frankfurt/vm'),
    )


def recommended(client: Client, spec: Any) -> list[Any]:
    return list(client.content.storageResourceManager.RecommendDatastores(spec).recommendations)


def applied(client: Client, recommendation: Any) -> Any:
    manager = client.content.storageResourceManager
    return done(manager.ApplyStorageDrsRecommendation_Task([recommendation.key])).vm


def test_a_new_machine_goes_to_the_emptiest(client: Client) -> None:
    """Members are recommended by the room they have; the first is where the machine then lies."""
    best, other = recommended(client, new_machine(client))
    assert [one.action[0].destination.name for one in (best, other)] == [FIRST, SECOND]
    assert best.rating > other.rating
    made = applied(client, best)
    assert made.name == 'new'
    assert [one.name for one in made.datastore] == [FIRST]
    with pytest.raises(vmodl.fault.InvalidArgument):
        client.content.storageResourceManager.ApplyStorageDrsRecommendation_Task([best.key])


def test_no_room_is_said(client: Client) -> None:
    """What fits nowhere has no recommendation, and the reason stands beside it."""
    (only,) = recommended(client, new_machine(client, gib=450))
    assert only.action[0].destination.name == FIRST
    result = client.content.storageResourceManager.RecommendDatastores(new_machine(client, 501))
    assert list(result.recommendations) == []
    assert 'fra-pod-01' in result.drsFault.reason


def test_clones_and_moves(client: Client) -> None:
    """A clone and a machine that moves go where it was recommended."""
    machine = client.at(MACHINE)
    spec = placement(
        client,
        'clone',
        vm=machine,
        folder=machine.parent,
        cloneName='twin',
        cloneSpec=vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), powerOn=False, template=False),
    )
    twin = applied(client, recommended(client, spec)[0])
    assert (twin.name, [one.name for one in twin.datastore]) == ('twin', [FIRST])
    moves = recommended(client, placement(client, 'relocate', vm=twin))
    second = next(one for one in moves if one.action[0].destination.name == SECOND)
    assert applied(client, second) == twin
    assert [one.name for one in twin.datastore] == [SECOND]


def test_recommendations_are_cancelled(client: Client) -> None:
    """A recommendation that was cancelled cannot be applied; refreshing makes no new one."""
    manager = client.content.storageResourceManager
    (best, _other) = recommended(client, new_machine(client))
    manager.CancelStorageDrsRecommendation([best.key])
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.ApplyStorageDrsRecommendation_Task([best.key])
    manager.RefreshStorageDrsRecommendation(client.at(POD))


def test_storage_drs_is_configured(client: Client) -> None:
    """What a configuration leaves out stays as it was."""
    pod = client.at(POD)
    settings = vim.storageDrs.ConfigSpec(
        podConfigSpec=vim.storageDrs.PodConfigSpec(enabled=False, loadBalanceInterval=60)
    )
    manager = client.content.storageResourceManager
    done(manager.ConfigureStorageDrsForPod_Task(pod, settings, True))
    found = pod.podStorageDrsEntry.storageDrsConfig.podConfig
    assert (found.enabled, found.loadBalanceInterval) == (False, 60)
    assert (found.defaultVmBehavior, found.defaultIntraVmAffinity) == ('manual', True)


@pytest.mark.parametrize(
    'change',
    [
        lambda spec: setattr(spec, 'type', 'nonsense'),
        lambda spec: setattr(spec, 'configSpec', None),
        lambda spec: setattr(spec, 'resourcePool', None),
        lambda spec: setattr(spec.podSelectionSpec, 'storagePod', None),
    ],
)
def test_specifications_that_lack_something(client: Client, change: Callable[[Any], None]) -> None:
    """What a placement needs and does not have is named."""
    spec = new_machine(client)
    change(spec)
    with pytest.raises(vmodl.fault.InvalidArgument):
        recommended(client, spec)


def test_the_folder_can_wait(client: Client) -> None:
    """A recommendation without a folder is for who creates the machine on their own."""
    spec = new_machine(client)
    spec.folder = None
    best, _ = recommended(client, spec)
    manager = client.content.storageResourceManager
    failed(vmodl.fault.InvalidArgument, manager.ApplyStorageDrsRecommendation_Task([best.key]))


@pytest.mark.parametrize(('kind', 'port'), [('mks', 902), ('webmks', 443)])
def test_console_tickets(client: Client, kind: str, port: int) -> None:
    """A running machine has tickets for its console, each another one; a web one has a URL."""
    machine = next(
        one for one in client.all(vim.VirtualMachine) if one.runtime.powerState == 'poweredOn'
    )
    found = machine.AcquireTicket(kind)
    assert (found.host, found.port) == (machine.runtime.host.name, port)
    assert found.cfgFile == machine.config.files.vmPathName
    assert (found.url or '').startswith('wss://') == (kind == 'webmks')
    assert found.sslThumbprint == machine.runtime.host.summary.config.sslThumbprint
    assert machine.AcquireTicket(kind).ticket != found.ticket
    assert machine.AcquireMksTicket().port == 902


def test_no_console_without_power(client: Client) -> None:
    """A machine that does not run has no console; a kind of ticket that is none is refused."""
    machine = next(
        one for one in client.all(vim.VirtualMachine) if one.runtime.powerState == 'poweredOff'
    )
    with pytest.raises(vim.fault.InvalidPowerState):
        machine.AcquireTicket('mks')
    with pytest.raises(vmodl.fault.InvalidArgument):
        machine.AcquireTicket('nonsense')

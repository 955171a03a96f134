"""Which hosts can use a datastore: mounts that are missing or lost, and maintenance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim

from tests.simulator.vsphere import Client, connected, done, failed


@pytest.fixture
def client() -> Iterator[Client]:
    with connected() as made:
        yield made


def simulated(client: Client, entity: Any) -> Any:
    """The simulator's own object behind pyVmomi's."""
    return client.vc.world.objects[entity._moId]


def mounts(datastore: Any) -> dict[str, tuple[bool, bool]]:
    return {
        one.key._moId: (one.mountInfo.mounted, one.mountInfo.accessible) for one in datastore.host
    }


@pytest.mark.parametrize('state', [(False, True), (True, False)])
def test_mounts(client: Client, state: tuple[bool, bool]) -> None:
    """A datastore tells for each host whether it can use it; watchers learn of a change."""
    datastore = client.at('Frankfurt/datastore/fra-nfs-01')
    first, *others = [one.key for one in datastore.host]
    assert set(mounts(datastore).values()) == {(True, True)}
    behind = simulated(client, datastore)
    with client.seen(datastore, 'host', 'summary.accessible') as changed:
        behind.mount_on(simulated(client, first), mounted=state[0], accessible=state[1])
    assert changed == ['host']
    usable = (state[0], False)
    expected = {first._moId: usable, **{one._moId: (True, True) for one in others}}
    assert mounts(datastore) == expected
    (info,) = [
        one.mountInfo
        for one in first.config.fileSystemVolume.mountInfo
        if one.volume.name == datastore.name
    ]
    assert (info.mounted, info.accessible) == usable
    assert (info.inaccessibleReason is not None) is state[0]
    # As long as one host gets through to it, it is accessible.
    assert datastore.summary.accessible
    for host in others:
        behind.mount_on(simulated(client, host), mounted=state[0], accessible=state[1])
    assert not datastore.summary.accessible
    behind.mount_on(simulated(client, first))
    assert datastore.summary.accessible
    assert mounts(datastore)[first._moId] == (True, True)


def test_a_datastore_that_is_lost_is_lost_to_all(client: Client) -> None:
    """What nobody gets through to is so on each host."""
    datastore = client.at('Frankfurt/datastore/fra-nfs-01')
    simulated(client, datastore).update(accessible=False)
    assert set(mounts(datastore).values()) == {(True, False)}
    assert not datastore.summary.accessible


def test_maintenance_of_a_datastore(client: Client) -> None:
    """A datastore without machines goes into maintenance and comes back."""
    datastore = client.at('Frankfurt/datastore/fra-nfs-01')
    refused = failed(vim.fault.ResourceInUse, datastore.DatastoreEnterMaintenanceMode().task)
    assert refused.name == datastore.name
    assert datastore.summary.maintenanceMode == 'normal'
    failed(vim.fault.InvalidState, datastore.DatastoreExitMaintenanceMode_Task())
    for vm in list(datastore.vm):
        if vm.runtime.powerState == 'poweredOn':
            done(vm.PowerOffVM_Task())
        done(vm.Destroy_Task())
    done(datastore.DatastoreEnterMaintenanceMode().task)
    assert datastore.summary.maintenanceMode == 'inMaintenance'
    failed(vim.fault.InvalidState, datastore.DatastoreEnterMaintenanceMode().task)
    done(datastore.DatastoreExitMaintenanceMode_Task())
    assert datastore.summary.maintenanceMode == 'normal'

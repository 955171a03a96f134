"""Datastores, read from a simulated vCenter."""

import pytest

from oslo_vmware import api, vim_util
from oslo_vmware.objects import datastore


def first(session: api.VMwareAPISession, type_: str) -> object:
    return session.invoke_api(vim_util, 'get_objects', session.vim, type_, 100).objects[0].obj


def test_a_datastore_is_read(session: api.VMwareAPISession) -> None:
    """Name, type and sizes are the server's."""
    ref = first(session, 'Datastore')
    found = datastore.get_datastore_by_ref(session, ref)
    summary = found.get_summary(session)
    assert found.ref is ref
    assert (found.name, found.type) == (summary.name, summary.type)
    assert (found.capacity, found.freespace) == (summary.capacity, summary.freeSpace)


def test_connected_hosts(session: api.VMwareAPISession) -> None:
    """All hosts that mount the datastore, and none in maintenance."""
    found = datastore.get_datastore_by_ref(session, first(session, 'Datastore'))
    hosts = found.get_connected_hosts(session)
    mounts = session.invoke_api(
        vim_util, 'get_object_property', session.vim, found.ref, 'host'
    ).DatastoreHostMount
    assert {host.value for host in hosts} == {mount.key.value for mount in mounts}
    session.wait_for_task(
        session.invoke_api(session.vim, 'EnterMaintenanceMode_Task', hosts[0], timeout=0)
    )
    left = {host.value for host in found.get_connected_hosts(session)}
    assert left == {host.value for host in hosts[1:]}


@pytest.mark.parametrize('name', ['group-p9', 'no such cluster'])
def test_no_datastore_cluster(session: api.VMwareAPISession, name: str) -> None:
    """An id that is not there is looked for as a name, and then there is none."""
    assert datastore.get_dsc_ref_and_name(session, name) == (None, None)


def test_a_datastore_of_a_cluster_is_recommended(session: api.VMwareAPISession) -> None:
    """What is recommended for a new machine is a key by which the server then makes it there."""
    pod, _name = datastore.get_dsc_ref_and_name(session, 'fra-pod-01')
    machine = first(session, 'VirtualMachine')
    read = 'get_object_properties_dict'
    at = session.invoke_api(vim_util, read, session.vim, machine, ['resourcePool', 'parent'])
    factory = session.vim.client.factory
    config = factory.create('ns0:VirtualMachineConfigSpec')
    config.name = 'placed'
    key = datastore.get_recommended_datastore_create(
        session, pod, config, at['resourcePool'], at['parent']
    )
    task = session.invoke_api(
        session.vim,
        'ApplyStorageDrsRecommendation_Task',
        session.vim.service_content.storageResourceManager,
        key=[key],
    )
    made = session.wait_for_task(task).result.vm
    found = session.invoke_api(vim_util, read, session.vim, made, ['name', 'datastore'])
    members = session.invoke_api(
        vim_util, 'get_object_property', session.vim, pod, 'childEntity'
    ).ManagedObjectReference
    assert found['name'] == 'placed'
    assert {one.value for one in found['datastore'].ManagedObjectReference} < {
        one.value for one in members
    }

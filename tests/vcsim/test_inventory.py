"""Reading the inventory: what the library finds is what VMware's own SDK finds."""

from typing import Any

import pytest
from pyVmomi import vim

from oslo_vmware import api, exceptions, vim_util
from tests.functional.conftest import SessionMaker
from tests.vcsim.comparison import differences, reference
from tests.vcsim.conftest import ServerMaker
from tests.vcsim.server import Vcsim

HOSTS, VMS = 50, 500


def found_by_sdk(content: Any, kind: type) -> list[Any]:
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    found = list(view.view)
    view.DestroyView()
    return found


def contents(
    session: api.VMwareAPISession, type_: str, page: int = 100, properties: Any = None
) -> list[Any]:
    result = session.invoke_api(vim_util, 'get_objects', session.vim, type_, page, properties)
    with vim_util.WithRetrieval(session.vim, result) as found:
        return list(found)


@pytest.mark.parametrize(
    'kind',
    [
        vim.Folder,
        vim.Datacenter,
        vim.ComputeResource,
        vim.ClusterComputeResource,
        vim.HostSystem,
        vim.ResourcePool,
        vim.VirtualMachine,
        vim.Datastore,
        vim.Network,
        vim.DistributedVirtualSwitch,
        vim.dvs.DistributedVirtualPortgroup,
    ],
    ids=lambda kind: kind._wsdlName,
)
def test_the_traversal_reaches_every_type(
    vc: Vcsim, session: api.VMwareAPISession, kind: Any
) -> None:
    """get_objects, with the recursive traversal, and a view of the SDK find the same objects."""
    found = [reference(content.obj) for content in contents(session, kind._wsdlName)]
    with vc.observer() as content:
        there = [reference(entity) for entity in found_by_sdk(content, kind)]
        if kind is vim.Folder:
            # Where the search begins is in no view of what is below it.
            there.append(reference(content.rootFolder))
    assert there
    assert sorted(found) == sorted(there)


@pytest.mark.parametrize('page', [7, 1000])
def test_a_big_inventory_is_read_whole(
    start: ServerMaker, connect: SessionMaker, page: int
) -> None:
    """Each machine and each host comes once with its values, whatever the page size.

    govmomi 0.24 takes no notice of ``maxObjects`` and gives everything at once; the library must
    not depend on the page size it asked for.
    """
    vc = start('-hosts', str(HOSTS), '-vms', str(VMS))
    session = connect(vc)
    wanted = ['name', 'runtime.powerState', 'config.uuid', 'runtime.host']
    found = {
        content.obj.value: vim_util.propset_dict(content.propSet)
        for content in contents(session, 'VirtualMachine', page, wanted)
    }
    hosts = [content.obj for content in contents(session, 'HostSystem', page)]
    reply = session.invoke_api(
        vim_util,
        'get_properties_for_a_collection_of_objects',
        session.vim,
        'HostSystem',
        hosts,
        ['summary'],
        max_objects=page,
    )
    with vim_util.WithRetrieval(session.vim, reply) as summaries:
        summary_of = {one.obj.value: one.propSet[0].val for one in summaries}
    with vc.observer() as content:
        machines = found_by_sdk(content, vim.VirtualMachine)
        assert len(machines) == len(found) == VMS
        # One read of the SDK for each value: not all of 500.
        for machine in machines[:10]:
            values = found[machine._moId]
            assert values['name'] == machine.name
            assert values['runtime.powerState'] == machine.runtime.powerState
            assert values['config.uuid'] == machine.config.uuid
            assert reference(values['runtime.host']) == reference(machine.runtime.host)
        assert len(summary_of) == HOSTS
        host = found_by_sdk(content, vim.HostSystem)[HOSTS // 2]
        assert list(differences(summary_of[host._moId], host.summary)) == []


def managers(content: Any) -> dict[str, Any]:
    return {
        'AuthorizationManager': content.authorizationManager,
        'OptionManager': content.setting,
        'PerformanceManager': content.perfManager,
        'TaskManager': content.taskManager,
        'LicenseManager': content.licenseManager,
    }


@pytest.mark.parametrize(
    ('kind', 'name'),
    [
        ('VirtualMachine', 'config'),
        ('VirtualMachine', 'summary'),
        ('VirtualMachine', 'runtime'),
        ('VirtualMachine', 'guest'),
        ('VirtualMachine', 'layoutEx'),
        ('VirtualMachine', 'network'),
        ('VirtualMachine', 'config.hardware.device'),
        ('HostSystem', 'config'),
        ('HostSystem', 'hardware'),
        ('HostSystem', 'summary'),
        ('HostSystem', 'runtime'),
        ('HostSystem', 'configManager'),
        ('ClusterComputeResource', 'configurationEx'),
        ('ClusterComputeResource', 'summary'),
        ('ClusterComputeResource', 'host'),
        ('ResourcePool', 'config'),
        ('ResourcePool', 'runtime'),
        ('Datastore', 'info'),
        ('Datastore', 'summary'),
        ('Datastore', 'host'),
        ('Datastore', 'capability'),
        ('DistributedVirtualSwitch', 'config'),
        ('DistributedVirtualSwitch', 'capability'),
        ('DistributedVirtualPortgroup', 'config'),
        ('Network', 'summary'),
        ('Datacenter', 'datastore'),
        ('Folder', 'childType'),
        ('AuthorizationManager', 'roleList'),
        ('OptionManager', 'setting'),
        ('PerformanceManager', 'perfCounter'),
        ('TaskManager', 'description'),
        ('LicenseManager', 'licenses'),
    ],
)
def test_a_value_is_decoded_as_the_sdk_does(
    vc: Vcsim, session: api.VMwareAPISession, kind: str, name: str
) -> None:
    """Down to the last field: the same types, names, numbers, times, references and lists."""
    with vc.observer() as content:
        if kind in managers(content):
            entity = managers(content)[kind]
        else:
            entity = found_by_sdk(content, getattr(vim, kind, None) or getattr(vim.dvs, kind))[0]
        # The servers' type names; the SDK asks for the one it knows the object by.
        moref = vim_util.get_moref(entity._moId, kind)
        value = session.invoke_api(vim_util, 'get_object_property', session.vim, moref, name)
        expected = entity
        for part in name.split('.'):
            expected = getattr(expected, part)
        assert expected
        assert list(differences(value, expected)) == []


def test_the_service_content(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """What the server says of itself, with all its managers."""
    with vc.observer() as content:
        assert list(differences(session.vim.service_content, content)) == []
        assert vim_util.get_vc_version(session) == content.about.version == '6.5.0'


def test_properties_of_one_object(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """As a dict; a property that has no value is left out, and all of them come when asked."""
    vm = contents(session, 'VirtualMachine')[0].obj
    read = vim_util.get_object_properties_dict
    found = read(session.vim, vm, ['name', 'config.managedBy'])
    assert found.keys() == {'name'}
    everything = session.invoke_api(vim_util, 'get_object_properties', session.vim, vm, None)
    names = vim_util.propset_dict(everything[0].propSet)
    assert names['name'] == found['name']
    assert {'config', 'runtime', 'datastore', 'parent'} <= names.keys()


def test_an_option_by_its_key(session: api.VMwareAPISession) -> None:
    """Of the machines that have it; for the others there is no value."""
    vm, other = (content.obj for content in contents(session, 'VirtualMachine')[:2])
    create = session.vim.client.factory.create
    spec, option = create('ns0:VirtualMachineConfigSpec'), create('ns0:OptionValue')
    option.key, option.value = 'nvp.vm-uuid', 'ünïcode <&>'
    spec.extraConfig = [option]
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', vm, spec=spec))
    path = 'config.extraConfig["nvp.vm-uuid"]'
    found = {
        content.obj.value: vim_util.propset_dict(getattr(content, 'propSet', None))
        for content in contents(session, 'VirtualMachine', properties=[path, f'{path}.value'])
    }
    assert found[other.value] == {}
    assert found[vm.value].keys() == {path, f'{path}.value'}
    assert (found[vm.value][path].key, found[vm.value][path].value) == (option.key, option.value)
    assert found[vm.value][f'{path}.value'] == option.value


def test_machines_by_uuid(session: api.VMwareAPISession) -> None:
    """That of the instance, not that of the BIOS; nothing for one that is not there."""
    content = contents(session, 'VirtualMachine', properties=['config.instanceUuid'])[1]
    (uuid,) = vim_util.propset_dict(content.propSet).values()

    def find(uuid: str) -> list[str]:
        index = session.vim.service_content.searchIndex
        options = {'uuid': uuid, 'vmSearch': True, 'instanceUuid': True}
        found = session.invoke_api(session.vim, 'FindAllByUuid', index, **options)
        return [one.value for one in found or []]

    assert find(uuid) == [content.obj.value]
    assert find(uuid[:-2] + 'zz') == []


def test_a_property_that_the_type_does_not_have(session: api.VMwareAPISession) -> None:
    """InvalidPropertyException, not an answer without it."""
    vm = contents(session, 'VirtualMachine')[0].obj
    with pytest.raises(exceptions.InvalidPropertyException):
        session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'config.color')

"""The property collector's retrievals, asked by pyVmomi."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.simulator.conftest import PROPERTY_COLLECTOR, Soap

PC = vmodl.query.PropertyCollector
SMALL = Inventory(vms=6, clusters=1, hosts_per_cluster=2)

Retrieve = Callable[..., Any]


def traversal(name: str | None, type_: Any, path: str, *select: Any, skip: bool = False) -> Any:
    return PC.TraversalSpec(
        name=name, type=type_, path=path, skip=skip, selectSet=list(select) or None
    )


def named(name: str) -> Any:
    return PC.SelectionSpec(name=name)


def filter_spec(start: Any, properties: Any, *select: Any, skip: bool = False) -> Any:
    return PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=start, skip=skip, selectSet=list(select))],
        propSet=[
            PC.PropertySpec(type=type_, pathSet=paths, all=paths is None)
            for type_, paths in properties.items()
        ],
    )


#: The whole inventory from the root folder, as clients commonly ask for it.
FOLDERS = traversal(
    'folders',
    vim.Folder,
    'childEntity',
    named('folders'),
    named('machines'),
    named('hosts'),
    named('cluster'),
)
EVERYTHING = (
    FOLDERS,
    traversal('machines', vim.Datacenter, 'vmFolder', named('folders')),
    traversal('hosts', vim.Datacenter, 'hostFolder', named('folders')),
    traversal('cluster', vim.ComputeResource, 'host'),
)


@pytest.fixture
def retrieve(si: Any) -> Retrieve:
    """RetrievePropertiesEx of one filter spec."""

    def call(spec: Any, at_most: int | None = None) -> Any:
        options = PC.RetrieveOptions(maxObjects=at_most)
        return si.content.propertyCollector.RetrievePropertiesEx([spec], options)

    return call


def names(result: Any) -> list[str]:
    return [] if result is None else [content.propSet[0].val for content in result.objects]


def expected(vc: VCenterSimulator, type_: str) -> list[str]:
    return sorted(obj.name for obj in list(vc.world.objects.values()) if obj.is_a(type_))


@pytest.mark.vcenter(inventory=SMALL)
@pytest.mark.parametrize(
    'wanted', ['VirtualMachine', 'HostSystem', 'ComputeResource', 'Datacenter', 'ManagedEntity']
)
def test_recursion_by_names_reaches_the_whole_tree(
    vcenter: VCenterSimulator, si: Any, retrieve: Retrieve, wanted: str
) -> None:
    """Selection specs that are only names recurse; property specs take base types; no object
    comes twice although hosts are reached through clusters and folders.
    """
    type_ = vim.ManagedEntity if wanted == 'ManagedEntity' else getattr(vim, wanted)
    result = retrieve(filter_spec(si.content.rootFolder, {type_: ['name']}, *EVERYTHING))
    reached = {
        'Folder', 'Datacenter', 'ComputeResource', 'HostSystem', 'VirtualMachine'
    }  # fmt: skip
    everything = [
        obj.name
        for obj in list(vcenter.world.objects.values())
        if obj.is_a(wanted)
        and any(obj.is_a(kind) for kind in reached)
        and obj.name not in ('datastore', 'network')
        and not obj.is_a('StoragePod')
    ]
    assert sorted(names(result)) == sorted(everything)
    assert len({str(content.obj) for content in result.objects}) == len(result.objects)


def test_skip_leaves_out_the_object_but_not_what_is_below(si: Any, retrieve: Retrieve) -> None:
    """skip of an object spec and of a traversal hide an object without ending the way."""
    root = si.content.rootFolder
    folder_names = {vim.Folder: ['name'], vim.Datacenter: ['name']}
    down = traversal(None, vim.Datacenter, 'vmFolder')
    for skip_root, skip_datacenter, found in (
        (False, False, ['Datacenters', 'Frankfurt', 'vm']),
        (True, False, ['Frankfurt', 'vm']),
        (True, True, ['vm']),
        (False, True, ['Datacenters', 'vm']),
    ):
        step = traversal(None, vim.Folder, 'childEntity', down, skip=skip_datacenter)
        assert names(retrieve(filter_spec(root, folder_names, step, skip=skip_root))) == found


def test_a_traversal_starts_only_at_its_type(si: Any, retrieve: Retrieve) -> None:
    """A traversal from another type leads nowhere, one from a base type leads on."""
    root = si.content.rootFolder
    wrong = traversal(None, vim.Datacenter, 'vmFolder')
    assert names(retrieve(filter_spec(root, {vim.Folder: ['name']}, wrong))) == ['Datacenters']
    (datacenter,) = root.childEntity
    base = traversal(None, vim.ManagedEntity, 'parent')
    result = retrieve(filter_spec(datacenter, {vim.ManagedEntity: ['name']}, base))
    assert names(result) == ['Frankfurt', 'Datacenters']


def test_objects_of_types_not_asked_for_are_left_out(si: Any, retrieve: Retrieve) -> None:
    """Without a property spec of its type an object is no part of the reply, and an empty reply
    is none at all.
    """
    root = si.content.rootFolder
    assert retrieve(filter_spec(root, {vim.VirtualMachine: ['name']})) is None


def test_all_properties(si: Any, machines: list[Any], retrieve: Retrieve) -> None:
    """``all`` gives what is set of all that pyVmomi knows of the type; an empty path set gives
    the object alone.
    """
    result = retrieve(filter_spec(machines[0], {vim.VirtualMachine: None}))
    read = {one.name: one.val for one in result.objects[0].propSet}
    declared = {info.name for info in vim.VirtualMachine._GetPropertyList()}
    assert set(read) <= declared
    assert {'name', 'config', 'summary', 'runtime', 'parent', 'datastore'} <= set(read)
    assert isinstance(read['config'], vim.vm.ConfigInfo)
    result = retrieve(filter_spec(machines[0], {vim.VirtualMachine: []}))
    assert result.objects[0].obj == machines[0]
    assert result.objects[0].propSet == []


@pytest.mark.parametrize(
    ('path', 'reach'),
    [
        ('name', lambda vm: vm.name),
        ('runtime.powerState', lambda vm: vm.runtime.powerState),
        ('config.hardware', lambda vm: vm.config.hardware),
        ('config.hardware.memoryMB', lambda vm: vm.config.hardware.memoryMB),
        ('config.hardware.device', lambda vm: vm.config.hardware.device),
        ('config.hardware.device[2000]', lambda vm: device(vm, 2000)),
        ('config.hardware.device[4000].backing', lambda vm: device(vm, 4000).backing),
        ('config.hardware.device[2000].capacityInKB', lambda vm: device(vm, 2000).capacityInKB),
        (
            'config.hardware.device[2000].backing.fileName',
            lambda vm: device(vm, 2000).backing.fileName,
        ),
        (
            'config.extraConfig["nvram"].value',
            lambda vm: next(one.value for one in vm.config.extraConfig if one.key == 'nvram'),
        ),
        ('datastore', lambda vm: vm.datastore),
        ('summary.runtime.host', lambda vm: vm.summary.runtime.host),
    ],
)
def test_paths_lead_to_what_reading_step_by_step_leads_to(
    machines: list[Any], retrieve: Retrieve, path: str, reach: Callable[[Any], Any]
) -> None:
    """A path of any depth, through arrays by key, gives the same value as going there by hand."""
    result = retrieve(filter_spec(machines[0], {vim.VirtualMachine: [path]}))
    (read,) = result.objects[0].propSet
    assert read.name == path
    value, reached = read.val, reach(machines[0])
    assert type(value) is type(reached)
    assert str(value) == str(reached)


def device(machine: Any, key: int) -> Any:
    return next(one for one in machine.config.hardware.device if one.key == key)


@pytest.mark.parametrize(
    'path',
    [
        'snapshot',
        'snapshot.currentSnapshot',
        'config.hardware.device[99999]',
        'config.hardware.device[99999].backing.fileName',
        'config.extraConfig["no.such.key"]',
        'runtime.device[0]',
    ],
)
def test_what_is_unset_is_left_out(machines: list[Any], retrieve: Retrieve, path: str) -> None:
    """A path that could hold something but does not is no part of the reply, and no error."""
    (content,) = retrieve(filter_spec(machines[0], {vim.VirtualMachine: ['name', path]})).objects
    assert [one.name for one in content.propSet] == ['name']
    assert content.missingSet == []


@pytest.mark.parametrize(
    'path',
    [
        'nonsense',
        'name.length',
        'config.nonsense',
        'config.hardware.device.key',
        'config.hardware.device[2000].nonsense',
        'snapshot.nonsense',
        'runtime.host.name',
        'runtime[0]',
        'config..hardware',
        '.config',
        'config.',
        'config.hardware.device[2000',
        '',
    ],
)
def test_paths_that_lead_nowhere(machines: list[Any], retrieve: Retrieve, path: str) -> None:
    """A path that no object of the type can have is InvalidProperty, which names it."""
    with pytest.raises(vmodl.query.InvalidProperty) as caught:
        retrieve(filter_spec(machines[0], {vim.VirtualMachine: ['name', path]}))
    assert caught.value.name == path


def test_wrong_specs(si: Any, retrieve: Retrieve) -> None:
    """Unknown selections, properties of traversals and page sizes below one are refused."""
    root = si.content.rootFolder
    name = {vim.Folder: ['name']}
    with pytest.raises(vmodl.fault.InvalidArgument):
        retrieve(filter_spec(root, name, named('nobody')))
    with pytest.raises(vmodl.query.InvalidProperty):
        retrieve(filter_spec(root, name, traversal(None, vim.Folder, 'children')))
    with pytest.raises(vmodl.fault.InvalidArgument):
        retrieve(filter_spec(root, name), 0)


def test_an_object_that_is_gone(si: Any, machines: list[Any], retrieve: Retrieve) -> None:
    """Starting at an object that is gone is ManagedObjectNotFound, unless told to leave it out."""
    gone = vim.VirtualMachine('vm-99999', si._stub)
    spec = filter_spec(gone, {vim.VirtualMachine: ['name']})
    with pytest.raises(vmodl.fault.ManagedObjectNotFound) as caught:
        retrieve(spec)
    assert caught.value.obj == gone
    spec.reportMissingObjectsInResults = True
    spec.objectSet += [PC.ObjectSpec(obj=machines[0])]
    assert names(retrieve(spec)) == [machines[0].name]


@pytest.mark.vcenter(inventory=SMALL)
def test_paging(vcenter: VCenterSimulator, si: Any, retrieve: Retrieve) -> None:
    """maxObjects cuts the reply into pages that continue by token until there is none."""
    collector = si.content.propertyCollector
    view = si.content.viewManager.CreateContainerView(
        si.content.rootFolder, [vim.VirtualMachine], True
    )
    spec = filter_spec(
        view,
        {vim.VirtualMachine: ['name']},
        traversal(None, vim.view.ContainerView, 'view'),
        skip=True,
    )
    page = retrieve(spec, 4)
    first_token = page.token
    read = names(page)
    assert len(read) == 4
    page = collector.ContinueRetrievePropertiesEx(page.token)
    read += names(page)
    assert page.token is None
    assert sorted(read) == expected(vcenter, 'VirtualMachine')
    for again in (collector.ContinueRetrievePropertiesEx, collector.CancelRetrievePropertiesEx):
        with pytest.raises(vmodl.fault.InvalidArgument):
            again(first_token)
    # Pages that come out even have no token at the end either.
    page = retrieve(spec, 3)
    assert collector.ContinueRetrievePropertiesEx(page.token).token is None
    assert retrieve(spec, 6).token is None


@pytest.mark.vcenter(inventory=SMALL)
def test_cancelled_and_foreign_tokens(si: Any, retrieve: Retrieve, soap: Soap) -> None:
    """After a cancel the token is void, and another session's token is none."""
    root = si.content.rootFolder
    spec = filter_spec(root, {vim.ManagedEntity: ['name']}, *EVERYTHING)
    collector = si.content.propertyCollector
    token = retrieve(spec, 1).token
    collector.CancelRetrievePropertiesEx(token)
    with pytest.raises(vmodl.fault.InvalidArgument):
        collector.ContinueRetrievePropertiesEx(token)
    token = retrieve(spec, 1).token
    soap.login()
    answer = soap.call(
        'ContinueRetrievePropertiesEx',
        PROPERTY_COLLECTOR,
        f'<token>{token}</token>',
    )
    assert answer.fault_type == 'InvalidArgument'
    assert names(collector.ContinueRetrievePropertiesEx(token))


def test_objects_that_go_between_pages_are_left_out(
    vcenter: VCenterSimulator, si: Any, machines: list[Any], retrieve: Retrieve
) -> None:
    """A page holds what is there when it is read."""
    spec = filter_spec(machines[0], {vim.VirtualMachine: ['name']})
    for machine in machines[1:]:
        spec.objectSet += [PC.ObjectSpec(obj=machine)]
    page = retrieve(spec, 1)
    victim = vcenter.world.objects[machines[3]._moId]
    with vcenter.world.lock:
        vcenter.world.remove(victim)
    rest = si.content.propertyCollector.ContinueRetrievePropertiesEx(page.token)
    assert victim.name not in names(rest)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ('who', 'what', 'missing'),
    [
        ('VirtualMachine', 'config', ['config.hardware', 'config.name']),
        ('ManagedEntity', 'config', ['config.hardware', 'config.name']),
        ('VirtualMachine', None, ['name', 'config.hardware', 'config.name', 'runtime']),
        ('HostSystem', 'config', []),
    ],
)
def test_missing_permission(
    vcenter: VCenterSimulator,
    machines: list[Any],
    retrieve: Retrieve,
    who: str,
    what: str | None,
    missing: list[str],
) -> None:
    """What may not be read is in missingSet, as NoPermission with object and privilege."""
    paths = ['name', 'config.hardware', 'config.name', 'runtime']
    vcenter.faults.deny(who, what)
    (content,) = retrieve(filter_spec(machines[0], {vim.VirtualMachine: paths})).objects
    assert [one.path for one in content.missingSet] == missing
    assert [one.name for one in content.propSet] == [one for one in paths if one not in missing]
    for one in content.missingSet:
        assert isinstance(one.fault, vim.fault.NoPermission)
        assert one.fault.object == machines[0]
        assert one.fault.privilegeId == 'System.Read'
    vcenter.faults.allow(who, what)
    (content,) = retrieve(filter_spec(machines[0], {vim.VirtualMachine: paths})).objects
    assert content.missingSet == []


def test_permission_of_a_single_object(
    vcenter: VCenterSimulator, machines: list[Any], retrieve: Retrieve
) -> None:
    """Reading can be denied for one object by its id, and then a traversal stops there too."""
    vcenter.faults.deny(machines[0]._moId, 'name', privilege='System.View')
    with pytest.raises(vim.fault.NoPermission):
        _ = machines[0].name
    assert machines[1].name
    vcenter.faults.deny(machines[0]._moId, 'datastore')
    spec = filter_spec(
        machines[0], {vim.Datastore: ['name']}, traversal(None, vim.VirtualMachine, 'datastore')
    )
    assert retrieve(spec) is None
    vcenter.faults.clear()
    assert names(retrieve(spec))


def test_the_older_operation(si: Any, machines: list[Any]) -> None:
    """RetrieveProperties gives the same as a plain list."""
    spec = filter_spec(machines[0], {vim.VirtualMachine: ['name']})
    (content,) = si.content.propertyCollector.RetrieveProperties([spec])
    assert content.propSet[0].val == machines[0].name

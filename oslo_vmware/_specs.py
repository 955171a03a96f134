"""Specification builders: what to ask of the PropertyCollector, of StorageDRS and of tickets.

Callers import them from :mod:`oslo_vmware.vim_util`. They create objects with
``client_factory.create('ns0:<Type>')`` and assign attributes, and never read a field of what they
created: callers pass factories of their own, some of which return one and the same object
whatever the type.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from oslo_vmware._lists import listed


def build_selection_spec(client_factory: Any, name: str) -> Any:
    """Build a reference to a traversal by its name.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param name: name of a traversal specification in the same filter
    :returns: ``SelectionSpec`` (VI API 2.0)
    """
    selection_spec = client_factory.create('ns0:SelectionSpec')
    selection_spec.name = name
    return selection_spec


def build_traversal_spec(
    client_factory: Any, name: str, type_: str, path: str, skip: bool, select_set: Any
) -> Any:
    """Build one step of a walk through the inventory.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param name: name by which other steps, and this one itself, can refer to it
    :param type_: type of the objects the step leaves from
    :param path: their property that holds the objects the step leads to
    :param skip: whether the objects the step leads to stay out of the result
    :param select_set: steps (traversals or selections) to go on with from there
    :returns: ``TraversalSpec`` (VI API 2.0)
    """
    traversal_spec = client_factory.create('ns0:TraversalSpec')
    traversal_spec.name = name
    traversal_spec.type = type_
    traversal_spec.path = path
    traversal_spec.skip = skip
    traversal_spec.selectSet = listed(select_set)
    return traversal_spec


class _Step(NamedTuple):
    name: str
    type_: str
    path: str
    goes_on_with: tuple[str, ...]


_POOL = ('rp_to_rp', 'rp_to_vm')

# The first step is the root of the walk; it goes on with itself and with all the others, in this
# order, wherever it arrives. A server picks from a select set the steps for the type at hand.
#
# A virtual machine is a leaf. Releases before 5.0 let rp_to_vm go on with both steps of a resource
# pool. No virtual machine is of that type, so a real server gives the same result. But a server
# that ignores the type of a step (govmomi's vcsim) followed the machine's own `resourcePool` back
# into the pool, and so on until its stack was used up. h_to_vm may keep its select set:
# `childEntity` is a property of folders alone.
_INVENTORY_STEPS = (
    _Step('visitFolders', 'Folder', 'childEntity', ('visitFolders',)),
    _Step('h_to_vm', 'HostSystem', 'vm', ('visitFolders',)),
    _Step('dc_to_hf', 'Datacenter', 'hostFolder', ('visitFolders',)),
    _Step('dc_to_vmf', 'Datacenter', 'vmFolder', ('visitFolders',)),
    _Step('dc_to_netf', 'Datacenter', 'networkFolder', ('visitFolders',)),
    _Step('dc_to_df', 'Datacenter', 'datastoreFolder', ('visitFolders',)),
    _Step('cr_to_ds', 'ComputeResource', 'datastore', ()),
    _Step('cr_to_h', 'ComputeResource', 'host', ()),
    _Step('cr_to_rp', 'ComputeResource', 'resourcePool', _POOL),
    _Step('ccr_to_h', 'ClusterComputeResource', 'host', ()),
    _Step('ccr_to_ds', 'ClusterComputeResource', 'datastore', ()),
    _Step('ccr_to_rp', 'ClusterComputeResource', 'resourcePool', _POOL),
    _Step('rp_to_rp', 'ResourcePool', 'resourcePool', _POOL),
    _Step('rp_to_vm', 'ResourcePool', 'vm', ()),
)


def build_recursive_traversal_spec(client_factory: Any) -> Any:
    """Build the walk from a folder through the whole inventory below it.

    It reaches folders, datacenters, compute resources and clusters, hosts, resource pools, virtual
    machines, datastores and networks.

    :param client_factory: factory of the service, ``vim.client.factory``
    :returns: ``TraversalSpec`` (VI API 2.0) named ``visitFolders``
    """

    def build(step: _Step, nested: Sequence[Any] = ()) -> Any:
        select_set = [build_selection_spec(client_factory, name) for name in step.goes_on_with]
        select_set.extend(nested)
        return build_traversal_spec(
            client_factory, step.name, step.type_, step.path, False, select_set
        )

    root, *others = _INVENTORY_STEPS
    return build(root, [build(step) for step in others])


def build_property_spec(
    client_factory: Any,
    type_: str = 'VirtualMachine',
    properties_to_collect: Iterable[str] | None = None,
    all_properties: bool = False,
) -> Any:
    """Say which properties of one type of object to report.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param type_: vSphere type of the objects
    :param properties_to_collect: property paths, ``['name']`` when there are none
    :param all_properties: report all properties, whatever the paths
    :returns: ``PropertySpec`` (VI API 2.0)
    """
    property_spec = client_factory.create('ns0:PropertySpec')
    property_spec.all = all_properties
    property_spec.pathSet = listed(properties_to_collect) or ['name']
    property_spec.type = type_
    return property_spec


def build_object_spec(client_factory: Any, root_folder: Any, traversal_specs: Any) -> Any:
    """Say where a walk starts and how it goes on.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param root_folder: reference to the object to start from
    :param traversal_specs: steps to take from there: a list, one step, or ``None``
    :returns: ``ObjectSpec`` (VI API 2.0)
    """
    object_spec = client_factory.create('ns0:ObjectSpec')
    object_spec.obj = root_folder
    object_spec.skip = False
    object_spec.selectSet = listed(traversal_specs)
    return object_spec


def build_property_filter_spec(client_factory: Any, property_specs: Any, object_specs: Any) -> Any:
    """Join what to report and where to look for it.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param property_specs: ``PropertySpec`` objects, or a single one
    :param object_specs: ``ObjectSpec`` objects, or a single one
    :returns: ``PropertyFilterSpec`` (VI API 2.0)
    """
    property_filter_spec = client_factory.create('ns0:PropertyFilterSpec')
    property_filter_spec.propSet = listed(property_specs)
    property_filter_spec.objectSet = listed(object_specs)
    return property_filter_spec


def get_prop_spec(client_factory: Any, spec_type: str, properties: Any) -> Any:
    """Say which properties of one type of object to report, without any default.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param spec_type: vSphere type of the objects
    :param properties: property paths
    :returns: ``PropertySpec`` (VI API 2.0)
    """
    property_spec = client_factory.create('ns0:PropertySpec')
    property_spec.type = spec_type
    property_spec.pathSet = listed(properties)
    return property_spec


def get_obj_spec(client_factory: Any, obj: Any, select_set: Any = None) -> Any:
    """Say where a walk starts, and how it goes on if it does.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param obj: reference to the object to start from
    :param select_set: steps to take from there
    :returns: ``ObjectSpec`` (VI API 2.0)
    """
    object_spec = client_factory.create('ns0:ObjectSpec')
    object_spec.obj = obj
    object_spec.skip = False
    if select_set is not None:
        object_spec.selectSet = listed(select_set)
    return object_spec


def get_prop_filter_spec(client_factory: Any, obj_spec: Any, prop_spec: Any) -> Any:
    """Join where to look and what to report.

    Mind the order: :func:`build_property_filter_spec` has it the other way round.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param obj_spec: ``ObjectSpec`` objects, or a single one
    :param prop_spec: ``PropertySpec`` objects, or a single one
    :returns: ``PropertyFilterSpec`` (VI API 2.0)
    """
    return build_property_filter_spec(client_factory, prop_spec, obj_spec)


def get_http_service_request_spec(client_factory: Any, method: str, uri: str) -> Any:
    """Describe the HTTP request that a ticket of ``AcquireGenericServiceTicket`` is to allow.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param method: how the URL will be requested: ``httpGet``, ``httpPut``, ...
    :param uri: URL that will be requested
    :returns: ``SessionManagerHttpServiceRequestSpec`` (vSphere API 5.0)
    """
    request_spec = client_factory.create('ns0:SessionManagerHttpServiceRequestSpec')
    request_spec.method = method
    request_spec.url = uri
    return request_spec


def storage_placement_spec(
    client_factory: Any,
    dsc_ref: Any,
    type: str,
    clone_spec: Any = None,
    config_spec: Any = None,
    relocate_spec: Any = None,
    vm_ref: Any = None,
    folder: Any = None,
    clone_name: str | None = None,
    res_pool_ref: Any = None,
    host_ref: Any = None,
) -> Any:
    """Describe a placement for ``RecommendDatastores`` of the StorageResourceManager.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param dsc_ref: reference to the datastore cluster (``StoragePod``)
    :param type: what is to be placed: ``create``, ``clone``, ``relocate`` or ``reconfigure``
    :param clone_spec: ``VirtualMachineCloneSpec``
    :param config_spec: ``VirtualMachineConfigSpec``
    :param relocate_spec: ``VirtualMachineRelocateSpec``
    :param vm_ref: reference to the virtual machine
    :param folder: reference to the folder of the virtual machine
    :param clone_name: name of the clone
    :param res_pool_ref: reference to the resource pool
    :param host_ref: reference to the host
    :returns: ``StoragePlacementSpec`` (vSphere API 5.0)
    """
    pod_selection_spec = client_factory.create('ns0:StorageDrsPodSelectionSpec')
    pod_selection_spec.storagePod = dsc_ref

    placement_spec = client_factory.create('ns0:StoragePlacementSpec')
    placement_spec.podSelectionSpec = pod_selection_spec
    placement_spec.type = type
    placement_spec.vm = vm_ref
    placement_spec.folder = folder
    placement_spec.cloneSpec = clone_spec
    placement_spec.configSpec = config_spec
    placement_spec.relocateSpec = relocate_spec
    placement_spec.cloneName = clone_name
    placement_spec.resourcePool = res_pool_ref
    placement_spec.host = host_ref
    return placement_spec

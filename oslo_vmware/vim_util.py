"""Specifications for the PropertyCollector, and the reads that users make with them.

vSphere has one way to read state: ``RetrievePropertiesEx`` takes a *filter specification*, which
says where to start, over which properties to walk on (*traversal*) and what to report of each
object met. The answer is a page of *object contents*; a token in it leads to the next page and
keeps memory busy on the server until it is used or cancelled. This module has three layers:

* references: ``get_moref`` and its two inverses;
* builders, which fill specification objects. They create objects with
  ``client_factory.create('ns0:<Type>')`` and assign attributes, and never read a field of what
  they created: callers pass factories of their own, some of which return one and the same object
  whatever the type;
* reads, which combine builders with one remote call, and paging.

The module holds no state and knows no session. A remote call goes to the ``vim`` that was passed;
whoever wants an expired session renewed calls through ``VMwareAPISession.invoke_api(vim_util,
'get_objects', session.vim, ...)``. That holds for ``continue_retrieval`` as well, although a token
does not outlive the session it was made in.

References come in all shapes: ours, those found in replies, proxies that lie about their class,
objects of test suites, strings. They are only asked for ``value`` and ``_type``.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, NamedTuple

from oslo_vmware.soap import objects

LOG = logging.getLogger(__name__)


# References


def get_moref(value: str, type_: str) -> Any:
    """Make a managed object reference.

    :param value: id of the object, for example ``vm-123``
    :param type_: vSphere type of the object, for example ``VirtualMachine``
    :returns: object with the attributes ``value`` and ``_type``. It is always true, can be hashed,
        and equals only itself: compare references by :func:`get_moref_value`.
    """
    return objects.moref(value, type_)


def get_moref_value(moref: Any) -> Any:
    """Tell the id of a managed object.

    :param moref: reference, or a string ``'<id>'`` or ``'<type>:<id>'``
    :returns: the id; of a string with several colons the part between the first two
    """
    if not isinstance(moref, str):
        return moref.value
    return moref.split(':')[1] if ':' in moref else moref


def get_moref_type(moref: Any) -> Any:
    """Tell the vSphere type of a managed object.

    :param moref: reference, or a string ``'<id>'`` or ``'<type>:<id>'``
    :returns: the type, ``None`` for a string without one
    """
    if not isinstance(moref, str):
        return moref._type
    return moref.split(':')[0] if ':' in moref else None


def _as_reference(moref: Any) -> Any:
    """Turn ``'<type>:<id>'`` into a reference and leave everything else as it is.

    Only the first colon separates: an ESX host names its NFS datastores by server and path, as in
    ``Datastore:192.0.2.7:/export/images``.
    """
    if not isinstance(moref, str):
        return moref
    type_, _, value = moref.partition(':')
    return get_moref(value, type_) if type_ and value else moref


# Specification builders


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
    traversal_spec.selectSet = select_set
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
    properties_to_collect: Sequence[str] | None = None,
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
    property_spec.pathSet = properties_to_collect or ['name']
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
    object_spec.selectSet = traversal_specs
    return object_spec


def build_property_filter_spec(client_factory: Any, property_specs: Any, object_specs: Any) -> Any:
    """Join what to report and where to look for it.

    :param client_factory: factory of the service, ``vim.client.factory``
    :param property_specs: ``PropertySpec`` objects, or a single one
    :param object_specs: ``ObjectSpec`` objects, or a single one
    :returns: ``PropertyFilterSpec`` (VI API 2.0)
    """
    property_filter_spec = client_factory.create('ns0:PropertyFilterSpec')
    property_filter_spec.propSet = property_specs
    property_filter_spec.objectSet = object_specs
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
    property_spec.pathSet = properties
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
        object_spec.selectSet = select_set
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


# Reading properties


def _retrieve(
    vim: Any, property_spec: Any, object_specs: list[Any], max_objects: int, **options_of_call: Any
) -> Any:
    client_factory = vim.client.factory
    filter_spec = build_property_filter_spec(client_factory, [property_spec], object_specs)
    options = client_factory.create('ns0:RetrieveOptions')
    options.maxObjects = max_objects
    # Users put functions with exactly these parameters in the place of the operation.
    return vim.RetrievePropertiesEx(
        vim.service_content.propertyCollector,
        specSet=[filter_spec],
        options=options,
        **options_of_call,
    )


def _contents(retrieve_result: Any) -> Any:
    """The objects of one page; a session answers an empty reply with an empty list."""
    return getattr(retrieve_result, 'objects', None) or []


def get_objects(
    vim: Any,
    type_: str,
    max_objects: int,
    properties_to_collect: Sequence[str] | None = None,
    all_properties: bool = False,
) -> Any:
    """Find all objects of a type, from the root folder down.

    Uses ``RetrievePropertiesEx`` (vSphere API 4.1). The result may be the first of several pages:
    hand it to :class:`WithRetrieval`, or continue or cancel it.

    :param vim: service object
    :param type_: vSphere type of the objects
    :param max_objects: number of objects on a page
    :param properties_to_collect: property paths, ``['name']`` when there are none
    :param all_properties: read all properties, whatever the paths
    :returns: ``RetrieveResult`` with ``objects`` and, if there are more, ``token``
    """
    client_factory = vim.client.factory
    traversal_spec = build_recursive_traversal_spec(client_factory)
    object_spec = build_object_spec(
        client_factory, vim.service_content.rootFolder, [traversal_spec]
    )
    property_spec = build_property_spec(
        client_factory, type_, properties_to_collect, all_properties
    )
    return _retrieve(vim, property_spec, [object_spec], max_objects)


def get_object_properties(
    vim: Any,
    moref: Any,
    properties_to_collect: Sequence[str] | None,
    skip_op_id: bool = False,
) -> Any:
    """Read properties of one object.

    Uses ``RetrievePropertiesEx`` (vSphere API 4.1).

    :param vim: service object
    :param moref: reference, or a string ``'<type>:<id>'``, for which a reference is sent
    :param properties_to_collect: property paths, all properties when there are none
    :param skip_op_id: send the request without an operation id
    :returns: list of object contents (one, if the object is there); ``None``, without a call, when
        ``moref`` is ``None``
    """
    if moref is None:
        return None
    client_factory = vim.client.factory
    property_spec = get_prop_spec(
        client_factory, get_moref_type(moref), properties_to_collect or []
    )
    property_spec.all = not properties_to_collect
    object_spec = get_obj_spec(client_factory, _as_reference(moref))
    retrieve_result = _retrieve(vim, property_spec, [object_spec], 1, skip_op_id=skip_op_id)
    cancel_retrieval(vim, retrieve_result)
    return _contents(retrieve_result)


def get_object_properties_dict(
    vim: Any, moref: Any, properties_to_collect: Sequence[str] | None
) -> dict[str, Any]:
    """Read properties of one object into a dict.

    Uses ``RetrievePropertiesEx`` (vSphere API 4.1). Properties that could not be read
    (``missingSet``) are logged, if the service let the reply pass at all.

    :param vim: service object
    :param moref: reference to the object
    :param properties_to_collect: property paths, all properties when there are none
    :returns: property path to value; without the properties that are not set on the server, and
        empty when ``moref`` is ``None``
    """
    contents = get_object_properties(vim, moref, properties_to_collect)
    if not contents:
        return {}
    missing = getattr(contents[0], 'missingSet', None)
    if missing:
        LOG.warning('Properties of %s could not be read: %s', get_moref_value(moref), missing)
    return propset_dict(getattr(contents[0], 'propSet', None))


def get_object_property(vim: Any, moref: Any, property_name: str, skip_op_id: bool = False) -> Any:
    """Read one property of one object.

    Uses ``RetrievePropertiesEx`` (vSphere API 4.1).

    :param vim: service object
    :param moref: reference to the object
    :param property_name: property path
    :param skip_op_id: send the request without an operation id
    :returns: the value. Of several properties that came the one asked for counts, else the first.
        ``None`` when none came, be it not set or the object gone; or, without a call, when
        ``moref`` is ``None``.
    """
    contents = get_object_properties(vim, moref, [property_name], skip_op_id=skip_op_id)
    properties = getattr(contents[0], 'propSet', None) if contents else None
    if not properties:
        return None
    for dynamic_property in properties:
        if getattr(dynamic_property, 'name', None) == property_name:
            return dynamic_property.val
    return properties[0].val


def get_properties_for_a_collection_of_objects(
    vim: Any,
    type_: str,
    obj_list: Sequence[Any],
    properties: Sequence[str],
    max_objects: int | None = None,
) -> Any:
    """Read properties of several objects of one type with a single request.

    Uses ``RetrievePropertiesEx`` (vSphere API 4.1).

    :param vim: service object
    :param type_: vSphere type of the objects
    :param obj_list: references to the objects
    :param properties: property paths
    :param max_objects: number of objects on a page, all of them by default
    :returns: ``RetrieveResult``; ``[]``, without a call, when there are no objects.
        :class:`WithRetrieval` takes both.
    """
    if not obj_list:
        return []
    client_factory = vim.client.factory
    property_spec = get_prop_spec(client_factory, type_, properties)
    object_specs = [get_obj_spec(client_factory, obj) for obj in obj_list]
    return _retrieve(vim, property_spec, object_specs, max_objects or len(obj_list))


def propset_dict(propset: Any) -> dict[str, Any]:
    """Turn the properties of an object content into a dict.

    :param propset: ``DynamicProperty`` objects (``content.propSet``), or ``None``
    :returns: property path to value
    """
    if not propset:
        return {}
    return {dynamic_property.name: dynamic_property.val for dynamic_property in propset}


# Paging


def _token(retrieve_result: Any) -> Any:
    return getattr(retrieve_result, 'token', None)


def continue_retrieval(vim: Any, retrieve_result: Any) -> Any:
    """Fetch the next page of a retrieval.

    Uses ``ContinueRetrievePropertiesEx`` (vSphere API 4.1).

    :param vim: service object
    :param retrieve_result: the current page; anything without a token is the last one
    :returns: the next page, ``None`` if there is none
    """
    token = _token(retrieve_result)
    if not token:
        return None
    return vim.ContinueRetrievePropertiesEx(vim.service_content.propertyCollector, token=token)


def cancel_retrieval(vim: Any, retrieve_result: Any) -> None:
    """Let the server forget the pages that were not fetched.

    Uses ``CancelRetrievePropertiesEx`` (vSphere API 4.1).

    :param vim: service object
    :param retrieve_result: the current page; nothing is done for one without a token
    """
    token = _token(retrieve_result)
    if token:
        vim.CancelRetrievePropertiesEx(vim.service_content.propertyCollector, token=token)


class WithRetrieval:
    """All objects of a retrieval, page after page, and its cancellation.

    ::

        with vim_util.WithRetrieval(vim, result) as objects:
            for content in objects:
                ...

    A page is fetched (:func:`continue_retrieval`) when the one before it is used up. Leaving the
    context cancels the retrieval (:func:`cancel_retrieval`) when pages are left.

    When the cancellation fails, what happened in the body decides. An exception on its way out of
    the body goes on, and the failure is only logged: the first error is the one that explains.
    After a body that ended well the failure is raised: it tells that the session or the connection
    is gone, and hiding that would only move the surprise to the caller's next call.

    :ivar vim: service object
    :ivar retrieve_result: the current page, falsy after the last one
    """

    def __init__(self, vim: Any, retrieve_result: Any) -> None:
        """Take over a retrieval.

        :param vim: service object
        :param retrieve_result: first page; a falsy one (``[]``, ``None``) gives nothing
        """
        self.vim = vim
        self.retrieve_result = retrieve_result

    def __enter__(self) -> Iterator[Any]:
        return iter(self)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.retrieve_result:
            return
        try:
            cancel_retrieval(self.vim, self.retrieve_result)
        except Exception as failure:
            if exc_type is None:
                raise
            LOG.warning('A retrieval could not be cancelled: %s', failure)

    def __iter__(self) -> Iterator[Any]:
        while self.retrieve_result:
            yield from _contents(self.retrieve_result)
            self.retrieve_result = continue_retrieval(self.vim, self.retrieve_result)


# Inventory path


class _Entity(NamedTuple):
    """What a reply tells about one object on the way to the root; ``None`` is not told."""

    id: str | None
    name: str | None
    parent: str | None


def _known_id(moref: Any) -> str | None:
    value = get_moref_value(moref) if isinstance(moref, str) else getattr(moref, 'value', None)
    # Anything else is a stand-in of a test suite, which says nothing about identity.
    return value if isinstance(value, str) else None


def _read_entity(content: Any) -> _Entity:
    properties = getattr(content, 'propSet', None) or []
    values = [(getattr(item, 'name', None), item.val) for item in properties]
    # Not by its key: the objects of some users' suites give values without property names.
    name = next((value for key, value in values if key != 'parent'), None)
    return _Entity(
        _known_id(getattr(content, 'obj', None)),
        None if name is None else str(name),
        _known_id(dict(values).get('parent')),
    )


def _line_to_root(entities: list[_Entity], start: str | None) -> list[_Entity]:
    """Follow the parents from ``start`` upwards.

    :returns: all the entities in that order; nothing when the parents don't connect them
    """
    by_id = {entity.id: entity for entity in entities if entity.id is not None}
    line = []
    here = start
    while here is not None and here in by_id:
        line.append(by_id.pop(here))
        here = line[-1].parent
    return line if len(line) == len(entities) else []


def get_inventory_path(vim: Any, entity_ref: Any, max_objects: int = 100) -> str:
    """Tell where in the inventory a managed entity is.

    Uses ``RetrievePropertiesEx`` (vSphere API 4.1) once, and follows the pages if the entity is
    deeper than ``max_objects``. The path starts at the highest parent that the user may see.

    :param vim: service object
    :param entity_ref: reference to the entity
    :param max_objects: number of objects on a page
    :returns: the names from below the root folder down to the entity, as in ``/dc1/vm/vm1``, as the
        server sends them (``%2f`` for a slash); the bare name for the root folder; ``''`` when the
        server tells nothing
    """
    client_factory = vim.client.factory
    name = 'ParentTraversalSpec'
    traversal_spec = build_traversal_spec(
        client_factory,
        name,
        'ManagedEntity',
        'parent',
        False,
        [build_selection_spec(client_factory, name)],
    )
    object_spec = build_object_spec(client_factory, entity_ref, traversal_spec)
    property_spec = build_property_spec(client_factory, 'ManagedEntity', ['name', 'parent'])
    retrieve_result = _retrieve(vim, property_spec, [object_spec], max_objects)
    with WithRetrieval(vim, retrieve_result) as contents:
        entities = [_read_entity(content) for content in contents]

    line = _line_to_root(entities, _known_id(entity_ref))
    if line:
        root_is_last = line[-1].parent is None
    else:
        # Not enough is known to put them in order: trust the order they came in, root last.
        line = [entity for entity in entities if entity.name is not None]
        root_is_last = True
    if root_is_last and len(line) == 1:
        return line[0].name or ''
    below_root = line[:-1] if root_is_last else line
    return ''.join(f'/{entity.name}' for entity in reversed(below_root) if entity.name is not None)


# Others


def find_extension(vim: Any, key: str) -> Any:
    """Look for an extension that is registered with vCenter.

    Uses ``FindExtension`` (VI API 2.5).

    :param vim: service object
    :param key: unique name of the extension
    :returns: ``Extension``, ``None`` if there is none
    """
    return vim.FindExtension(vim.service_content.extensionManager, extensionKey=key)


def register_extension(
    vim: Any,
    key: str,
    type: str,
    label: str = 'OpenStack',
    summary: str = 'OpenStack services',
    version: str = '1.0',
) -> None:
    """Register an extension with vCenter, as the owner of objects of one kind.

    Uses ``RegisterExtension`` (VI API 2.5) with an ``ExtManagedEntityInfo`` (vSphere API 5.0).

    :param vim: service object
    :param key: unique name of the extension
    :param type: kind of the objects that the extension manages
    :param label: name of the extension for people
    :param summary: what it is, in a line
    :param version: its version, numbers with dots
    """
    client_factory = vim.client.factory
    description = client_factory.create('ns0:Description')
    description.label = label
    description.summary = summary
    entity_info = client_factory.create('ns0:ExtManagedEntityInfo')
    entity_info.type = type

    extension = client_factory.create('ns0:Extension')
    extension.key = key
    extension.version = version
    extension.description = description
    extension.managedEntityInfo = [entity_info]
    extension.lastHeartbeatTime = datetime.now(UTC).isoformat()
    vim.RegisterExtension(vim.service_content.extensionManager, extension=extension)


def get_vc_version(session: Any) -> Any:
    """Tell the version of the product behind a session.

    Reads ``about.version`` of the service content (``RetrieveServiceContent``, VI API 2.0), which
    the service object fetches once and keeps.

    :param session: session object
    :returns: version, for example ``8.0.2``
    """
    return session.vim.service_content.about.version


def serialize_object(obj: Any) -> Any:
    """Turn a response object into plain dicts and lists.

    :param obj: object from a reply
    :returns: nested dict; what is neither such an object nor a list is taken over as it is
    """
    if hasattr(obj, '__keylist__'):
        return {name: serialize_object(getattr(obj, name)) for name in obj.__keylist__}
    if isinstance(obj, list):
        return [serialize_object(item) for item in obj]
    return obj

"""Specifications for the PropertyCollector, and the reads that users make with them.

vSphere has one way to read state: ``RetrievePropertiesEx`` takes a *filter specification*, which
says where to start, over which properties to walk on (*traversal*) and what to report of each
object met. The answer is a page of *object contents*; a token in it leads to the next page and
keeps memory busy on the server until it is used or cancelled. This module has three layers:

* references: ``get_moref`` and its two inverses;
* builders, which fill specification objects (:mod:`oslo_vmware._specs`);
* reads, which combine builders with one remote call, and paging.

The module holds no state and knows no session. A remote call goes to the ``vim`` that was passed;
whoever wants an expired session renewed calls through ``VMwareAPISession.invoke_api(vim_util,
'get_objects', session.vim, ...)``. Further pages need no such help: a token does not outlive the
session it was made in, so the ``vim`` of a session sees to it that the retrieval goes on
(:mod:`oslo_vmware._retrievals`).

References come in all shapes (:mod:`oslo_vmware._references`), and are only asked for ``value`` and
``_type``.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware._i18n import _
from oslo_vmware._inventory_path import path_to
from oslo_vmware._lists import as_list, listed
from oslo_vmware._references import get_moref_type, get_moref_value, known_id
from oslo_vmware._serialization import deserialize_object, is_vim_instance, serialize_object
from oslo_vmware._specs import (
    build_object_spec,
    build_property_filter_spec,
    build_property_spec,
    build_recursive_traversal_spec,
    build_selection_spec,
    build_traversal_spec,
    get_http_service_request_spec,
    get_obj_spec,
    get_prop_filter_spec,
    get_prop_spec,
    storage_placement_spec,
)
from oslo_vmware.soap import objects

__all__ = [
    'WithRetrieval',
    'as_list',
    'build_object_spec',
    'build_property_filter_spec',
    'build_property_spec',
    'build_recursive_traversal_spec',
    'build_selection_spec',
    'build_traversal_spec',
    'cancel_retrieval',
    'continue_retrieval',
    'deserialize_object',
    'find_by_inventory_path',
    'find_extension',
    'get_http_service_request_spec',
    'get_inventory_path',
    'get_moref',
    'get_moref_type',
    'get_moref_value',
    'get_obj_spec',
    'get_object_properties',
    'get_object_properties_dict',
    'get_object_property',
    'get_objects',
    'get_prop_filter_spec',
    'get_prop_spec',
    'get_properties_for_a_collection_of_objects',
    'get_vc_version',
    'is_vim_instance',
    'propset_dict',
    'register_extension',
    'serialize_object',
    'storage_placement_spec',
]

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


def _as_reference(moref: Any) -> Any:
    """Turn ``'<type>:<id>'`` into a reference and leave everything else as it is.

    Only the first colon separates: an ESX host names its NFS datastores by server and path, as in
    ``Datastore:192.0.2.7:/export/images``.
    """
    if not isinstance(moref, str):
        return moref
    type_, _, value = moref.partition(':')
    return get_moref(value, type_) if type_ and value else moref


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
    properties_to_collect: Iterable[str] | None = None,
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
    properties_to_collect: Iterable[str] | None,
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
    names = listed(properties_to_collect)
    property_spec = get_prop_spec(client_factory, get_moref_type(moref), names or [])
    property_spec.all = not names
    object_spec = get_obj_spec(client_factory, _as_reference(moref))
    retrieve_result = _retrieve(vim, property_spec, [object_spec], 1, skip_op_id=skip_op_id)
    cancel_retrieval(vim, retrieve_result)
    return _contents(retrieve_result)


def get_object_properties_dict(
    vim: Any, moref: Any, properties_to_collect: Iterable[str] | None
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
    obj_list: Iterable[Any],
    properties: Iterable[str],
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
    # A text is one object, and not its characters.
    references = [obj_list] if isinstance(obj_list, str) else listed(obj_list)
    if not references:
        return []
    client_factory = vim.client.factory
    property_spec = get_prop_spec(client_factory, type_, properties)
    object_specs = [get_obj_spec(client_factory, obj) for obj in references]
    return _retrieve(vim, property_spec, object_specs, max_objects or len(references))


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

    Uses ``ContinueRetrievePropertiesEx`` (vSphere API 4.1). When the session, or the page on its
    way, was lost, the ``vim`` of a session retrieves anew, without what came already.

    :param vim: service object
    :param retrieve_result: the current page; anything without a token is the last one
    :returns: the next page, ``None`` if there is none
    """
    token = _token(retrieve_result)
    if not token:
        return None
    # Not asked of the object: there are stand-ins that have every attribute, or raise for it.
    if hasattr(type(vim), 'continue_retrieval'):
        return vim.continue_retrieval(retrieve_result)
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

    Each object comes once, also over the loss of the session. An exception that ends the retrieval
    says in its text and in ``delivered`` how many came before it.

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
        delivered = 0
        while self.retrieve_result:
            for content in _contents(self.retrieve_result):
                delivered += 1
                yield content
            try:
                self.retrieve_result = continue_retrieval(self.vim, self.retrieve_result)
            except exceptions.VMwareDriverException as exc:
                exc.delivered = delivered
                exc.message = _('%(reason)s The retrieval ended after %(number)d objects.') % {
                    'reason': exc.message,
                    'number': delivered,
                }
                raise


# Inventory path


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
        return path_to(known_id(entity_ref), contents)


def find_by_inventory_path(vim: Any, path: str) -> Any:
    """Tell what is at a place of the inventory; the reverse of :func:`get_inventory_path`.

    Uses ``FindByInventoryPath`` (VI API 2.0) once.

    :param vim: service object
    :param path: such as ``/dc1/vm/vm1``, with or without the first slash; ``/`` is the root folder
    :returns: reference to the entity, None if there is none
    """
    content = vim.service_content
    names = '/'.join(filter(None, path.split('/')))
    if not names:
        return content.rootFolder
    return vim.FindByInventoryPath(content.searchIndex, inventoryPath=names)


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
    :raises VimOutcomeUnknownException: no answer came, and there is no extension of that key
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
    try:
        vim.RegisterExtension(vim.service_content.extensionManager, extension=extension)
    except exceptions.VimOutcomeUnknownException:
        # There is one extension of a key, and a second registration is a fault.
        if find_extension(vim, key) is None:
            raise


def get_vc_version(session: Any) -> Any:
    """Tell the version of the product behind a session.

    Reads ``about.version`` of the service content (``RetrieveServiceContent``, VI API 2.0), which
    the service object fetches once and keeps.

    :param session: session object
    :returns: version, for example ``8.0.2``
    """
    return session.vim.service_content.about.version

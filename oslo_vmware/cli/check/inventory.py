"""All that is looked at of the inventory, read in one go.

One RetrievePropertiesEx (vSphere API 4.1) walks from the root folder to datacenters, clusters,
hosts, datastores and networks, but not to machines, of which there may be ten thousands. What the
account may not read is left out by the server, with a reason for each property; that is a finding
here and no failure, so the pages are taken as they come.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from oslo_vmware import vim_util
from oslo_vmware._replies import check_retrieval
from oslo_vmware.cli.check.needs import Kind

_CLUSTER = 'ClusterComputeResource'

_PROPERTIES = {
    'Datacenter': ('name', 'vmFolder', 'datastore'),
    'ComputeResource': ('name', 'resourcePool', 'datastore', 'host', 'network'),
    'HostSystem': ('name', 'runtime.connectionState', 'runtime.inMaintenanceMode'),
    'Datastore': ('name', 'summary', 'host'),
    'Network': ('name',),
}
# A filter of its own: what two specifications of one filter say of one object is nowhere defined.
_CLUSTER_PROPERTIES = ('configuration.drsConfig',)

# Steps of the walk: type and property. Each goes on with all others.
_STEPS = (
    ('Folder', 'childEntity'),
    ('Datacenter', 'hostFolder'),
    ('Datacenter', 'datastoreFolder'),
    ('Datacenter', 'networkFolder'),
    ('ComputeResource', 'host'),
)

#: So many objects come at a time.
PAGE = 500


@dataclasses.dataclass
class Entity:
    """One object of the inventory.

    :ivar reference: its ``ManagedObjectReference``
    :ivar properties: by path
    :ivar unreadable: paths of what the account may not read
    """

    reference: Any
    properties: dict[str, Any] = dataclasses.field(default_factory=dict)
    unreadable: set[str] = dataclasses.field(default_factory=set)

    @property
    def type(self) -> str:
        """Type of the object, such as ``HostSystem``."""
        return str(self.reference._type)

    @property
    def id(self) -> str:
        """Managed object id."""
        return str(self.reference.value)

    @property
    def name(self) -> str:
        """Name in the inventory; the id where it may not be read."""
        return str(self.properties.get('name') or self.id)

    def references(self, path: str) -> list[Any]:
        """The references that a property holds."""
        held = self.properties.get(path)
        if held is None:
            return []
        return list(getattr(held, 'ManagedObjectReference', [held]))


class Inventory:
    """What there is, as far as the account sees it.

    :ivar session: ``UserSession`` of the account (``currentSession`` of the SessionManager)
    """

    def __init__(self, entities: Iterable[Entity], root: Any, session: Any) -> None:
        self._entities = list(entities)
        self._root = root
        self.session = session

    def of(self, *types: str) -> list[Entity]:
        """The entities of some types, in the order of their names."""
        found = [entity for entity in self._entities if entity.type in types]
        return sorted(found, key=lambda entity: entity.name)

    @property
    def datastores(self) -> list[Entity]:
        """All datastores."""
        return self.of('Datastore')

    @property
    def hosts(self) -> list[Entity]:
        """All hosts."""
        return self.of('HostSystem')

    @property
    def compute_resources(self) -> list[Entity]:
        """All clusters, and the hosts that are in none."""
        return self.of('ComputeResource', _CLUSTER)

    @property
    def clusters(self) -> list[Entity]:
        """All clusters."""
        return self.of(_CLUSTER)

    @property
    def datacenters(self) -> list[Entity]:
        """All datacenters."""
        return self.of('Datacenter')

    def named(self, kind: Kind) -> dict[str, tuple[Any, str]]:
        """What privileges of a kind are needed on.

        :returns: id -> reference and name for people
        """
        return {ref.value: (ref, name) for ref, name in self._on(kind)}

    def _on(self, kind: Kind) -> Iterator[tuple[Any, str]]:
        if kind is Kind.ROOT:
            yield self._root, 'the root folder'
        elif kind is Kind.FOLDER:
            for datacenter in self.datacenters:
                for ref in datacenter.references('vmFolder'):
                    yield ref, f'{datacenter.name}/vm'
        elif kind is Kind.POOL:
            for compute in self.compute_resources:
                for ref in compute.references('resourcePool'):
                    yield ref, f'{compute.name}/Resources'
        else:
            for entity in self.of(*_TYPES[kind]):
                yield entity.reference, entity.name

    def within(self, cluster: Entity) -> 'Inventory':
        """The part of it that belongs to one cluster."""
        paths = ('host', 'datastore', 'network')
        kept = {ref.value for path in paths for ref in cluster.references(path)}
        kept.add(cluster.id)
        stores = {ref.value for ref in cluster.references('datastore')}
        for datacenter in self.datacenters:
            if stores & {ref.value for ref in datacenter.references('datastore')}:
                kept.add(datacenter.id)
        entities = [entity for entity in self._entities if entity.id in kept]
        return Inventory(entities, self._root, self.session)


_TYPES = {
    Kind.HOST: ('HostSystem',),
    Kind.DATASTORE: ('Datastore',),
    Kind.NETWORK: ('Network', 'DistributedVirtualPortgroup', 'OpaqueNetwork'),
}


def read(session: Any) -> Inventory:
    """Read the inventory.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession` that has logged in
    :raises VMwareDriverException: it cannot be read at all
    """
    content = session.vim.service_content
    entities: dict[str, Entity] = {}
    for found in contents(session, _filters(session)):
        entity = entities.setdefault(found.obj.value, Entity(found.obj))
        for one in getattr(found, 'propSet', ()):
            entity.properties[one.name] = one.val
        entity.unreadable.update(one.path for one in getattr(found, 'missingSet', ()))
    manager = entities.pop(content.sessionManager.value, None)
    current = manager.properties.get('currentSession') if manager is not None else None
    return Inventory(entities.values(), content.rootFolder, current)


def _filters(session: Any) -> list[Any]:
    factory, content = session.vim.client.factory, session.vim.service_content
    names = [f'step{number}' for number in range(len(_STEPS))]
    everything = [vim_util.build_selection_spec(factory, name) for name in names]
    walk = [
        vim_util.build_traversal_spec(factory, name, type_, path, False, everything)
        for name, (type_, path) in zip(names, _STEPS, strict=True)
    ]
    start = vim_util.build_object_spec(factory, content.rootFolder, walk)
    manager = vim_util.build_object_spec(factory, content.sessionManager, None)

    def properties(type_: str, paths: Iterable[str]) -> Any:
        return vim_util.build_property_spec(factory, type_, list(paths))

    return [
        vim_util.build_property_filter_spec(
            factory, [properties(*one) for one in _PROPERTIES.items()], [start]
        ),
        vim_util.build_property_filter_spec(
            factory, [properties(_CLUSTER, _CLUSTER_PROPERTIES)], [start]
        ),
        vim_util.build_property_filter_spec(
            factory, [properties('SessionManager', ['currentSession'])], [manager]
        ),
    ]


def contents(session: Any, filters: list[Any]) -> Iterator[Any]:
    """The objects of all pages, with what could be read of them."""
    vim = session.vim
    options = vim.client.factory.create('ns0:RetrieveOptions')
    options.maxObjects = PAGE
    page = _ask(session, 'RetrievePropertiesEx', specSet=filters, options=options)
    while page:
        yield from getattr(page, 'objects', ())
        token = getattr(page, 'token', None)
        if not token:
            return
        page = _ask(session, 'ContinueRetrievePropertiesEx', token=token)


def _ask(session: Any, operation: str, **arguments: Any) -> Any:
    """Ask for a page, as the service itself does; but what may not be read is no failure."""
    vim = session.vim
    collector = vim.service_content.propertyCollector

    def ask(_transport: Any, call: Any, headers: dict[str, str]) -> Any:
        page = vim.client.call(operation, collector, arguments, list(headers.items()), call)
        if not page:
            # So ESX says that the session is gone.
            check_retrieval(operation, page)
        return page

    return session.invoke_api(vim, 'exchange', operation, arguments, ask)

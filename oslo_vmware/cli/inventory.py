"""Reads the inventory: one retrieval for all that a command shows, never a call for each object.

A retrieval starts somewhere in the inventory, goes down one level or all of them, comes in pages,
and has only the properties that were asked for.
"""

from __future__ import annotations

import collections
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import unquote

from oslo_vmware import api, vim_util
from oslo_vmware.cli.check.inventory import contents
from oslo_vmware.cli.failures import NoSuchObjectError, UsageError

LOG = logging.getLogger(__name__)

# So many reasons why something may not be read are told.
_REASONS_TOLD = 3

#: What people say, and vSphere's word for it.
KINDS = {
    'datacenter': 'Datacenter',
    'folder': 'Folder',
    'cluster': 'ClusterComputeResource',
    'compute': 'ComputeResource',
    'host': 'HostSystem',
    'pool': 'ResourcePool',
    'vapp': 'VirtualApp',
    'vm': 'VirtualMachine',
    'pod': 'StoragePod',
    'datastore': 'Datastore',
    'network': 'Network',
    'switch': 'DistributedVirtualSwitch',
    'portgroup': 'DistributedVirtualPortgroup',
}

# What is counted below a node; what is missing here (folders, whatever a newer server may bring)
# is shown by its name or not at all.
_WORDS = {
    'Datacenter': ('datacenter', 'datacenters'),
    'ClusterComputeResource': ('cluster', 'clusters'),
    'HostSystem': ('host', 'hosts'),
    'ResourcePool': ('resource pool', 'resource pools'),
    'VirtualApp': ('vApp', 'vApps'),
    'VirtualMachine': ('machine', 'machines'),
    'StoragePod': ('datastore cluster', 'datastore clusters'),
    'Datastore': ('datastore', 'datastores'),
    'Network': ('network', 'networks'),
    'OpaqueNetwork': ('opaque network', 'opaque networks'),
    'VmwareDistributedVirtualSwitch': ('switch', 'switches'),
    'DistributedVirtualSwitch': ('switch', 'switches'),
    'DistributedVirtualPortgroup': ('port group', 'port groups'),
}
_IMPORTANT = ('HostSystem', 'VirtualMachine', 'Datastore', 'Network')
# So many kinds fit into a line.
_SHORT = 4

#: What has something below it that a tree shows; all else is a leaf.
BRANCHES = {'Folder', 'Datacenter', 'StoragePod', 'ComputeResource', 'ClusterComputeResource'}
_COMPUTE = {'ComputeResource', 'ClusterComputeResource'}

# The properties that lead one level down.
_DOWN = (
    ('Folder', 'childEntity'),
    ('Datacenter', 'vmFolder'),
    ('Datacenter', 'hostFolder'),
    ('Datacenter', 'datastoreFolder'),
    ('Datacenter', 'networkFolder'),
    ('ComputeResource', 'host'),
    ('ComputeResource', 'resourcePool'),
    ('ResourcePool', 'resourcePool'),
    ('ResourcePool', 'vm'),
)


@dataclass(frozen=True)
class Entity:
    """An object of the inventory.

    :ivar name: as the server sends it, with ``%2f`` for a slash
    :ivar parent: id of the entity above it; None at the root, and where the user may not see it
    """

    ref: Any
    name: str
    parent: str | None = None

    @property
    def id(self) -> str:
        return str(self.ref.value)

    @property
    def kind(self) -> str:
        return str(self.ref._type)

    @property
    def title(self) -> str:
        """Its name for people."""
        return unquote(self.name)


def reference(ref: Any) -> str:
    """A reference as a text: ``VirtualMachine:vm-12``."""
    return f'{ref._type}:{ref.value}'


def retrieve(
    session: api.VMwareAPISession,
    properties: Mapping[str, Sequence[str]],
    start: Any = None,
    steps: Iterable[tuple[str, str]] | None = None,
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Read the properties of objects by type, page by page.

    :param properties: by type, the paths of what to read; objects of other types are left out
    :param start: reference of the object to start from; the root folder by default
    :param steps: type and property of what leads on from there; by default all that lead down the
                  inventory, again and again
    :returns: the reference of each object, and the properties that it has, by path
    """
    vim, factory = session.vim, session.vim.client.factory
    if steps is None:
        down = vim_util.build_recursive_traversal_spec(factory)
        # The walk begins with folders; here it may begin anywhere, and go on with any step.
        others = [one for one in down.selectSet if one.name != down.name]
        traversals = [down, *others]
        down.selectSet = [vim_util.build_selection_spec(factory, one.name) for one in traversals]
    else:
        traversals = [
            vim_util.build_traversal_spec(factory, f'{type_}.{path}', type_, path, False, [])
            for type_, path in steps
        ]
    spec = vim_util.build_property_filter_spec(
        factory,
        [vim_util.build_property_spec(factory, *one) for one in properties.items()],
        vim_util.build_object_spec(factory, start or vim.service_content.rootFolder, traversals),
    )
    reasons: dict[str, str] = {}
    for content in contents(session, [spec]):
        found = vim_util.propset_dict(getattr(content, 'propSet', None))
        missing = _missing(content)
        reasons.update(missing)
        if found or not missing:
            yield content.obj, found
    if reasons:
        told = '; '.join(list(dict.fromkeys(reasons.values()))[:_REASONS_TOLD])
        LOG.warning('The account may not see everything; what it may not see is left out: %s', told)


def read_object(
    session: api.VMwareAPISession, ref: Any, paths: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, str]]:
    """Read properties of one object, as far as they may be read.

    :param paths: of the properties; all by default
    :returns: the properties that it has, and why others could not be read, by path
    :raises NoSuchObjectError: it is not there
    """
    factory = session.vim.client.factory
    properties = vim_util.get_prop_spec(factory, ref._type, list(paths))
    properties.all = not paths
    spec = vim_util.build_property_filter_spec(
        factory, properties, vim_util.get_obj_spec(factory, ref)
    )
    for content in contents(session, [spec]):
        return vim_util.propset_dict(getattr(content, 'propSet', None)), _missing(content)
    raise NoSuchObjectError(f'There is no {reference(ref)}.')


def _missing(content: Any) -> dict[str, str]:
    """Why properties could not be read, by path."""
    return {str(one.path): _reason(one.fault) for one in getattr(content, 'missingSet', ())}


def _reason(error: Any) -> str:
    """What a LocalizedMethodFault says, in short."""
    fault = getattr(error, 'fault', None)
    privilege = getattr(fault, 'privilegeId', None)
    if privilege:
        return f'it takes the privilege {privilege}'
    return str(getattr(error, 'localizedMessage', None) or type(fault).__name__)


#: A type that is asked for, and those that come as well because they are derived from it.
_DERIVED = {
    'ComputeResource': {'ClusterComputeResource'},
    'DistributedVirtualSwitch': {'VmwareDistributedVirtualSwitch'},
    'Folder': {'StoragePod'},
    'Network': {'DistributedVirtualPortgroup', 'OpaqueNetwork'},
    'ResourcePool': {'VirtualApp'},
}


def type_of_kind(text: str) -> str:
    """The type that somebody means by a short word or by its name.

    :raises UsageError: no object of the inventory is of such a type
    """
    known = {*KINDS.values(), 'ManagedEntity', *_DERIVED, *chain.from_iterable(_DERIVED.values())}
    type_ = KINDS.get(text.lower(), text)
    if type_ not in known:
        raise UsageError(f'There is no type {text}; there is: {", ".join(KINDS)}.')
    return type_


def is_a(kind: str, wanted: str) -> bool:
    """Whether a type of the inventory is another one, or derived from it."""
    return wanted in (kind, 'ManagedEntity') or kind in _DERIVED.get(wanted, ())


def entity(ref: Any, found: Mapping[str, Any]) -> Entity:
    """Make an entity of what was read of it."""
    parent = found.get('parent')
    return Entity(ref, str(found.get('name', '?')), None if parent is None else parent.value)


def entities(
    session: api.VMwareAPISession, start: Any = None, kinds: Iterable[str] = ('ManagedEntity',)
) -> dict[str, Entity]:
    """Everything from an object on down, by id.

    :param start: reference of the object; the root folder by default, with what has no parent that
                  the user may see
    """
    properties = {kind: ['name', 'parent'] for kind in kinds}
    read = (entity(ref, values) for ref, values in retrieve(session, properties, start))
    found = {one.id: one for one in read}
    if start is None or start.value == session.vim.service_content.rootFolder.value:
        return found
    # The walk leads from clusters to machines and datastores as well, which are in other folders.
    return {id_: one for id_, one in found.items() if _is_below(one, found, start.value)}


def _is_below(one: Entity, among: Mapping[str, Entity], top: str) -> bool:
    current: Entity | None = one
    while current is not None and current.id != top:
        current = among.get(current.parent or '')
    return current is not None


def children(session: api.VMwareAPISession, of: Any) -> list[Entity]:
    """What is directly below an object, by name; what is a branch comes first."""
    found = (
        entity(ref, values)
        for ref, values in retrieve(session, {'ManagedEntity': ['name', 'parent']}, of, _DOWN)
    )
    below = [one for one in found if one.id != of.value]
    return sorted(below, key=lambda one: (one.kind not in BRANCHES, one.title))


def path_of(one: Entity, among: Mapping[str, Entity], root: str, above: str = '') -> str:
    """The inventory path of an entity, as the server would take it.

    :param root: id of the entity that the path starts below
    :param above: path of that one
    """
    names: list[str] = []
    current: Entity | None = one
    while current is not None and current.id != root:
        names.append(current.name)
        current = among.get(current.parent or '')
    return '/'.join([above.rstrip('/'), *reversed(names)]) or '/'


# Trees


@dataclass
class Branch:
    """A node of the inventory.

    :ivar counts: how many there are below it, by kind
    """

    entity: Entity
    counts: collections.Counter[str]
    children: list[Branch]

    @property
    def counted(self) -> str:
        """What is below it in words, the most important of it where that would be too long."""
        everything = sum(count > 0 for count in self.counts.values()) <= _SHORT
        return in_words(self.counts, tuple(_WORDS) if everything else _IMPORTANT)


def in_words(counts: Mapping[str, int], kinds: Iterable[str] = tuple(_WORDS)) -> str:
    """Counts by kind as ``5 hosts, 30 machines``; without the kinds that there are none of."""
    words = ((counts.get(kind, 0), *_WORDS[kind]) for kind in kinds)
    return ', '.join(f'{n:,} {one if n == 1 else many}' for n, one, many in words if n)


def grow(found: Mapping[str, Entity], root: Entity) -> Branch:
    """The inventory as a tree, each node with the counts of what is below it.

    What has no parent that the user may see hangs at the root.
    """
    below: dict[str, list[Entity]] = collections.defaultdict(list)
    for one in found.values():
        if one.id != root.id:
            below[one.parent if one.parent and one.parent in found else root.id].append(one)
    return _grow(found.get(root.id, root), below)


def _grow(one: Entity, below: Mapping[str, list[Entity]]) -> Branch:
    branch = Branch(one, collections.Counter(), [])
    for child in sorted(below.get(one.id, []), key=_clusters_first):
        # Every compute resource has one pool that all others are in, and nobody made it.
        is_root_pool = child.kind == 'ResourcePool' and one.kind in _COMPUTE
        branch.counts[child.kind] += not is_root_pool
        grown = _grow(child, below)
        branch.counts += grown.counts
        branch.children.append(grown)
    return branch


def _clusters_first(one: Entity) -> tuple[bool, bool, str]:
    return one.kind not in BRANCHES, one.kind == 'ComputeResource', one.title

"""Reads what the steps show: one retrieval for all objects of a kind, never one for each.

A retrieval starts at the root folder and comes in pages; the answers become small values of our
own here, so that what is shown does not depend on how they came.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote

from oslo_vmware import api, pbm, spbm, vim_util

PAGE = 100

_MIB = 1024**2
_MHZ = 1000**2

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
# The nodes of the tree; all others are leaves and only counted.
_BRANCHES = {'Folder', 'Datacenter', 'StoragePod', 'ComputeResource', 'ClusterComputeResource'}
_IMPORTANT = ('HostSystem', 'VirtualMachine', 'Datastore', 'Network')
# So many kinds fit into a line.
_SHORT = 4
_COMPUTE = {'ComputeResource', 'ClusterComputeResource'}


@dataclass(frozen=True)
class Entity:
    """An object of the inventory.

    :ivar parent: id of the entity above it; None at the root, and where the user may not see it
    """

    id: str
    kind: str
    name: str
    parent: str | None


@dataclass
class Node:
    """A branch of the inventory.

    :ivar counts: how many there are below it, by kind
    """

    name: str
    kind: str
    counts: collections.Counter[str]
    children: list[Node]

    @property
    def counted(self) -> str:
        """What is below it in words, the most important of it where that would be too long."""
        everything = sum(count > 0 for count in self.counts.values()) <= _SHORT
        return in_words(self.counts, tuple(_WORDS) if everything else _IMPORTANT)


@dataclass(frozen=True)
class Host:
    """A host; None is what it does not tell, as when it is not connected.

    :ivar owner: id of its cluster, or of the compute resource of its own
    :ivar cpu: Hz it has, over all cores; memory is in bytes
    """

    id: str
    name: str
    owner: str | None
    cpu: int | None
    cpu_used: int | None
    memory: int | None
    memory_used: int | None


@dataclass(frozen=True)
class Datastore:
    """A datastore; sizes in bytes, None where no host reaches it."""

    name: str
    kind: str
    parent: str | None
    capacity: int | None
    free: int | None


@dataclass(frozen=True)
class Machine:
    """A virtual machine.

    :ivar ref: its reference, for calls
    :ivar host: id of its host
    """

    ref: Any
    name: str
    host: str | None
    running: bool
    template: bool
    cpus: int
    memory: int


@dataclass(frozen=True)
class Policy:
    """A storage policy.

    :ivar asks_for: what it asks of a datastore, in words
    :ivar datastores: names of those that satisfy it
    """

    name: str
    asks_for: str
    datastores: list[str]


def _retrieve(
    session: api.VMwareAPISession, kind: str, paths: Sequence[str]
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every object of a kind: its reference, and the properties that it has."""
    first_page = session.invoke_api(vim_util, 'get_objects', session.vim, kind, PAGE, paths)
    with vim_util.WithRetrieval(session.vim, first_page) as contents:
        for content in contents:
            yield content.obj, vim_util.propset_dict(getattr(content, 'propSet', None))


def _name(properties: dict[str, Any]) -> str:
    # Names come with some characters escaped as in a URL: %2f for a slash.
    return unquote(str(properties.get('name', '?')))


def _id(ref: Any) -> str | None:
    return None if ref is None else str(vim_util.get_moref_value(ref))


def _times(value: Any, unit: int) -> int | None:
    return None if value is None else int(value) * unit


def read_entities(session: api.VMwareAPISession) -> dict[str, Entity]:
    """Everything in the inventory, by id."""
    entities = (
        Entity(ref.value, ref._type, _name(found), _id(found.get('parent')))
        for ref, found in _retrieve(session, 'ManagedEntity', ['name', 'parent'])
    )
    return {entity.id: entity for entity in entities}


def read_hosts(session: api.VMwareAPISession) -> list[Host]:
    """All hosts, by name."""
    paths = ['name', 'parent', 'summary.hardware', 'summary.quickStats']
    hosts = []
    for ref, found in _retrieve(session, 'HostSystem', paths):
        hardware, now = found.get('summary.hardware'), found.get('summary.quickStats')
        cores = getattr(hardware, 'numCpuCores', None)
        hosts.append(
            Host(
                id=ref.value,
                name=_name(found),
                owner=_id(found.get('parent')),
                cpu=_times(cores, _MHZ * getattr(hardware, 'cpuMhz', 0)),
                cpu_used=_times(getattr(now, 'overallCpuUsage', None), _MHZ),
                memory=_times(getattr(hardware, 'memorySize', None), 1),
                memory_used=_times(getattr(now, 'overallMemoryUsage', None), _MIB),
            )
        )
    return sorted(hosts, key=lambda host: host.name)


def read_datastores(session: api.VMwareAPISession) -> list[Datastore]:
    """All datastores, by name."""
    paths = ['name', 'parent', 'summary.type', 'summary.capacity', 'summary.freeSpace']
    paths.append('summary.accessible')
    datastores = []
    for _ref, found in _retrieve(session, 'Datastore', paths):
        accessible = found.get('summary.accessible', False)
        datastores.append(
            Datastore(
                name=_name(found),
                kind=str(found.get('summary.type', '?')),
                parent=_id(found.get('parent')),
                capacity=_times(found.get('summary.capacity'), 1) if accessible else None,
                free=_times(found.get('summary.freeSpace'), 1) if accessible else None,
            )
        )
    return sorted(datastores, key=lambda datastore: datastore.name)


def read_policies(session: api.VMwareAPISession) -> list[Policy]:
    """The storage policies that a machine can have, by name."""
    names = {ref: _name(found) for ref, found in _retrieve(session, 'Datastore', ['name'])}
    profiles = pbm.get_all_profiles(session)
    hubs = pbm.convert_datastores_to_hubs(session.pbm.client.factory, names)
    policies = []
    for profile in profiles:
        if profile.profileCategory != 'REQUIREMENT':
            continue
        matching = pbm.filter_hubs_by_profile(session, hubs, profile.profileId)
        allowed = pbm.filter_datastores_by_hubs(matching, names)
        policies.append(
            Policy(str(profile.name), _in_short(profile), sorted(names[ref] for ref in allowed))
        )
    return sorted(policies, key=lambda policy: policy.name)


class Refusal(NamedTuple):
    """Why something with a storage policy cannot be on a datastore."""

    policy: str
    reason: str


def read_refusal(session: api.VMwareAPISession, names: Sequence[str]) -> Refusal | None:
    """The first datastore that one of some policies refuses, and why."""
    for policy in spbm.policies_by_name(session, names).values():
        for result in spbm.check_compatibility(session, policy):
            if not result.compatible:
                return Refusal(policy.name, spbm.explain(result))
    return None


def _in_short(profile: Any) -> str:
    """What a policy asks for: its tags, or how many rules of whose."""
    rule_sets = getattr(profile.constraints, 'subProfiles', [])
    rules = [rule for rule_set in rule_sets for rule in getattr(rule_set, 'capability', [])]
    if not rules:
        return 'nothing'
    if len(rules) > 1:
        return f'{len(rules)} rules of {", ".join(sorted({rule.id.namespace for rule in rules}))}'
    wanted = rules[0].constraint[0].propertyInstance[0]
    values = getattr(wanted.value, 'values', [wanted.value])
    besides = 'not ' if getattr(wanted, 'operator', None) == 'NOT' else ''
    return f'{rules[0].id.id}: {besides}{", ".join(map(str, values))}'


def read_machines(session: api.VMwareAPISession) -> list[Machine]:
    """All virtual machines and templates, by name."""
    paths = ['name', 'runtime.host', 'runtime.powerState', 'summary.config.template']
    paths += ['summary.config.numCpu', 'summary.config.memorySizeMB']
    machines = [
        Machine(
            ref=ref,
            name=_name(found),
            host=_id(found.get('runtime.host')),
            running=found.get('runtime.powerState') == 'poweredOn',
            template=bool(found.get('summary.config.template')),
            cpus=int(found.get('summary.config.numCpu', 0)),
            memory=int(found.get('summary.config.memorySizeMB', 0)) * _MIB,
        )
        for ref, found in _retrieve(session, 'VirtualMachine', paths)
    ]
    return sorted(machines, key=lambda machine: machine.name)


def in_words(counts: Mapping[str, int], kinds: Iterable[str] = tuple(_WORDS)) -> str:
    """Counts by kind as ``5 hosts, 30 machines``; without the kinds that there are none of."""
    words = ((counts.get(kind, 0), *_WORDS[kind]) for kind in kinds)
    return ', '.join(f'{n} {one if n == 1 else many}' for n, one, many in words if n)


def without_domain(names: Sequence[str]) -> tuple[list[str], str]:
    """Names without the domain that all of them share, and that domain; ``''`` if they don't."""
    split = [name.partition('.') for name in names]
    domains = {domain for _, _, domain in split}
    if len(domains) != 1 or any(host.isdecimal() for host, _, _ in split):
        return list(names), ''
    return [host for host, _, _ in split], domains.pop()


def grow_tree(entities: dict[str, Entity], root: str) -> Node:
    """The inventory as a tree of its branches, each with the counts of what is below it.

    What has no parent that the user may see hangs at the root.

    :param root: id of the root folder
    """
    below: dict[str, list[Entity]] = collections.defaultdict(list)
    for entity in entities.values():
        if entity.id != root:
            below[entity.parent if entity.parent in entities else root].append(entity)
    top = entities.get(root, Entity(root, 'Folder', 'Inventory', None))
    return _grow(top, below)


def _grow(entity: Entity, below: dict[str, list[Entity]]) -> Node:
    node = Node(entity.name, entity.kind, collections.Counter(), [])
    for child in sorted(below[entity.id], key=_clusters_first):
        # Every compute resource has one pool that all others are in, and nobody made it.
        is_root_pool = child.kind == 'ResourcePool' and entity.kind in _COMPUTE
        node.counts[child.kind] += not is_root_pool
        grown = _grow(child, below)
        node.counts += grown.counts
        if child.kind in _BRANCHES:
            node.children.append(grown)
    return node


def _clusters_first(entity: Entity) -> tuple[bool, str]:
    return entity.kind == 'ComputeResource', entity.name

"""Whether hosts can use a datastore at all: it has to be mounted, accessible, not in maintenance.

PBM compares a policy with what a datastore offers, and says nothing of the hosts. This is read
from the inventory in three calls, however many datastores and hosts there are, and one more for
datastore clusters. A datastore cluster is usable if one of its datastores is.
"""

import dataclasses
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from oslo_vmware import vim_util
from oslo_vmware.spbm import _calls, reasons

_HOST_PROPERTIES = ['name', 'runtime.connectionState', 'runtime.inMaintenanceMode']
_POD_PROPERTIES = ['name', 'childEntity']
_DATASTORE_PROPERTIES = ['name', 'summary.accessible', 'summary.maintenanceMode', 'host']
_CLUSTERS = ('ClusterComputeResource', 'ComputeResource')

Properties = dict[str, Any]


def read(
    session: Any, type_: str, places: Sequence[Any], properties: list[str]
) -> dict[str, Properties]:
    """Properties of many objects, by id (``RetrievePropertiesEx``, vSphere API 4.1)."""
    found: dict[str, Properties] = {}
    for block in _calls.blocks(list(places)):
        references = [vim_util.get_moref(_calls.place_id(one), type_) for one in block]
        answer = session.invoke_api(
            vim_util,
            'get_properties_for_a_collection_of_objects',
            session.vim,
            type_,
            references,
            properties,
        )
        with vim_util.WithRetrieval(session.vim, answer) as contents:
            for content in contents:
                found[content.obj.value] = vim_util.propset_dict(_calls.get(content, 'propSet'))
    return found


def names_of(session: Any, places: Sequence[Any]) -> dict[str, str]:
    """Names of datastores and datastore clusters, by id."""
    names: dict[str, str] = {}
    for type_ in ('Datastore', 'StoragePod'):
        some = [place for place in places if _calls.place_type(place) == type_]
        if some:
            found = read(session, type_, some, ['name'])
            names.update((id_, str(held.get('name', id_))) for id_, held in found.items())
    return names


@dataclasses.dataclass(frozen=True)
class Pod:
    """A datastore cluster.

    :ivar name: its name
    :ivar members: ids of its datastores
    """

    name: str
    members: tuple[str, ...]


def pods_of(session: Any, places: Iterable[Any]) -> dict[str, Pod]:
    """The datastore clusters among some references, by id (``StoragePod``, vSphere API 5.0)."""
    pods = [place for place in places if _calls.is_pod(place)]
    if not pods:
        return {}
    return {
        id_: Pod(
            str(held.get('name', id_)),
            tuple(str(one.value) for one in _references(held.get('childEntity'))),
        )
        for id_, held in read(session, 'StoragePod', pods, _POD_PROPERTIES).items()
    }


class Usability:
    """What hosts can do with datastores.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param usable_by: reference of a cluster, or references of hosts
    :param datastores: references of datastores, and possibly of datastore clusters
    :param pods: what :func:`pods_of` knows of the latter
    :param shared: each of the hosts has to reach a datastore, instead of any of them
    """

    def __init__(
        self,
        session: Any,
        usable_by: Any,
        datastores: Iterable[Any],
        pods: Mapping[str, Pod],
        *,
        shared: bool,
    ) -> None:
        hosts = read(session, 'HostSystem', _hosts(session, usable_by), _HOST_PROPERTIES)
        self._shared = shared
        #: Names of the hosts that can run something, by id.
        self._hosts = {
            id_: str(held.get('name', id_))
            for id_, held in hosts.items()
            if held.get('runtime.connectionState') == 'connected'
            and not held.get('runtime.inMaintenanceMode')
        }
        self._pods = pods
        ids = dict.fromkeys(_calls.place_id(one) for one in datastores if not _calls.is_pod(one))
        ids.update(dict.fromkeys(member for pod in pods.values() for member in pod.members))
        self._datastores = read(session, 'Datastore', list(ids), _DATASTORE_PROPERTIES)

    @property
    def names(self) -> dict[str, str]:
        """Names of the datastores and datastore clusters, by id."""
        names = {id_: str(held.get('name', id_)) for id_, held in self._datastores.items()}
        return {**names, **{id_: pod.name for id_, pod in self._pods.items()}}

    def pod_reasons(self, pod: str, suitable: Container[str]) -> list[reasons.Reason]:
        """Why the hosts cannot use a datastore cluster; nothing if they can.

        :param pod: its id
        :param suitable: ids of the datastores that satisfy the policy: of those in the cluster
                         that do, one has to be usable; of a cluster without such, any
        """
        if pod not in self._pods:
            return []
        members = self._pods[pod].members
        wanted = [member for member in members if member in suitable] or members
        found = {member: self.reasons(member) for member in wanted}
        if not all(found.values()):
            return []
        if not found:
            return [reasons.Reason(reasons.NO_MEMBER, 'has no datastores')]
        names = self.names
        said = [f'{names[one]} {why.message}' for one, held in found.items() for why in held]
        which = 'satisfies the policy and ' if len(wanted) < len(members) else ''
        text = f'has no datastore that {which}the hosts can use ({_some(said, separator="; ")})'
        return [reasons.Reason(reasons.NO_MEMBER, text)]

    def reasons(self, datastore: str) -> list[reasons.Reason]:
        """Why the hosts cannot use a datastore; nothing if they can.

        :param datastore: its id
        """
        held = self._datastores.get(datastore)
        if held is None:
            return []
        found = []
        mode = str(held.get('summary.maintenanceMode') or 'normal')
        if mode != 'normal':
            text = 'is in maintenance' if mode == 'inMaintenance' else 'is entering maintenance'
            found.append(reasons.Reason(reasons.MAINTENANCE, text))
        if held.get('summary.accessible') is False:
            found.append(reasons.Reason(reasons.INACCESSIBLE, 'is not accessible'))
        unreached = self._unreached(held.get('host'))
        if not self._hosts:
            text = 'has no host to use it: none of those given is connected and in operation'
            found.append(reasons.Reason(reasons.UNREACHABLE, text))
        elif len(unreached) == len(self._hosts):
            text = f'is usable by none of the hosts ({_some(unreached)})'
            found.append(reasons.Reason(reasons.UNREACHABLE, text))
        elif unreached and self._shared:
            text = f'is not usable by all of the hosts: {_some(unreached)} cannot write to it'
            found.append(reasons.Reason(reasons.UNREACHABLE, text))
        return found

    def _unreached(self, mounts: Any) -> list[str]:
        # VIM sends an array as an object that holds the list.
        mounts = getattr(mounts, 'DatastoreHostMount', mounts) or []
        reached = {mount.key.value for mount in mounts if _is_usable(mount.mountInfo)}
        return sorted(name for id_, name in self._hosts.items() if id_ not in reached)


def _hosts(session: Any, usable_by: Any) -> list[Any]:
    if isinstance(usable_by, list | tuple | set | frozenset):
        return list(usable_by)
    type_ = vim_util.get_moref_type(usable_by)
    if type_ not in _CLUSTERS:
        return [usable_by]
    held = read(session, type_, [usable_by], ['host'])
    hosts = next(iter(held.values()), {}).get('host')
    return _references(hosts)


def _references(held: Any) -> list[Any]:
    # VIM sends an array as an object that holds the list.
    return list(getattr(held, 'ManagedObjectReference', held) or [])


def _is_usable(info: Any) -> bool:
    # Both are optional (vSphere API 5.0); a host that says nothing has no trouble.
    return (
        _calls.get(info, 'mounted', True) is not False
        and _calls.get(info, 'accessible', True) is not False
        and str(_calls.get(info, 'accessMode', 'readWrite')) == 'readWrite'
    )


def _some(names: Sequence[str], limit: int = 5, separator: str = ', ') -> str:
    more = f' and {len(names) - limit} more' if len(names) > limit else ''
    return separator.join(names[:limit]) + more

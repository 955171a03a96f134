"""Whether hosts can use a datastore at all: it has to be mounted, accessible, not in maintenance.

PBM compares a policy with what a datastore offers, and says nothing of the hosts. This is read
from the inventory in three calls, however many datastores and hosts there are, and one more for
datastore clusters. A datastore cluster is usable if one of its datastores is.

What the account may not read, or what is not there any more, is not usable; of a host, nobody knows
whether it is in operation.
"""

from collections.abc import Container, Iterable, Sequence
from typing import Any

from oslo_vmware import exceptions, vim_util
from oslo_vmware.spbm import _calls
from oslo_vmware.spbm.inventory import Pods, is_gone, read, references, why
from oslo_vmware.spbm.reasons import (
    INACCESSIBLE,
    MAINTENANCE,
    NO_MEMBER,
    UNREACHABLE,
    UNREADABLE,
    Reason,
)

_HOST_PROPERTIES = ['name', 'runtime.connectionState', 'runtime.inMaintenanceMode']
_DATASTORE_PROPERTIES = ['name', 'summary.accessible', 'summary.maintenanceMode', 'host']
_CLUSTERS = ('ClusterComputeResource', 'ComputeResource')


class Usability:
    """What hosts can do with datastores.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param usable_by: reference of a cluster or a host, or references of hosts
    :param datastores: references of datastores, and possibly of datastore clusters
    :param pods: what :func:`pods_of` knows of the latter
    :param shared: each of the hosts has to reach a datastore, instead of any of them
    """

    def __init__(
        self, session: Any, usable_by: Any, datastores: Iterable[Any], pods: Pods, *, shared: bool
    ) -> None:
        hosts = read(session, 'HostSystem', _hosts(session, usable_by), _HOST_PROPERTIES)
        self._shared = shared
        #: Names of the hosts that can run something, by id.
        self._hosts = {
            id_: str(held.get('name', id_))
            for id_, held in hosts.found.items()
            if held.get('runtime.connectionState') == 'connected'
            and not held.get('runtime.inMaintenanceMode')
        }
        self._unread_hosts = hosts.unread
        self._pods = pods
        ids = dict.fromkeys(_calls.place_id(one) for one in datastores if not _calls.is_pod(one))
        self._datastores = read(
            session, 'Datastore', [*ids, *pods.members()], _DATASTORE_PROPERTIES
        )

    @property
    def names(self) -> dict[str, str]:
        """Names of the datastores and datastore clusters that can be read, by id."""
        names = {id_: str(held.get('name', id_)) for id_, held in self._datastores.found.items()}
        return {**names, **{id_: pod.name for id_, pod in self._pods.found.items()}}

    def pod_reasons(self, pod: str, suitable: Container[str]) -> list[Reason]:
        """Why the hosts cannot use a datastore cluster; nothing if they can.

        :param pod: its id
        :param suitable: ids of the datastores that satisfy the policy: of those in the cluster
                         that do, one has to be usable; of a cluster without such, any
        """
        if pod not in self._pods.found:
            return [_unreadable(self._pods.unread[pod])]
        members = self._pods.found[pod].members
        wanted = [member for member in members if member in suitable] or members
        found = {member: self.reasons(member) for member in wanted}
        if not all(found.values()):
            return []
        if not found:
            return [Reason(NO_MEMBER, 'has no datastores')]
        names = self.names
        said = [
            f'{names.get(id_, id_)} {reason.message}'
            for id_, held in found.items()
            for reason in held
        ]
        which = 'satisfies the policy and ' if len(wanted) < len(members) else ''
        text = f'has no datastore that {which}the hosts can use ({_some(said, separator="; ")})'
        return [Reason(NO_MEMBER, text)]

    def reasons(self, datastore: str) -> list[Reason]:
        """Why the hosts cannot use a datastore; nothing if they can.

        :param datastore: its id
        """
        held = self._datastores.found.get(datastore)
        if held is None:
            return [_unreadable(self._datastores.unread[datastore])]
        found = []
        mode = str(held.get('summary.maintenanceMode') or 'normal')
        if mode != 'normal':
            text = 'is in maintenance' if mode == 'inMaintenance' else 'is entering maintenance'
            found.append(Reason(MAINTENANCE, text))
        if held.get('summary.accessible') is False:
            found.append(Reason(INACCESSIBLE, 'is not accessible'))
        return found + self._reasons_of_hosts(held.get('host'))

    def _reasons_of_hosts(self, mounts: Any) -> list[Reason]:
        # VIM sends an array as an object that holds the list.
        mounts = getattr(mounts, 'DatastoreHostMount', mounts) or []
        reached = {mount.key.value for mount in mounts if _is_usable(mount.mountInfo)}
        unreached = sorted(name for id_, name in self._hosts.items() if id_ not in reached)
        if not self._hosts:
            text = 'has no host to use it: none of those given is connected and in operation'
            unread = [f'{id_} {why(exc)}' for id_, exc in self._unread_hosts.items()]
            text += f' ({_some(unread)})' if unread else ''
        elif len(unreached) == len(self._hosts):
            text = f'is usable by none of the hosts ({_some(unreached)})'
        elif unreached and self._shared:
            text = f'is not usable by all of the hosts: {_some(unreached)} cannot write to it'
        elif self._shared and (unknown := self._unknown_of(reached)):
            text = f'may not be usable by all of the hosts: {_some(unknown)}'
        else:
            return []
        return [Reason(UNREACHABLE, text)]

    def _unknown_of(self, reached: Container[str]) -> list[str]:
        """The hosts that do not reach a datastore, and may be in operation or not."""
        return [
            f'{id_} {why(exc)}'
            for id_, exc in self._unread_hosts.items()
            if id_ not in reached and not is_gone(exc)
        ]


def _unreadable(exc: exceptions.VimException) -> Reason:
    return Reason(UNREADABLE, why(exc), raw=exc.fault)


def _hosts(session: Any, usable_by: Any) -> list[Any]:
    if not (isinstance(usable_by, str) or hasattr(usable_by, '_type')):
        return list(usable_by)
    type_ = vim_util.get_moref_type(usable_by)
    if type_ not in _CLUSTERS:
        return [usable_by]
    reading = read(session, type_, [usable_by], ['host'])
    for exc in reading.unread.values():
        raise exc
    hosts = next(iter(reading.found.values()), {}).get('host')
    return references(hosts)


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

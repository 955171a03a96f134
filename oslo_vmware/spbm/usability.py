"""Whether hosts can use a datastore at all: it has to be mounted, accessible, not in maintenance.

PBM compares a policy with what a datastore offers, and says nothing of the hosts. This is read
from the inventory in three calls, however many datastores and hosts there are, and one more for
datastore clusters; for the next policies it is known. A datastore cluster is usable if one of its
datastores is.

What the account may not read, or what is not there any more, is not usable; of a host, nobody knows
whether it is in operation.
"""

import copy
import dataclasses
import sys
from collections.abc import Container, Iterable, Sequence
from typing import Any

from oslo_vmware import exceptions, vim_util
from oslo_vmware.spbm import _calls
from oslo_vmware.spbm.inventory import Pods, Properties, is_gone, recent, references, why
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


@dataclasses.dataclass(frozen=True, slots=True)
class _Host:
    """A host.

    :ivar runs: whether it can run something
    """

    name: str
    runs: bool

    @classmethod
    def of(cls, id_: str, held: Properties) -> '_Host':
        connected = held.get('runtime.connectionState') == 'connected'
        return cls(
            str(held.get('name', id_)), connected and not held.get('runtime.inMaintenanceMode')
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Datastore:
    """What is kept of a datastore, without an object for each of its mounts.

    :ivar mode: of maintenance
    :ivar hosts: ids of those that can write to it
    """

    name: str
    mode: str
    accessible: bool
    hosts: frozenset[str]

    @classmethod
    def of(cls, id_: str, held: Properties) -> '_Datastore':
        # VIM sends an array as an object that holds the list.
        mounts = held.get('host')
        mounts = getattr(mounts, 'DatastoreHostMount', mounts) or []
        return cls(
            str(held.get('name', id_)),
            str(held.get('summary.maintenanceMode') or 'normal'),
            held.get('summary.accessible') is not False,
            # Each datastore names the same hosts.
            frozenset(
                sys.intern(str(one.key.value)) for one in mounts if _is_usable(one.mountInfo)
            ),
        )


class Usability:
    """What hosts can do with datastores.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param usable_by: reference of a cluster or a host, or references of hosts
    :param datastores: references of datastores, and possibly of datastore clusters
    :param pods: what :func:`pods_of` knows of the latter
    :param shared: each of the hosts has to reach a datastore, instead of any of them
    :param fresh: read everything anew
    """

    def __init__(
        self,
        session: Any,
        usable_by: Any,
        datastores: Iterable[Any],
        pods: Pods,
        *,
        shared: bool,
        fresh: bool = False,
    ) -> None:
        given = _hosts(session, usable_by, fresh)
        hosts = recent(session, 'HostSystem', given, _HOST_PROPERTIES, _Host.of, fresh=fresh)
        self._shared = shared
        #: Names of the hosts that can run something, by id.
        self._hosts = {id_: host.name for id_, host in hosts.found.items() if host.runs}
        self._unread_hosts = hosts.unread
        self._pods = pods
        ids = dict.fromkeys(_calls.place_id(one) for one in datastores if not _calls.is_pod(one))
        self._datastores = recent(
            session,
            'Datastore',
            [*ids, *pods.members()],
            _DATASTORE_PROPERTIES,
            _Datastore.of,
            fresh=fresh,
        )

    @property
    def names(self) -> dict[str, str]:
        """Names of the datastores and datastore clusters that can be read, by id."""
        names = {id_: held.name for id_, held in self._datastores.found.items()}
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
        if held.mode != 'normal':
            text = (
                'is in maintenance' if held.mode == 'inMaintenance' else 'is entering maintenance'
            )
            found.append(Reason(MAINTENANCE, text))
        if not held.accessible:
            found.append(Reason(INACCESSIBLE, 'is not accessible'))
        return found + self._reasons_of_hosts(held.hosts)

    def _reasons_of_hosts(self, reached: Container[str]) -> list[Reason]:
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


def _hosts(session: Any, usable_by: Any, fresh: bool) -> Sequence[Any]:
    if not (isinstance(usable_by, str) or hasattr(usable_by, '_type')):
        return list(usable_by)
    type_ = vim_util.get_moref_type(usable_by)
    if type_ not in _CLUSTERS:
        return [usable_by]
    reading = recent(session, type_, [usable_by], ['host'], _hosts_of_cluster, fresh=fresh)
    for exc in reading.unread.values():
        # Others who asked at the same time raise it, too.
        raise copy.copy(exc)
    return next(iter(reading.found.values()), ())


def _hosts_of_cluster(_id: str, held: Properties) -> tuple[str, ...]:
    return tuple(str(one.value) for one in references(held.get('host')))


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

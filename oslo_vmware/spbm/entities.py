"""What can have a policy, how PBM names it, and who has which.

A fault about one entity is a value in the answer, not the end of it. Lists of any length are
cut into blocks and joined in order.
"""

import dataclasses
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oslo_vmware import exceptions, vim_util
from oslo_vmware._i18n import _
from oslo_vmware.spbm import _calls, errors

#: Kinds of entities (``PbmObjectType``, PBM API 1.0; virtualDiskUUID from 6.0 on).
MACHINE = 'virtualMachine'
MACHINE_AND_DISKS = 'virtualMachineAndDisks'
DISK = 'virtualDiskId'
FIRST_CLASS_DISK = 'virtualDiskUUID'
DATASTORE = 'datastore'


@dataclasses.dataclass(frozen=True)
class EntityKey:
    """What PBM calls an entity (``PbmServerObjectRef``, PBM API 1.0).

    :ivar kind: ``virtualMachine``, ``virtualDiskId`` …
    :ivar key: id of a machine or datastore; ``<machine>:<device key>`` of a disk; id of a first
               class disk
    """

    kind: str
    key: str

    @classmethod
    def from_wire(cls, raw: Any) -> 'EntityKey':
        """The key of a decoded ``PbmServerObjectRef``."""
        return cls(str(raw.objectType), str(raw.key))

    @property
    def vm(self) -> Any:
        """Reference of the machine that it is or belongs to; None for what has none."""
        if self.kind in (MACHINE, MACHINE_AND_DISKS, DISK):
            return vim_util.get_moref(self.key.partition(':')[0], 'VirtualMachine')
        return None

    @property
    def disk_key(self) -> int | None:
        """Device key of a machine's disk; None for what is none."""
        return int(self.key.partition(':')[2]) if self.kind == DISK else None

    def to_wire(self, connection: _calls.Connection) -> Any:
        """``PbmServerObjectRef`` for a request; without a server it means this vCenter."""
        return connection.create('PbmServerObjectRef', objectType=self.kind, key=self.key)


@dataclasses.dataclass(frozen=True)
class VmPolicies:
    """The policies of a machine.

    :ivar home: id of its home's policy, or None
    :ivar disks: device key to id of policy, or None; of all its disks
    """

    home: str | None
    disks: Mapping[int, str | None]

    def __post_init__(self) -> None:
        object.__setattr__(self, 'disks', types.MappingProxyType(dict(self.disks)))


class PolicyEntities(dict[str, list[EntityKey]]):
    """Id of policy to who has it.

    :ivar faults: entities of which the server cannot tell whether they have one of the policies,
                  each with the exception that says why
    """

    def __init__(self, ids: Iterable[str]) -> None:
        super().__init__((id_, []) for id_ in ids)
        self.faults: dict[EntityKey, exceptions.VimException] = {}


def entity(vm: Any) -> EntityKey:
    """The home of a machine, without its disks.

    :param vm: reference, ``'VirtualMachine:<id>'`` or id
    """
    return EntityKey(MACHINE, _calls.place_id(vm))


def vm_and_disks(vm: Any) -> EntityKey:
    """A machine with all its disks.

    :param vm: as in :func:`entity`
    """
    return EntityKey(MACHINE_AND_DISKS, _calls.place_id(vm))


def disk(vm: Any, key: int) -> EntityKey:
    """A disk of a machine.

    :param vm: as in :func:`entity`
    :param key: device key (``VirtualDevice.key``)
    """
    return EntityKey(DISK, f'{_calls.place_id(vm)}:{int(key)}')


def first_class_disk(id_: Any) -> EntityKey:
    """A first class disk (vSphere 6.5).

    :param id_: text, or ``ID`` object of the vStorageObjectManager
    """
    return EntityKey(FIRST_CLASS_DISK, str(getattr(id_, 'id', id_)))


def datastore_entity(datastore: Any) -> EntityKey:
    """A datastore.

    :param datastore: reference, ``'Datastore:<id>'`` or id
    """
    return EntityKey(DATASTORE, _calls.place_id(datastore))


PolicyIds = list[str] | exceptions.VimException


def policies_of(
    session: Any, entities: Iterable[EntityKey], *, block: int = _calls.BLOCK
) -> dict[EntityKey, PolicyIds]:
    """Who has which policies (``PbmQueryAssociatedProfiles``, PBM API 1.0; one call a block).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param entities: see :func:`entity`, :func:`disk` …
    :param block: most entities in one call
    :returns: ids of policies for each, possibly none, in the order of ``entities``; a machine
              with its disks has them all together. Or the exception that says why they cannot be
              had
    """
    connection = _calls.Connection(session)
    wanted = list(dict.fromkeys(entities))
    require_kinds(session, [one.kind for one in wanted])
    found: dict[EntityKey, PolicyIds] = {one: [] for one in wanted}
    for part in _calls.blocks(wanted, block):
        for result in _associations(connection, part):
            key = EntityKey.from_wire(result.object)
            answer = _answer(result)
            # For a machine with its disks the server may answer for each part.
            for asked in {key, machine_of(key)} & found.keys():
                _add(found, asked, answer)
    return found


def require_kinds(session: Any, kinds: Iterable[Any]) -> None:
    """See that a server knows entities of some kinds.

    :raises PbmNotSupportedException: it is too old
    """
    if FIRST_CLASS_DISK in kinds:
        _calls.require_server(session, _('A first class disk'), (6, 5))


def machine_of(key: EntityKey) -> EntityKey:
    """The machine with all its disks that a home or a disk belongs to."""
    return EntityKey(MACHINE_AND_DISKS, key.key.partition(':')[0])


def _add(found: dict[EntityKey, PolicyIds], key: EntityKey, answer: PolicyIds) -> None:
    held = found[key]
    if isinstance(held, list) and isinstance(answer, list):
        held += [one for one in answer if one not in held]
    elif isinstance(held, list):
        found[key] = answer


def _answer(result: Any) -> PolicyIds:
    fault = errors.from_method_fault(_calls.get(result, 'fault'))
    if fault is not None:
        return fault
    return [str(one.uniqueId) for one in _calls.many(result, 'profileId')]


def _associations(connection: _calls.Connection, part: Sequence[EntityKey]) -> list[Any]:
    return _calls.as_list(
        connection.call(
            _calls.PROFILES,
            'PbmQueryAssociatedProfiles',
            entities=[one.to_wire(connection) for one in part],
        )
    )


def vm_policies(session: Any, vm: Any) -> VmPolicies:
    """The policies of a machine's home and of each of its disks.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param vm: reference or ``'VirtualMachine:<id>'``
    :raises ManagedObjectNotFoundException: there is no such machine
    """
    keys = [device.key for device in disks_of(session, vm)]
    asked = [entity(vm), *(disk(vm, key) for key in keys)]
    found = policies_of(session, asked)
    ids: list[str | None] = []
    for one in asked:
        answer = found[one]
        if isinstance(answer, exceptions.VimException):
            raise answer
        ids.append(answer[0] if answer else None)
    return VmPolicies(ids[0], dict(zip(keys, ids[1:], strict=True)))


def entities_of(session: Any, policy: Any, *, kind: str | None = None) -> list[EntityKey]:
    """Who has a policy (``PbmQueryAssociatedEntity``, PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param policy: id, ``PbmProfileId`` or ``Policy``
    :param kind: only entities of a kind, such as ``virtualDiskId``
    :raises PolicyNotFoundException: there is no such policy
    """
    connection = _calls.Connection(session)
    require_kinds(session, [kind])
    id_ = _calls.policy_id(policy)
    arguments: dict[str, Any] = {'profile': connection.profile_id(id_)}
    if kind is not None:
        arguments['entityType'] = kind
    reply = connection.call(_calls.PROFILES, 'PbmQueryAssociatedEntity', [id_], **arguments)
    return [EntityKey.from_wire(raw) for raw in _calls.as_list(reply)]


def entities_of_policies(
    session: Any, policies: Iterable[Any], *, block: int = _calls.BLOCK
) -> PolicyEntities:
    """Who has which of some policies (``PbmQueryAssociatedEntities``, vSphere 6.5).

    On an older server each policy is asked for by itself.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param policies: ids, ``PbmProfileId`` or ``Policy`` objects
    :param block: most policies in one call
    :returns: dict of id of policy to entities, for all of ``policies`` and in their order; its
              ``faults`` has what cannot be told of single entities
    """
    connection = _calls.Connection(session)
    ids = list(dict.fromkeys(_calls.policy_id(one) for one in policies))
    found = PolicyEntities(ids)
    if not connection.has('PbmQueryAssociatedEntities'):
        found.update((id_, entities_of(session, id_)) for id_ in ids)
        return found
    for part in _calls.blocks(ids, block):
        reply = connection.call(
            _calls.PROFILES,
            'PbmQueryAssociatedEntities',
            part,
            profiles=[connection.profile_id(one) for one in part],
        )
        for result in _calls.as_list(reply):
            key, answer = EntityKey.from_wire(result.object), _answer(result)
            if isinstance(answer, exceptions.VimException):
                found.faults[key] = answer
                continue
            for id_ in answer:
                found.setdefault(id_, []).append(key)
    return found


def disks_of(session: Any, vm: Any) -> list[Any]:
    """The ``VirtualDisk`` devices of a machine."""
    return [one for one in devices_of(session, vm) if one.__class__.__name__ == 'VirtualDisk']


def devices_of(session: Any, vm: Any) -> list[Any]:
    """The devices of a machine (``config.hardware.device``, vSphere API 2.5)."""
    reference = vim_util.get_moref(_calls.place_id(vm), 'VirtualMachine')
    held = session.invoke_api(
        vim_util, 'get_object_property', session.vim, reference, 'config.hardware.device'
    )
    if held is None:
        raise exceptions.VimException(_('Machine %s has no devices yet.') % _calls.place_id(vm))
    return list(getattr(held, 'VirtualDevice', held))

"""Who has which storage policy.

The machines themselves know their policies; their operations set them. So that a question about
a policy does not ask thousands of machines, an index follows their changes: what has changed
since is looked at when the next question comes. First class disks are told of by who knows them,
or by a test.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from oslo_vmware.simulator.objects.vm import backings
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import ManagedObject, World

MACHINE = 'virtualMachine'
MACHINE_AND_DISKS = 'virtualMachineAndDisks'
DISK = 'virtualDiskId'
DATASTORE = 'datastore'
FIRST_CLASS_DISK = 'virtualDiskUUID'
#: What operations ask about.
KINDS = (MACHINE, MACHINE_AND_DISKS, DISK, FIRST_CLASS_DISK, DATASTORE)


_WHOLE = -1


class Part(NamedTuple):
    """What has a policy of its own: the home of a machine, one of its disks, or a disk by itself.

    :ivar machine: its id; that of the disk, for a first class disk
    :ivar key: of the disk, None for the home, -1 for a first class disk
    """

    machine: str
    key: int | None


class FirstClassDisk(Protocol):
    """A disk with a life of its own.

    :ivar place: the datastore that it lies on
    :ivar policy: id of its policy
    :ivar applied_policies: how that was applied, see ``Machine``
    """

    id: str
    place: Any
    policy: str | None
    applied_policies: dict[int | None, Any]

    @property
    def size(self) -> int:
        """In bytes."""


@dataclasses.dataclass
class _TestDisk:
    """One that is there only because a test says so."""

    id: str
    place: Any
    policy: str | None
    size: int
    applied_policies: dict[int | None, Any] = dataclasses.field(default_factory=dict)


class Associations:
    """The index over the machines of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._policy: dict[str, dict[Part, str]] = {}
        self._users: dict[str, dict[Part, None]] = {}
        self._disks: dict[str, FirstClassDisk] = {}
        self._changed: dict[str, Any] = {
            machine.ref.value: machine
            for machine in world.objects.values()
            if machine.is_a('VirtualMachine')
        }
        world.listen(self._note)

    def _note(self, obj: ManagedObject, names: tuple[str, ...] | None) -> None:
        if obj.ref.type == 'VirtualMachine':
            self._changed[obj.ref.value] = obj

    def _look(self) -> None:
        """Take in what has changed."""
        changed, self._changed = self._changed, {}
        machine: Any
        for moid, machine in changed.items():
            for part, policy in self._policy.pop(moid, {}).items():
                del self._users[policy][part]
            if moid not in self._world.objects:
                continue
            held = {Part(moid, key): policy for key, policy in machine.disk_policies.items()}
            if machine.home_policy:
                held = {Part(moid, None): machine.home_policy, **held}
            if held:
                self._policy[moid] = held
            for part, policy in held.items():
                self._users.setdefault(policy, {})[part] = None

    def first_class_disk(
        self, disk_id: str, place: ManagedObject, policy: str | None = None, size: int = 1024**3
    ) -> None:
        """Have a first class disk, or have it as it is now.

        :param disk_id: its id, a UUID
        :param place: the datastore that it lies on
        :param policy: id of its policy
        :param size: in bytes
        """
        self.follow_disk(_TestDisk(disk_id, place, policy, size))

    def follow_disk(self, disk: FirstClassDisk) -> None:
        """There is a first class disk, or it has another policy, place or size."""
        self.forget_disk(disk.id)
        self._disks[disk.id] = disk
        if disk.policy:
            part = Part(disk.id, _WHOLE)
            self._policy[disk.id] = {part: disk.policy}
            self._users.setdefault(disk.policy, {})[part] = None

    def forget_disk(self, disk_id: str) -> None:
        """There is no such disk any more."""
        self._disks.pop(disk_id, None)
        for held in self._policy.pop(disk_id, {}).values():
            del self._users[held][Part(disk_id, _WHOLE)]

    def users(self, profile_id: str) -> list[Part]:
        """What has a policy."""
        self._look()
        return list(self._users.get(profile_id, ()))

    def all(self) -> Iterator[tuple[Part, str]]:
        """What has a policy, whichever, with the policy's id."""
        self._look()
        for held in self._policy.values():
            yield from held.items()

    def of_machine(self, moid: str) -> dict[Part, str]:
        """The policies of a machine's home and disks, those of its home first."""
        self._look()
        return self._policy.get(moid, {})

    def machine(self, part: Part) -> Any:
        """The machine of a home or a disk; a first class disk itself."""
        if part.key == _WHOLE:
            return self._disks[part.machine]
        return self._world.objects[part.machine]

    def place(self, part: Part) -> Any:
        """The datastore that a home or a disk lies on."""
        machine = self.machine(part)
        if part.key == _WHOLE:
            return machine.place
        if part.key is None:
            return machine.home
        disk = next(disk for disk in machine.disks if disk.key == part.key)
        return backings.disk_datastore(machine, disk)

    def entity(self, part: Part) -> DataObject:
        """How PBM names a home or a disk."""
        kind, key = {None: (MACHINE, part.machine), _WHOLE: (FIRST_CLASS_DISK, part.machine)}.get(
            part.key, (DISK, f'{part.machine}:{part.key}')
        )
        return types.PbmServerObjectRef(
            objectType=kind,
            key=key,
            serverUuid=self._world.about.instanceUuid,
        )

    def named(self, entity: DataObject) -> tuple[Any, list[Part]]:
        """The object that a PbmServerObjectRef names, and its parts; a datastore has none.

        :raises Fault: InvalidArgument for what can have no policy, PbmFaultNotFound
        """
        moid, _, device = entity.key.partition(':')
        found: Any = self._world.objects.get(moid)
        elsewhere = entity.serverUuid not in (None, self._world.about.instanceUuid)
        kind = entity.objectType
        if kind not in KINDS:
            raise invalid_argument('entity.objectType')
        wanted = 'Datastore' if kind == DATASTORE else 'VirtualMachine'
        missing = Fault('PbmFaultNotFound', f'There is no {kind} {entity.key}.')
        if kind == FIRST_CLASS_DISK and entity.key in self._disks and not elsewhere:
            return self._disks[entity.key], [Part(entity.key, _WHOLE)]
        if found is None or elsewhere or not found.is_a(wanted) or kind == FIRST_CLASS_DISK:
            raise missing
        if kind == DATASTORE:
            return found, []
        keys = [disk.key for disk in found.disks]
        if kind == DISK:
            if device not in map(str, keys):
                raise missing
            return found, [Part(moid, int(device))]
        if device:
            raise missing
        home = Part(moid, None)
        if kind == MACHINE:
            return found, [home]
        return found, [home, *(Part(moid, key) for key in keys)]

    def policies(self, parts: list[Part]) -> dict[Part, str]:
        """The policies that parts have, without those that have none."""
        found: dict[Part, str] = {}
        for part in parts:
            policy = self.of_machine(part.machine).get(part)
            if policy:
                found[part] = policy
        return found

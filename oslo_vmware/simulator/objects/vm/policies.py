"""Which storage policies a machine and its disks have after a VirtualMachineConfigSpec.

``vmProfile`` is about the machine's home, ``profile`` of a device change about a disk. Either
names a policy, asks for the datastore's default one, or takes the policy away; what is not given
stays as it is. With a policy the version of it is kept that was applied: one changed since is out
of date until it is applied again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.vm import backings
from oslo_vmware.simulator.objects.vm.machine import Applied, Machine
from oslo_vmware.simulator.world.data import DataObject, invalid_argument
from oslo_vmware.simulator.world.registry import World


class Assigned(NamedTuple):
    """Ids of policies: of the machine's home, and of its disks by device key."""

    home: str | None
    disks: dict[int, str]


def assigned(
    vm: Machine,
    home: list[DataObject] | None,
    disks: Mapping[int, list[DataObject]],
    devices: list[DataObject],
) -> Assigned:
    """The policies there will be.

    :param home: VirtualMachineProfileSpec objects
    :param disks: the same, by the final key of a device
    :param devices: of the machine, as they will be
    :raises Fault: InvalidArgument for an unknown policy
    """
    present = {device.key: device for device in devices if device.wire_type == 'VirtualDisk'}
    made = {}
    for key, disk in present.items():
        place = backings.disk_datastore(vm, disk)
        policy = chosen(vm.world, disks.get(key), vm.disk_policies.get(key), place)
        if policy:
            made[key] = policy
    return Assigned(chosen(vm.world, home, vm.home_policy, vm.home), made)


def applied(
    vm: Machine,
    home: list[DataObject] | None,
    disks: Mapping[int, list[DataObject]],
    policies: Assigned,
) -> dict[int | None, Applied]:
    """How the policies that there will be are applied, or were before.

    :param home: as for :func:`assigned`
    :param disks: the same
    :return: by device key; that of the home has the key None
    """
    made: dict[int | None, Applied] = {}
    for part in (None, *policies.disks):
        policy, specs = (
            (policies.home, home) if part is None else (policies.disks[part], disks.get(part))
        )
        how = newly_applied(vm.world, specs, policy) or vm.applied_policies.get(part)
        if policy and how:
            made[part] = how
    return made


def chosen(
    world: World, specs: list[DataObject] | None, present: str | None, place: Datastore
) -> str | None:
    """The policy that is in force after what is asked for.

    :param specs: VirtualMachineProfileSpec objects
    :param present: the one before
    :param place: the datastore of what has it
    :raises Fault: InvalidArgument for an unknown policy
    """
    for spec in specs or ():
        if spec.wire_type == 'VirtualMachineEmptyProfileSpec':
            present = None
        elif spec.wire_type == 'VirtualMachineDefaultProfileSpec':
            present = world.policies.default_of(place)
        elif spec.wire_type == 'VirtualMachineDefinedProfileSpec':
            if not world.policies.known(spec.profileId):
                raise invalid_argument('profileId')
            present = spec.profileId
    return present


def newly_applied(
    world: World, specs: list[DataObject] | None, policy: str | None
) -> Applied | None:
    """How a policy is applied by what is asked for; None if nothing is."""
    if not specs or not policy:
        return None
    replication = specs[-1].replicationSpec
    group = replication.replicationGroupId if replication is not None else None
    return Applied(world.policies.generation(policy), group)

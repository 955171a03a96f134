"""Machines that are made of the files that they have on a datastore."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Any

from oslo_vmware.simulator.objects import places
from oslo_vmware.simulator.objects.vm import vmx
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.storage.files import normal
from oslo_vmware.simulator.world.data import DataObject, Fault, types
from oslo_vmware.simulator.world.registry import World

# Makes a machine of a specification, in a resource pool, on a host.
Create = Callable[[DataObject, Any, Any], Machine]


def register(
    world: World, path: str, name: str | None, pool: Any, host: Any, create: Create
) -> Machine:
    """Make a machine of its configuration file, as RegisterVM_Task does.

    :param path: ``[datastore] directory/file.vmx``
    :param name: for the inventory, instead of the one in the file
    :raises Fault: InvalidDatastorePath, AlreadyExists, NotFound or InvalidVmConfig
    """
    home, file = places.datastore_of(pool.owner.datastore, path)
    file = normal(file)
    for machine in home.vm:
        if f'{machine.stem}.vmx' == f'[{home.name}] {file}':
            raise Fault(
                'AlreadyExists',
                f"The specified key, name, or identifier '{path}' already exists.",
                name=path,
            )
    volume = world.files.of(home)
    if not volume.is_file(file):
        raise Fault('NotFound', f"There is no configuration file '{path}'.")
    with open(volume.real(file), encoding='utf-8', errors='replace') as source:
        values = vmx.read(source.read())

    def full_name(name: str) -> str:
        if name.startswith('['):
            return name
        where, rest = volume, posixpath.join(posixpath.dirname(file), name)
        if name.startswith('/vmfs/volumes/'):
            where, rest = world.files.at(name)
        full: str = where.name(rest)
        return full

    try:
        spec = vmx.spec(values, full_name)
    except ValueError:
        values = {}
    if not values:
        raise Fault(
            'InvalidVmConfig', f"'{path}' is no configuration file.", property='config.files'
        )
    spec.name = name or spec.name or posixpath.basename(file).removesuffix('.vmx')
    spec.files = types.VirtualMachineFileInfo(vmPathName=volume.name(file))
    if any(one.instance_uuid == spec.instanceUuid for one in world.of_type(Machine)):
        # It is a copy of one that is here: vCenter keeps these unique.
        spec.instanceUuid = None
    chosen = places.choose_host(pool.owner, home, host)
    # A network that is not here costs the machine its card, and nothing else.
    spec.deviceChange = [
        change for change in spec.deviceChange if _can_be_connected(change.device, chosen)
    ]
    made = create(spec, pool, chosen)
    made.tools = values.get('vmware.tools.internalversion', '0') != '0'
    made.changed('guest', 'config', 'summary')
    return made


def _can_be_connected(device: DataObject, host: Any) -> bool:
    """Whether a network card's network is on a host; of other devices this is not asked."""
    backing = device.backing
    if backing is None:
        return True
    if backing.port is not None:
        return any(getattr(one, 'key', None) == backing.port.portgroupKey for one in host.network)
    if backing.wire_type == 'VirtualEthernetCardNetworkBackingInfo':
        return any(one.name == backing.deviceName for one in host.network)
    return True

"""How a host comes into the inventory: by its address and the password of its root user.

Every address answers, as a host with nothing on it: four network cards, the network of a fresh
installation, and a local datastore. Who asks for something else stops it with a fault on demand.
"""

from __future__ import annotations

import ipaddress
import itertools
from typing import Any

from oslo_vmware.simulator.objects.datastore import TIB, Datastore
from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.host.models import HostModel
from oslo_vmware.simulator.objects.host.system import HostSystem
from oslo_vmware.simulator.objects.network import Network
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument
from oslo_vmware.simulator.world.registry import World

_NETWORK = 'VM Network'
_DATASTORE = 'datastore1'


def check_spec(spec: DataObject) -> None:
    """Refuse a HostConnectSpec that names no host."""
    if not spec.hostName:
        raise invalid_argument('spec.hostName')


def check(world: World, spec: DataObject) -> None:
    """Refuse what a host itself would.

    :raises Fault: AlreadyConnected or InvalidLogin
    """
    check_spec(spec)
    for host in world.of_type(HostSystem):
        if spec.hostName in (host.name, host.ip):
            raise Fault(
                'AlreadyConnected',
                f"The host '{spec.hostName}' is already managed by this vCenter Server.",
                name=host.name,
            )
    if not spec.userName or not spec.password:
        raise Fault(
            'InvalidLogin', 'Cannot complete login due to an incorrect user name or password.'
        )


def join(
    owner: ManagedEntity, spec: DataObject, model: HostModel, *, connected: bool
) -> HostSystem:
    """Make the host that a HostConnectSpec names, in a compute resource.

    :param connected: whether it is connected, or only known
    """
    world = owner.world
    number = 1 + max((host.number for host in world.of_type(HostSystem)), default=-1)
    made = HostSystem(
        world,
        spec.hostName,
        owner,
        model=model,
        uuid=world.new_uuid(),
        ip=_address(spec.managementIp or spec.hostName, number),
        number=number,
        boot_time=world.now(),
        connection='connected' if connected else 'disconnected',
    )
    datacenter = owner.datacenter
    network = next((found for found in datacenter.network if found.name == _NETWORK), None)
    if network is None:
        network = Network(world, _NETWORK, datacenter.networkFolder)
    Network.host.connect(network, made)
    plain = world.new_uuid().replace('-', '')
    local = Datastore(
        world,
        _free_name(datacenter),
        datacenter.datastoreFolder,
        kind='VMFS',
        uuid=f'{plain[:8]}-{plain[8:16]}-{plain[16:20]}-{plain[20:]}',
        capacity=TIB,
        # What the file system itself needs.
        other_used=TIB // 512,
    )
    local.hosts = [made]
    owner.changed('summary')
    return made


def _address(name: str, number: int) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return f'10.{64 + number // 62500 % 64}.{1 + number // 250 % 250}.{number % 250 + 1}'


def _free_name(datacenter: Any) -> str:
    """``datastore1``, or with a number behind it, as a vCenter tells local datastores apart."""
    taken = {found.name for found in datacenter.datastore}
    names = itertools.chain([_DATASTORE], (f'{_DATASTORE} ({n})' for n in itertools.count(1)))
    return next(name for name in names if name not in taken)

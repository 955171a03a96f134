"""Network cards of a machine: their addresses, and the networks that they are connected to."""

from __future__ import annotations

import copy
from typing import Any

from oslo_vmware.simulator.objects.vm import devices
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import DataObject, Fault, types


def mac_address(vm: Machine, card: int) -> str:
    """An address of the range that vCenter assigns from: 00:50:56:80:00:00 to 00:50:56:bf:ff:ff."""
    number = (int(vm.ref.value.rpartition('-')[2]) * 10 + card) & 0x3FFFFF
    return f'00:50:56:{0x80 + (number >> 16):02x}:{number >> 8 & 255:02x}:{number & 255:02x}'


def network_backing(network: Any) -> DataObject:
    """The backing that connects a card to a standard network or to a port group."""
    if network.wire_type == 'DistributedVirtualPortgroup':
        keys = network.portKeys
        return types.VirtualEthernetCardDistributedVirtualPortBackingInfo(
            port=types.DistributedVirtualSwitchPortConnection(
                switchUuid=network.switch.uuid,
                portgroupKey=network.key,
                portKey=keys[0] if keys else None,
                connectionCookie=1,
            )
        )
    return types.VirtualEthernetCardNetworkBackingInfo(
        deviceName=network.name, useAutoDetect=False, network=network.ref
    )


def connectable(*, start: bool, connected: bool) -> DataObject:
    """Whether a device is connected, and is when the machine starts."""
    return types.VirtualDeviceConnectInfo(
        migrateConnect='unset',
        startConnected=start,
        allowGuestControl=True,
        connected=connected,
        status='ok' if connected else 'untried',
    )


def card_network(vm: Machine, card: DataObject) -> Any:
    """The network that a card is connected to, ``None`` where it is not one of the inventory."""
    backing = card.backing
    if backing is None or vm.datacenter is None:
        return None
    if backing.wire_type == 'VirtualEthernetCardDistributedVirtualPortBackingInfo':
        wanted = {'key': backing.port.portgroupKey}
    else:
        wanted = {'name': backing.deviceName}
    for network in vm.host.network:
        if all(getattr(network, name, None) == value for name, value in wanted.items()):
            return network
    return None


def networks(vm: Machine) -> list[Any]:
    """All networks that a machine is connected to."""
    if vm.own_devices is None:
        return [vm.card] if vm.card is not None else []
    cards = [card for card in vm.own_devices if devices.is_network_card(card)]
    found = (card_network(vm, card) for card in cards)
    return list(dict.fromkeys(network for network in found if network is not None))


def card_text(card: DataObject) -> str:
    backing = card.backing
    if backing is not None and backing.deviceName is not None:
        text: str = backing.deviceName
        return text
    if backing is not None and backing.port is not None:
        return f'DVSwitch: {backing.port.switchUuid}'
    return 'Network adapter'


def complete(vm: Machine, card: DataObject, change: DataObject, index: int) -> None:
    """Say what a card that is added or edited is backed by.

    :param index: of the change, for faults
    :raises Fault: InvalidDeviceSpec, InvalidDeviceBacking
    """
    backing = card.backing = copy.copy(card.backing)
    if backing is None:
        raise devices.invalid(index, 'virtualDeviceSpec.device.backing')
    network = card_network(vm, card)
    if network is not None:
        card.backing = network_backing(network)
    elif backing.wire_type != 'VirtualEthernetCardOpaqueNetworkBackingInfo':
        # Opaque networks belong to a manager outside of the inventory.
        raise Fault(
            'InvalidDeviceBacking',
            f"Invalid network for device '{index}': it is not on the host of the machine.",
            property='virtualDeviceSpec.device.backing',
            deviceIndex=index,
        )
    if change.operation == 'add':
        if not card.macAddress:
            card.macAddress = mac_address(vm, card.key - 4000)
            card.addressType = 'assigned'
        card.addressType = card.addressType or 'manual'
        if card.wakeOnLanEnabled is None:
            card.wakeOnLanEnabled = True
        card.connectable = card.connectable or connectable(start=True, connected=vm.running)
    card.deviceInfo.summary = card_text(card)

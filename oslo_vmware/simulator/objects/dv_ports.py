"""The ports of a distributed switch: those of its port groups, and who is connected to them.

Ports are made at each question. A network card has the port that its backing names; that of a
machine of the inventory names the first of its group, so ports are handed out anew here: the
cards of a group take its ports in the order of the machines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from oslo_vmware.simulator.world.data import DataObject, types

if TYPE_CHECKING:
    from oslo_vmware.simulator.objects.dv_portgroup import DistributedVirtualPortgroup

_COUNTS = [
    f'{what}{way}{kind}'
    for what in ('packets', 'bytes')
    for way in ('In', 'Out')
    for kind in ('Multicast', 'Unicast', 'Broadcast')
] + ['packetsInDropped', 'packetsOutDropped', 'packetsInException', 'packetsOutException']


def matching(switch: Any, criteria: DataObject | None) -> list[DataObject]:
    """The ports of a switch that a DistributedVirtualSwitchPortCriteria asks for."""
    wanted = criteria or types.DistributedVirtualSwitchPortCriteria()
    keys = set(wanted.portgroupKey or ())
    # 'inside' turns the list of groups into the ones that are not meant.
    inside = wanted.inside is not False
    found: list[DataObject] = []
    for group in switch.portgroup:
        if keys and (group.key in keys) is not inside:
            continue
        if wanted.uplinkPort is not None and wanted.uplinkPort is not group.uplink:
            continue
        found += (port for port in _ports(group) if _fits(port, wanted))
    return found


def _fits(port: DataObject, wanted: DataObject) -> bool:
    connected = port.connectee is not None
    return (
        (wanted.connected is None or wanted.connected is connected)
        and (wanted.active is None or wanted.active is bool(port.state.runtimeInfo.linkUp))
        and (not wanted.portKey or port.key in wanted.portKey)
        and (not wanted.host or port.proxyHost in wanted.host)
    )


def _ports(group: DistributedVirtualPortgroup) -> Iterator[DataObject]:
    cards = list(_cards(group))
    setting, mtu = group.config.defaultPortConfig, group.switch.config.maxMtu
    for number, key in enumerate(group.portKeys):
        user = cards[number] if number < len(cards) else None
        connected: dict[str, Any] = {}
        if user is not None:
            machine, card = user
            connected = {
                'proxyHost': machine.host.ref,
                'connectee': types.DistributedVirtualSwitchPortConnectee(
                    connectedEntity=machine.ref, nicKey=str(card.key), type='vmVnic'
                ),
                'connectionCookie': 1,
            }
        yield types.DistributedVirtualPort(
            key=key,
            config=types.DVPortConfigInfo(
                name='',
                scope=[],
                setting=setting,
                configVersion='0',
            ),
            dvsUuid=group.switch.uuid,
            portgroupKey=group.key,
            **connected,
            conflict=False,
            state=types.DVPortState(
                runtimeInfo=types.DVPortStatus(
                    linkUp=user is not None and user[0].running,
                    blocked=False,
                    mtu=mtu,
                    macAddress=user[1].macAddress if user is not None else None,
                ),
                stats=types.DistributedVirtualSwitchPortStatistics(**dict.fromkeys(_COUNTS, 0)),
            ),
            lastStatusChange=group.switch.created,
        )


def _cards(group: Any) -> Iterator[tuple[Any, DataObject]]:
    for machine in group.vm:
        for device in machine.devices:
            port = device.backing.port if device.backing is not None else None
            if port is not None and port.portgroupKey == group.key:
                yield machine, device

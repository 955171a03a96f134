"""The settings of the ports of distributed switches: what a vCenter shows where nobody set any."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.world.data import DataObject, types

MAX_VLAN = 4094


def vlan_setting(vlan: int) -> DataObject:
    """A port setting with nothing but a VLAN."""
    return types.VMwareDVSPortSetting(
        vlan=types.VmwareDistributedVirtualSwitchVlanIdSpec(inherited=False, vlanId=vlan)
    )


def trunk_setting() -> DataObject:
    """A port setting that lets all VLANs through, as uplinks have it."""
    every = types.NumericRange(start=0, end=MAX_VLAN)
    return types.VMwareDVSPortSetting(
        vlan=types.VmwareDistributedVirtualSwitchTrunkVlanSpec(inherited=False, vlanId=[every])
    )


def _of(kind: str, value: Any) -> DataObject:
    return types[f'{kind}Policy'](inherited=True, value=value)


def _shaping() -> DataObject:
    return types.DVSTrafficShapingPolicy(
        inherited=True,
        enabled=_of('Bool', False),
        averageBandwidth=_of('Long', 100_000_000),
        peakBandwidth=_of('Long', 100_000_000),
        burstSize=_of('Long', 104_857_600),
    )


_DEFAULTS = types.VMwareDVSPortSetting(
    blocked=_of('Bool', False),
    vmDirectPathGen2Allowed=_of('Bool', False),
    inShapingPolicy=_shaping(),
    outShapingPolicy=_shaping(),
    vendorSpecificConfig=types.DVSVendorSpecificConfig(inherited=True, keyValue=[]),
    networkResourcePoolKey=_of('String', '-1'),
    filterPolicy=types.DvsFilterPolicy(inherited=True, filterConfig=[]),
    vlan=types.VmwareDistributedVirtualSwitchVlanIdSpec(inherited=True, vlanId=0),
    uplinkTeamingPolicy=types.VmwareUplinkPortTeamingPolicy(
        inherited=True,
        policy=_of('String', 'loadbalance_srcid'),
        reversePolicy=_of('Bool', True),
        notifySwitches=_of('Bool', True),
        rollingOrder=_of('Bool', False),
        failureCriteria=types.DVSFailureCriteria(inherited=True, checkBeacon=_of('Bool', False)),
    ),
    securityPolicy=types.DVSSecurityPolicy(
        inherited=True,
        allowPromiscuous=_of('Bool', False),
        macChanges=_of('Bool', False),
        forgedTransmits=_of('Bool', False),
    ),
    macManagementPolicy=types.DVSMacManagementPolicy(
        inherited=True,
        allowPromiscuous=False,
        macChanges=False,
        forgedTransmits=False,
        macLearningPolicy=types.DVSMacLearningPolicy(
            inherited=True,
            enabled=False,
            allowUnicastFlooding=True,
            limit=4096,
            limitPolicy='DROP',
        ),
    ),
    ipfixEnabled=_of('Bool', False),
    txUplink=_of('Bool', False),
    lacpPolicy=types.VMwareUplinkLacpPolicy(
        inherited=True, enable=_of('Bool', False), mode=_of('String', 'passive')
    ),
)


def shown(setting: DataObject | None) -> DataObject:
    """A port setting with all that is not set in it filled in."""
    return _filled(_DEFAULTS, setting) if setting is not None else _DEFAULTS


def _filled(default: DataObject, given: DataObject) -> DataObject:
    fields = dict(vars(default)) if default.wire_type == given.wire_type else {}
    for name, value in vars(given).items():
        if value is None:
            continue
        inner = fields.get(name)
        if isinstance(value, DataObject) and isinstance(inner, DataObject):
            value = _filled(inner, value)
        fields[name] = value
    return types[given.wire_type](**fields)

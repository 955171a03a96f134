"""What the hypervisor's own network cards are for."""

from __future__ import annotations

from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.objects.host.manager import HostManager
from oslo_vmware.simulator.world.data import DataObject, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, managed

# Services, and whether several cards can be for one.
_KINDS = {
    'faultToleranceLogging': False,
    'management': True,
    'nvmeRdma': True,
    'nvmeTcp': True,
    'ptp': False,
    'vSphereBackupNFC': True,
    'vSphereProvisioning': True,
    'vSphereReplication': True,
    'vSphereReplicationNFC': True,
    'vmotion': True,
    'vsan': True,
    'vsanWitness': True,
}


@managed('HostVirtualNicManager')
class HostVirtualNicManager(HostManager):
    """Says which card is for which service."""

    moid_prefix = 'virtualNicManager'
    shown_in = ('virtualNicManagerInfo', 'vmotion')

    def __init__(self, host: Host) -> None:
        self._selected: dict[str, list[str]] = {'management': ['vmk0'], 'vmotion': ['vmk0']}
        super().__init__(host)

    @property
    def info(self) -> DataObject:
        return types.HostVirtualNicManagerInfo(netConfig=[self.config_of(kind) for kind in _KINDS])

    def config_of(self, kind: str) -> DataObject:
        """VirtualNicManagerNetConfig of a service."""
        candidates = self.host.manager('networkSystem').virtual_nics
        selected = self._selected.get(kind, [])
        keys = [f'{kind}.{nic.key}' for nic in candidates if nic.device in selected]
        for nic in candidates:
            nic.key = f'{kind}.{nic.key}'
        return types.VirtualNicManagerNetConfig(
            nicType=kind,
            multiSelectAllowed=_KINDS[kind],
            candidateVnic=candidates,
            selectedVnic=keys,
        )

    def services_of(self, device: str) -> list[str]:
        return [kind for kind, devices in self._selected.items() if device in devices]

    def forget(self, device: str) -> None:
        """A card is gone."""
        for devices in self._selected.values():
            if device in devices:
                devices.remove(device)

    def QueryNetConfig(self, call: Call) -> DataObject:
        self._check(call.nicType)
        return self.config_of(call.nicType)

    def SelectVnicForNicType(self, call: Call) -> None:
        self._check(call.nicType, call.device)
        devices = self._selected.setdefault(call.nicType, [])
        if not _KINDS[call.nicType]:
            devices.clear()
        if call.device not in devices:
            devices.append(call.device)
        self.changed('info')

    def DeselectVnicForNicType(self, call: Call) -> None:
        self._check(call.nicType, call.device)
        devices = self._selected.get(call.nicType, [])
        if call.device in devices:
            devices.remove(call.device)
        self.changed('info')

    def _check(self, kind: str, device: str | None = None) -> None:
        if kind not in _KINDS:
            raise invalid_argument('nicType')
        if device is not None and device not in self.host.manager('networkSystem').nics:
            raise invalid_argument('device')

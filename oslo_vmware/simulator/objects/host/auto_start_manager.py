"""Which machines a host starts when it starts, and stops when it stops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.objects.host.manager import HostManager
from oslo_vmware.simulator.world.data import DataObject, Ref, invalid_argument, merged, types
from oslo_vmware.simulator.world.registry import Call, managed

_ACTIONS = ('none', 'powerOn', 'powerOff', 'suspend', 'guestShutdown', 'systemDefault')


@managed('HostAutoStartManager')
class HostAutoStartManager(HostManager):
    """The order in which machines start and stop with their host.

    :ivar entries: AutoStartPowerInfo by machine
    """

    moid_prefix = 'autoStartManager'
    shown_in = ('autoStart',)

    _defaults = types.AutoStartDefaults(
        enabled=False,
        startDelay=120,
        stopDelay=120,
        waitForHeartbeat=False,
        stopAction='PowerOff',
    )

    def __init__(self, host: Host) -> None:
        self.entries: dict[Ref, DataObject] = {}
        super().__init__(host)

    @property
    def config(self) -> DataObject:
        here = {machine.ref for machine in self.host.vm}
        return types.HostAutoStartManagerConfig(
            defaults=self._defaults,
            powerInfo=[entry for key, entry in self.entries.items() if key in here],
        )

    def ReconfigureAutostart(self, call: Call) -> None:
        here = {machine.ref for machine in self.host.vm}
        changes: list[DataObject] = call.spec.powerInfo or []
        for change in changes:
            if change.key not in here:
                raise invalid_argument('spec.powerInfo.key')
            for action in (change.startAction, change.stopAction):
                if action[:1].lower() + action[1:] not in _ACTIONS:
                    raise invalid_argument('spec.powerInfo')
        self._defaults = merged(self._defaults, call.spec.defaults)
        for change in changes:
            if change.startAction == 'none' and change.stopAction == 'none':
                # Clients take a machine out by asking for nothing.
                self.entries.pop(change.key, None)
            else:
                self.entries[change.key] = change
        self.changed('config')

    def AutoStartPowerOn(self, call: Call) -> None:
        for machine in self._machines('startAction', ('poweron', 'systemdefault')):
            if machine.power_state == 'poweredOff':
                machine.PowerOnVM_Task(call)

    def AutoStartPowerOff(self, call: Call) -> None:
        for machine in reversed(list(self._machines('stopAction', None))):
            if machine.power_state == 'poweredOn':
                machine.PowerOffVM_Task(call)

    def _machines(self, action: str, among: tuple[str, ...] | None) -> Iterator[Any]:
        """Those of the list whose action is one of some, in their order; those without come last.

        :param among: None means any but ``none``
        """
        entries = sorted(self.config.powerInfo, key=lambda entry: entry.startOrder % 2**31)
        for entry in entries:
            wanted = getattr(entry, action).lower()
            if wanted in among if among is not None else wanted != 'none':
                yield self.world.get(entry.key)

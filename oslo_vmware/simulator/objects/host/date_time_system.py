"""The clock of a host: its zone, and whom it asks for the time."""

from __future__ import annotations

import datetime

from oslo_vmware.simulator.objects.host.manager import HostManager
from oslo_vmware.simulator.world.data import DataObject, invalid_argument, merged, types
from oslo_vmware.simulator.world.registry import Call, managed

# Zones that a host knows, with their distance from UTC in seconds; an ESXi host knows UTC only,
# older ones know all.
_ZONES = {
    'UTC': 0,
    'America/Los_Angeles': -8 * 3600,
    'America/New_York': -5 * 3600,
    'Asia/Tokyo': 9 * 3600,
    'Europe/Berlin': 3600,
    'Europe/London': 0,
}
_PROTOCOLS = ('ntp', 'ptp')


def _zone(key: str) -> DataObject:
    return types.HostDateTimeSystemTimeZone(
        key=key, name=key, description=key, gmtOffset=_ZONES[key]
    )


@managed('HostDateTimeSystem')
class HostDateTimeSystem(HostManager):
    """Sets the clock of a host."""

    moid_prefix = 'dateTimeSystem'
    shown_in = ('dateTimeInfo',)

    _info = types.HostDateTimeInfo(
        timeZone=_zone('UTC'),
        systemClockProtocol='ntp',
        ntpConfig=types.HostNtpConfig(server=['ntp.example.net']),
        enabled=True,
        disableEvents=False,
        disableFallback=False,
    )
    # How far the clock is from the server's.
    _ahead = datetime.timedelta()

    @property
    def dateTimeInfo(self) -> DataObject:
        return self._info

    def QueryDateTime(self, call: Call) -> datetime.datetime:
        return self.world.now() + self._ahead

    def UpdateDateTime(self, call: Call) -> None:
        self._ahead = call.dateTime - self.world.now()

    def QueryAvailableTimeZones(self, call: Call) -> list[DataObject]:
        return [_zone(key) for key in _ZONES]

    def UpdateDateTimeConfig(self, call: Call) -> None:
        wanted = call.config
        if wanted.timeZone is not None and wanted.timeZone not in _ZONES:
            raise invalid_argument('config.timeZone')
        if wanted.protocol is not None and wanted.protocol not in _PROTOCOLS:
            raise invalid_argument('config.protocol')
        info = type(self)._info if wanted.resetToFactoryDefaults else self._info
        self._info = merged(
            info,
            types.HostDateTimeInfo(
                timeZone=_zone(wanted.timeZone) if wanted.timeZone else None,
                systemClockProtocol=wanted.protocol,
                ntpConfig=wanted.ntpConfig,
                ptpConfig=wanted.ptpConfig,
                enabled=wanted.enabled,
                disableEvents=wanted.disableEvents,
                disableFallback=wanted.disableFallback,
            ),
        )
        self.changed('dateTimeInfo')

    def RefreshDateTimeSystem(self, call: Call) -> None:
        """Nothing to do: what is shown is what is there."""

    def TestTimeService(self, call: Call) -> DataObject:
        return types.HostDateTimeSystemServiceTestResult(workingNormally=True)

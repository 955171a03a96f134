"""The services of a host: shells, daemons, agents."""

from __future__ import annotations

from typing import NamedTuple

from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.objects.host.manager import HostManager, not_found
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, managed

_POLICIES = ('on', 'off', 'automatic')


class _Service(NamedTuple):
    label: str
    running: bool
    policy: str
    rulesets: tuple[str, ...] = ()
    required: bool = False


_SERVICES = {
    'DCUI': _Service('Direct Console UI', True, 'on'),
    'TSM': _Service('ESXi Shell', False, 'off'),
    'TSM-SSH': _Service('SSH', False, 'off'),
    'attestd': _Service('attestd', False, 'off'),
    'lbtd': _Service('Load-Based Teaming Daemon', True, 'on'),
    'ntpd': _Service('NTP Daemon', True, 'on', ('ntpClient',)),
    'ptpd': _Service('PTP Daemon', False, 'off', ('ptpd',)),
    'pcscd': _Service('PC/SC Smart Card Daemon', False, 'off'),
    'slpd': _Service('slpd', False, 'off', ('CIMSLP',)),
    'snmpd': _Service('SNMP Server', False, 'on', ('snmp',)),
    'vltd': _Service('vltd', False, 'off'),
    'vmsyslogd': _Service('Syslog Server', True, 'on', required=True),
    'vpxa': _Service('VMware vCenter Agent', True, 'on', ('vpxHeartbeats',)),
    'xorg': _Service('X.Org Server', False, 'on'),
}


@managed('HostServiceSystem')
class HostServiceSystem(HostManager):
    """Starts and stops the services of a host."""

    moid_prefix = 'serviceSystem'
    shown_in = ('service',)

    def __init__(self, host: Host) -> None:
        self._services = dict(_SERVICES)
        super().__init__(host)

    @property
    def serviceInfo(self) -> DataObject:
        return types.HostServiceInfo(
            service=[
                types.HostService(
                    key=key,
                    label=one.label,
                    required=one.required,
                    uninstallable=False,
                    running=one.running,
                    ruleset=list(one.rulesets),
                    policy=one.policy,
                    sourcePackage=types.HostServiceSourcePackage(
                        sourcePackageName='esx-base',
                        description='This VIB contains all of the base functionality of vSphere '
                        'ESXi.',
                    ),
                )
                for key, one in self._services.items()
            ]
        )

    def StartService(self, call: Call) -> None:
        self._run(call.id, True)

    def StopService(self, call: Call) -> None:
        if self._service(call.id).required:
            raise Fault('NotSupported', f"The service '{call.id}' cannot be stopped.")
        self._run(call.id, False)

    def RestartService(self, call: Call) -> None:
        if not self._service(call.id).running:
            raise Fault('InvalidState', f"The service '{call.id}' does not run.")

    def UpdateServicePolicy(self, call: Call) -> None:
        service = self._service(call.id)
        if call.policy not in _POLICIES:
            raise invalid_argument('policy')
        self._set(call.id, service._replace(policy=call.policy))

    def RefreshServices(self, call: Call) -> None:
        """Nothing to do: what is shown is what is there."""

    def _service(self, key: str) -> _Service:
        if key not in self._services:
            raise not_found(f"service '{key}'")
        return self._services[key]

    def _run(self, key: str, running: bool) -> None:
        service = self._service(key)
        if service.running == running:
            state = 'runs' if running else 'does not run'
            raise Fault('InvalidState', f"The service '{key}' {state} already.")
        self._set(key, service._replace(running=running))

    def _set(self, key: str, service: _Service) -> None:
        self._services[key] = service
        self.changed('serviceInfo')

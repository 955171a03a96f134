"""The firewall of a host: rule sets that are switched on and off."""

from __future__ import annotations

from typing import NamedTuple

from oslo_vmware.simulator.objects.host.manager import HostManager, not_found
from oslo_vmware.simulator.world.data import DataObject, Fault, merged, types
from oslo_vmware.simulator.world.registry import Call, managed


class _Rule(NamedTuple):
    port: int
    direction: str = 'inbound'
    protocol: str = 'tcp'
    end: int | None = None


class _Ruleset(NamedTuple):
    label: str
    enabled: bool
    rules: tuple[_Rule, ...]
    required: bool = False
    service: str | None = None


_OUT = 'outbound'
_RULESETS = {
    'sshServer': _Ruleset('SSH Server', True, (_Rule(22),), required=True),
    'sshClient': _Ruleset('SSH Client', False, (_Rule(22, _OUT),)),
    'dhcp': _Ruleset('DHCP Client', True, (_Rule(68, protocol='udp'), _Rule(68, _OUT, 'udp'))),
    'dns': _Ruleset('DNS Client', True, (_Rule(53, protocol='udp'), _Rule(53, _OUT, 'udp'))),
    'ntpClient': _Ruleset('NTP Client', True, (_Rule(123, _OUT, 'udp'),), service='ntpd'),
    'snmp': _Ruleset('SNMP Server', True, (_Rule(161, protocol='udp'),), service='snmpd'),
    'vSphereClient': _Ruleset('vSphere Web Client', True, (_Rule(902), _Rule(443)), required=True),
    'webAccess': _Ruleset('vSphere Web Access', True, (_Rule(80),)),
    'faultTolerance': _Ruleset('Fault Tolerance', True, (_Rule(80, _OUT), _Rule(8300, _OUT))),
    'fdm': _Ruleset('vSphere High Availability Agent', True, (_Rule(8182), _Rule(8182, _OUT))),
    'httpClient': _Ruleset('httpClient', False, (_Rule(80, _OUT), _Rule(443, _OUT))),
    'iSCSI': _Ruleset('Software iSCSI Client', True, (_Rule(3260, _OUT),)),
    'nfsClient': _Ruleset('NFS Client', True, (_Rule(0, _OUT, end=65535),)),
    'syslog': _Ruleset('syslog', False, (_Rule(514, _OUT, 'udp'), _Rule(1514, _OUT))),
    'vMotion': _Ruleset('vMotion', True, (_Rule(8000), _Rule(8000, _OUT))),
    'vpxHeartbeats': _Ruleset(
        'VMware vCenter Agent', True, (_Rule(902, _OUT, 'udp'),), service='vpxa'
    ),
    'NFC': _Ruleset('NFC', True, (_Rule(902), _Rule(902, _OUT))),
    'CIMHttpServer': _Ruleset('CIM Server', False, (_Rule(5988),)),
    'CIMHttpsServer': _Ruleset('CIM Secure Server', True, (_Rule(5989),)),
    'CIMSLP': _Ruleset('CIM SLP', False, (_Rule(427, protocol='udp'), _Rule(427, _OUT, 'udp'))),
    'gdbserver': _Ruleset('gdbserver', False, (_Rule(1000, end=9999), _Rule(50000, end=50999))),
}


@managed('HostFirewallSystem')
class HostFirewallSystem(HostManager):
    """Opens and closes the ports of a host."""

    moid_prefix = 'firewallSystem'
    shown_in = ('firewall',)

    _policy = types.HostFirewallDefaultPolicy(incomingBlocked=True, outgoingBlocked=True)
    _everyone = types.HostFirewallRulesetIpList(allIp=True, ipAddress=[], ipNetwork=[])
    # What was switched or limited, by the rule sets' keys.
    _enabled: dict[str, bool] = {}
    _allowed: dict[str, DataObject] = {}

    @property
    def firewallInfo(self) -> DataObject:
        return types.HostFirewallInfo(
            defaultPolicy=self._policy,
            ruleset=[
                types.HostFirewallRuleset(
                    key=key,
                    label=one.label,
                    required=one.required,
                    service=one.service,
                    enabled=self._enabled.get(key, one.enabled),
                    allowedHosts=self._allowed.get(key, self._everyone),
                    userControllable=not one.required,
                    ipListUserConfigurable=True,
                    rule=[
                        types.HostFirewallRule(
                            port=rule.port,
                            endPort=rule.end,
                            direction=rule.direction,
                            portType='dst',
                            protocol=rule.protocol,
                        )
                        for rule in one.rules
                    ],
                )
                for key, one in _RULESETS.items()
            ],
        )

    def EnableRuleset(self, call: Call) -> None:
        self._switch(call.id, True)

    def DisableRuleset(self, call: Call) -> None:
        if self._known(call.id).required:
            raise Fault('NotSupported', f"The rule set '{call.id}' cannot be disabled.")
        self._switch(call.id, False)

    def UpdateRuleset(self, call: Call) -> None:
        self._known(call.id)
        self._allowed = {**self._allowed, call.id: call.spec.allowedHosts}
        self.changed('firewallInfo')

    def UpdateDefaultPolicy(self, call: Call) -> None:
        self._policy = merged(self._policy, call.defaultPolicy)
        self.changed('firewallInfo')

    def RefreshFirewall(self, call: Call) -> None:
        """Nothing to do: what is shown is what is there."""

    def _known(self, key: str) -> _Ruleset:
        if key not in _RULESETS:
            raise not_found(f"rule set '{key}'")
        return _RULESETS[key]

    def _switch(self, key: str, enabled: bool) -> None:
        self._known(key)
        self._enabled = {**self._enabled, key: enabled}
        self.changed('firewallInfo')

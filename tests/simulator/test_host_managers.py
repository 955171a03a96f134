"""The managers of a host, by pyVmomi: options, services, firewall, clock, machines that start."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl
from pyVmomi.VmomiSupport import long

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, made
from tests.simulator.vsphere import Client, connected, done

MANAGERS = {
    'advancedOption',
    'autoStartManager',
    'certificateManager',
    'datastoreSystem',
    'dateTimeSystem',
    'firewallSystem',
    'networkSystem',
    'serviceSystem',
    'storageSystem',
    'virtualNicManager',
}


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(hosts_per_cluster=3, vms=5)) as made:
        yield made


@pytest.fixture
def host(client: Client) -> Any:
    return client.all(vim.HostSystem)[0]


def test_managers_are_made_when_asked_for() -> None:
    """A host has no manager before somebody reads of them, and each of them only once."""
    world = made()
    host: Any = next(one for one in world.objects.values() if one.is_a('HostSystem'))
    before = len(world.objects)
    named = dict(vars(host.configManager))
    assert named.keys() == MANAGERS
    assert len(world.objects) == before + len(MANAGERS)
    assert all(world.get(ref).ref == ref for ref in named.values())
    assert vars(host.configManager) == named
    # What they show is as the schema says, too.
    assert list(complaints(world)) == []


def test_managers_go_with_their_host(client: Client) -> None:
    """The reference of a manager is good for as long as its host is there."""
    host = client.all(vim.HostSystem)[1]
    system = host.configManager.serviceSystem
    assert system.serviceInfo.service
    done(host.EnterMaintenanceMode_Task(0))
    done(host.Destroy_Task())
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        _ = system.serviceInfo


def test_options(client: Client, host: Any) -> None:
    """Options are found one by one or by node, change, and are the host's own."""
    manager = host.configManager.advancedOption
    (one,) = manager.QueryOptions('Mem.ShareForceSalting')
    assert one.value == 2
    assert {found.key for found in manager.QueryOptions('UserVars.')} == {
        'UserVars.ESXiShellInteractiveTimeOut',
        'UserVars.ESXiShellTimeOut',
        'UserVars.SuppressShellWarning',
    }
    with client.seen(manager, 'setting') as changed:
        manager.UpdateOptions(
            [
                vim.option.OptionValue(key='UserVars.SuppressShellWarning', value=long(1)),
                vim.option.OptionValue(key='Config.HostAgent.log.level', value='verbose'),
            ]
        )
    assert changed
    for options in (manager.setting, host.config.option):
        values = {found.key: found.value for found in options}
        assert values['UserVars.SuppressShellWarning'] == 1
        assert values['Config.HostAgent.log.level'] == 'verbose'
    assert {found.key for found in manager.supportedOption} == set(values)
    (other,) = client.all(vim.HostSystem)[-1].configManager.advancedOption.QueryOptions(
        'UserVars.SuppressShellWarning'
    )
    assert other.value == 0


@pytest.mark.parametrize(
    ('key', 'value', 'fault'),
    [
        ('No.Such', 'x', vim.fault.InvalidName),
        ('Misc.LogToFile', 'yes', vmodl.fault.InvalidArgument),
        # A number goes as a long, which is not what pyVmomi makes of an int.
        ('Misc.LogToFile', 1, vmodl.fault.InvalidArgument),
    ],
)
def test_options_that_cannot_be_set(host: Any, key: str, value: Any, fault: type) -> None:
    """An option that does not exist, or a value of another type, is refused; nothing changes."""
    manager = host.configManager.advancedOption
    with pytest.raises(fault):
        manager.UpdateOptions(
            [
                vim.option.OptionValue(key='Net.BlockGuestBPDU', value=long(1)),
                vim.option.OptionValue(key=key, value=value),
            ]
        )
    assert manager.QueryOptions('Net.BlockGuestBPDU')[0].value == 0
    with pytest.raises(vim.fault.InvalidName):
        manager.QueryOptions('No.Such')


def test_services(client: Client, host: Any) -> None:
    """A service starts, restarts, stops and gets a policy; the host's config tells as well."""
    system = host.configManager.serviceSystem

    def ssh() -> Any:
        (one,) = [found for found in system.serviceInfo.service if found.key == 'TSM-SSH']
        (same,) = [found for found in host.config.service.service if found.key == 'TSM-SSH']
        assert (one.running, one.policy) == (same.running, same.policy)
        return one

    with client.seen(system, 'serviceInfo') as changed:
        system.StartService('TSM-SSH')
    assert changed
    assert ssh().running
    system.RestartService('TSM-SSH')
    system.UpdateServicePolicy('TSM-SSH', 'on')
    assert ssh().policy == 'on'
    system.StopService('TSM-SSH')
    assert not ssh().running
    system.RefreshServices()


@pytest.mark.parametrize(
    ('act', 'fault'),
    [
        (lambda system: system.StartService('nope'), vim.fault.NotFound),
        (lambda system: system.StartService('ntpd'), vim.fault.InvalidState),
        (lambda system: system.StopService('TSM'), vim.fault.InvalidState),
        (lambda system: system.RestartService('TSM'), vim.fault.InvalidState),
        (lambda system: system.UpdateServicePolicy('TSM', 'x'), vmodl.fault.InvalidArgument),
    ],
)
def test_services_that_refuse(host: Any, act: Callable[[Any], Any], fault: type) -> None:
    """What cannot be done to a service is answered with the documented fault."""
    with pytest.raises(fault):
        act(host.configManager.serviceSystem)


def test_firewall(client: Client, host: Any) -> None:
    """Rule sets are switched and limited to hosts; what is required stays on."""
    system = host.configManager.firewallSystem

    def found(key: str) -> Any:
        (one,) = [one for one in system.firewallInfo.ruleset if one.key == key]
        (same,) = [one for one in host.config.firewall.ruleset if one.key == key]
        assert one.enabled == same.enabled
        return one

    assert not found('sshClient').enabled
    with client.seen(system, 'firewallInfo') as changed:
        system.EnableRuleset('sshClient')
    assert changed
    assert found('sshClient').enabled
    system.DisableRuleset('sshClient')
    assert not found('sshClient').enabled
    limits = vim.host.Ruleset.IpList(allIp=False, ipAddress=['192.0.2.7'])
    system.UpdateRuleset('sshServer', vim.host.Ruleset.RulesetSpec(allowedHosts=limits))
    assert found('sshServer').allowedHosts.ipAddress == ['192.0.2.7']
    system.UpdateDefaultPolicy(vim.host.FirewallInfo.DefaultPolicy(outgoingBlocked=False))
    policy = system.firewallInfo.defaultPolicy
    assert (policy.incomingBlocked, policy.outgoingBlocked) == (True, False)
    system.RefreshFirewall()
    with pytest.raises(vim.fault.NotFound):
        system.EnableRuleset('nope')
    with pytest.raises(vmodl.fault.NotSupported):
        system.DisableRuleset('sshServer')


def test_clock(client: Client, host: Any) -> None:
    """Clock, zone and time servers are set; what a change leaves out stays."""
    system = host.configManager.dateTimeSystem
    with client.seen(system, 'dateTimeInfo') as changed:
        system.UpdateDateTimeConfig(
            vim.host.DateTimeConfig(ntpConfig=vim.host.NtpConfig(server=['a', 'b']))
        )
    assert changed
    system.UpdateDateTimeConfig(vim.host.DateTimeConfig(timeZone='Europe/Berlin'))
    for info in (system.dateTimeInfo, host.config.dateTimeInfo):
        assert info.ntpConfig.server == ['a', 'b']
        assert (info.timeZone.key, info.timeZone.gmtOffset) == ('Europe/Berlin', 3600)
        assert info.enabled
    assert (
        'UTC' in [zone.key for zone in system.QueryAvailableDateTimeZones()]
        if hasattr(system, 'QueryAvailableDateTimeZones')
        else [zone.key for zone in system.QueryAvailableTimeZones()]
    )
    with pytest.raises(vmodl.fault.InvalidArgument):
        system.UpdateDateTimeConfig(vim.host.DateTimeConfig(timeZone='Atlantis'))
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=400)
    system.UpdateDateTime(later)
    assert system.QueryDateTime() >= later
    assert system.TestTimeService().workingNormally
    system.RefreshDateTimeSystem()
    system.UpdateDateTimeConfig(vim.host.DateTimeConfig(resetToFactoryDefaults=True))
    assert system.dateTimeInfo.ntpConfig.server == ['ntp.example.net']


def test_certificate(host: Any) -> None:
    """The certificate is the host's, from vCenter's authority, and valid."""
    manager = host.configManager.certificateManager
    info = manager.certificateInfo
    assert f'CN={host.name}' in info.subject
    assert info.notBefore < datetime.datetime.now(datetime.UTC) < info.notAfter
    assert [one.subject for one in manager.RetrieveCertificateInfoList()] == [info.subject]
    assert manager.ListCACertificateRevocationLists() == []


def test_machines_that_start_with_their_host(client: Client, host: Any) -> None:
    """Defaults and machines are set one without the other, and started and stopped in order."""
    manager = host.configManager.autoStartManager
    machine = host.vm[0]
    assert not manager.config.defaults.enabled
    manager.ReconfigureAutostart(
        vim.host.AutoStartManager.Config(
            defaults=vim.host.AutoStartManager.SystemDefaults(enabled=True)
        )
    )
    entry = vim.host.AutoStartManager.AutoPowerInfo(
        key=machine,
        startOrder=1,
        startDelay=-1,
        waitForHeartbeat='systemDefault',
        startAction='powerOn',
        stopDelay=-1,
        stopAction='powerOff',
    )
    with client.seen(manager, 'config') as changed:
        manager.ReconfigureAutostart(vim.host.AutoStartManager.Config(powerInfo=[entry]))
    assert changed
    for config in (manager.config, host.config.autoStart):
        assert (config.defaults.enabled, config.defaults.startDelay) == (True, 120)
        assert [found.key for found in config.powerInfo] == [machine]
    for act, state in (
        (manager.AutoStartPowerOff, 'poweredOff'),
        (manager.AutoStartPowerOn, 'poweredOn'),
    ):
        act()
        for task in machine.recentTask:
            done(task)
        assert machine.runtime.powerState == state
    entry.startAction = entry.stopAction = 'none'
    manager.ReconfigureAutostart(vim.host.AutoStartManager.Config(powerInfo=[entry]))
    assert manager.config.powerInfo == []
    elsewhere = next(one for one in client.all(vim.VirtualMachine) if one not in host.vm)
    entry.key = elsewhere
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.ReconfigureAutostart(vim.host.AutoStartManager.Config(powerInfo=[entry]))

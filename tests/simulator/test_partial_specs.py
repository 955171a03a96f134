"""Unset means unchanged: operations that take a specification, each given one with little in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from pyVmomi import VmomiSupport, vim

from oslo_vmware.simulator import Inventory
from tests.simulator.transfers import DISK
from tests.simulator.vsphere import Client, connected, done

Allocation = vim.ResourceAllocationInfo
Shares = vim.SharesInfo
EDIT = vim.vm.device.VirtualDeviceSpec.Operation.edit
CARD = vim.vm.device.VirtualEthernetCard
PortgroupSpec = vim.dvs.DistributedVirtualPortgroup.ConfigSpec
Setting = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy
Switch = vim.dvs.VmwareDistributedVirtualSwitch
Network = vim.host.NetworkPolicy


class Case(NamedTuple):
    """An operation and what it changes.

    :ivar look: gives the configuration
    :ivar full: sets things that could get lost, first
    :ivar partial: calls the operation with a specification that sets little
    :ivar changes: paths below the configuration that are different then; no others may be
    """

    look: Callable[[Client], Any]
    full: Callable[[Client], Any]
    partial: Callable[[Client], Any]
    changes: set[str]


def flat(value: Any, path: str = '') -> dict[str, Any]:
    """The simple values in a data object by their paths; lists count by their position."""
    if isinstance(value, VmomiSupport.DataObject):
        parts = {info.name: getattr(value, info.name) for info in value._GetPropertyList()}
    elif isinstance(value, list):
        parts = {str(number): item for number, item in enumerate(value)}
    else:
        return {} if value is None else {path: str(value)}
    return {
        at: held
        for name, part in parts.items()
        for at, held in flat(part, f'{path}.{name}'.strip('.')).items()
    }


def machine(client: Client) -> Any:
    return next(one for one in client.all(vim.VirtualMachine) if not one.config.template
                and one.runtime.powerState == 'poweredOff')  # fmt: skip


def device(client: Client, kind: type) -> Any:
    return next(one for one in machine(client).config.hardware.device if isinstance(one, kind))


def reconfigure(**fields: Any) -> Callable[[Client], Any]:
    return lambda client: done(machine(client).ReconfigVM_Task(vim.vm.ConfigSpec(**fields)))


def edit(kind: type, **fields: Any) -> Callable[[Client], Any]:
    """Edit a device of a machine by its key and a few fields."""

    def call(client: Client) -> None:
        old = device(client, kind)
        new = type(old)(key=old.key, **fields)
        if kind is DISK and new.capacityInKB is None:
            new.capacityInKB = old.capacityInKB
        change = vim.vm.device.VirtualDeviceSpec(operation=EDIT, device=new)
        done(machine(client).ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))

    return call


def first(kind: type) -> Callable[[Client], Any]:
    return lambda client: client.all(kind)[0]


def pool(client: Client) -> Any:
    return next(one for one in client.all(vim.ResourcePool) if one.name == 'partial')


def make_pool(client: Client) -> None:
    full = Allocation(
        reservation=100, limit=5000, expandableReservation=False, shares=Shares(level='high')
    )
    full.shares.shares = 0
    root = client.all(vim.ClusterComputeResource)[0].resourcePool
    root.CreateResourcePool(
        'partial', vim.ResourceConfigSpec(cpuAllocation=full, memoryAllocation=full)
    )


def group(client: Client) -> Any:
    return next(
        one for one in client.all(vim.dvs.DistributedVirtualPortgroup) if not one.config.uplink
    )


def regroup(**fields: Any) -> Callable[[Client], Any]:
    return lambda client: done(group(client).ReconfigureDVPortgroup_Task(PortgroupSpec(**fields)))


def fill_group(client: Client) -> None:
    vlan = Switch.VlanIdSpec(vlanId=77, inherited=False)
    security = Switch.SecurityPolicy(
        inherited=False,
        allowPromiscuous=vim.BoolPolicy(inherited=False, value=True),
        macChanges=vim.BoolPolicy(inherited=False, value=True),
    )
    policy = Switch.VMwarePortgroupPolicy(
        blockOverrideAllowed=True, shapingOverrideAllowed=True, vendorConfigOverrideAllowed=True,
        livePortMovingAllowed=True, portConfigResetAtDisconnect=False, vlanOverrideAllowed=True,
    )  # fmt: skip
    regroup(
        description='first',
        numPorts=24,
        autoExpand=False,
        policy=policy,
        defaultPortConfig=Setting(vlan=vlan, securityPolicy=security),
    )(client)


def reswitch(**fields: Any) -> Callable[[Client], Any]:
    def call(client: Client) -> None:
        spec = Switch.ConfigSpec(**fields)
        done(client.all(Switch)[0].ReconfigureDvs_Task(spec))

    return call


def health(*checks: Any) -> Callable[[Client], Any]:
    return lambda client: done(client.all(Switch)[0].UpdateDVSHealthCheckConfig_Task(list(checks)))


def cluster(**fields: Any) -> Callable[[Client], Any]:
    def call(client: Client) -> None:
        found = client.all(vim.ClusterComputeResource)[0]
        done(found.ReconfigureComputeResource_Task(vim.cluster.ConfigSpecEx(**fields), True))

    return call


def manager(name: str) -> Callable[[Client], Any]:
    return lambda client: getattr(client.all(vim.HostSystem)[0].configManager, name)


def of_host(name: str, operation: str, *arguments: Any) -> Callable[[Client], Any]:
    return lambda client: getattr(manager(name)(client), operation)(*arguments)


def standard_switch(client: Client) -> Any:
    return next(one.spec for one in manager('networkSystem')(client).networkInfo.vswitch
                if one.name == 'partial')  # fmt: skip


def make_switch(client: Client) -> None:
    policy = Network(
        security=Network.SecurityPolicy(allowPromiscuous=True, macChanges=True),
        shapingPolicy=Network.TrafficShapingPolicy(enabled=True, averageBandwidth=1000),
    )
    system = manager('networkSystem')(client)
    spec = vim.host.VirtualSwitch.Specification(numPorts=64, mtu=9000, policy=policy)
    system.AddVirtualSwitch('partial', spec)
    system.AddPortGroup(
        vim.host.PortGroup.Specification(
            name='partial-group', vlanId=7, vswitchName='partial', policy=policy
        )
    )


def port_group(client: Client) -> Any:
    return next(one.spec for one in manager('networkSystem')(client).networkInfo.portgroup
                if one.spec.name == 'partial-group')  # fmt: skip


def change_port_group(client: Client) -> None:
    spec = vim.host.PortGroup.Specification(
        name='partial-group', vlanId=8, vswitchName='partial',
        policy=Network(security=Network.SecurityPolicy(macChanges=False)),
    )  # fmt: skip
    manager('networkSystem')(client).UpdatePortGroup('partial-group', spec)


def autostart(client: Client) -> Any:
    return manager('autoStartManager')(client).config.defaults


def change_autostart(**fields: Any) -> Callable[[Client], Any]:
    defaults = vim.host.AutoStartManager.SystemDefaults(**fields)
    spec = vim.host.AutoStartManager.Config(defaults=defaults)
    return of_host('autoStartManager', 'ReconfigureAutostart', spec)


def snapshot(client: Client) -> Any:
    return machine(client).snapshot.rootSnapshotList[0]


CASES: dict[str, Case] = {
    'ResourcePool.UpdateConfig': Case(
        lambda client: pool(client).config,
        make_pool,
        lambda client: pool(client).UpdateConfig(
            None,
            vim.ResourceConfigSpec(
                cpuAllocation=Allocation(limit=6000), memoryAllocation=Allocation()
            ),
        ),
        {'cpuAllocation.limit', 'changeVersion'},
    ),
    'VirtualMachine.ReconfigVM_Task': Case(
        lambda client: machine(client).config,
        reconfigure(
            annotation='a note',
            flags=vim.vm.FlagInfo(enableLogging=False, diskUuidEnabled=True),
            bootOptions=vim.vm.BootOptions(bootDelay=9, enterBIOSSetup=True),
            tools=vim.vm.ToolsConfigInfo(toolsUpgradePolicy='manual', afterPowerOn=False),
            cpuAllocation=Allocation(reservation=10, shares=Shares(level='custom', shares=77)),
            extraConfig=[vim.option.OptionValue(key='a', value='b')],
        ),
        reconfigure(
            flags=vim.vm.FlagInfo(diskUuidEnabled=False),
            bootOptions=vim.vm.BootOptions(bootDelay=8),
            tools=vim.vm.ToolsConfigInfo(syncTimeWithHost=True),
            cpuAllocation=Allocation(limit=600),
        ),
        {
            'flags.diskUuidEnabled',
            'bootOptions.bootDelay',
            'tools.syncTimeWithHost',
            'cpuAllocation.limit',
            'changeVersion',
            'modified',
        },
    ),
    'VirtualMachine.ReconfigVM_Task, a disk': Case(
        lambda client: device(client, DISK),
        edit(
            DISK,
            storageIOAllocation=vim.StorageResourceManager.IOAllocationInfo(
                limit=500, shares=Shares(level='custom', shares=900)
            ),
        ),
        edit(DISK, storageIOAllocation=vim.StorageResourceManager.IOAllocationInfo(limit=600)),
        {'storageIOAllocation.limit'},
    ),
    'VirtualMachine.ReconfigVM_Task, the mode of a disk': Case(
        lambda client: device(client, DISK),
        lambda client: None,
        lambda client: edit(
            DISK,
            backing=DISK.FlatVer2BackingInfo(
                fileName=device(client, DISK).backing.fileName, diskMode='independent_persistent'
            ),
        )(client),
        {'backing.diskMode'},
    ),
    'VirtualMachine.ReconfigVM_Task, a card': Case(
        lambda client: device(client, CARD),
        lambda client: None,
        edit(
            CARD,
            connectable=vim.vm.device.VirtualDevice.ConnectInfo(
                startConnected=False, allowGuestControl=True, connected=False
            ),
        ),
        {'connectable.startConnected'},
    ),
    'VirtualMachineSnapshot.RenameSnapshot': Case(
        snapshot,
        lambda client: done(machine(client).CreateSnapshot_Task('one', 'the first', False, False)),
        lambda client: snapshot(client).snapshot.RenameSnapshot('two', None),
        {'name'},
    ),
    'DistributedVirtualPortgroup.ReconfigureDVPortgroup_Task': Case(
        lambda client: group(client).config,
        fill_group,
        regroup(description='second'),
        {'description', 'configVersion'},
    ),
    'DistributedVirtualPortgroup.ReconfigureDVPortgroup_Task, a policy of its ports': Case(
        lambda client: group(client).config,
        fill_group,
        regroup(
            defaultPortConfig=Setting(
                securityPolicy=Switch.SecurityPolicy(
                    inherited=False, macChanges=vim.BoolPolicy(inherited=False, value=False)
                )
            )
        ),
        {'defaultPortConfig.securityPolicy.macChanges.value', 'configVersion'},
    ),
    'VmwareDistributedVirtualSwitch.ReconfigureDvs_Task': Case(
        lambda client: client.all(Switch)[0].config,
        reswitch(
            description='mine',
            maxMtu=8000,
            contact=vim.DistributedVirtualSwitch.ContactInfo(name='me', contact='here'),
        ),
        reswitch(maxMtu=9000, contact=vim.DistributedVirtualSwitch.ContactInfo(contact='there')),
        {'maxMtu', 'contact.contact', 'configVersion'},
    ),
    'VmwareDistributedVirtualSwitch.UpdateDVSHealthCheckConfig_Task': Case(
        lambda client: client.all(Switch)[0].config.healthCheckConfig,
        health(
            Switch.VlanMtuHealthCheckConfig(enable=True, interval=2),
            Switch.TeamingHealthCheckConfig(enable=True, interval=3),
        ),
        health(Switch.TeamingHealthCheckConfig(enable=False)),
        {'1.enable'},
    ),
    'ComputeResource.ReconfigureComputeResource_Task': Case(
        lambda client: client.all(vim.ClusterComputeResource)[0].configurationEx,
        cluster(
            dasConfig=vim.cluster.DasConfigInfo(enabled=True, hostMonitoring='disabled'),
            drsConfig=vim.cluster.DrsConfigInfo(enabled=True, vmotionRate=2),
        ),
        cluster(drsConfig=vim.cluster.DrsConfigInfo(vmotionRate=4)),
        {'drsConfig.vmotionRate'},
    ),
    'HostNetworkSystem.UpdateVirtualSwitch': Case(
        standard_switch,
        make_switch,
        of_host(
            'networkSystem',
            'UpdateVirtualSwitch',
            'partial',
            vim.host.VirtualSwitch.Specification(
                numPorts=64, policy=Network(security=Network.SecurityPolicy(macChanges=False))
            ),
        ),
        {'policy.security.macChanges'},
    ),
    'HostNetworkSystem.UpdatePortGroup': Case(
        port_group,
        lambda client: None,
        change_port_group,
        {'vlanId', 'policy.security.macChanges'},
    ),
    'HostNetworkSystem.UpdateVirtualNic': Case(
        lambda client: manager('networkSystem')(client).networkInfo.vnic[0].spec,
        lambda client: None,
        of_host(
            'networkSystem', 'UpdateVirtualNic', 'vmk0', vim.host.VirtualNic.Specification(mtu=8000)
        ),
        {'mtu'},
    ),
    'HostNetworkSystem.UpdateIpRouteConfig': Case(
        lambda client: manager('networkSystem')(client).networkInfo.ipRouteConfig,
        of_host(
            'networkSystem',
            'UpdateIpRouteConfig',
            vim.host.IpRouteConfig(defaultGateway='10.0.0.1', ipV6DefaultGateway='fe80::1'),
        ),
        of_host(
            'networkSystem',
            'UpdateIpRouteConfig',
            vim.host.IpRouteConfig(defaultGateway='10.0.0.2'),
        ),
        {'defaultGateway'},
    ),
    'HostDateTimeSystem.UpdateDateTimeConfig': Case(
        lambda client: manager('dateTimeSystem')(client).dateTimeInfo,
        of_host(
            'dateTimeSystem',
            'UpdateDateTimeConfig',
            vim.host.DateTimeConfig(
                timeZone='UTC', ntpConfig=vim.host.NtpConfig(server=['ntp.example.net'])
            ),
        ),
        of_host('dateTimeSystem', 'UpdateDateTimeConfig', vim.host.DateTimeConfig(enabled=False)),
        {'enabled'},
    ),
    'HostFirewallSystem.UpdateDefaultPolicy': Case(
        lambda client: manager('firewallSystem')(client).firewallInfo.defaultPolicy,
        of_host(
            'firewallSystem',
            'UpdateDefaultPolicy',
            vim.host.FirewallInfo.DefaultPolicy(incomingBlocked=True, outgoingBlocked=True),
        ),
        of_host(
            'firewallSystem',
            'UpdateDefaultPolicy',
            vim.host.FirewallInfo.DefaultPolicy(incomingBlocked=False),
        ),
        {'incomingBlocked'},
    ),
    'HostAutoStartManager.ReconfigureAutostart': Case(
        autostart,
        change_autostart(enabled=True, startDelay=30, stopDelay=40),
        change_autostart(startDelay=31),
        {'startDelay'},
    ),
}


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(vms=4)) as made:
        yield made


@pytest.mark.parametrize('name', CASES)
def test_what_is_not_set_stays(client: Client, name: str) -> None:
    """What a specification sets is changed, and nothing else of the configuration."""
    case = CASES[name]
    case.full(client)
    before = flat(case.look(client))
    case.partial(client)
    after = flat(case.look(client))
    differing = {at for at in before.keys() | after.keys() if before.get(at) != after.get(at)}
    assert differing == case.changes

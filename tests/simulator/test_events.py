"""The history of the server, as pyVmomi reads it: what the simulator does are events."""

from __future__ import annotations

import datetime
import gc
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from oslo_vmware.simulator.objects.events.log import KEPT_EVENTS, EventLog
from tests.simulator.vsphere import Client, connected, done

E = vim.event
Filter = E.EventFilterSpec
Recursion = Filter.RecursionOption


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(vms=6, datacenters=2)) as found:
        yield found


@pytest.fixture
def events(client: Client) -> Any:
    return client.content.eventManager


def machine_of(client: Client) -> Any:
    """A machine that runs."""
    return next(vm for vm in client.all(vim.VirtualMachine) if vm.runtime.powerState == 'poweredOn')


def since(events: Any, latest: Any, **members: Any) -> list[Any]:
    """The events after one of them."""
    return [event for event in events.QueryEvents(Filter(**members)) if event.key > latest.key]


def names(found: list[Any]) -> list[str]:
    return [type(event).__name__.rpartition('.')[2] for event in found]


def spec_of(client: Client, name: str) -> Any:
    datastore = next(one for one in client.all(vim.Datastore) if one.summary.type == 'NFS')
    return vim.vm.ConfigSpec(
        name=name,
        memoryMB=64,
        guestId='otherGuest',
        files=vim.vm.FileInfo(vmPathName=f'[{datastore.name}]'),
    )


def test_the_life_of_a_machine(client: Client, events: Any) -> None:
    """What is done to a machine is told in the order in which it happened, each thing once."""
    latest = events.latestEvent
    cluster = client.all(vim.ClusterComputeResource)[0]
    datacenter = client.at('Frankfurt')
    made = done(datacenter.vmFolder.CreateVM_Task(spec_of(client, 'life'), cluster.resourcePool))
    done(made.PowerOnVM_Task())
    done(made.ResetVM_Task())
    done(made.ReconfigVM_Task(vim.vm.ConfigSpec(annotation='seen')))
    done(made.Rename_Task('death'))
    done(made.CreateSnapshot_Task('one', '', False, False))
    done(made.SuspendVM_Task())
    done(made.PowerOffVM_Task())
    copy = done(
        made.CloneVM_Task(
            datacenter.vmFolder,
            'copy',
            vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), powerOn=True, template=False),
        )
    )
    done(copy.PowerOffVM_Task())
    copy.UnregisterVM()
    done(made.Destroy_Task())
    found = since(events, latest)
    assert names(found) == [
        'TaskEvent', 'VmCreatedEvent',
        'TaskEvent', 'VmPoweredOnEvent',
        'TaskEvent', 'VmResettingEvent',
        'TaskEvent', 'VmReconfiguredEvent',
        'TaskEvent', 'VmRenamedEvent',
        'TaskEvent',
        'TaskEvent', 'VmSuspendedEvent',
        'TaskEvent', 'VmPoweredOffEvent',
        'TaskEvent', 'VmClonedEvent', 'VmPoweredOnEvent',
        'TaskEvent', 'VmPoweredOffEvent',
        'VmRemovedEvent',
        'TaskEvent', 'VmRemovedEvent',
    ]  # fmt: skip
    by_name = dict(zip(names(found), found, strict=True))
    created = found[1]
    assert created.vm.vm == made
    assert created.vm.name == 'life'
    assert created.host.host.name == created.host.name
    assert created.computeResource.name == cluster.name
    assert created.datacenter.datacenter == datacenter
    assert created.userName == 'VSPHERE.LOCAL\\Administrator'
    assert created.fullFormattedMessage.startswith('Created virtual machine life on esx-')
    assert found[0].info.descriptionId == 'Folder.createVm'
    assert created.chainId == found[0].chainId == found[0].key == found[0].info.eventChainId
    assert by_name['VmReconfiguredEvent'].configSpec.annotation == 'seen'
    assert by_name['VmRenamedEvent'].oldName == 'life'
    assert by_name['VmRenamedEvent'].newName == 'death'
    assert by_name['VmClonedEvent'].sourceVm.vm == made
    assert by_name['VmClonedEvent'].vm.name == 'copy'
    assert found[-1].vm.name == 'death'


def test_the_initial_inventory_has_no_events(client: Client, events: Any) -> None:
    """What was there from the start was not created in the history of this server."""
    created = events.QueryEvents(Filter(eventTypeId=['VmCreatedEvent', 'vim.event.HostAddedEvent']))
    assert 'fra-web-0001' not in [event.vm.name for event in created]


def test_hosts_and_their_machines(client: Client, events: Any) -> None:
    """A host that is lost takes its machines along; one in maintenance sends them away."""
    machine = machine_of(client)
    host = machine.runtime.host
    latest = events.latestEvent
    done(host.DisconnectHost_Task())
    done(host.ReconnectHost_Task(None, None))
    found = since(events, latest)
    assert {'HostDisconnectedEvent', 'VmDisconnectedEvent', 'HostConnectedEvent'} <= {*names(found)}
    latest = events.latestEvent
    cluster_host = next(
        vm.runtime.host
        for vm in client.all(vim.VirtualMachine)
        if isinstance(vm.runtime.host.parent, vim.ClusterComputeResource)
        and vm.runtime.powerState == 'poweredOn'
    )
    done(cluster_host.EnterMaintenanceMode_Task(0, True, None))
    done(cluster_host.ExitMaintenanceMode_Task(0))
    found = since(events, latest)
    moved = [event for event in found if isinstance(event, E.DrsVmMigratedEvent)]
    assert moved
    assert moved[0].sourceHost.host == cluster_host
    assert names(found)[-3:] == [
        'EnteredMaintenanceModeEvent', 'TaskEvent', 'ExitMaintenanceModeEvent'
    ]  # fmt: skip


def test_a_migration(client: Client, events: Any) -> None:
    """A running machine that goes to another host was migrated, from the one it was on."""
    machine = next(
        vm
        for vm in client.all(vim.VirtualMachine)
        if isinstance(vm.runtime.host.parent, vim.ClusterComputeResource)
        and vm.runtime.powerState == 'poweredOn'
    )
    old = machine.runtime.host
    new = next(host for host in old.parent.host if host != old)
    latest = events.latestEvent
    done(machine.RelocateVM_Task(vim.vm.RelocateSpec(host=new)))
    (event,) = since(events, latest, type=[E.VmMigratedEvent])
    assert (event.sourceHost.host, event.host.host, event.vm.vm) == (old, new, machine)


def test_things_of_a_datacenter(client: Client, events: Any) -> None:
    """Datacenters, pools, datastores and switches have events of their own."""
    latest = events.latestEvent
    datacenter = client.content.rootFolder.CreateDatacenter('Oslo')
    done(datacenter.Rename_Task('Bergen'))
    cluster = client.all(vim.ClusterComputeResource)[0]
    pool = cluster.resourcePool.CreateResourcePool('bronze-9', client_pool_spec())
    pool.UpdateConfig('bronze-9', client_pool_spec())
    done(pool.Destroy_Task())
    datastore = client.all(vim.Datastore)[0]
    done(datastore.Rename_Task('renamed-ds'))
    drs = vim.cluster.ConfigSpecEx(drsConfig=vim.cluster.DrsConfigInfo(enabled=False))
    done(cluster.ReconfigureComputeResource_Task(drs, True))
    group = client.all(vim.dvs.DistributedVirtualPortgroup)[0]
    change = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
        configVersion=group.config.configVersion, description='told'
    )
    done(group.ReconfigureDVPortgroup_Task(change))
    found = [event for event in since(events, latest) if not isinstance(event, E.TaskEvent)]
    assert names(found) == [
        'DatacenterCreatedEvent', 'DatacenterRenamedEvent', 'ResourcePoolCreatedEvent',
        'ResourcePoolReconfiguredEvent', 'ResourcePoolDestroyedEvent', 'DatastoreRenamedEvent',
        'ClusterReconfiguredEvent', 'DVPortgroupReconfiguredEvent',
    ]  # fmt: skip
    assert found[0].parent.folder == client.content.rootFolder
    assert found[5].datastore.name == 'renamed-ds'
    assert found[-1].configSpec.description == 'told'


def test_what_comes_by_other_ways(client: Client, events: Any) -> None:
    """No operation tells of events, so those of machines, hosts and switches are told whichever
    operation makes them.
    """
    datacenter = client.at('Frankfurt')
    cluster = client.at('Frankfurt/host/fra-cluster-01')
    vm = next(one for one in cluster.resourcePool.vm if one.runtime.powerState == 'poweredOff')
    path = vm.config.files.vmPathName
    latest = events.latestEvent
    vm.UnregisterVM()
    vm = done(
        datacenter.vmFolder.RegisterVM_Task(
            path, 'back', False, pool=cluster.resourcePool, host=None
        )
    )
    other = next(host for host in cluster.host if host != vm.runtime.host)
    done(vm.MigrateVM_Task(None, other, 'defaultPriority', None))
    done(datacenter.PowerOnMultiVM_Task([vm], None))
    done(
        datacenter.networkFolder.CreateDVS_Task(
            vim.DistributedVirtualSwitch.CreateSpec(
                configSpec=vim.dvs.VmwareDistributedVirtualSwitch.ConfigSpec(name='told-dvs')
            )
        )
    )
    host = vim.host.ConnectSpec(hostName='10.9.9.9', userName='root', password='secret')
    done(cluster.AddHost_Task(host, True, None, None))
    found = since(events, latest)
    assert [name for name in names(found) if name != 'TaskEvent'] == [
        'VmRemovedEvent', 'VmRegisteredEvent', 'VmMigratedEvent', 'VmPoweredOnEvent',
        'DvsCreatedEvent', 'DVPortgroupCreatedEvent', 'HostAddedEvent',
        'VMFSDatastoreCreatedEvent',
    ]  # fmt: skip
    assert 'secret' not in repr(found)


def client_pool_spec() -> Any:
    allocation = vim.ResourceAllocationInfo(
        reservation=0, limit=-1, expandableReservation=True,
        shares=vim.SharesInfo(level='normal', shares=4000),
    )  # fmt: skip
    return vim.ResourceConfigSpec(cpuAllocation=allocation, memoryAllocation=allocation)


@pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')
def test_sessions(client: Client, events: Any) -> None:
    """Who came, who went and who was refused is told, with where from."""
    latest = events.latestEvent
    options = {
        'host': client.vc.host,
        'port': client.vc.port,
        'user': client.vc.username,
        'sslContext': ssl.create_default_context(cafile=client.vc.cacert),
    }
    Disconnect(SmartConnect(pwd=client.vc.password, **options))
    with pytest.raises(vim.fault.InvalidLogin):
        SmartConnect(pwd='wrong', **options)
    # pyVmomi has forgotten its connection, which would be found in another test.
    gc.collect()
    found = since(events, latest)
    assert names(found) == [
        'UserLoginSessionEvent', 'UserLogoutSessionEvent', 'BadUsernameSessionEvent'
    ]  # fmt: skip
    assert found[0].sessionId == found[1].sessionId
    assert found[0].ipAddress == '127.0.0.1'
    assert all('wrong' not in event.fullFormattedMessage for event in found)
    latest = events.latestEvent
    other = SmartConnect(pwd=client.vc.password, **options)
    client.content.sessionManager.TerminateSession(
        [other.content.sessionManager.currentSession.key]
    )
    assert names(since(events, latest)) == [
        'UserLoginSessionEvent', 'SessionTerminatedEvent', 'UserLogoutSessionEvent'
    ]  # fmt: skip
    other._stub.DropConnections()


def test_filters(client: Client, events: Any) -> None:
    """Each part of a filter narrows the result, and they add up."""
    machine = machine_of(client)
    other = next(vm for vm in client.all(vim.VirtualMachine) if vm != machine)
    begin = client.si.CurrentTime()
    latest = events.latestEvent
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(annotation='a')))
    done(other.ReconfigVM_Task(vim.vm.ConfigSpec(annotation='b')))
    events.LogUserEvent(machine, 'hello')
    datacenter = client.at('Frankfurt')

    def by(entity: Any, recursion: str) -> Any:
        return Filter.ByEntity(entity=entity, recursion=recursion)

    def count(**members: Any) -> int:
        return len(since(events, latest, **members))

    assert count() == 5
    assert count(entity=by(machine, 'self')) == 3
    assert count(entity=by(machine, 'children')) == 0
    assert count(entity=by(datacenter, 'self')) == 0
    assert count(entity=by(client.content.rootFolder, 'all')) == 5
    assert count(entity=by(machine.runtime.host, 'children')) >= 3
    assert count(entity=by(machine.parent, 'all'), eventTypeId=['VmReconfiguredEvent']) >= 1
    assert count(type=[E.VmEvent]) == 2
    assert count(eventTypeId=['VmEvent']) == 0
    assert count(category=['user']) == 1
    assert count(category=['error']) == 0
    assert count(time=Filter.ByTime(beginTime=begin)) == 5
    assert count(time=Filter.ByTime(endTime=begin - datetime.timedelta(hours=1))) == 0
    user = 'vsphere.local\\administrator'
    assert count(userName=Filter.ByUsername(systemUser=False, userList=[user])) == 5
    assert count(userName=Filter.ByUsername(systemUser=True, userList=['nobody'])) == 0
    assert count(maxCount=2) == 2
    (hello,) = since(events, latest, category=['user'])
    assert count(eventChainId=hello.chainId) == 1
    assert hello.fullFormattedMessage == 'User logged event: hello'
    gone = vim.VirtualMachine('vm-987654', client.si._stub)
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        events.QueryEvents(Filter(entity=by(gone, 'self')))


def test_a_collector_is_scrolled_through(client: Client, events: Any) -> None:
    """Forwards from the oldest, backwards from the newest, each event once."""
    for number in range(7):
        events.LogUserEvent(client.content.rootFolder, f'scroll {number}')
    collector = events.CreateCollectorForEvents(Filter(category=['user'], maxCount=7))

    def texts(page: list[Any]) -> list[str]:
        return [event.message[-1] for event in page]

    assert texts(collector.ReadNextEvents(3)) == ['0', '1', '2']
    assert texts(collector.ReadNextEvents(9)) == ['3', '4', '5', '6']
    assert collector.ReadNextEvents(9) == []
    assert texts(collector.ReadPreviousEvents(2)) == ['6', '5']
    collector.RewindCollector()
    assert collector.ReadPreviousEvents(5) == []
    assert texts(collector.ReadNextEvents(1)) == ['0']
    collector.ResetCollector()
    assert texts(collector.ReadPreviousEvents(9)) == ['6', '5', '4', '3', '2', '1', '0']
    collector.SetCollectorPageSize(2)
    assert texts(collector.latestPage) == ['6', '5']
    with client.seen(collector, 'latestPage') as changed:
        events.LogUserEvent(client.content.rootFolder, 'scroll 7')
    assert changed
    assert changed[0].startswith('latestPage')
    assert texts(collector.latestPage) == ['7', '6']
    for count in (0, 1001):
        with pytest.raises(vmodl.fault.InvalidArgument):
            collector.SetCollectorPageSize(count)
    collector.DestroyCollector()
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        collector.ReadNextEvents(1)


def test_collectors_are_counted(client: Client, events: Any) -> None:
    """A session has so many collectors and no more."""
    made = [events.CreateCollectorForEvents(Filter()) for _ in range(events.maxCollector)]
    with pytest.raises(vim.fault.InvalidState):
        events.CreateCollectorForEvents(Filter())
    for collector in made:
        collector.DestroyCollector()


def test_an_event_of_a_client(client: Client, events: Any) -> None:
    """An extension's own event is kept as it was made, with key, time and user of the server."""
    machine = client.all(vim.VirtualMachine)[0]
    event = E.EventEx(
        eventTypeId='org.example.backup.done', severity='warning', message='saved',
        key=0, chainId=0, createdTime=client.si.CurrentTime(), userName='',
        vm=E.VmEventArgument(name=machine.name, vm=machine),
    )  # fmt: skip
    events.PostEvent(event, None)
    (found,) = events.QueryEvents(Filter(eventTypeId=['org.example.backup.done']))
    assert found.key > 0
    assert found.userName.endswith('Administrator')
    assert found.host.host == machine.runtime.host
    assert events.QueryEvents(Filter(category=['warning']))[-1].key == found.key


def test_what_events_there_are(events: Any) -> None:
    """The description names all types of events, and the fields of each can be asked for."""
    details = {detail.key: detail for detail in events.description.eventInfo}
    assert details[E.VmPoweredOnEvent].category == 'info'
    assert details[E.VmFailedToPowerOnEvent].category == 'error'
    assert len(details) > 400
    arguments = events.RetrieveArgumentDescription('vim.event.VmRenamedEvent')
    assert {one.name for one in arguments} >= {'oldName', 'newName', 'template'}
    with pytest.raises(vmodl.fault.InvalidArgument):
        events.RetrieveArgumentDescription('vim.event.NoSuch')


def test_the_history_has_a_limit(client: Client, events: Any) -> None:
    """Only so many events are kept, and the oldest go."""
    log = client.vc.world.witness
    assert isinstance(log, EventLog)
    *_, oldest = log.newest_first()
    with client.vc.world.lock:
        for _ in range(KEPT_EVENTS):
            log.tell('GeneralUserEvent', message='flood')
    *newer, now_oldest = log.newest_first()
    assert len(newer) == KEPT_EVENTS - 1
    assert now_oldest.key > oldest.key

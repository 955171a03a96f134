"""The state of a virtual machine, which all rooms of this package work on.

A machine keeps a few values: name, size, power state, where it lies. Its devices are kept only
once somebody has changed them. So ten thousand machines cost some twenty megabytes.

Rooms take a :class:`Machine`; the managed object that is made of it, with all properties and
operations, is in ``virtual_machine``, which knows the rooms.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, Protocol

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.storage.owners import File
from oslo_vmware.simulator.storage.virtual_disks import RAW_BACKING
from oslo_vmware.simulator.world.data import DataObject, Ref, types
from oslo_vmware.simulator.world.registry import ManagedObject
from oslo_vmware.simulator.world.relations import Many, One


class Applied(NamedTuple):
    """How a policy was applied.

    :ivar generation: of the policy at that time
    :ivar replication_group: that the machine's home or the disk is in, a ReplicationGroupId
    """

    generation: int
    replication_group: DataObject | None


class Snapshot(ManagedObject):
    """The state of a snapshot.

    :ivar machine: whose it is
    :ivar parent: the snapshot it was taken after; None for the first
    :ivar devices: of the machine, as they were
    :ivar number: counts the snapshots of a machine; clients know it as the snapshot's id
    :ivar size: of the file with the machine's state
    :ivar data_file: that file
    :ivar hardware: of the machine, by attribute, as it was
    """

    machine: Machine
    name: str
    description: str
    parent: Snapshot | None
    devices: list[DataObject]
    number: int
    created: datetime.datetime
    power_state: str
    quiesced: bool
    size: int
    data_file: str
    config: DataObject
    hardware: dict[str, Any]

    @property
    def vm(self) -> Ref:
        return self.machine.ref

    @property
    def childSnapshot(self) -> list[Ref]:
        return [one.ref for one in self.children]

    @property
    def children(self) -> list[Snapshot]:
        return [one for one in self.machine.snapshots if one.parent is self]

    @property
    def descendants(self) -> Iterator[Snapshot]:
        for child in self.children:
            yield child
            yield from child.descendants

    def tree(self) -> DataObject:
        return types.VirtualMachineSnapshotTree(
            snapshot=self.ref,
            vm=self.vm,
            name=self.name,
            description=self.description,
            id=self.number,
            createTime=self.created,
            state=self.power_state,
            quiesced=self.quiesced,
            childSnapshotList=[one.tree() for one in self.children],
            replaySupported=False,
        )


class Lease(Protocol):
    """A lease under which a machine is imported."""

    def cancel(self) -> None: ...


class Machine(ManagedEntity):
    """A virtual machine or a template.

    :ivar uuid: of the BIOS; a machine of the inventory derives all its other ids from it
    :ivar instance_uuid: the one that vCenter keeps unique
    :ivar directory: its directory on :attr:`home`; does not follow when the machine is renamed
    :ivar file_name: name of its configuration file without ``.vmx``, if not the directory's
    :ivar home: the datastore of its configuration file
    :ivar tools: whether VMware Tools are installed in the guest
    :ivar own_devices: its devices, once they differ from those it was born with
    :ivar extra: its own extraConfig; ``None`` stands for a deleted built-in key
    :ivar options: configuration that is only kept and shown, by field of the ConfigSpec
    :ivar disk_kb: size of the disk it was born with
    :ivar fill: how much of its thin disks is written, from 0 to 1
    :ivar card: the network that it was born connected to
    :ivar home_policy: id of the storage policy of its home; ``None`` without one
    :ivar disk_policies: ids of the storage policies of its disks, by device key
    :ivar applied_policies: how these were applied; that of its home has the key ``None``
    :ivar snapshots: its snapshots, the oldest first
    :ivar current_snapshot: the one that it goes on from
    :ivar lease: the lease under which it is, or was, imported
    :ivar tools_mounted: whether the disc with the installer of VMware Tools is in its drive
    :ivar guest_will: a CustomizationSpec that its guest takes over when it starts next
    :ivar guest_names: host name and addresses that its guest was given so
    :ivar consolidation_needed: whether snapshots have left disks that are still to be joined
    :ivar changes: counts reconfigurations
    :ivar inside: what is in its guest, once somebody has looked
    """

    id_prefix = 'vm'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'name': ('name', 'config.name', 'summary.config.name'),
        'home': (),
        'host': ('runtime.host', 'summary.runtime.host', 'environmentBrowser'),
        'resourcePool': ('resourcePool', 'resourceConfig'),
        'datastore': ('datastore', 'config.datastoreUrl', 'storage', 'summary.storage'),
        'network': ('network', 'guest', 'config'),
        'power_state': (
            'runtime', 'summary', 'guest', 'guestHeartbeatStatus', 'layoutEx', 'layout', 'storage',
            'disabledMethod',
        ),
        'tools': ('guest', 'config', 'summary', 'guestHeartbeatStatus'),
        'tools_mounted': ('runtime.toolsInstallerMounted', 'summary.runtime'),
        'guest_will': (),
        'guest_names': ('guest', 'summary.guest'),
        'consolidation_needed': ('runtime.consolidationNeeded', 'summary.runtime'),
        'template': ('config', 'summary', 'disabledMethod'),
        'connection': ('runtime', 'summary'),
        'snapshots': ('snapshot', 'rootSnapshot'),
        'current_snapshot': ('snapshot',),
        'changes': (
            'config', 'summary', 'layoutEx', 'layout', 'storage', 'resourceConfig', 'guest',
        ),
    }  # fmt: skip

    host = One('vm')
    resourcePool = One('vm')
    datastore = Many('vm')
    network = Many('vm')

    uuid: str
    instance_uuid: str
    home: Datastore
    directory: str
    file_name: str | None = None
    created: datetime.datetime
    guest_id = 'otherGuest'
    num_cpu = 1
    cores_per_socket = 1
    memory_mb = 4096
    annotation: str | None = None
    hardware_version = 'vmx-21'
    template = False
    power_state = 'poweredOff'
    connection = 'connected'
    tools = False
    boot_time: datetime.datetime | None = None
    suspend_time: datetime.datetime | None = None
    modified: datetime.datetime | None = None
    changes = 0
    own_devices: list[DataObject] | None = None
    home_policy: str | None = None
    disk_policies: dict[int, str] = {}
    applied_policies: dict[int | None, Applied] = {}
    disk_kb = 0
    fill = 0.0
    card: Any = None
    extra: dict[str, str | None] = {}
    options: dict[str, Any] = {}
    snapshots: list[Snapshot] = []
    current_snapshot: Snapshot | None = None
    lease: Lease | None = None
    inside: Any = None
    tools_mounted = False
    guest_will: DataObject | None = None
    guest_names: tuple[str | None, list[str]] = (None, [])
    consolidation_needed = False

    # What the rooms make of it; see VirtualMachine.

    @property
    def devices(self) -> list[DataObject]:
        """Its devices, its own ones or those it was born with."""
        raise NotImplementedError

    def files(self) -> list[File]:
        """All files that it has at present."""
        raise NotImplementedError

    def all_disks(self) -> list[DataObject]:
        """The disks that have files of their own: those of its snapshots too."""
        raise NotImplementedError

    def configuration_file(self) -> str:
        """The text of its configuration file."""
        raise NotImplementedError

    def committed_on(self, datastore: Datastore) -> int:
        """Bytes that its files occupy on a datastore."""
        raise NotImplementedError

    def uncommitted_on(self, datastore: Datastore) -> int:
        """Bytes by which its thin disks can still grow on a datastore."""
        raise NotImplementedError

    def configure(self, spec: DataObject) -> None:
        """Take over a VirtualMachineConfigSpec: all of it, or nothing and a fault."""
        raise NotImplementedError

    def settle(self) -> None:
        """Set where it lies and what it is connected to from what its devices say."""
        raise NotImplementedError

    def become(self, state: str) -> None:
        """Come into a power state, whatever it was in."""
        raise NotImplementedError

    def disk_has(self, disk: DataObject, capacity: int) -> None:
        """A disk turned out to have another capacity than was asked for."""
        raise NotImplementedError

    # What follows from the state alone

    @property
    def raw_backings(self) -> list[DataObject]:
        """Backings of the disks that are disks of the host's."""
        return [
            disk.backing
            for disk in (self.disks if self.own_devices is not None else ())
            if disk.backing.wire_type == RAW_BACKING
        ]

    @property
    def disks(self) -> list[DataObject]:
        return [device for device in self.devices if device.wire_type == 'VirtualDisk']

    @property
    def stem(self) -> str:
        """What the paths of its own files begin with."""
        name = self.file_name or self.directory.rpartition('/')[2]
        return f'[{self.home.name}] {self.directory}/{name}'

    @property
    def owner(self) -> Any:
        """The compute resource it is on."""
        return self.host.parent if self.host is not None else None

    @property
    def running(self) -> bool:
        return self.power_state == 'poweredOn'

    @property
    def tools_running(self) -> bool:
        return self.tools and self.running

    @property
    def guestHeartbeatStatus(self) -> str:
        return 'green' if self.tools_running else 'gray'

    @property
    def cpu_usage(self) -> int:
        """CPU in MHz that it uses while it runs; steady, but different for each machine."""
        return self.num_cpu * (150 + int(self.uuid[:2], 16))

    @property
    def memory_usage(self) -> int:
        """Memory in MiB that it uses while it runs."""
        return self.memory_mb * (30 + int(self.uuid[2:4], 16) * 40 // 255) // 100

    def new_disk_uuid(self) -> str:
        """An identifier for a new disk, in the range that VMware uses for them."""
        made = self.world.new_uuid().replace('-', '')
        return f'6000C29{made[0]}-{made[1:5]}-{made[5:9]}-{made[9:13]}-{made[13:25]}'

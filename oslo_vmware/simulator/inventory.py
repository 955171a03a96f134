"""The inventory that a simulated server starts with, made from a few numbers.

:class:`Inventory` says how many of each; :func:`build` makes them, with names, hardware and
sizes as one finds them in a real data centre, the same ones for the same numbers and seed. The
tree is vSphere's::

    Datacenters (root folder)
      Frankfurt
        vm         Production/ … and the machines
        host       fra-cluster-01, stand-alone hosts
        datastore  fra-nfs-01, fra-vmfs-01, fra-vsan-01, fra-pod-01/
        network    VM Network, fra-dvs-01 and its port groups
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from oslo_vmware.simulator.objects.cluster import ClusterComputeResource
from oslo_vmware.simulator.objects.compute import ComputeResource
from oslo_vmware.simulator.objects.datacenter import Datacenter
from oslo_vmware.simulator.objects.datastore import TIB, Datastore
from oslo_vmware.simulator.objects.dv_port_settings import vlan_setting
from oslo_vmware.simulator.objects.dvs import VmwareDistributedVirtualSwitch
from oslo_vmware.simulator.objects.extension_manager import ExtensionManager
from oslo_vmware.simulator.objects.folder import Folder
from oslo_vmware.simulator.objects.host.models import EDGE_MODEL, HOST_MODELS
from oslo_vmware.simulator.objects.host.system import HostSystem, manager_of_id
from oslo_vmware.simulator.objects.network import Network
from oslo_vmware.simulator.objects.resource_pool import ResourcePool
from oslo_vmware.simulator.objects.search_index import SearchIndex
from oslo_vmware.simulator.objects.storage_pod import StoragePod
from oslo_vmware.simulator.objects.vm.guests import GUESTS
from oslo_vmware.simulator.objects.vm.virtual_machine import VirtualMachine
from oslo_vmware.simulator.objects.vslm.catalog import Catalog
from oslo_vmware.simulator.storage.targets import Targets
from oslo_vmware.simulator.storage.volumes import Volumes
from oslo_vmware.simulator.world.data import types
from oslo_vmware.simulator.world.registry import World
from oslo_vmware.simulator.world.users import ADMINISTRATORS

# When the oldest things were installed; nothing here reads a clock, so that one seed makes one
# inventory whenever it is built.
_EPOCH = datetime.datetime(2025, 1, 13, 8, 0, tzinfo=datetime.UTC)

_SITES = (
    ('Frankfurt', 'fra'),
    ('Dublin', 'dub'),
    ('Stockholm', 'sto'),
    ('Milan', 'mil'),
    ('Madrid', 'mad'),
    ('Vienna', 'vie'),
)
_FOLDERS = ('Production', 'Staging', 'Development', 'Infrastructure', 'Archive')
_POOLS = ('gold', 'silver', 'bronze')
_ROLES = ('web', 'db', 'app', 'cache', 'build', 'mail', 'dns', 'mon')
# vCPUs and MiB of memory.
_SIZES = ((2, 4096), (4, 8192), (2, 8192), (8, 32768), (4, 16384), (1, 2048))
_DISKS_GIB = (40, 80, 60, 200, 100, 20)
_DATASTORES_PER_POD = 2

# For Inventory.large: what a well-filled host and datastore carry.
_VMS_PER_HOST = 40
_HOSTS_PER_CLUSTER = 32
_VMS_PER_DATASTORE = 250


@dataclass(frozen=True)
class Inventory:
    """How much there is of everything.

    :param datacenters: datacenters
    :param clusters: clusters in each datacenter
    :param hosts_per_cluster: hosts in each cluster
    :param standalone_hosts: hosts outside of clusters, in each datacenter
    :param resource_pools: resource pools in each cluster, beside the root pool
    :param folders: folders for machines in each datacenter; every second one lies in the one
        before it
    :param vms: virtual machines, in all datacenters together
    :param powered_on: share of the machines that run, from 0 to 1
    :param nfs_datastores: NFS datastores in each datacenter, mounted on all its hosts
    :param vmfs_datastores: VMFS datastores in each datacenter, mounted on all its hosts
    :param vsan_datastores: vSAN datastores in each datacenter, each of one cluster
    :param storage_pods: datastore clusters in each datacenter, each with two VMFS datastores
        of its own
    :param networks: standard networks in each datacenter
    :param dvs: distributed switches in each datacenter
    :param portgroups_per_dvs: port groups of each switch, beside the one for its uplinks
    :raises ValueError: for numbers that make no inventory
    """

    datacenters: int = 1
    clusters: int = 1
    hosts_per_cluster: int = 2
    standalone_hosts: int = 1
    resource_pools: int = 1
    folders: int = 2
    vms: int = 8
    powered_on: float = 0.75
    nfs_datastores: int = 1
    vmfs_datastores: int = 1
    vsan_datastores: int = 1
    storage_pods: int = 1
    networks: int = 2
    dvs: int = 1
    portgroups_per_dvs: int = 2

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == 'powered_on':
                if isinstance(value, bool) or not 0 <= value <= 1:
                    raise ValueError(f'powered_on is a share from 0 to 1, not {value!r}')
            elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ValueError(f'{field.name} is a count from 0 on, not {value!r}')
        if self.vms and not self.datacenters:
            raise ValueError(f'{self.vms} machines need a datacenter: give datacenters')
        if self.vms and not self.clusters * self.hosts_per_cluster + self.standalone_hosts:
            raise ValueError(
                f'{self.vms} machines need hosts: give clusters and hosts_per_cluster, or '
                'standalone_hosts'
            )
        if self.vsan_datastores > self.clusters:
            raise ValueError(
                f'{self.vsan_datastores} vSAN datastores need as many clusters, one each, and '
                f'there are {self.clusters}: give clusters, or vsan_datastores=0'
            )
        everywhere = self.nfs_datastores + self.vmfs_datastores + self.storage_pods
        only_vsan = self.vsan_datastores == self.clusters and not self.standalone_hosts
        if self.vms and not everywhere and not (self.vsan_datastores and only_vsan):
            raise ValueError(
                'some machines would have no datastore in reach of their host: give '
                'nfs_datastores, vmfs_datastores or storage_pods'
            )

    @classmethod
    def large(cls, vms: int, **counts: Any) -> Inventory:
        """An inventory for scale tests: as many hosts and datastores as so many machines need.

        :param vms: virtual machines, in one datacenter
        :param counts: further parameters, which go before what is computed
        """
        hosts = max(2, math.ceil(vms / _VMS_PER_HOST))
        clusters = math.ceil(hosts / _HOSTS_PER_CLUSTER)
        computed: dict[str, Any] = {
            'clusters': clusters,
            'hosts_per_cluster': math.ceil(hosts / clusters),
            'standalone_hosts': 0,
            'folders': max(2, math.ceil(vms / 500)),
            'vmfs_datastores': max(1, math.ceil(vms / _VMS_PER_DATASTORE)),
        }
        return cls(vms=vms, **{**computed, **counts})


def build(world: World, inventory: Inventory) -> None:
    """Fill an empty world: root folder, extension manager, search index, and the inventory."""
    root = Folder(world, 'Datacenters', None, 'datacenter')
    world.root_folder = root
    root.permission = [
        types.Permission(
            entity=root.ref,
            principal=ADMINISTRATORS,
            group=True,
            roleId=-1,
            propagate=True,
        )
    ]
    world.extension_manager = ExtensionManager(world, since=_EPOCH)
    world.search_index = SearchIndex(world)
    world.files = Volumes(world)
    world.targets = Targets(world)
    world.first_class_disks = Catalog(world)
    world.make_late = lambda ref: manager_of_id(world, ref)
    sites = [_Site(root, inventory, number) for number in range(inventory.datacenters)]
    _add_machines(world, inventory, sites)
    for number, datastore in enumerate(world.of_type(Datastore)):
        _give_size(datastore, number)


class _Site:
    """One datacenter while it is built."""

    def __init__(self, root: Folder, inventory: Inventory, number: int) -> None:
        self.world = root.world
        self.inventory = inventory
        self.number = number
        if number < len(_SITES):
            name, self.code = _SITES[number]
        else:
            name, self.code = f'Site-{number + 1:02}', f's{number + 1:02}'
        self.datacenter = Datacenter(self.world, name, parent=root)
        self.hosts: list[HostSystem] = []
        self.folders: list[Folder] = []
        self.pools: dict[HostSystem, list[ResourcePool]] = {}
        self._add_compute()
        self._add_networks()
        self._add_datastores()
        self._add_folders()

    def _add_compute(self) -> None:
        folder = self.datacenter.hostFolder
        for number in range(self.inventory.clusters):
            cluster = ClusterComputeResource(
                self.world, f'{self.code}-cluster-{number + 1:02}', folder
            )
            pools = [cluster.resourcePool]
            for pool in range(self.inventory.resource_pools):
                tier = _POOLS[pool % len(_POOLS)]
                suffix = f'-{pool // len(_POOLS) + 1}' if pool >= len(_POOLS) else ''
                pools.append(ResourcePool(self.world, f'{tier}{suffix}', cluster.resourcePool))
            model = HOST_MODELS[(self.number + number) % len(HOST_MODELS)]
            for _host in range(self.inventory.hosts_per_cluster):
                self._add_host(cluster, model, pools)
        for _host in range(self.inventory.standalone_hosts):
            name = self._host_name()
            alone = ComputeResource(self.world, name, folder)
            self._add_host(alone, EDGE_MODEL, [alone.resourcePool])

    def _host_name(self) -> str:
        return f'esx-{self.code}-{len(self.hosts) + 1:03}.example.net'

    def _add_host(self, owner: ComputeResource, model: Any, pools: list[ResourcePool]) -> None:
        number = len(self.hosts)
        host = HostSystem(
            self.world,
            self._host_name(),
            owner,
            model=model,
            uuid=self.world.new_uuid(),
            ip=f'10.{self.number % 64}.{1 + number // 250}.{number % 250 + 1}',
            number=self.number * 1024 + number,
            boot_time=_EPOCH + datetime.timedelta(days=90, minutes=17 * number),
        )
        self.hosts.append(host)
        self.pools[host] = pools

    def _add_networks(self) -> None:
        folder = self.datacenter.networkFolder
        for number in range(self.inventory.networks):
            vlan = 100 + 10 * number if number else 0
            name = f'{self.code}-vlan-{vlan:04}' if number else 'VM Network'
            network = Network(self.world, name, folder, vlan=vlan)
            network.host = self.hosts
        for number in range(self.inventory.dvs):
            switch = VmwareDistributedVirtualSwitch(
                self.world, f'{self.code}-dvs-{number + 1:02}', folder, created=_EPOCH
            )
            for host in self.hosts:
                switch.join(host)
            for group in range(self.inventory.portgroups_per_dvs):
                vlan = (1000 + 500 * number + 10 * group) % 4094
                role = _ROLES[group % len(_ROLES)]
                switch.add_portgroup(
                    f'{self.code}-dv{number + 1:02}-{role}-{group + 1:02}',
                    types.DVPortgroupConfigSpec(defaultPortConfig=vlan_setting(vlan)),
                )

    def _add_datastores(self) -> None:
        folder = self.datacenter.datastoreFolder
        for number in range(1, self.inventory.nfs_datastores + 1):
            name = f'{self.code}-nfs-{number:02}'
            server = f'nas-{self.code}.example.net'
            self._add_datastore(name, folder, 'NFS', self.hosts, (server, f'/export/{name}'))
        for number in range(1, self.inventory.vmfs_datastores + 1):
            self._add_datastore(f'{self.code}-vmfs-{number:02}', folder, 'VMFS', self.hosts)
        clusters = [
            child
            for child in self.datacenter.hostFolder.children
            if isinstance(child, ClusterComputeResource)
        ]
        for number in range(1, self.inventory.vsan_datastores + 1):
            hosts = clusters[number - 1].host
            self._add_datastore(f'{self.code}-vsan-{number:02}', folder, 'vsan', hosts)
        for number in range(1, self.inventory.storage_pods + 1):
            pod = StoragePod(self.world, f'{self.code}-pod-{number:02}', folder)
            for member in range(1, _DATASTORES_PER_POD + 1):
                self._add_datastore(f'{pod.name}-vmfs-{member:02}', pod, 'VMFS', self.hosts)

    def _add_datastore(
        self,
        name: str,
        folder: Folder,
        kind: str,
        hosts: list[HostSystem],
        remote: tuple[str, str] = ('', ''),
    ) -> None:
        plain = self.world.new_uuid().replace('-', '')
        if kind == 'vsan':
            uuid = f'vsan:{plain[:16]}-{plain[16:]}'
        elif kind == 'NFS':
            uuid = f'{plain[:8]}-{plain[8:16]}'
        else:
            uuid = f'{plain[:8]}-{plain[8:16]}-{plain[16:20]}-{plain[20:]}'
        made = Datastore(self.world, name, folder, kind=kind, uuid=uuid, capacity=0, remote=remote)
        made.hosts = hosts

    def _add_folders(self) -> None:
        parent = self.datacenter.vmFolder
        for number in range(self.inventory.folders):
            name = _FOLDERS[number // 2 % len(_FOLDERS)]
            if number >= 2 * len(_FOLDERS):
                name += f'-{number // (2 * len(_FOLDERS)) + 1}'
            if number % 2:
                self.folders.append(Folder(self.world, f'{name} databases', self.folders[-1], 'vm'))
            else:
                self.folders.append(Folder(self.world, name, parent, 'vm'))

    def machine_places(self) -> Iterator[dict[str, Any]]:
        """Where one machine after the other goes, evenly and without end."""
        folders = self.folders or [self.datacenter.vmFolder]
        networks: list[Any] = [
            network for network in self.datacenter.network if not getattr(network, 'uplink', False)
        ]
        mounted = {host: host.datastore for host in self.hosts}
        number = 0
        while True:
            host = self.hosts[number % len(self.hosts)]
            # Beyond the hosts, each list turns on at its own pace.
            turn = number // len(self.hosts)
            yield {
                'folder': folders[number % len(folders)],
                'host': host,
                'pool': self.pools[host][turn % len(self.pools[host])],
                'home': mounted[host][(number + turn) % len(mounted[host])],
                'card': networks[number % len(networks)] if networks else None,
                'code': self.code,
            }
            number += 1


def _add_machines(world: World, inventory: Inventory, sites: list[_Site]) -> None:
    places = [site.machine_places() for site in sites]
    for number in range(inventory.vms):
        place = next(places[number % len(places)])
        cpus, memory = _SIZES[number % len(_SIZES)]
        name = f'{place["code"]}-{_ROLES[number % len(_ROLES)]}-{number + 1:04}'
        # As many run as the share says, spread over the whole of them.
        on = int((number + 1) * inventory.powered_on) > int(number * inventory.powered_on)
        created = _EPOCH + datetime.timedelta(hours=1, minutes=number % 40000)
        machine = VirtualMachine(
            world,
            name,
            uuid=world.new_uuid(),
            instance_uuid=world.new_uuid(),
            home=place['home'],
            directory=name,
            created=created,
            guest_id=GUESTS[number % len(GUESTS)].id,
            num_cpu=cpus,
            memory_mb=memory,
            disk_kb=_DISKS_GIB[number % len(_DISKS_GIB)] * 1024 * 1024,
            fill=0.25 + number % 7 * 0.07,
            # One in nine is an appliance without VMware Tools.
            tools=number % 9 != 8,
            card=place['card'],
            power_state='poweredOn' if on else 'poweredOff',
            boot_time=created + datetime.timedelta(days=120) if on else None,
        )
        machine.parent = place['folder']
        machine.host = place['host']
        machine.resourcePool = place['pool']
        machine.datastore = [place['home']]
        machine.network = [place['card']] if place['card'] is not None else []


def _give_size(datastore: Datastore, number: int) -> None:
    """Make a datastore as large as one would have bought it, and fill it with other things too.

    :param number: counts the datastores; what is left free differs from one to the next
    """
    used = sum(machine.committed_on(datastore) for machine in datastore.vm)
    smallest = {'NFS': 8 * TIB, 'VMFS': 4 * TIB, 'vsan': 20 * TIB}[datastore.kind]
    capacity = max(smallest, math.ceil(used * 1.5 / TIB) * TIB)
    # Images, templates, machines of others: from a twelfth to two thirds of what is left.
    share = 8 + (13 + 17 * number) % 60
    datastore.update(capacity=capacity, other_used=(capacity - used) * share // 100)

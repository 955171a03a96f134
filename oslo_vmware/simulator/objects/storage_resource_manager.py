"""Storage DRS: where in a datastore cluster something is best put, and putting it there."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.storage_pod import StoragePod
from oslo_vmware.simulator.objects.vm import clone, relocate
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.objects.vm.virtual_machine import VirtualMachine
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed

KIB = 1024

#: Recommendations that nobody applies are forgotten, the oldest first.
KEPT_RECOMMENDATIONS = 1000

_BEST_RATING = 5


class _Wanted(NamedTuple):
    """What is to be put somewhere.

    :ivar size: bytes that it can come to need
    :ivar hosts: those that it may run on; one of them has to reach the datastore
    :ivar apply: puts it on a datastore; returns the machine
    """

    size: int
    hosts: list[Any]
    apply: Callable[[Datastore], Machine]


@managed('StorageResourceManager')
class StorageResourceManager(ManagedObject):
    """Recommends datastores of a cluster, and does what it recommended when asked to."""

    def __init__(self, world: World) -> None:
        self._numbers = itertools.count(1)
        self._open: dict[str, Callable[[], Machine]] = {}
        super().__init__(world, 'StorageResourceManager')

    def RecommendDatastores(self, call: Call) -> DataObject:
        """Those members that have room, the emptiest first."""
        spec = call.storageSpec
        pod = self._pod(spec.podSelectionSpec)
        wanted = self._wanted(spec)
        members: list[Datastore] = [
            one
            for one in pod.children
            if one.reachable
            and one.maintenance == 'normal'
            and one.free_space >= wanted.size
            and any(host.usable and one in host.datastore for host in wanted.hosts)
        ]
        if not members:
            reason = f"No datastore of '{pod.name}' has room for it on a host that can run it."
            return types.StoragePlacementResult(
                recommendations=[], drsFault=types.ClusterDrsFaults(reason=reason, faultsByVm=[])
            )
        members.sort(key=lambda one: one.free_space, reverse=True)
        return types.StoragePlacementResult(
            recommendations=[
                self._recommend(pod, place, spec, wanted, max(1, _BEST_RATING - number))
                for number, place in enumerate(members)
            ]
        )

    def ApplyStorageDrsRecommendation_Task(self, call: Call) -> Ref:
        keys: list[str] = call.key
        if len(keys) != 1 or keys[0] not in self._open:
            raise invalid_argument('key')
        (key,) = keys

        def work() -> DataObject:
            apply = self._open.pop(key, None)
            if apply is None:
                raise invalid_argument('key')
            return types.ApplyStorageRecommendationResult(vm=apply().ref)

        return self.world.task_manager.start(
            self,
            'ApplyStorageDrsRecommendation_Task',
            work,
            shown_on=self.world.root_folder,
        )

    def CancelStorageDrsRecommendation(self, call: Call) -> None:
        for key in call.key:
            if self._open.pop(key, None) is None:
                raise invalid_argument('key')

    def RefreshStorageDrsRecommendation(self, call: Call) -> None:
        """Nothing to do: clusters are never so uneven that something should move."""
        self._find_pod(call.pod)

    def ConfigureStorageDrsForPod_Task(self, call: Call) -> Ref:
        pod = self._find_pod(call.pod)
        return self.world.task_manager.start(
            self,
            'ConfigureStorageDrsForPod_Task',
            lambda: pod.configure(call.spec.podConfigSpec),
            shown_on=pod,
        )

    # Inside

    def _recommend(
        self, pod: StoragePod, place: Datastore, spec: DataObject, wanted: _Wanted, rating: int
    ) -> DataObject:
        key = str(next(self._numbers))
        self._open[key] = lambda: wanted.apply(place)
        if len(self._open) > KEPT_RECOMMENDATIONS:
            del self._open[next(iter(self._open))]
        used = place.capacity - place.free_space
        action = types.StoragePlacementAction(
            type='StoragePlacementV1',
            target=place.ref,
            vm=spec.vm,
            relocateSpec=types.VirtualMachineRelocateSpec(
                datastore=place.ref, pool=spec.resourcePool, host=spec.host
            ),
            destination=place.ref,
            spaceUtilBefore=100.0 * used / place.capacity,
            spaceUtilAfter=100.0 * (used + wanted.size) / place.capacity,
        )
        return types.ClusterRecommendation(
            key=key,
            type='V1',
            time=self.world.now(),
            rating=rating,
            reason='storagePlacement',
            reasonText='Satisfy storage initial placement requests',
            target=pod.ref,
            action=[action],
        )

    def _wanted(self, spec: DataObject) -> _Wanted:
        kinds: dict[str, Callable[[DataObject], _Wanted]] = {
            'create': self._to_create,
            'clone': self._to_clone,
            'relocate': self._to_relocate,
        }
        if spec.type not in kinds:
            raise invalid_argument('storageSpec.type')
        return kinds[spec.type](spec)

    def _to_create(self, spec: DataObject) -> _Wanted:
        pool = self._find(spec, 'resourcePool', 'ResourcePool')
        # Who creates the machine on their own afterwards names it only then.
        folder = self._find(spec, 'folder', 'Folder') if spec.folder is not None else None
        if spec.configSpec is None:
            raise invalid_argument('storageSpec.configSpec')
        host = self._find(spec, 'host', 'HostSystem') if spec.host is not None else None
        size = sum(
            change.device.capacityInBytes or (change.device.capacityInKB or 0) * KIB
            for change in spec.configSpec.deviceChange or ()
            if change.operation == 'add' and change.device.wire_type == 'VirtualDisk'
        )

        def apply(place: Datastore) -> Machine:
            if folder is None:
                raise invalid_argument('storageSpec.folder')
            config = copy.copy(spec.configSpec)
            config.files = copy.copy(config.files) or types.VirtualMachineFileInfo()
            config.files.vmPathName = f'[{place.name}]'
            return VirtualMachine.create(folder, config, pool, host)

        return _Wanted(size, [host] if host is not None else pool.owner.host, apply)

    def _to_clone(self, spec: DataObject) -> _Wanted:
        source, folder = (
            self._find(spec, 'vm', 'VirtualMachine'),
            self._find(spec, 'folder', 'Folder'),
        )
        if spec.cloneSpec is None or not spec.cloneName:
            raise invalid_argument('storageSpec.cloneSpec')
        location = spec.cloneSpec.location or types.VirtualMachineRelocateSpec()
        hosts = self._hosts(source, spec, location)

        def apply(place: Datastore) -> Machine:
            wanted = copy.copy(spec.cloneSpec)
            wanted.location = _moved(location, place, spec)
            made: Machine = clone.clone(source, folder, spec.cloneName, wanted)
            return made

        return _Wanted(_committed(source), hosts, apply)

    def _to_relocate(self, spec: DataObject) -> _Wanted:
        vm: Machine = self._find(spec, 'vm', 'VirtualMachine')
        location = spec.relocateSpec or types.VirtualMachineRelocateSpec()

        def apply(place: Datastore) -> Machine:
            relocate.relocate(vm, _moved(location, place, spec))
            return vm

        return _Wanted(_committed(vm), self._hosts(vm, spec, location), apply)

    def _hosts(self, vm: Machine, spec: DataObject, location: DataObject) -> list[Any]:
        host, pool = spec.host or location.host, spec.resourcePool or location.pool
        if host is not None:
            return [vm.find(host, 'HostSystem', 'storageSpec.host')]
        owner: Any = vm
        if pool is not None:
            owner = vm.find(pool, 'ResourcePool', 'storageSpec.resourcePool')
        hosts: list[Any] = owner.owner.host
        return hosts

    def _find(self, spec: DataObject, field: str, wire_type: str) -> Any:
        ref = getattr(spec, field)
        if ref is None:
            raise invalid_argument(f'storageSpec.{field}')
        found = self.world.get(ref)
        if not found.is_a(wire_type):
            raise invalid_argument(f'storageSpec.{field}')
        return found

    def _pod(self, selection: DataObject) -> StoragePod:
        ref = selection.storagePod
        for one in selection.initialVmConfig or ():
            ref = ref or one.storagePod
        if ref is None:
            raise invalid_argument('storageSpec.podSelectionSpec')
        return self._find_pod(ref)

    def _find_pod(self, ref: Ref) -> StoragePod:
        found = self.world.get(ref)
        if not isinstance(found, StoragePod):
            raise Fault('InvalidArgument', 'That is no datastore cluster.', invalidProperty='pod')
        return found


def _committed(vm: Machine) -> int:
    places: list[Datastore] = vm.datastore
    return sum(vm.committed_on(place) for place in places)


def _moved(location: DataObject, place: Datastore, spec: DataObject) -> DataObject:
    """The place that was asked for, on a datastore that was chosen."""
    made: DataObject = copy.copy(location)
    made.datastore = place.ref
    made.host = made.host or spec.host
    made.pool = made.pool or spec.resourcePool
    return made

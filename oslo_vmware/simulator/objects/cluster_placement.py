"""Where a cluster would put a machine: PlaceVm's recommendations."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types

_TYPES = ('relocate', 'create', 'reconfigure', 'clone')
# At most so many are recommended, the best first.
_MOST = 3


def place(cluster: Any, spec: DataObject) -> DataObject:
    """Answer PlaceVm.

    :param cluster: a ClusterComputeResource
    :param spec: a PlacementSpec
    :raises Fault: InvalidState without DRS, InvalidArgument
    """
    if not cluster.settings.drs.enabled:
        raise Fault('InvalidState', f"DRS is not enabled in the cluster '{cluster.name}'.")
    kind = spec.placementType or 'relocate'
    if kind not in _TYPES:
        raise invalid_argument('placementSpec.placementType')
    vm = cluster.find(spec.vm, 'VirtualMachine', 'placementSpec.vm') if spec.vm else None
    if vm is None and (kind != 'create' or spec.configSpec is None):
        raise invalid_argument(f'placementSpec.{"configSpec" if kind == "create" else "vm"}')
    found = _places(cluster, spec, vm, _needed(spec, vm, kind))
    if not found:
        why = 'No host of the cluster has what the machine needs.'
        fault = Fault('NoCompatibleHost', why, host=[host.ref for host in cluster.host])
        return types.PlacementResult(
            recommendations=[],
            drsFault=types.ClusterDrsFaults(
                reason=why,
                faultsByVm=[
                    types.ClusterDrsFaultsFaultsByVm(
                        vm=vm.ref if vm is not None else None, fault=[fault.localized()]
                    )
                ],
            ),
        )
    return types.PlacementResult(
        recommendations=[
            _recommendation(cluster, number, vm, host, datastore)
            for number, (host, datastore) in enumerate(found[:_MOST], 1)
        ]
    )


def _needed(spec: DataObject, vm: Any, kind: str) -> int:
    """Bytes that a datastore must have free."""
    if kind == 'create':
        devices = [change.device for change in spec.configSpec.deviceChange or ()]
        return sum(1024 * (device.capacityInKB or 0) for device in devices)
    return sum(vm.committed_on(datastore) for datastore in vm.datastore)


def _places(cluster: Any, spec: DataObject, vm: Any, needed: int) -> list[tuple[Any, Any]]:
    """Hosts with the datastore to use on each, the best first."""
    hosts = cluster.usable_hosts
    if spec.hosts:
        wanted = [cluster.find(ref, 'HostSystem', 'placementSpec.hosts') for ref in spec.hosts]
        hosts = [host for host in hosts if host in wanted]
    allowed = {cluster.world.get(ref) for ref in spec.datastores or ()}
    for ref in spec.storagePods or ():
        allowed.update(cluster.find(ref, 'StoragePod', 'placementSpec.storagePods').children)
    if vm is not None:
        hosts = cluster.placed(vm, hosts)
    found = []
    for host in sorted(hosts, key=lambda host: len(host.vm)):
        datastores = [
            one
            for one in host.datastore
            if (not allowed or one in allowed) and one.maintenance == 'normal'
        ]
        stays = vm is not None and vm.home in datastores
        roomy = [one for one in datastores if one.free_space >= needed]
        if stays or roomy:
            best = vm.home if stays else max(roomy, key=lambda one: one.free_space)
            found.append((host, best))
    return found


def _recommendation(cluster: Any, number: int, vm: Any, host: Any, datastore: Any) -> DataObject:
    where = types.VirtualMachineRelocateSpec(
        host=host.ref, datastore=datastore.ref, pool=cluster.resourcePool.ref
    )
    return types.ClusterRecommendation(
        key=str(number),
        type='V1',
        time=cluster.world.now(),
        rating=_MOST + 1 - number,
        reason='xvmotionPlacement',
        reasonText='Recommendation is for placing a virtual machine with its storage',
        action=[
            types.PlacementAction(
                type='PlacementV1',
                target=cluster.ref,
                vm=vm.ref if vm is not None else None,
                targetHost=host.ref,
                relocateSpec=where,
            )
        ],
        target=cluster.ref,
    )

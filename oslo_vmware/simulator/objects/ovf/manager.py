"""The OvfManager: machines to OVF descriptors, and descriptors to specifications of machines."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.ovf.importing import (
    PROVISIONING,
    Import,
    product_info,
    property_info,
)
from oslo_vmware.simulator.objects.ovf.reading import Package
from oslo_vmware.simulator.objects.ovf.writing import Writer
from oslo_vmware.simulator.objects.vm.machine import Machine, Snapshot
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed


@managed('OvfManager')
class OvfManager(ManagedObject):
    """Reads and writes OVF descriptors.

    What is wrong with a descriptor is no fault of an operation but stands in its result.
    """

    ovfImportOption: list[DataObject] = []
    ovfExportOption: list[DataObject] = []

    def __init__(self, world: World) -> None:
        super().__init__(world, 'OvfManager')

    def CreateDescriptor(self, call: Call) -> DataObject:
        vm = self.world.get(call.obj)
        if not isinstance(vm, Machine):
            raise invalid_argument('obj')
        params = call.cdp
        parts = vm.devices
        if params.snapshot is not None:
            snapshot = self.world.get(params.snapshot)
            if not isinstance(snapshot, Snapshot) or snapshot.machine is not vm:
                raise invalid_argument('cdp.snapshot')
            parts = snapshot.devices
        writer = Writer(
            vm, parts, params.name or vm.name, params.description, params.ovfFiles or []
        )
        return types.OvfCreateDescriptorResult(
            ovfDescriptor=writer.text(), warning=writer.warnings, includeImageFiles=False
        )

    def ParseDescriptor(self, call: Call) -> DataObject:
        result = types.OvfParseDescriptorResult(
            annotation='', defaultEntityName='', virtualApp=False, defaultDeploymentOption=''
        )
        try:
            self._describe(_package(call.ovfDescriptor, call.pdp), call.pdp, result)
        except Fault as fault:
            result.error = [fault.localized()]
        return result

    def _describe(self, package: Package, params: DataObject, result: DataObject) -> None:
        option = params.deploymentOption or package.default_option
        disks = package.disks.values()
        result.eula = package.licenses
        result.network = [
            types.OvfNetworkInfo(name=name, description=description)
            for name, description in package.networks.items()
        ]
        result.property = [
            property_info(number, one) for number, one in enumerate(package.properties(option))
        ]
        result.ipAllocationScheme = package.assignment['schemes']
        result.ipProtocols = package.assignment['protocols']
        result.productInfo = product_info(package)
        result.annotation = package.annotation
        result.approximateDownloadSize = sum(one.size or 0 for one in package.files.values())
        result.approximateFlatDeploymentSize = sum(one.capacity for one in disks)
        result.approximateSparseDeploymentSize = sum(one.populated for one in disks)
        result.defaultEntityName = package.name
        result.deploymentOption = [
            types.OvfDeploymentOption(key=one.id, label=one.label, description=one.description)
            for one in package.options
        ]
        result.defaultDeploymentOption = package.default_option

    def CreateImportSpec(self, call: Call) -> DataObject:
        pool: Any = self.world.get(call.resourcePool)
        datastore: Any = self.world.get(call.datastore)
        if datastore not in pool.owner.datastore:
            raise Fault(
                'InvalidDatastore',
                f"The datastore '{datastore.name}' is not accessible from the resource pool.",
                datastore=datastore.ref,
                name=datastore.name,
            )
        host: Any = self.world.get(call.cisp.hostSystem) if call.cisp.hostSystem else None
        if host is not None and host.parent is not pool.owner:
            raise invalid_argument('cisp.hostSystem')
        try:
            wanted = Import(
                _package(call.ovfDescriptor, call.cisp), pool.owner, datastore, call.cisp
            )
            spec = wanted.spec()
        except Fault as fault:
            return types.OvfCreateImportSpecResult(error=[fault.localized()])
        if wanted.errors:
            return types.OvfCreateImportSpecResult(error=wanted.errors, warning=wanted.warnings)
        return types.OvfCreateImportSpecResult(
            importSpec=spec, fileItem=wanted.files, warning=wanted.warnings
        )

    def ValidateHost(self, call: Call) -> DataObject:
        host: Any = self.world.get(call.host)
        datastores = list(host.datastore)
        if not datastores:
            raise Fault('InvalidState', f"The host '{host.name}' has no datastore.")
        params = types.OvfCreateImportSpecParams(**vars(call.vhp), entityName='validated')
        try:
            package = _package(call.ovfDescriptor, call.vhp)
            tried = Import(package, host.parent, datastores[0], params)
            tried.spec()
        except Fault as fault:
            return types.OvfValidateHostResult(error=[fault.localized()])
        return types.OvfValidateHostResult(
            downloadSize=sum(one.size or 0 for one in package.files.values()),
            flatDeploymentSize=sum(one.capacity for one in package.disks.values()),
            sparseDeploymentSize=sum(one.populated for one in package.disks.values()),
            error=tried.errors,
            warning=tried.warnings,
            supportedDiskProvisioning=list(PROVISIONING),
        )


def _package(descriptor: str, params: DataObject) -> Package:
    return Package(descriptor, {pair.key: pair.value for pair in params.msgBundle or ()})

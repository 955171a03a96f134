"""Where tests put images on a simulated vCenter, and how they look at what arrived."""

import io
from typing import Any

from oslo_vmware import api, image_transfer, rw_handles, vim_util
from oslo_vmware.objects import datacenter, datastore
from oslo_vmware.simulator import VCenterSimulator


class Place:
    """Where the tests put things: the first of everything."""

    def __init__(self, vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
        self.vc = vc
        self.session = session
        dc = self.first('Datacenter')
        self.dc = datacenter.Datacenter(dc, self.read(dc, 'name'))
        ds = self.read(dc, 'datastore').ManagedObjectReference[0]
        self.ds = datastore.get_datastore_by_ref(session, ds)
        self.ds.datacenter = self.dc

    def first(self, type_: str) -> Any:
        return self.session.invoke_api(
            vim_util, 'get_objects', self.session.vim, type_, 100
        ).objects[0].obj  # fmt: skip

    def read(self, ref: Any, name: str) -> Any:
        return self.session.invoke_api(vim_util, 'get_object_property', self.session.vim, ref, name)

    def content(self, path: str) -> bytes:
        handle = rw_handles.FileReadHandle(
            self.vc.host, self.vc.port, self.dc.name, self.ds.name,
            self.session.vim.client.cookiejar, path, cacerts=self.vc.cacert,
        )  # fmt: skip
        data = b''.join(iter(lambda: handle.read(65536), b''))
        handle.close()
        return data

    def import_spec(self, name: str) -> Any:
        create = self.session.vim.client.factory.create
        controller = create('ns0:ParaVirtualSCSIController')
        controller.key, controller.busNumber, controller.sharedBus = -1, 0, 'noSharing'
        disk = create('ns0:VirtualDisk')
        disk.key, disk.controllerKey, disk.unitNumber = -10, -1, 0
        disk.capacityInKB = 1024 * 1024
        disk.backing = create('ns0:VirtualDiskFlatVer2BackingInfo')
        disk.backing.fileName, disk.backing.diskMode = '', 'persistent'
        disk.backing.thinProvisioned = True
        changes = []
        for device in (controller, disk):
            change = create('ns0:VirtualDeviceConfigSpec')
            change.operation, change.device = 'add', device
            changes.append(change)
        changes[1].fileOperation = 'create'
        spec = create('ns0:VirtualMachineImportSpec')
        spec.configSpec = create('ns0:VirtualMachineConfigSpec')
        spec.configSpec.name, spec.configSpec.numCPUs, spec.configSpec.memoryMB = name, 1, 64
        spec.configSpec.files = create('ns0:VirtualMachineFileInfo')
        spec.configSpec.files.vmPathName = str(self.ds)
        spec.configSpec.deviceChange = changes
        return spec

    def import_disk(self, data: bytes, **overrides: Any) -> Any:
        arguments = {
            'session': self.session,
            'host': self.vc.host,
            'port': self.vc.port,
            'resource_pool': self.first('ResourcePool'),
            'vm_folder': self.read(self.dc.ref, 'vmFolder'),
            'vm_import_spec': self.import_spec('imported'),
            'image_size': len(data),
            'http_method': 'POST',
        } | overrides
        source = io.BytesIO(data)
        return image_transfer.download_stream_optimized_data(None, 30, source, **arguments)

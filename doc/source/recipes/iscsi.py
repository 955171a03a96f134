"""Give a machine a disk of an iSCSI target: tell its host, look again, attach.

usage: iscsi.py PATH-OF-MACHINE ADDRESS IQN
"""

import os
import sys
from typing import Any

from oslo_vmware import api, vim_util
from oslo_vmware.types import vim


def connect() -> api.VMwareAPISession:
    """A session with the vCenter that the environment names; its certificate is verified."""
    host, _, port = os.environ['VSPHERE_HOST'].partition(':')
    return api.VMwareAPISession(
        host,
        os.environ['VSPHERE_USER'],
        os.environ['VSPHERE_PASSWORD'],
        api_retry_count=3,
        task_poll_interval=0.5,
        port=int(port or 443),
        cacert=os.environ.get('VSPHERE_CACERT'),
        insecure=False,
    )


def find(session: api.VMwareAPISession, path: str) -> Any:
    """What is at a path of the inventory, such as ``/Frankfurt/vm/Production/fra-web-0001``."""
    found = session.invoke_api(vim_util, 'find_by_inventory_path', session.vim, path)
    if found is None:
        sys.exit(f'There is nothing at {path}.')
    return found


def read(session: api.VMwareAPISession, obj: Any, name: str) -> Any:
    """A property of an object."""
    return session.invoke_api(vim_util, 'get_object_property', session.vim, obj, name)


def discover(session: api.VMwareAPISession, host: Any, address: str) -> None:
    """Have a host's iSCSI adapter ask a server for its targets, and look at what they offer."""
    adapters = vim_util.as_list(read(session, host, 'config.storageDevice.hostBusAdapter'))
    adapter = next((one for one in adapters if isinstance(one, vim.HostInternetScsiHba)), None)
    if adapter is None:
        sys.exit('The host has no iSCSI adapter.')
    system = read(session, host, 'configManager.storageSystem')
    known = {one.address for one in getattr(adapter, 'configuredSendTarget', ())}
    if address not in known:
        session.invoke_api(
            session.vim,
            'AddInternetScsiSendTargets',
            system,
            iScsiHbaDevice=adapter.device,
            targets=[vim.HostInternetScsiHbaSendTarget(address=address)],
        )
    session.invoke_api(session.vim, 'RescanHba', system, hbaDevice=adapter.device)


def disk_of(session: api.VMwareAPISession, host: Any, iqn: str) -> Any:
    """The disk that a host sees behind a target."""
    storage = read(session, host, 'config.storageDevice')
    keys = {
        lun.scsiLun
        for adapter in storage.scsiTopology.adapter
        for target in getattr(adapter, 'target', ())
        if getattr(target.transport, 'iScsiName', None) == iqn
        for lun in getattr(target, 'lun', ())
    }
    for lun in storage.scsiLun:
        if lun.key in keys and isinstance(lun, vim.HostScsiDisk):
            return lun
    sys.exit(f'The host sees no disk of {iqn}.')


def attach(session: api.VMwareAPISession, machine: Any, disk: Any) -> None:
    """Give a machine a disk of its host as a raw device mapping."""
    devices = vim_util.as_list(read(session, machine, 'config.hardware.device'))
    controller = next(one for one in devices if isinstance(one, vim.VirtualSCSIController))
    taken = {
        one.unitNumber for one in devices if getattr(one, 'controllerKey', 0) == controller.key
    }
    backing = vim.VirtualDiskRawDiskMappingVer1BackingInfo(
        fileName='',
        deviceName=disk.deviceName,
        compatibilityMode='physicalMode',
        diskMode='independent_persistent',
    )
    # Unit 7 is the controller; the disk is as large as its target says.
    unit = min(set(range(16)) - taken - {7})
    mapping = vim.VirtualDisk(
        key=-1, controllerKey=controller.key, unitNumber=unit, capacityInKB=0, backing=backing
    )
    change = vim.VirtualDeviceConfigSpec(operation='add', fileOperation='create', device=mapping)
    spec = vim.VirtualMachineConfigSpec(deviceChange=[change])
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', machine, spec=spec))


def main() -> None:
    path, address, iqn = sys.argv[1:]
    with connect() as session:
        machine = find(session, path)
        host = read(session, machine, 'runtime.host')
        discover(session, host, address)
        disk = disk_of(session, host, iqn)
        attach(session, machine, disk)
        print(f'{path} has {disk.canonicalName}')


if __name__ == '__main__':
    main()

"""Add a disk to a machine, and grow it while the machine runs.

usage: disks.py PATH-OF-MACHINE GIB GIB-LATER
"""

import os
import sys
from typing import Any

from oslo_vmware import api, vim_util
from oslo_vmware.types import vim

KIB_PER_GIB = 1024**2


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


def devices(session: api.VMwareAPISession, machine: Any) -> list[Any]:
    """The virtual devices of a machine."""
    found = session.invoke_api(
        vim_util, 'get_object_property', session.vim, machine, 'config.hardware.device'
    )
    return vim_util.as_list(found)


def change(session: api.VMwareAPISession, machine: Any, *changes: Any) -> None:
    """Change the devices of a machine, all of them in one task."""
    spec = vim.VirtualMachineConfigSpec(deviceChange=list(changes))
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', machine, spec=spec))


def add_disk(session: api.VMwareAPISession, machine: Any, gib: int) -> Any:
    """Give a machine an empty, thin disk beside its first one.

    :returns: the disk, as the server describes it
    """
    before = devices(session, machine)
    controller = next(one for one in before if isinstance(one, vim.VirtualSCSIController))
    taken = {one.unitNumber for one in before if getattr(one, 'controllerKey', 0) == controller.key}
    disk = vim.VirtualDisk(
        # A negative key, because the server chooses the key itself.
        key=-1,
        controllerKey=controller.key,
        # Unit 7 is the controller.
        unitNumber=min(set(range(16)) - taken - {7}),
        capacityInKB=gib * KIB_PER_GIB,
        backing=vim.VirtualDiskFlatVer2BackingInfo(
            fileName='', diskMode='persistent', thinProvisioned=True
        ),
    )
    change(
        session,
        machine,
        vim.VirtualDeviceConfigSpec(operation='add', fileOperation='create', device=disk),
    )
    keys = {one.key for one in before}
    return next(one for one in devices(session, machine) if one.key not in keys)


def grow_disk(session: api.VMwareAPISession, machine: Any, disk: Any, gib: int) -> None:
    """Make a disk larger; its partitions and file systems are the guest's business."""
    disk.capacityInKB = gib * KIB_PER_GIB
    disk.capacityInBytes = gib * KIB_PER_GIB * 1024
    change(session, machine, vim.VirtualDeviceConfigSpec(operation='edit', device=disk))


def main() -> None:
    path, gib, later = sys.argv[1:]
    with connect() as session:
        machine = find(session, path)
        disk = add_disk(session, machine, int(gib))
        print(f'{disk.deviceInfo.label} has {gib} GiB, in {disk.backing.fileName}')
        grow_disk(session, machine, disk, int(later))
        print(f'{disk.deviceInfo.label} has {later} GiB')


if __name__ == '__main__':
    main()

"""A program that is right: checkers find nothing in it."""

import datetime
import os
from typing import Any, assert_type

from oslo_vmware import api, vim_util
from oslo_vmware.types import pbm, vim


def make_machine(
    session: api.VMwareAPISession,
    folder: vim.ManagedObjectReference,
    pool: vim.ManagedObjectReference,
    note: str | None,
) -> None:
    """The factory, classes, and members that are set later; then the operation, either way."""
    factory = session.vim.client.factory
    disk = vim.VirtualDisk(key=-1, capacityInKB=1024, deviceInfo=None)
    disk.backing = vim.VirtualDiskFlatVer2BackingInfo(diskMode='persistent', fileName='')
    disks = [disk]
    change = factory.create('ns0:VirtualDeviceConfigSpec')
    assert_type(change, vim.VirtualDeviceConfigSpec)
    change.operation = 'add'
    change.operation = factory.create('ns0:VirtualDeviceConfigSpecOperation').add
    change.operation = vim.VirtualDeviceConfigSpecOperation.edit
    change.operation = vim.VirtualDeviceConfigSpecOperation(os.environ['OPERATION'])
    change.device = disks[0]
    spec = vim.VirtualMachineConfigSpec(name='x', numCPUs=2, deviceChange=[change])
    spec.annotation = note
    spec.extraConfig = (factory.create('ns0:OptionValue'), vim.OptionValue(key='a', value=1))
    if spec.memoryMB is None:
        spec.memoryMB = 2048
    task = session.vim.CreateVM_Task(folder, config=spec, pool=pool)
    assert_type(task, vim.ManagedObjectReference)
    task = session.invoke_api(
        session.vim, 'CreateVM_Task', folder, config=spec, pool=pool, skip_op_id=True
    )
    assert_type(task, vim.ManagedObjectReference)
    print(session.wait_for_task(task).result, session.wait_for_task(task).state == 'success')


def look(session: api.VMwareAPISession, machine: vim.ManagedObjectReference) -> str:
    """What operations return, and what members of it are."""
    content = session.vim.RetrieveServiceContent('ServiceInstance')
    assert_type(content.about.apiVersion, str)
    found = session.invoke_api(
        session.vim, 'FindByUuid', content.searchIndex, uuid='4', vmSearch=True
    )
    assert_type(found, vim.ManagedObjectReference | None)
    now: datetime.datetime = session.vim.CurrentTime('ServiceInstance')
    events = session.invoke_api(
        session.vim, 'QueryEvents', content.eventManager, filter=vim.EventFilterSpec()
    )
    newest = [event.createdTime for event in events if isinstance(event, vim.VmEvent)]
    hardware = vim.VirtualHardware()
    for device in hardware.device:
        if isinstance(device, vim.VirtualDisk):
            print(device.capacityInKB, dict(device), device['key'], 'unitNumber' in device)
    print(newest, now, session.vim.get_http_cookie(), list(vim.VirtualMachinePowerState))
    return session.vim.service_content.about.fullName


def policies(session: api.VMwareAPISession) -> list[pbm.PbmProfileId]:
    """Of storage policies the same."""
    if session.pbm is None:
        return []
    factory = session.pbm.client.factory
    kind = factory.create('ns0:PbmProfileResourceType')
    kind.resourceType = 'STORAGE'
    manager = session.pbm.service_content.profileManager
    found: list[pbm.PbmProfileId] = session.pbm.PbmQueryProfile(manager, resourceType=kind)
    found = session.invoke_api(session.pbm, 'PbmQueryProfile', manager, resourceType=kind)
    return found


def untyped(session: Any, anything: Any, typed: api.VMwareAPISession) -> None:
    """Who says nothing of types is told nothing, and what is found out at run time is taken."""
    print(typed.vim.client.options.transport.cookiejar)
    typed.vim.client.set_options(location=anything)
    session.vim.NoSuchOperation(anything)
    session.invoke_api(session.vim, anything, anything, spec=anything)
    typed.invoke_api(anything, 'NoSuchOperation', anything)
    typed.invoke_api(typed.vim, anything, anything, spec=anything)
    typed.invoke_api(vim_util, 'get_object_property', typed.vim, anything, 'name')
    typed.invoke_api(typed.vim, 'ReconfigVM_Task', anything, spec=anything)
    typed.vim.client.factory.create(f'ns0:{anything}').key = 1
    typed.invoke_api(datetime.datetime, 'now')
    typed.invoke_api(os, 'getcwd')

"""Images that become machines, and machines that become images, each under a lease.

What goes in is a stream-optimised VMDK or an OVA; what comes out is one disk, or an OVA with all.
A server makes the description of an OVA, both ways (OvfManager, vSphere API 4.0).
"""

from __future__ import annotations

import contextlib
import shlex
import struct
from typing import Any

from oslo_vmware import image_transfer, rw_handles, vim_util
from oslo_vmware.cli import lookup
from oslo_vmware.cli.failures import CommandError, NoSuchObjectError, UsageError
from oslo_vmware.cli.files import appliances, packages
from oslo_vmware.cli.files.local import NewFile, Source, in_own_words
from oslo_vmware.cli.files.places import named
from oslo_vmware.cli.output import Output

_SECTOR = 512
#: The beginning of a sparse VMDK: magic, version, flags, capacity in sectors (Virtual Disk Format
#: 1.1), and the flag of those whose grains are compressed.
_VMDK_HEADER = struct.Struct('<4sIIQ')
_VMDK_MAGIC = b'KDMV'
_COMPRESSED = 1 << 16
_KIB = 1024


def one(session: Any, type_: str, name: str | None, option: str, among: Any = None) -> Any:
    """The object that somebody names; or, without a name, the only one there is.

    :param name: as :data:`oslo_vmware.cli.lookup.HELP` says
    :param option: says which, for texts
    :param among: references of those that count; None for all
    :raises NoSuchObjectError: there is none
    :raises UsageError: there are several
    """
    if among is None and name is not None:
        return lookup.find(session, name, type_)
    keys = None if among is None else {ref.value for ref in among}
    found = [obj for obj in named(session, type_) if keys is None or obj['ref'].value in keys]
    matching = [obj for obj in found if name in (None, obj['name'], obj['ref'].value)]
    if len(matching) == 1:
        return matching[0]['ref']
    names = ', '.join(sorted(obj['name'] for obj in found)) or 'none'
    if not matching:
        raise NoSuchObjectError(f'There is no {type_} {name or ""} here. There are: {names}.')
    raise UsageError(f'There are several of {type_}: say which with {option}. {names}.')


class Machines:
    """Imports and exports machines.

    :param out: is told of what moves
    """

    def __init__(self, session: Any, out: Output) -> None:
        self._session = session
        self._out = out
        self._ovf = session.vim.service_content.ovfManager

    def _read(self, ref: Any, name: str) -> Any:
        session = self._session
        return session.invoke_api(vim_util, 'get_object_property', session.vim, ref, name)

    def _create(self, type_name: str, /, **members: Any) -> Any:
        made = self._session.vim.client.factory.create(f'ns0:{type_name}')
        for member, value in members.items():
            setattr(made, member, value)
        return made

    # In

    def put(
        self,
        source: Source,
        name: str,
        cluster: str | None,
        datastore: str | None,
        network: str | None,
    ) -> Any:
        """Import a machine; returns its reference.

        :param name: what it is called
        :param cluster: cluster or host; like the others, None for the only one
        """
        compute = one(self._session, 'ComputeResource', cluster, '--cluster')
        store = one(
            self._session, 'Datastore', datastore, '--datastore',
            getattr(self._read(compute, 'datastore'), 'ManagedObjectReference', ()),
        )  # fmt: skip
        pool, folder = self._read(compute, 'resourcePool'), self._folder(compute)
        is_archive = source.file.read(4) != _VMDK_MAGIC
        source.rewind()
        if is_archive:
            networks = getattr(self._read(compute, 'network'), 'ManagedObjectReference', ())
            package = packages.Package(source)
            spec, items = self._from_descriptor(package, name, pool, store, network, networks)
            files = [package.find(item) for item in items]
            names = [file.name for file in files]
            for lacking in package.unlisted(names):
                self._out.warning(f'{source.name}: the manifest has no checksum of {lacking}.')
            package.check_others(names)
            source.rewind()
            # Before its parts are read, here and there.
            with self._out.transfer(f'Checking {source.name}', source.size) as bar:
                source.sha256(bar.update)
            with self._out.transfer(f'Importing {name}', sum(file.size for file in files)) as bar:
                return appliances.put(self._session, source, files, spec, pool, folder, bar.update)
        spec = self._around_disk(source, name, self._read(store, 'name'))
        source.rewind()
        with self._out.transfer(f'Importing {name}', source.size) as bar, in_own_words():
            return image_transfer.download_stream_optimized_data(
                None, None, source, session=self._session, host=self._session._host,
                port=self._session._port, resource_pool=pool, vm_folder=folder,
                vm_import_spec=spec, image_size=source.size, http_method='POST',
                progress=bar.update,
            )  # fmt: skip

    def _folder(self, compute: Any) -> Any:
        """The folder of machines in the datacenter of a compute resource."""
        ref = compute
        while vim_util.get_moref_type(ref) != 'Datacenter':
            ref = self._read(ref, 'parent')
            if ref is None:
                raise CommandError('The cluster is in no datacenter.')
        return self._read(ref, 'vmFolder')

    def _from_descriptor(
        self, package: packages.Package, name: str, pool: Any, store: Any, network: str | None,
        networks: Any,
    ) -> tuple[Any, list[Any]]:  # fmt: skip
        """What the server makes of an OVA: specification, and the files that it wants."""
        text = package.descriptor
        params = self._create(
            'OvfCreateImportSpecParams', entityName=name, locale='', deploymentOption='',
            diskProvisioning='thin',
        )  # fmt: skip
        if network is not None:
            to = one(self._session, 'Network', network, '--network', networks)
            parsed = self._call(
                'ParseDescriptor', ovfDescriptor=text,
                pdp=self._create('OvfParseDescriptorParams', locale='', deploymentOption=''),
            )  # fmt: skip
            params.networkMapping = [
                self._create('OvfNetworkMapping', name=known.name, network=to)
                for known in getattr(parsed, 'network', None) or ()
            ]
        result = self._call(
            'CreateImportSpec', ovfDescriptor=text, resourcePool=pool, datastore=store, cisp=params
        )
        self._check(result, package.source.name)
        return result.importSpec, list(getattr(result, 'fileItem', None) or ())

    def _call(self, operation: str, **arguments: Any) -> Any:
        return self._session.invoke_api(self._session.vim, operation, self._ovf, **arguments)

    def _check(self, result: Any, name: str) -> None:
        """Let nothing pass that the server cannot make sense of."""
        for problem in getattr(result, 'warning', None) or ():
            self._out.warning(f'{name}: {problem.localizedMessage}')
        problems = [one.localizedMessage for one in getattr(result, 'error', None) or ()]
        if problems:
            raise CommandError(f'{name}: ' + '\n'.join(problems))

    def _around_disk(self, source: Source, name: str, store: str) -> Any:
        """What a disk becomes: a machine that has it, and little else."""
        header = source.file.read(_VMDK_HEADER.size)
        if len(header) < _VMDK_HEADER.size:
            raise UsageError(f'{source.name} is no VMDK: it ends too soon.')
        _magic, _version, flags, sectors = _VMDK_HEADER.unpack(header)
        if not flags & _COMPRESSED:
            raise UsageError(
                f'{source.name} is no stream-optimised VMDK. This makes one:\n'
                'qemu-img convert -O vmdk -o subformat=streamOptimized '
                f'{shlex.quote(source.name)} new.vmdk'
            )
        controller = self._create(
            'VirtualLsiLogicController', key=-1, busNumber=0, sharedBus='noSharing'
        )
        disk = self._create(
            'VirtualDisk', key=-2, controllerKey=-1, unitNumber=0,
            capacityInKB=-(-sectors * _SECTOR // _KIB),
            backing=self._create(
                'VirtualDiskFlatVer2BackingInfo', fileName='', diskMode='persistent',
                thinProvisioned=True,
            ),
        )  # fmt: skip
        changes = [
            self._create('VirtualDeviceConfigSpec', operation='add', device=controller),
            self._create(
                'VirtualDeviceConfigSpec', operation='add', fileOperation='create', device=disk
            ),
        ]
        config = self._create(
            'VirtualMachineConfigSpec', name=name, guestId='otherGuest64', numCPUs=1,
            memoryMB=1024, deviceChange=changes,
            files=self._create('VirtualMachineFileInfo', vmPathName=f'[{store}]'),
        )  # fmt: skip
        return self._create('VirtualMachineImportSpec', configSpec=config)

    # Out

    def fetch(self, name: str, sink: NewFile, as_archive: bool) -> None:
        """Export a machine into a file: its disk, or an OVA.

        :param name: says which machine
        """
        vm = one(self._session, 'VirtualMachine', name, '--vm')
        devices = self._read(vm, 'config.hardware.device')
        disks = [
            device
            for device in getattr(devices, 'VirtualDevice', ())
            if type(device).__name__ == 'VirtualDisk'
        ]
        if not disks:
            raise CommandError(f'{name} has no disk.')
        if as_archive:
            self._archive(vm, name, len(disks), sink)
            return
        if len(disks) > 1:
            self._out.warning(
                f'{name} has {len(disks)} disks, and the first one is what is exported; '
                'an .ova has all of them.'
            )
        capacity = getattr(disks[0], 'capacityInBytes', None) or disks[0].capacityInKB * _KIB
        handle = rw_handles.VmdkReadHandle(
            self._session, self._session._host, self._session._port, vm, None, capacity
        )
        with self._out.transfer(f'Exporting {name}') as bar:
            image_transfer._start_transfer(handle, sink, None, bar.update, handle.get_size())

    def _archive(self, vm: Any, name: str, number: int, sink: NewFile) -> None:
        called = self._read(vm, 'name')
        plain = packages.file_name(called)
        # Of these most systems start by what the firmware keeps.
        is_efi = self._read(vm, 'config.firmware') == 'efi'
        with contextlib.ExitStack() as cleanup:
            with self._out.transfer(f'Exporting {name}') as bar:
                exported = appliances.fetch(
                    self._session, vm, number, is_efi,
                    lambda: cleanup.enter_context(sink.beside()), bar.update,
                )  # fmt: skip
            if is_efi and all(one.is_disk for one in exported):
                self._out.warning(
                    f'The server gave nothing of what the firmware of {name} keeps (NVRAM); '
                    'what is made of the OVA may not start.'
                )
            files = {
                f'{plain}-disk{at}.vmdk' if one.is_disk else f'{plain}.nvram': one
                for at, one in enumerate(exported, 1)
            }
            told = [
                self._create(
                    'OvfFile', deviceId=one.key, path=path, size=one.size,
                    capacity=getattr(one.entry, 'capacity', None),
                    populatedSize=getattr(one.entry, 'populatedSize', None),
                )
                for path, one in files.items()
            ]  # fmt: skip
            result = self._call(
                'CreateDescriptor', obj=vm,
                cdp=self._create('OvfCreateDescriptorParams', name=called, ovfFiles=told),
            )  # fmt: skip
            self._check(result, name)
            total = sum(one.size for one in exported)
            with self._out.transfer(f'Writing {sink.path.name}', total) as bar:
                packages.write(sink, plain, result.ovfDescriptor.encode(), files, bar.update)

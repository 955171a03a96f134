"""The browser of a datastore or host: searches in real files."""

from __future__ import annotations

import datetime
import fnmatch
import os
import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from oslo_vmware.simulator.objects import places
from oslo_vmware.simulator.storage import virtual_disks
from oslo_vmware.simulator.storage.files import Volume, normal
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, Typed, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed

# What a file is by the end of its name; the first that fits.
_KINDS = (
    (re.compile(r'.*-flat\.vmdk'), 'File'),
    (re.compile(r'.*\.vmdk'), 'VmDiskFile'),
    (re.compile(r'.*\.vmx'), 'VmConfigFile'),
    (re.compile(r'.*\.vmtx'), 'TemplateConfigFile'),
    (re.compile(r'.*\.nvram'), 'VmNvramFile'),
    (re.compile(r'.*\.(vmsn|vmsd)'), 'VmSnapshotFile'),
    (re.compile(r'.*\.log'), 'VmLogFile'),
    (re.compile(r'.*\.iso'), 'IsoImageFile'),
    (re.compile(r'.*\.flp'), 'FloppyImageFile'),
)
# A template's configuration is a machine's as well.
_BASES = {'TemplateConfigFile': 'VmConfigFile'}


@managed('HostDatastoreBrowser')
class HostDatastoreBrowser(ManagedObject):
    """Looks into the datastores that its owner, a datastore or a host, reaches."""

    supportedType: ClassVar[list[DataObject]] = [
        types.VmConfigFileQuery(),
        types.VmDiskFileQuery(),
        types.FolderFileQuery(),
        types.IsoImageFileQuery(),
        types.FloppyImageFileQuery(),
        types.VmLogFileQuery(),
    ]

    def __init__(self, world: World, owner: ManagedObject) -> None:
        super().__init__(world, f'datastoreBrowser-{owner.ref.value}', owner=owner)

    @property
    def datastore(self) -> list[Any]:
        owner: Any = self.__dict__['owner']
        return [owner] if owner.is_a('Datastore') else owner.datastore

    def SearchDatastore_Task(self, call: Call) -> Ref:
        volume, path = self._place(call.datastorePath)
        search = _Search(call.searchSpec)

        def work() -> DataObject:
            _check_directory(volume, path)
            return search.results(volume, path)

        return self._start('SearchDatastore_Task', work)

    def SearchDatastoreSubFolders_Task(self, call: Call) -> Ref:
        volume, path = self._place(call.datastorePath)
        search = _Search(call.searchSpec)

        def work() -> Typed:
            _check_directory(volume, path)
            found = [search.results(volume, below) for below in _directories(volume, path)]
            return Typed('ArrayOfHostDatastoreBrowserSearchResults', found)

        return self._start('SearchDatastoreSubFolders_Task', work)

    def DeleteFile(self, call: Call) -> None:
        volume, path = self._place(call.datastorePath)
        volume.remove(path)

    def _start(self, operation: str, work: Callable[[], Any]) -> Ref:
        owner: ManagedObject = self.__dict__['owner']
        return self.world.task_manager.start(self, operation, work, shown_on=owner)

    def _place(self, datastore_path: str) -> tuple[Volume, str]:
        datastore, path = places.datastore_of(self.datastore, datastore_path)
        return self.world.files.of(datastore), normal(path)


def _check_directory(volume: Volume, path: str) -> None:
    if not volume.is_directory(path):
        name = volume.name(path)
        raise Fault('FileNotFound', f"Directory '{name}' was not found.", file=name)


def _directories(volume: Volume, path: str) -> Iterator[str]:
    yield path
    for name in volume.names(path):
        below = posixpath.join(path, name)
        if volume.is_directory(below):
            yield from _directories(volume, below)


class _Search:
    """What a client looks for, and what it wants to know of it.

    :param spec: a HostDatastoreBrowserSearchSpec; None finds everything
    """

    def __init__(self, spec: DataObject | None) -> None:
        spec = spec or types.HostDatastoreBrowserSearchSpec()
        self._details = spec.details or types.FileQueryFlags()
        self._queries: list[DataObject] = spec.query or []
        flags = re.IGNORECASE if spec.searchCaseInsensitive else 0
        self._patterns = [_glob(pattern, flags) for pattern in spec.matchPattern or []]
        self._folders_first = bool(spec.sortFoldersFirst)

    def results(self, volume: Volume, path: str) -> DataObject:
        """What is found in one directory."""
        names = volume.names(path)
        if self._folders_first:
            names.sort(key=lambda name: not volume.is_directory(posixpath.join(path, name)))
        found = (self._found(volume, posixpath.join(path, name)) for name in names)
        return types.HostDatastoreBrowserSearchResults(
            datastore=volume.datastore.ref,
            folderPath=volume.name(f'{path}/' if path else ''),
            file=[file for file in found if file is not None],
        )

    def _found(self, volume: Volume, path: str) -> DataObject | None:
        name = posixpath.basename(path)
        if self._patterns and not any(pattern.fullmatch(name) for pattern in self._patterns):
            return None
        kind = 'FolderFile' if volume.is_directory(path) else _kind(name)
        query = None
        if self._queries:
            query = next((query for query in self._queries if _asks_for(query, kind)), None)
            if query is None:
                return None
        typed = self._details.fileType or self._queries
        info = types[f'{kind}Info' if typed else 'FileInfo'](path=name)
        status = os.stat(volume.real(path))
        disk = virtual_disks.Descriptor.read(volume.real(path)) if kind == 'VmDiskFile' else None
        if self._details.fileSize:
            info.fileSize = 0 if kind == 'FolderFile' else status.st_size
            if disk is not None:
                extent = posixpath.join(posixpath.dirname(path), disk.extent)
                info.fileSize = volume.occupied(extent) or 0
        if self._details.modification:
            info.modification = datetime.datetime.fromtimestamp(status.st_mtime, datetime.UTC)
        if self._details.fileOwner:
            info.owner = 'root'
        wanted = query.details if query is not None else None
        if disk is not None and info.wire_type == 'VmDiskFileInfo' and wanted is not None:
            _describe(info, disk, wanted)
        return info


def _describe(info: DataObject, disk: virtual_disks.Descriptor, wanted: DataObject) -> None:
    known = {
        'diskType': 'VirtualDiskFlatVer2BackingInfo',
        'capacityKb': disk.capacity // 1024,
        'hardwareVersion': 21,
        'thin': disk.thin,
        'diskExtents': [disk.extent],
        'sectorFormat': 'native_512',
    }
    for name, value in known.items():
        if getattr(wanted, name):
            setattr(info, name, value)


def _kind(name: str) -> str:
    lower = name.lower()
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(lower)), 'File')


def _asks_for(query: DataObject, kind: str) -> bool:
    asked = query.wire_type.removesuffix('Query')
    if asked == 'File':
        return True
    return asked in (kind, _BASES.get(kind))


def _glob(pattern: str, flags: int) -> re.Pattern[str]:
    # Only * and ? are special on a datastore; brackets are part of names.
    return re.compile(fnmatch.translate(pattern.replace('[', '[[]')), flags)

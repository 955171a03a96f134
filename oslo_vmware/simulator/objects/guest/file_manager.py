"""The files of guests: listed, made, moved and removed, and sent both ways.

Bytes go by URLs that work once; the module ``guest_files`` of the wire serves them.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Callable
from typing import Any

from oslo_vmware.simulator.objects.guest.file_system import LARGEST_FILE, FileSystem, Node, above
from oslo_vmware.simulator.objects.guest.guests import Guests, InGuests, Login
from oslo_vmware.simulator.world.data import DataObject, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, World, managed

_MOST_RESULTS = 50

# Transfers that were begun and never carried out are forgotten, the oldest first.
_MOST_WAITING = 256


@dataclasses.dataclass
class Transfer:
    """One file on its way.

    :ivar size: bytes that are announced; None on the way out
    """

    login: Login
    path: str
    size: int | None
    attributes: DataObject | None

    @property
    def uploads(self) -> bool:
        return self.size is not None

    def read(self) -> bytes:
        """The bytes of the file, if it is still there."""
        return self.login.guest.files.file(self.path).data or b''

    def written(self, data: bytes) -> None:
        """Take over the bytes that were sent."""
        files = self.login.guest.files
        node = files.write(self.path, data, self.login.user, overwrite=True)
        if self.attributes is not None:
            _set_attributes(node, self.attributes)


@managed('GuestFileManager')
class GuestFileManager(InGuests):
    """Works on files in guests.

    :param address: URL of the server, without a path
    """

    def __init__(self, world: World, guests: Guests, address: Callable[[], str]) -> None:
        self._address = address
        self._transfers: dict[str, Transfer] = {}
        self._last = 0
        super().__init__(world, 'guestOperationsFileManager', guests)

    def take(self, token: str) -> Transfer | None:
        """The transfer of a URL, which works once."""
        return self._transfers.pop(token, None)

    # Directories and files

    def ListFilesInGuest(self, call: Call) -> DataObject:
        """What a directory has, or a single file, a page at a time."""
        login = self.login(call)
        files = login.guest.files
        path = files.path(call.filePath, 'filePath')
        node = files.get(path)
        found = files.listed(path) if node.is_directory else [(files.shown(path), node)]
        try:
            pattern = re.compile(call.matchPattern or '')
        except re.error as error:
            raise invalid_argument('matchPattern') from error
        index, most = call.index or 0, call.maxResults or _MOST_RESULTS
        if index < 0 or most < 0:
            raise invalid_argument('index' if index < 0 else 'maxResults')
        found = [(name, one) for name, one in found if pattern.search(name)]
        return types.GuestListFileInfo(
            files=[_described(files, name, one) for name, one in found[index : index + most]],
            remaining=max(0, len(found) - index - most),
        )

    def MakeDirectoryInGuest(self, call: Call) -> None:
        login, path = self._at(call, 'directoryPath')
        login.check_change(path)
        login.guest.files.make_directory(
            path, login.user, parents=bool(call.createParentDirectories)
        )

    def DeleteDirectoryInGuest(self, call: Call) -> None:
        login, path = self._at(call, 'directoryPath')
        files = login.guest.files
        files.directory(path)
        login.check_change(path)
        if not call.recursive and not files.is_empty(path):
            raise files.fault('DirectoryNotEmpty', path, 'is not empty')
        if above(path) == path:
            raise files.fault('CannotAccessFile', path, 'is the root')
        files.remove(path)

    def DeleteFileInGuest(self, call: Call) -> None:
        login, path = self._at(call, 'filePath')
        login.guest.files.file(path)
        login.check_change(path)
        login.guest.files.remove(path)

    def MoveFileInGuest(self, call: Call) -> None:
        login, path = self._at(call, 'srcFilePath')
        files = login.guest.files
        new = files.path(call.dstFilePath, 'dstFilePath')
        files.file(path)
        found = files.find(new)
        if found is not None and found.is_directory:
            new = posixpath.join(new, posixpath.basename(path))
        self._check_move(login, path, new)
        files.check_new(new, overwrite=bool(call.overwrite))
        if new != path and files.find(new) is not None:
            files.remove(new)
        files.move(path, new)

    def MoveDirectoryInGuest(self, call: Call) -> None:
        login, path = self._at(call, 'srcDirectoryPath')
        files = login.guest.files
        new = files.path(call.dstDirectoryPath, 'dstDirectoryPath')
        files.directory(path)
        self._check_move(login, path, new)
        if f'{new}/'.startswith(f'{path}/'):
            raise invalid_argument('dstDirectoryPath')
        files.check_new(new, overwrite=False)
        files.move(path, new)

    def CreateTemporaryFileInGuest(self, call: Call) -> str:
        return self._temporary(call, directory=False)

    def CreateTemporaryDirectoryInGuest(self, call: Call) -> str:
        return self._temporary(call, directory=True)

    def ChangeFileAttributesInGuest(self, call: Call) -> None:
        login, path = self._at(call, 'guestFilePath')
        node = login.guest.files.get(path)
        login.check_change(path)
        _set_attributes(node, call.fileAttributes)

    # Transfers

    def InitiateFileTransferFromGuest(self, call: Call) -> DataObject:
        login, path = self._at(call, 'guestFilePath')
        files = login.guest.files
        node = files.file(path)
        return types.FileTransferInformation(
            attributes=_attributes(files, node),
            size=node.size,
            url=self._url(Transfer(login, path, None, None)),
        )

    def InitiateFileTransferToGuest(self, call: Call) -> str:
        login, path = self._at(call, 'guestFilePath')
        if not 0 <= call.fileSize <= LARGEST_FILE:
            raise invalid_argument('fileSize')
        login.check_change(path)
        login.guest.files.check_new(path, overwrite=bool(call.overwrite))
        return self._url(Transfer(login, path, call.fileSize, call.fileAttributes))

    def _url(self, transfer: Transfer) -> str:
        if len(self._transfers) >= _MOST_WAITING:
            del self._transfers[next(iter(self._transfers))]
        token = self.world.new_uuid()
        self._transfers[token] = transfer
        self._last += 1
        return f'{self._address()}/guestFile?id={self._last}&token={token}'

    # Helpers

    def _at(self, call: Call, argument: str) -> tuple[Login, str]:
        login = self.login(call)
        return login, login.guest.files.path(getattr(call, argument), argument)

    def _check_move(self, login: Login, path: str, new: str) -> None:
        login.check_change(path)
        login.check_change(new)

    def _temporary(self, call: Call, *, directory: bool) -> str:
        login = self.login(call)
        files = login.guest.files
        where = files.temporary
        if call.directoryPath:
            where = files.path(call.directoryPath, 'directoryPath')
        files.directory(where)
        path = files.free_name(where, call.prefix or '', call.suffix or '')
        login.check_change(path)
        if directory:
            files.make_directory(path, login.user, parents=False)
        else:
            files.write(path, b'', login.user, overwrite=False)
        return files.shown(path)


def _described(files: FileSystem, name: str, node: Node) -> DataObject:
    return types.GuestFileInfo(
        path=name,
        type='directory' if node.is_directory else 'file',
        size=node.size,
        attributes=_attributes(files, node),
    )


def _attributes(files: FileSystem, node: Node) -> DataObject:
    times: dict[str, Any] = {
        'modificationTime': node.changed,
        'accessTime': node.accessed,
        'symlinkTarget': '',
    }
    if files.windows:
        return types.GuestWindowsFileAttributes(
            hidden=node.hidden, readOnly=node.read_only, createTime=node.changed, **times
        )
    return types.GuestPosixFileAttributes(
        ownerId=node.owner_id, groupId=node.group_id, permissions=node.permissions, **times
    )


def _set_attributes(node: Node, wanted: DataObject) -> None:
    """Take over what is set; what the other kind of system has does not matter."""
    for field, attribute in (
        ('modificationTime', 'changed'),
        ('accessTime', 'accessed'),
        ('ownerId', 'owner_id'),
        ('groupId', 'group_id'),
        ('permissions', 'permissions'),
        ('hidden', 'hidden'),
        ('readOnly', 'read_only'),
    ):
        value = getattr(wanted, field)
        if value is not None:
            setattr(node, attribute, value)

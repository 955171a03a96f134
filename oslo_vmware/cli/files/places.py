"""Files on datastores: found, written, read and copied, by names such as ``[datastore] dir/file``.

Something new is written under a name of its own beside the real one, compared, and renamed by the
server. What fails or is interrupted is deleted there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import hashlib
import posixpath
import secrets
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from oslo_vmware import exceptions, image_transfer, rw_handles, vim_util
from oslo_vmware.cli import lookup
from oslo_vmware.cli.failures import CommandError, NoSuchObjectError, UsageError
from oslo_vmware.cli.files.local import NewFile, Source, check_digest, in_own_words, shortened
from oslo_vmware.cli.output import Output
from oslo_vmware.objects.datastore import DatastorePath

_PAGE = 100
#: Seconds that a task gets to end when it has been cancelled.
_CANCEL_SECONDS = 30.0
#: Files that belong to a virtual disk and are none themselves.
_EXTENTS = ('-flat.vmdk', '-delta.vmdk', '-sesparse.vmdk', '-ctk.vmdk', '-rdm.vmdk', '-rdmp.vmdk')


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a file is, or is to be.

    :ivar browser: reference of the datastore's HostDatastoreBrowser
    :ivar datacenter: reference of the datacenter
    :ivar datacenter_path: its inventory path, as URLs have it
    """

    path: DatastorePath
    browser: Any
    datacenter: Any
    datacenter_path: str

    def beside(self, name: str) -> Place:
        """A file of another name in the same folder."""
        path = DatastorePath(self.path.datastore, posixpath.join(self.path.dirname, name))
        return dataclasses.replace(self, path=path)

    def __str__(self) -> str:
        return str(self.path)


def texts(words: Sequence[str]) -> list[str]:
    """The places that words of a command line name: ``[ds] a`` may be one word or two."""
    found: list[str] = []
    for word in words:
        if found and found[-1].startswith('[') and found[-1].endswith(']'):
            found[-1] += f' {word}'
        else:
            found.append(word)
    return found


def named(session: Any, type_: str, *properties: str) -> list[dict[str, Any]]:
    """All objects of a type: their properties, and as ``ref`` their references."""
    found = session.invoke_api(
        vim_util, 'get_objects', session.vim, type_, _PAGE, ['name', *properties]
    )
    with vim_util.WithRetrieval(session.vim, found) as contents:
        return [
            {'ref': one.obj, **vim_util.propset_dict(getattr(one, 'propSet', ()))}
            for one in contents
        ]


def find(session: Any, text: str, datacenter: str | None = None) -> Place:
    """The place that a text names; whether there is a file is not asked.

    :param datacenter: says which datacenter, where several have a datastore of that name
    :raises UsageError: the text is no place, or several
    :raises NoSuchObjectError: there is no such datastore
    """
    try:
        path = DatastorePath.parse(text)
    except ValueError:
        path = None
    if path is None or not _is_file_name(path.rel_path):
        raise UsageError(f"{text} is no file on a datastore; that is '[datastore] folder/file'.")
    datacenters = named(session, 'Datacenter', 'datastore')
    if datacenter is not None:
        ref = lookup.find(session, datacenter, 'Datacenter')
        datacenters = [one for one in datacenters if one['ref'].value == ref.value]
    stores = {one['ref'].value: one for one in named(session, 'Datastore', 'browser')}
    inside = [
        (stores[ref.value], one)
        for one in datacenters
        for ref in getattr(one.get('datastore'), 'ManagedObjectReference', ())
        if ref.value in stores
    ]
    matching = [(store, one) for store, one in inside if store['name'] == path.datastore]
    if not matching:
        close = difflib.get_close_matches(path.datastore, [one['name'] for one, _dc in inside], 1)
        hint = f' Do you mean {close[0]}?' if close else ''
        raise NoSuchObjectError(f'There is no datastore {path.datastore}.{hint}')
    if len(matching) > 1:
        names = ', '.join(sorted(one['name'] for _store, one in matching))
        raise UsageError(
            f'There are datastores {path.datastore} in {names}: say which with --datacenter.'
        )
    ((store, home),) = matching
    return Place(
        path,
        store['browser'],
        home['ref'],
        vim_util.get_inventory_path(session.vim, home['ref']),
    )


def _is_file_name(text: str) -> bool:
    """Whether it names a file, here and in the URL of an upload as well."""
    is_folder = not text or text.endswith('/') or '..' in text.split('/')
    return not is_folder and not any(unicodedata.category(char) == 'Cc' for char in text)


class Files:
    """What can be done with files on datastores.

    :param out: is told of what moves, and of what may be left behind
    """

    def __init__(self, session: Any, out: Output) -> None:
        self._session = session
        self._out = out
        content = session.vim.service_content
        self._files = content.fileManager
        self._disks = content.virtualDiskManager

    # Operations of the server

    def _call(self, operation: str, on: Any, **arguments: Any) -> Any:
        return self._session.invoke_api(self._session.vim, operation, on, **arguments)

    def _perform(self, operation: str, on: Any, text: str = '', **arguments: Any) -> Any:
        """Have a task done, and follow it if it has a text."""
        task = self._call(operation, on, **arguments)
        try:
            if not text:
                return getattr(self._session.wait_for_task(task), 'result', None)
            with self._out.task(text) as bar:
                info = self._session.wait_for_task(task, progress=bar.update)
                return getattr(info, 'result', None)
        except (KeyboardInterrupt, exceptions.VimConnectionException):
            # It goes on, and what it makes could not be cleared away.
            with contextlib.suppress(exceptions.VMwareDriverException):
                self._call('CancelTask', task)
                self._session.wait_for_task(task, timeout=_CANCEL_SECONDS)
            raise

    def _search(self, place: Place) -> list[Any] | None:
        """The FileInfos of what has the name of a file; None if there is no such folder."""
        create = self._session.vim.client.factory.create
        spec = create('ns0:HostDatastoreBrowserSearchSpec')
        spec.matchPattern = [place.path.basename]
        spec.details = create('ns0:FileQueryFlags')
        spec.details.fileType, spec.details.fileSize = True, True
        spec.details.modification, spec.details.fileOwner = False, False
        try:
            found = self._perform(
                'SearchDatastore_Task', place.browser,
                datastorePath=str(place.path.parent), searchSpec=spec,
            )  # fmt: skip
        except exceptions.FileNotFoundException:
            return None
        # A name may be a pattern that fits others as well.
        entries = getattr(found, 'file', None) or ()
        return [one for one in entries if one.path == place.path.basename]

    def _present(self, place: Place) -> Any:
        """The FileInfo of a file.

        :raises NoSuchObjectError: it is not there
        """
        entries = self._search(place)
        if not entries:
            raise NoSuchObjectError(f'There is no file {place}.')
        entry = entries[0]
        if type(entry).__name__ == 'FolderFileInfo':
            raise UsageError(f'{place} is a folder; this is for files.')
        return entry

    def _check_free(self, place: Place, force: bool, parents: bool) -> None:
        """Go on if a file may be made there.

        :param parents: make the folder if there is none
        :raises CommandError: there is one already, or no folder for it
        """
        entries = self._search(place)
        if entries is None:
            if not parents:
                raise NoSuchObjectError(
                    f'There is no folder {place.path.parent}; --parents makes it.'
                )
            self._make_folder(place)
        elif any(type(entry).__name__ == 'FolderFileInfo' for entry in entries):
            raise UsageError(f'{place} is a folder: name the file.')
        elif entries and not force:
            raise CommandError(f'There is a file {place} already; --force replaces it.')

    def _make_folder(self, place: Place) -> None:
        with contextlib.suppress(exceptions.FileAlreadyExistsException):
            self._call(
                'MakeDirectory', self._files, name=str(place.path.parent),
                datacenter=place.datacenter, createParentDirectories=True,
            )  # fmt: skip

    @contextlib.contextmanager
    def _whole(self, place: Place, force: bool, as_disk: bool = False) -> Iterator[Place]:
        """A place to write to, which becomes the real one at the end, or goes away."""
        name, token = place.path.basename, secrets.token_hex(4)
        # Of virtual disks the server expects the ending.
        temporary = place.beside(f'{shortened(name)}.{token}.part' + ('.vmdk' if as_disk else ''))
        try:
            yield temporary
            self._rename(temporary, place, force, as_disk)
        except BaseException:
            self._clear_away(temporary, as_disk)
            raise

    def _rename(self, temporary: Place, place: Place, force: bool, as_disk: bool) -> None:
        datacenter = place.datacenter
        try:
            if as_disk:
                self._perform(
                    'MoveVirtualDisk_Task', self._disks, force=force,
                    sourceName=str(temporary), sourceDatacenter=datacenter,
                    destName=str(place), destDatacenter=datacenter,
                )  # fmt: skip
            else:
                self._perform(
                    'MoveDatastoreFile_Task', self._files, force=force,
                    sourceName=str(temporary), sourceDatacenter=datacenter,
                    destinationName=str(place), destinationDatacenter=datacenter,
                )  # fmt: skip
        except exceptions.VimOutcomeUnknownException:
            # Nobody else knows that name: if it is gone, that was it.
            if self._search(temporary):
                raise

    def _clear_away(self, place: Place, as_disk: bool) -> None:
        operation, on = ('DeleteDatastoreFile_Task', self._files)
        if as_disk:
            operation, on = ('DeleteVirtualDisk_Task', self._disks)
        try:
            task = self._call(operation, on, name=str(place), datacenter=place.datacenter)
            self._session.wait_for_task(task)
        except exceptions.FileNotFoundException:
            pass
        except BaseException as exc:  # noqa: BLE001 - the error that led here is the one to tell
            why = str(exc) or 'interrupted'
            self._out.warning(f'{place} may have been left behind: {why}')

    # Data

    def put(
        self, source: Source, place: Place, force: bool, parents: bool, is_read_back: bool
    ) -> None:
        """Write a file.

        :param force: replace one that is there
        :param parents: make its folder if there is none
        :param is_read_back: compare what is there with what was sent
        """
        self._check_free(place, force, parents)
        with self._whole(place, force) as temporary:
            with self._out.transfer(f'Putting {place.path.basename}', source.size) as bar:
                self._upload(source, temporary, bar.update)
            if is_read_back:
                self._read_back(temporary, source.sha256(), place)

    def _read_back(self, temporary: Place, expected: str, place: Place) -> None:
        found = self._sha256(temporary, place.path.basename)
        check_digest(found, expected, f'what arrived as {place}')

    def _sha256(self, place: Place, name: str) -> str:
        digest = hashlib.sha256()
        with self._out.transfer(f'Reading {name}') as bar:
            self._download(place, digest.update, bar.update)
        return digest.hexdigest()

    def _upload(self, source: Source, place: Place, progress: Callable[..., Any]) -> None:
        with in_own_words():
            image_transfer.download_file(
                source, self._session._host, self._session._port, place.datacenter_path,
                place.path.datastore, self._session.vim.client.cookiejar, _literal(place),
                source.size, False, None, progress=progress,
            )  # fmt: skip

    def fetch(self, place: Place, sink: NewFile) -> None:
        """Read a file into another one.

        :raises NoSuchObjectError: it is not there
        :raises CommandError: not all of it came
        """
        entry = self._present(place)
        with self._out.transfer(f'Fetching {place.path.basename}') as bar:
            self._download(place, sink.write, bar.update)
        size = _size(entry)
        if _is_disk(entry):
            if sink.size != size:
                # That was the size of all its files.
                self._out.warning(
                    f'{place} is a virtual disk of {size} bytes, and this is its description; '
                    'fetch --vm exports one with its data.'
                )
        elif sink.size < size:
            # All that was announced has come; what is being written may have grown meanwhile.
            raise CommandError(f'{sink.size} bytes of {place} came, and it has {size}.')

    def _download(
        self, place: Place, write: Callable[[bytes], Any], progress: Callable[..., Any]
    ) -> None:
        try:
            handle = rw_handles.FileReadHandle(
                self._session._host, self._session._port, place.datacenter_path,
                place.path.datastore, self._session.vim.client.cookiejar, _literal(place),
                progress=progress,
            )  # fmt: skip
        except exceptions.FileNotFoundException as exc:
            raise NoSuchObjectError(f'There is no file {place}.') from exc
        with handle:
            for block in handle:
                write(block)

    def copy(
        self, source: Place, target: Place, force: bool, parents: bool, is_read_back: bool
    ) -> tuple[int, str | None]:
        """Have the server copy a file or a virtual disk.

        :param force: replace one that is there
        :param parents: make its folder if there is none
        :param is_read_back: compare the checksums of both, which have to be read for that
        :returns: its size in bytes, and its SHA-256 if it was read
        """
        entry = self._present(source)
        size, as_disk = _size(entry), _is_disk(entry)
        if str(source) == str(target) and source.datacenter.value == target.datacenter.value:
            raise UsageError(f'{source} would be copied to itself.')
        if as_disk and is_read_back:
            raise UsageError(f'{source} is a virtual disk: --verify compares files.')
        self._check_free(target, force, parents)
        text = f'Copying {source.path.basename}'
        with self._whole(target, force, as_disk) as temporary:
            if as_disk:
                self._perform(
                    'CopyVirtualDisk_Task', self._disks, text,
                    sourceName=str(source), sourceDatacenter=source.datacenter,
                    destName=str(temporary), destDatacenter=temporary.datacenter, force=False,
                )  # fmt: skip
                return size, None
            self._perform(
                'CopyDatastoreFile_Task', self._files, text,
                sourceName=str(source), sourceDatacenter=source.datacenter,
                destinationName=str(temporary), destinationDatacenter=temporary.datacenter,
                force=False,
            )  # fmt: skip
            arrived = _size(self._present(temporary))
            if arrived < size:
                raise CommandError(f'The copy has {arrived} bytes, and {source} has {size}.')
            digest = self._sha256(source, source.path.basename) if is_read_back else None
            if digest is not None:
                self._read_back(temporary, digest, target)
        return arrived, digest


def _size(entry: Any) -> int:
    """Bytes of a file as the datastore says, which may be a while ago."""
    return int(getattr(entry, 'fileSize', None) or 0)


def _is_disk(entry: Any) -> bool:
    return type(entry).__name__ == 'VmDiskFileInfo' and not entry.path.endswith(_EXTENTS)


def _literal(place: Place) -> str:
    """A path for a handle, which takes ``%XX`` for encoded already."""
    return place.path.rel_path.replace('%', '%25')

"""Content libraries by REST: local ones, with items whose files come and go in sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oslo_vmware.simulator.storage.content_library import (
    ACTIVE,
    CANCELED,
    ERROR,
    Arriving,
    Entry,
    Item,
    Libraries,
    Session,
)
from oslo_vmware.simulator.wire.folder import download
from oslo_vmware.simulator.wire.httpd import Request, Response
from oslo_vmware.simulator.wire.rest.routes import RestCall, Routes
from oslo_vmware.simulator.wire.transfers import CHUNK
from oslo_vmware.simulator.world.data import Fault, Ref
from oslo_vmware.simulator.world.refusals import Refusal
from oslo_vmware.simulator.world.registry import World

#: Where files are transferred.
DATA_PATH = '/cls/data'

_LIBRARY = 'content/library'
_LOCAL = 'content/local-library'
_ITEM = 'content/library/item'
_UPDATE = f'{_ITEM}/update-session'
_DOWNLOAD = f'{_ITEM}/download-session'
_UPDATE_FILE = f'{_ITEM}/updatesession/file'
_DOWNLOAD_FILE = f'{_ITEM}/downloadsession/file'


class LibraryService:
    """Answers about content libraries, and transfers their files.

    :param address: URL of the server without a path, and its thumbprint
    """

    def __init__(
        self, world: World, libraries: Libraries, address: Callable[[], tuple[str, str]]
    ) -> None:
        self._world = world
        self._libraries = libraries
        self._address = address

    def routes(self) -> Routes:
        found: Routes = {
            ('GET', _LIBRARY, ''): lambda call: list(self._libraries.libraries),
            ('GET', _LOCAL, ''): lambda call: list(self._libraries.libraries),
            ('POST', _LIBRARY, 'find'): self._find,
            ('POST', _LOCAL, ''): self._add,
            ('PATCH', f'{_LOCAL}/id', ''): self._change,
            ('DELETE', f'{_LOCAL}/id', ''): lambda call: self._libraries.remove_library(call.key),
            ('GET', _ITEM, ''): self._items,
            ('POST', _ITEM, ''): self._add_item,
            ('POST', _ITEM, 'find'): self._find_items,
            ('GET', f'{_ITEM}/id', ''): self._item,
            ('PATCH', f'{_ITEM}/id', ''): self._change_item,
            ('DELETE', f'{_ITEM}/id', ''): lambda call: self._libraries.remove_item(call.key),
            ('GET', f'{_ITEM}/file', ''): self._files,
            ('GET', f'{_ITEM}/file/id', ''): self._files,
            ('POST', f'{_ITEM}/file/id', 'get'): self._file,
            ('GET', f'{_ITEM}/storage', ''): self._storage,
            ('GET', f'{_ITEM}/storage/id', ''): self._storage,
            ('GET', _UPDATE_FILE, ''): self._arriving,
            ('GET', f'{_UPDATE_FILE}/id', ''): self._arriving,
            ('POST', f'{_UPDATE_FILE}/id', 'add'): self._announce,
            ('POST', f'{_UPDATE_FILE}/id', 'get'): self._one_arriving,
            ('POST', f'{_UPDATE_FILE}/id', 'remove'): self._forget,
            ('GET', _DOWNLOAD_FILE, ''): self._leaving,
            ('GET', f'{_DOWNLOAD_FILE}/id', ''): self._leaving,
            ('POST', f'{_DOWNLOAD_FILE}/id', 'prepare'): self._one_leaving,
            ('POST', f'{_DOWNLOAD_FILE}/id', 'get'): self._one_leaving,
            ('POST', f'{_UPDATE}/id', 'complete'): self._complete,
        }
        for resource in (_LIBRARY, _LOCAL):
            found['GET', f'{resource}/id', ''] = self._library
        for resource, begin, get, held in (
            (
                _UPDATE,
                self._libraries.begin_update,
                self._libraries.update,
                self._libraries.updates,
            ),
            (
                _DOWNLOAD,
                self._libraries.begin_download,
                self._libraries.download,
                self._libraries.downloads,
            ),
        ):
            found |= _session_routes(resource, begin, get, held, self._libraries)
        return found

    # Libraries

    def _library(self, call: RestCall) -> dict[str, Any]:
        found = self._libraries.library(call.key)
        backing = {'type': 'DATASTORE', 'datastore_id': found.datastore.value}
        return {**_shown(found), 'type': 'LOCAL', 'storage_backings': [backing]}

    def _find(self, call: RestCall) -> list[str]:
        if call.get('type', str) not in (None, 'LOCAL'):
            return []
        return _named(self._libraries.libraries.values(), call)

    def _add(self, call: RestCall) -> str:
        if call.get('type', str, 'LOCAL') != 'LOCAL':
            raise Refusal('unsupported', 'Only local libraries are there.')
        backings = call.need('storage_backings', list)
        if len(backings) != 1 or not isinstance(backings[0], dict):
            raise Refusal('invalid_argument', 'A library lies on one datastore.')
        datastore = Ref('Datastore', str(backings[0].get('datastore_id')))
        return self._libraries.add_library(
            call.need('name', str), call.get('description', str, ''), datastore
        ).id

    def _change(self, call: RestCall) -> None:
        found = self._libraries.library(call.key)
        found.change(self._world.now(), call.get('name', str), call.get('description', str))

    # Items

    def _items(self, call: RestCall) -> list[str]:
        return [item.id for item in self._libraries.items_of(call.need('library_id', str))]

    def _find_items(self, call: RestCall) -> list[str]:
        library = call.get('library_id', str)
        items = (
            self._libraries.items.values() if library is None else self._libraries.items_of(library)
        )
        wanted = call.get('type', str)
        return _named([one for one in items if wanted in (None, one.type)], call)

    def _add_item(self, call: RestCall) -> str:
        made = self._libraries.add_item(
            call.need('library_id', str),
            call.need('name', str),
            call.get('type', str, ''),
            call.get('description', str, ''),
        )
        return made.id

    def _item(self, call: RestCall) -> dict[str, Any]:
        found = self._libraries.item(call.key)
        return {
            **_shown(found),
            'library_id': found.library.id,
            'type': found.type,
            'content_version': str(found.content_version),
            'cached': True,
            'size': sum(file.size for file in found.files.values()),
        }

    def _change_item(self, call: RestCall) -> None:
        found = self._libraries.item(call.key)
        found.change(self._world.now(), call.get('name', str), call.get('description', str))
        found.type = call.get('type', str, found.type)

    def _files(self, call: RestCall) -> list[dict[str, Any]]:
        item = self._libraries.item(call.key or call.need('library_item_id', str))
        return [_shown_file(item, name) for name in item.files]

    def _file(self, call: RestCall) -> dict[str, Any]:
        item, name = self._libraries.item(call.key), call.need('name', str)
        self._libraries.place(item, name)
        return _shown_file(item, name)

    def _storage(self, call: RestCall) -> list[dict[str, Any]]:
        item = self._libraries.item(call.key or call.need('library_item_id', str))
        backing = {'type': 'DATASTORE', 'datastore_id': item.library.datastore.value}
        return [
            {
                **_shown_file(item, name),
                'storage_backing': backing,
                'storage_uris': [self._libraries.address(item, name)],
            }
            for name in item.files
        ]

    # Files that come

    def _announce(self, call: RestCall) -> dict[str, Any]:
        session = self._libraries.update(call.key)
        session.must_be_active()
        name = call.need('name', str)
        if call.need('source_type', str) != 'PUSH':
            raise Refusal('unsupported', 'Files can be pushed, not pulled.')
        if not name or '/' in name or name.startswith('.'):
            raise Refusal('invalid_argument', f"A file cannot be called '{name}'.")
        checksum = call.get('checksum_info', dict, {})
        sha1 = checksum.get('checksum') if checksum.get('algorithm', 'SHA1') == 'SHA1' else None
        session.files[name] = Arriving(name, call.get('size', int), sha1)
        return self._shown_arriving(session, name)

    def _arriving(self, call: RestCall) -> list[dict[str, Any]]:
        session = self._libraries.update(call.key or call.need('update_session_id', str))
        return [self._shown_arriving(session, name) for name in session.files]

    def _one_arriving(self, call: RestCall) -> dict[str, Any]:
        return self._shown_arriving(self._libraries.update(call.key), call.need('file_name', str))

    def _forget(self, call: RestCall) -> None:
        session, name = self._libraries.update(call.key), call.need('file_name', str)
        session.must_be_active()
        if session.files.pop(name, None) is None and name not in session.item.files:
            raise Refusal('not_found', f"There is no file '{name}'.")
        session.removed.add(name)

    def _complete(self, call: RestCall) -> None:
        self._libraries.complete(self._libraries.update(call.key))

    def _shown_arriving(self, session: Session, name: str) -> dict[str, Any]:
        if name not in session.files:
            raise Refusal('not_found', f"There is no file '{name}'.")
        file = session.files[name]
        return {
            'name': name,
            'source_type': 'PUSH',
            'size': file.size or 0,
            'bytes_transferred': file.received or 0,
            'status': 'WAITING_FOR_TRANSFER' if file.received is None else 'READY',
            'upload_endpoint': {'uri': self._url(session, name)},
        }

    # Files that go

    def _leaving(self, call: RestCall) -> list[dict[str, Any]]:
        session = self._libraries.download(call.key or call.need('download_session_id', str))
        return [self._shown_leaving(session, name) for name in session.item.files]

    def _one_leaving(self, call: RestCall) -> dict[str, Any]:
        session = self._libraries.download(call.key)
        session.must_be_active()
        name = call.need('file_name', str)
        self._libraries.place(session.item, name)
        return self._shown_leaving(session, name)

    def _shown_leaving(self, session: Session, name: str) -> dict[str, Any]:
        return {
            **_shown_file(session.item, name),
            'bytes_transferred': 0,
            'status': 'PREPARED',
            'download_endpoint': {
                'uri': self._url(session, name),
                'ssl_certificate_thumbprint': self._address()[1],
            },
        }

    def _url(self, session: Session, name: str) -> str:
        return f'{self._address()[0]}{DATA_PATH}/{session.id}/{name}'

    # Bytes

    def serve(self, request: Request) -> Response:
        """Answer a transfer; who knows the id of a session in the URL may make it."""
        key, _, name = request.path.removeprefix(f'{DATA_PATH}/').partition('/')
        try:
            if request.method in ('GET', 'HEAD'):
                with self._world.lock:
                    session = self._libraries.download(key)
                    session.must_be_active()
                    return download(request, self._libraries.place(session.item, name))
            if request.method in ('PUT', 'POST'):
                return self._upload(request, key, name)
        except Refusal as refusal:
            return Response(404, 'text/plain', refusal.message.encode())
        except Fault as fault:
            return Response(507, 'text/plain', fault.message.encode())
        return Response(405, 'text/plain', b'Files are put and got.')

    def _upload(self, request: Request, key: str, name: str) -> Response:
        length = request.headers.get('Content-Length')
        with self._world.lock:
            session = self._libraries.update(key)
            upload = self._libraries.receive(session, name, int(length) if length else None)
        try:
            while part := request.stream.read(CHUNK):
                upload.write(part)
            upload.finish()
        finally:
            upload.close()
        with self._world.lock:
            self._libraries.received(session, name, upload.size)
        return Response(200)


def _session_routes(
    resource: str,
    begin: Callable[[str], Session],
    get: Callable[[str], Session],
    held: dict[str, Session],
    libraries: Libraries,
) -> Routes:
    """What update sessions and download sessions have in common."""

    def add(call: RestCall) -> str:
        return begin(call.need('library_item_id', str)).id

    def shown(call: RestCall) -> dict[str, Any]:
        found = get(call.key)
        said: dict[str, Any] = {'id': 'error', 'default_message': found.error, 'args': []}
        return {
            'id': found.id,
            'library_item_id': found.item.id,
            'library_item_content_version': str(found.item.content_version),
            'state': found.state,
            'client_progress': 0,
            **({'error_message': said} if found.error is not None else {}),
        }

    def remove(call: RestCall) -> None:
        found = get(call.key)
        if found.state == ACTIVE:
            libraries.end(found, CANCELED)
        del held[found.id]

    def fail(call: RestCall) -> None:
        words = call.get('client_error_message', str, 'The client has given up.')
        libraries.end(get(call.key), ERROR, words)

    return {
        ('GET', resource, ''): lambda call: list(held),
        ('POST', resource, ''): add,
        ('GET', f'{resource}/id', ''): shown,
        ('DELETE', f'{resource}/id', ''): remove,
        ('POST', f'{resource}/id', 'cancel'): lambda call: libraries.end(get(call.key), CANCELED),
        ('POST', f'{resource}/id', 'fail'): fail,
        ('POST', f'{resource}/id', 'keep-alive'): lambda call: get(call.key).must_be_active(),
    }


def _named(entries: Any, call: RestCall) -> list[str]:
    wanted = call.get('name', str)
    return [one.id for one in entries if wanted is None or one.name.lower() == wanted.lower()]


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        'id': entry.id,
        'name': entry.name,
        'description': entry.description,
        'creation_time': _time(entry.created),
        'last_modified_time': _time(entry.modified),
        'version': str(entry.version),
    }


def _time(moment: Any) -> str:
    text: str = moment.isoformat(timespec='milliseconds')
    return text.replace('+00:00', 'Z')


def _shown_file(item: Item, name: str) -> dict[str, Any]:
    file = item.files[name]
    return {
        'name': name,
        'size': file.size,
        'cached': True,
        'version': str(file.version),
        'checksum_info': {'algorithm': 'SHA1', 'checksum': file.sha1},
    }

"""An image that goes to a datastore and comes back: what is needed to move and compare it."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from oslo_vmware import api, rw_handles, vim_util
from oslo_vmware.cli.connection import Settings

SIZE = 64 * 1024**2
CHUNK = 64 * 1024
PATH = 'oslo.vmware demo/image 1.vmdk'

#: Called with the bytes that have been moved.
Moved = Callable[[int], None]


@dataclass(frozen=True)
class Place:
    """A file on a datastore, as the handles and the FileManager want it named."""

    datacenter: Any
    datacenter_name: str
    datastore: str
    path: str = PATH

    @property
    def text(self) -> str:
        return f'[{self.datastore}] {self.path}'


def find_place(session: api.VMwareAPISession, datastore: str) -> Place:
    """Where the image goes: a datastore, and the datacenter that it is in."""
    for content in _objects(session, 'Datastore'):
        if content.propSet[0].val == datastore:
            path = vim_util.get_inventory_path(session.vim, content.obj)
            break
    else:
        raise LookupError(f'There is no datastore {datastore} any more.')
    name = path.split('/')[1]
    for content in _objects(session, 'Datacenter'):
        if content.propSet[0].val == name:
            return Place(content.obj, name, datastore)
    raise LookupError(f'There is no datacenter {name}.')


def _objects(session: api.VMwareAPISession, type_: str) -> Iterator[Any]:
    page = session.invoke_api(vim_util, 'get_objects', session.vim, type_, 100)
    with vim_util.WithRetrieval(session.vim, page) as contents:
        yield from contents


def image() -> Iterator[bytes]:
    """The image's bytes; the same in each run, and nothing that compresses."""
    random_bytes = random.Random(SIZE)
    for _ in range(SIZE // CHUNK):
        yield random_bytes.randbytes(CHUNK)


def write(session: api.VMwareAPISession, server: Settings, place: Place, moved: Moved) -> str:
    """Upload the image; returns its SHA-256."""
    digest = hashlib.sha256()
    done = 0
    handle = rw_handles.FileWriteHandle(**_address(session, server, place), file_size=SIZE)
    # Closing raises unless the server says that it has everything.
    with contextlib.closing(handle):
        for chunk in image():
            handle.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            moved(done)
    return digest.hexdigest()


def read(session: api.VMwareAPISession, server: Settings, place: Place, moved: Moved) -> str:
    """Download the file; returns its SHA-256."""
    digest = hashlib.sha256()
    done = 0
    handle = rw_handles.FileReadHandle(**_address(session, server, place))
    with contextlib.closing(handle):
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            moved(done)
    return digest.hexdigest()


def delete(session: api.VMwareAPISession, place: Place) -> None:
    """Take the file away again, with the directory that was made for it."""
    task = session.invoke_api(
        session.vim,
        'DeleteDatastoreFile_Task',
        session.vim.service_content.fileManager,
        name=f'[{place.datastore}] {place.path.partition("/")[0]}',
        datacenter=place.datacenter,
    )
    session.wait_for_task(task)


def _address(session: api.VMwareAPISession, server: Settings, place: Place) -> dict[str, Any]:
    return {
        'host_or_url': server.host,
        'port': server.port,
        'data_center_name': place.datacenter_name,
        'datastore_name': place.datastore,
        'cookies': session.vim.client.cookiejar,
        'file_path': place.path,
        'cacerts': server.cacert or not server.insecure,
    }

"""Content libraries: items whose files lie on a datastore.

Files of an item change in an update session: they are uploaded beside the item and become part of
it, all at once, when the session is completed.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import random
import uuid
from typing import Any

from oslo_vmware.simulator.storage.files import Upload, Volume
from oslo_vmware.simulator.world.data import Ref
from oslo_vmware.simulator.world.refusals import Refusal, not_found
from oslo_vmware.simulator.world.registry import World

ACTIVE, DONE, ERROR, CANCELED = 'ACTIVE', 'DONE', 'ERROR', 'CANCELED'

_HASHED_AT_ONCE = 1024 * 1024


@dataclasses.dataclass
class Entry:
    """What libraries and items have in common."""

    id: str
    name: str
    description: str
    created: datetime.datetime
    modified: datetime.datetime
    version: int = 1

    def change(self, now: datetime.datetime, name: str | None, description: str | None) -> None:
        """Unset means unchanged."""
        self.name = self.name if name is None else name
        self.description = self.description if description is None else description
        self.modified = now
        self.version += 1


@dataclasses.dataclass
class Library(Entry):
    """A local library, on one datastore."""

    datastore: Ref = dataclasses.field(kw_only=True)


@dataclasses.dataclass
class StoredFile:
    """A file of an item."""

    name: str
    size: int
    sha1: str
    version: int


@dataclasses.dataclass
class Item(Entry):
    """An item."""

    library: Library = dataclasses.field(kw_only=True)
    type: str = ''
    content_version: int = 1
    files: dict[str, StoredFile] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Arriving:
    """A file that was announced in an update session."""

    name: str
    size: int | None
    sha1: str | None
    received: int | None = None


@dataclasses.dataclass
class Session:
    """An update session or a download session."""

    id: str
    item: Item
    state: str = ACTIVE
    error: str | None = None
    files: dict[str, Arriving] = dataclasses.field(default_factory=dict)
    removed: set[str] = dataclasses.field(default_factory=set)

    def must_be_active(self) -> None:
        """:raises Refusal: not_allowed_in_current_state"""
        if self.state != ACTIVE:
            raise Refusal('not_allowed_in_current_state', f'The session is {self.state}.')


class Libraries:
    """All of a server, by id."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = random.Random(seed)
        self.libraries: dict[str, Library] = {}
        self.items: dict[str, Item] = {}
        self.updates: dict[str, Session] = {}
        self.downloads: dict[str, Session] = {}

    def library(self, key: str) -> Library:
        """:raises Refusal: not_found"""
        if key not in self.libraries:
            raise not_found('library', key)
        return self.libraries[key]

    def item(self, key: str) -> Item:
        """:raises Refusal: not_found"""
        if key not in self.items:
            raise not_found('library item', key)
        return self.items[key]

    def items_of(self, key: str) -> list[Item]:
        """The items of a library.

        :raises Refusal: not_found
        """
        library = self.library(key)
        return [item for item in self.items.values() if item.library is library]

    def add_library(self, name: str, description: str, datastore: Ref) -> Library:
        """:raises Refusal: already_exists, invalid_argument"""
        _check_name(name, [one.name for one in self.libraries.values()])
        found = self._world.objects.get(datastore.value)
        if found is None or not found.is_a('Datastore'):
            raise Refusal('invalid_argument', f"There is no datastore '{datastore.value}'.")
        now = self._world.now()
        made = Library(self._new_id(), name, description, now, now, datastore=found.ref)
        self.libraries[made.id] = made
        return made

    def remove_library(self, key: str) -> None:
        """Remove a library with its items.

        :raises Refusal: not_found
        """
        for item in self.items_of(key):
            self.remove_item(item.id)
        library = self.libraries.pop(key)
        self._remove(self._volume(library), f'contentlib-{library.id}')

    def add_item(self, library_id: str, name: str, type_: str, description: str) -> Item:
        """:raises Refusal: not_found, already_exists, invalid_argument"""
        _check_name(name, [one.name for one in self.items_of(library_id)])
        now = self._world.now()
        made = Item(
            self._new_id(),
            name,
            description,
            now,
            now,
            library=self.library(library_id),
            type=type_,
        )
        self.items[made.id] = made
        return made

    def remove_item(self, key: str) -> None:
        """:raises Refusal: not_found"""
        item = self.item(key)
        for sessions in (self.updates, self.downloads):
            for session in [one for one in sessions.values() if one.item is item]:
                del sessions[session.id]
        del self.items[key]
        self._remove(self._volume(item.library), _directory(item))

    # Sessions

    def update(self, key: str) -> Session:
        """:raises Refusal: not_found"""
        if key not in self.updates:
            raise not_found('update session', key)
        return self.updates[key]

    def download(self, key: str) -> Session:
        """:raises Refusal: not_found"""
        if key not in self.downloads:
            raise not_found('download session', key)
        return self.downloads[key]

    def begin_update(self, item_id: str) -> Session:
        """:raises Refusal: not_found; not_allowed_in_current_state where one is under way"""
        item = self.item(item_id)
        if any(one.item is item and one.state == ACTIVE for one in self.updates.values()):
            raise Refusal('not_allowed_in_current_state', 'An update of the item is under way.')
        made = Session(self._new_id(), item)
        self.updates[made.id] = made
        return made

    def begin_download(self, item_id: str) -> Session:
        """:raises Refusal: not_found"""
        made = Session(self._new_id(), self.item(item_id))
        self.downloads[made.id] = made
        return made

    def receive(self, session: Session, name: str, announced: int | None) -> Upload:
        """Begin to take the bytes of a file; :meth:`received` ends it.

        :raises Refusal: not_found, not_allowed_in_current_state
        :raises Fault: NoDiskSpace
        """
        session.must_be_active()
        if name not in session.files:
            raise not_found('file', name)
        volume = self._volume(session.item.library)
        return volume.upload(_arriving(session, name), announced)

    def received(self, session: Session, name: str, size: int) -> None:
        """All bytes of a file are there."""
        session.files[name].received = size

    def complete(self, session: Session) -> None:
        """Make what has come part of the item, or end the session in an error.

        :raises Refusal: not_allowed_in_current_state
        """
        session.must_be_active()
        item, volume = session.item, self._volume(session.item.library)
        made: dict[str, StoredFile] = {}
        for file in session.files.values():
            if file.received is None:
                return self._fail(session, f"The file '{file.name}' has not been uploaded.")
            digest = _sha1(volume.real(_arriving(session, file.name)))
            if file.sha1 is not None and file.sha1.lower() != digest:
                return self._fail(session, f"The checksum of '{file.name}' is another one.")
            if file.size not in (None, file.received):
                return self._fail(session, f"The size of '{file.name}' is another one.")
            made[file.name] = StoredFile(file.name, file.received, digest, item.content_version + 1)
        for name in [*session.removed, *made]:
            if item.files.pop(name, None) is not None:
                volume.remove(f'{_directory(item)}/{name}')
        for name in made:
            volume.move(_arriving(session, name), volume, f'{_directory(item)}/{name}')
        item.files.update(made)
        item.content_version += 1
        item.change(self._world.now(), None, None)
        session.state = DONE
        self._remove(volume, f'{_directory(item)}/{session.id}')

    def _fail(self, session: Session, error: str) -> None:
        self.end(session, ERROR, error)

    def end(self, session: Session, state: str, error: str | None = None) -> None:
        """End a session without effect.

        :raises Refusal: not_allowed_in_current_state
        """
        session.must_be_active()
        session.state, session.error = state, error
        self._remove(self._volume(session.item.library), f'{_directory(session.item)}/{session.id}')

    def place(self, item: Item, name: str) -> str:
        """Where a file of an item really is.

        :raises Refusal: not_found
        """
        if name not in item.files:
            raise not_found('file', name)
        return self._volume(item.library).check_file(f'{_directory(item)}/{name}')

    def address(self, item: Item, name: str) -> str:
        """The same as a URL of the datastore."""
        datastore: Any = self._world.get(item.library.datastore)
        return f'{datastore.url}{_directory(item)}/{name}'

    def _volume(self, library: Library) -> Volume:
        volume: Volume = self._world.files.of(self._world.get(library.datastore))
        return volume

    def _remove(self, volume: Volume, path: str) -> None:
        if volume.exists(path):
            volume.remove(path)

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _directory(item: Item) -> str:
    return f'contentlib-{item.library.id}/{item.id}'


def _arriving(session: Session, name: str) -> str:
    return f'{_directory(session.item)}/{session.id}/{name}'


def _sha1(path: str) -> str:
    with open(path, 'rb') as file:
        digest = hashlib.sha1(usedforsecurity=False)
        while part := file.read(_HASHED_AT_ONCE):
            digest.update(part)
    return digest.hexdigest()


def _check_name(name: str, taken: list[str]) -> None:
    if not name:
        raise Refusal('invalid_argument', 'A name must not be empty.')
    if name in taken:
        raise Refusal('already_exists', f"The name '{name}' already exists.")

"""Reading properties and waiting for their changes.

The collector that the service content names is one object for all clients, but what a client
keeps in it (pages to continue, filters, versions) belongs to the client's session, as on a real
server. Collectors that a client creates are that client's alone.
"""

import contextlib
import itertools
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from oslo_vmware.simulator.world import metamodel
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.encoding import Encoder, as_declared
from oslo_vmware.simulator.world.faults import Faults
from oslo_vmware.simulator.world.filters import FilterState, Versions
from oslo_vmware.simulator.world.property_paths import PathReader
from oslo_vmware.simulator.world.registry import (
    Call,
    Disconnect,
    ManagedObject,
    NotAuthenticated,
    World,
    anonymous,
    managed,
)
from oslo_vmware.simulator.world.selection import Selection, missing_properties
from oslo_vmware.simulator.world.sessions import Session, Sessions
from oslo_vmware.soap.schema import ANY_TYPE, XSD, Field, Kind, Operation, Schema

# What may be read without being logged in: what a client needs to know before it can be.
_ANONYMOUS_TYPES = frozenset({'ServiceInstance', 'SessionManager', 'PropertyCollector'})


class Kit:
    """What all collectors of a server work with."""

    def __init__(self, world: World, schema: Schema, faults: Faults, sessions: Sessions) -> None:
        self.world = world
        self.reader = PathReader(schema)
        self.encoder = Encoder(schema)
        self.faults = faults
        self.sessions = sessions
        self.stopped = False
        self.numbers = itertools.count(1)

    def selection(self, spec: DataObject) -> Selection:
        return Selection(self.world, self.reader, self.denial, spec)

    def denial(self, ref: Ref, ancestors: tuple[str, ...], path: str) -> Fault | None:
        """Why a property may not be read: the test, or a missing permission."""
        return self.faults.denial(ref, ancestors, path) or self.world.guard.denial(ref, path)

    @anonymous
    def fetch(self, obj: ManagedObject, call: Call) -> Any:
        """Read one property: what pyVmomi does when an attribute is read.

        Every object of a vSphere server answers it, though no description tells.
        """
        if call.session is None and obj.wire_type not in _ANONYMOUS_TYPES:
            raise NotAuthenticated
        denied = self.denial(obj.ref, metamodel.ancestors(obj.wire_type), call.prop)
        if denied is not None:
            raise denied
        found = self.reader.read(obj, call.prop)
        return None if found.value is None else as_declared(found.value, found.type)


def fetch_operation(schema: Schema) -> Operation:
    """The declaration of the operation that no description declares."""
    namespace = schema.namespace

    def field(name: str, type_: str, kind: Kind, builtin: str = '') -> Field:
        return Field(name, f'{{{namespace}}}{name}', type_, kind, builtin, False, False, False)

    reference = f'{{{namespace}}}ManagedObjectReference'
    return Operation(
        name='Fetch',
        soap_action='',
        request=f'{{{namespace}}}Fetch',
        parameters=(
            field('_this', reference, Kind.MOREF),
            field('prop', f'{{{XSD}}}string', Kind.BUILTIN, 'string'),
        ),
        response=f'{{{namespace}}}FetchResponse',
        result=field('returnval', ANY_TYPE, Kind.ANY)._replace(optional=True),
        faults=(),
    )


class _Rest(NamedTuple):
    """What is left of a retrieval, and how much of it goes into a page."""

    contents: Iterator[DataObject]
    at_most: int


class _Client:
    """What one session keeps in one collector."""

    def __init__(self) -> None:
        self.pages: dict[str, _Rest] = {}
        self.filters: dict[Ref, PropertyFilter] = {}
        self.versions = Versions()
        self.cancelled = 0


@managed('PropertyFilter')
class PropertyFilter(ManagedObject):
    """One filter of a collector."""

    def __init__(
        self, kit: Kit, client: _Client, moid: str, spec: DataObject, partial: bool
    ) -> None:
        self._client = client
        self.state = FilterState(kit.world, kit.selection(spec), kit.encoder, partial)
        super().__init__(kit.world, moid, spec=spec, partialUpdates=partial)

    def DestroyPropertyFilter(self, call: Call) -> None:
        self.destroy()

    def destroy(self) -> None:
        if self._client.filters.pop(self.ref, None) is not None:
            self._client.versions.forget_filter(self.ref)
            self.state.close()
            self.world.remove(self)


@managed('PropertyCollector')
class PropertyCollector(ManagedObject):
    """A property collector.

    :param owner: the session that created it; None for the one that all share
    """

    def __init__(self, kit: Kit, moid: str, owner: Session | None = None) -> None:
        self._kit = kit
        self._owner = owner
        self._clients: dict[str | None, _Client] = {}
        super().__init__(kit.world, moid)

    @property
    def filter(self) -> list[Ref]:
        session = self.world.session
        client = self._clients.get(session.key if session is not None else None)
        return list(client.filters) if client is not None else []

    # --- retrieving

    @anonymous
    def RetrieveProperties(self, call: Call) -> list[DataObject]:
        return list(self._contents(self._selections(call)))

    @anonymous
    def RetrievePropertiesEx(self, call: Call) -> DataObject | None:
        at_most = call.options.maxObjects
        if at_most is not None and at_most < 1:
            raise invalid_argument('options.maxObjects')
        return self._page(self._client(call), self._contents(self._selections(call)), at_most)

    def ContinueRetrievePropertiesEx(self, call: Call) -> DataObject | None:
        client = self._client(call)
        rest = client.pages.pop(call.token, None)
        if rest is None:
            raise invalid_argument('token')
        return self._page(client, *rest)

    def CancelRetrievePropertiesEx(self, call: Call) -> None:
        if self._client(call).pages.pop(call.token, None) is None:
            raise invalid_argument('token')

    def _selections(self, call: Call) -> list[Selection]:
        selections = [self._kit.selection(spec) for spec in call.specSet or ()]
        if call.session is None and not all(
            ref.type in _ANONYMOUS_TYPES and not selection.traverses
            for selection in selections
            for ref in selection.starts
        ):
            raise NotAuthenticated
        return selections

    def _contents(self, selections: list[Selection]) -> Iterator[DataObject]:
        """Content of each object, read when it is its turn; those gone by then are left out."""
        chosen = [(selection, obj) for selection in selections for obj in selection.objects()]
        for selection, obj in chosen:
            if self.world.objects.get(obj.ref.value) is not obj:
                continue
            read = selection.read(obj)
            content = types.ObjectContent(obj=obj.ref)
            if read.values:
                content.propSet = [
                    types.DynamicProperty(name=path, val=value) for path, value in read.values
                ]
            if read.missing:
                content.missingSet = missing_properties(read.missing)
            yield content

    def _page(
        self, client: _Client, contents: Iterator[DataObject], at_most: int | None
    ) -> DataObject | None:
        objects = list(itertools.islice(contents, at_most))
        if not objects:
            return None
        result = types.RetrieveResult(objects=objects)
        following = next(contents, None) if at_most is not None else None
        if at_most is not None and following is not None:
            result.token = str(next(self._kit.numbers))
            client.pages[result.token] = _Rest(itertools.chain([following], contents), at_most)
        return result

    # --- filters

    def CreatePropertyCollector(self, call: Call) -> ManagedObject:
        made = PropertyCollector(self._kit, self._moid(call), call.session)
        if call.session is not None:
            call.session.at_end(made.destroy)
        return made

    def DestroyPropertyCollector(self, call: Call) -> None:
        if self._owner is None:
            raise Fault('NotSupported', 'This property collector belongs to the server.')
        self.destroy()

    def destroy(self) -> None:
        if self._owner is not None:
            self._owner.not_at_end(self.destroy)
        for client in self._clients.values():
            self._drop_filters(client)
        if self.world.objects.get(self.ref.value) is self:
            self.world.remove(self)

    def CreateFilter(self, call: Call) -> ManagedObject:
        client = self._client(call)
        # Unlike later, when an object may go at any time, it must now be there to start from.
        self._kit.selection(call.spec).objects()
        made = PropertyFilter(self._kit, client, self._moid(call), call.spec, call.partialUpdates)
        client.filters[made.ref] = made
        return made

    # --- updates

    def CheckForUpdates(self, call: Call) -> DataObject | None:
        return self._updates(call, seconds=0)

    def WaitForUpdates(self, call: Call) -> DataObject | None:
        return self._updates(call, seconds=None)

    def WaitForUpdatesEx(self, call: Call) -> DataObject | None:
        options = call.options or types.WaitOptions()
        for name in ('maxWaitSeconds', 'maxObjectUpdates'):
            value = getattr(options, name)
            if value is not None and value < (1 if name == 'maxObjectUpdates' else 0):
                raise invalid_argument(f'options.{name}')
        return self._updates(call, options.maxWaitSeconds, options.maxObjectUpdates)

    def CancelWaitForUpdates(self, call: Call) -> None:
        self._client(call).cancelled += 1
        self.world.changes.notify_all()

    def _updates(
        self, call: Call, seconds: float | None, at_most: int | None = None
    ) -> DataObject | None:
        client = self._client(call)
        lost = client.versions.start(call.version)
        if lost is not None:
            return lost
        if not call.version:
            client.versions.restart()
            for one in client.filters.values():
                one.state.forget()
        cancelled = client.cancelled
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            self._still_wanted(call, client, cancelled)
            for one in client.filters.values():
                client.versions.add(one.ref, one.state.updates())
            update_set = client.versions.take(at_most)
            if update_set is not None:
                return update_set
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return None
            self._wait(call.session, left)

    def _wait(self, session: Session | None, seconds: float | None) -> None:
        """Give up the lock until something changes; others are served meanwhile."""
        self.world.session = None
        with session.busy() if session is not None else contextlib.nullcontext():
            self.world.changes.wait(seconds)
        self.world.session = session

    def _still_wanted(self, call: Call, client: _Client, cancelled: int) -> None:
        if self._kit.stopped:
            raise Disconnect
        if client.cancelled != cancelled or self.world.objects.get(self.ref.value) is not self:
            raise Fault('RequestCanceled', 'The request was canceled by a user.')
        if call.session is not None and not self._kit.sessions.alive(call.session):
            raise NotAuthenticated

    def _moid(self, call: Call) -> str:
        """The id of something that belongs to a session, in a vCenter's style."""
        key = call.session.key if call.session is not None else ''
        return f'session[{key}]{self.world.new_uuid()}'

    def _client(self, call: Call) -> _Client:
        """What the calling session keeps here."""
        if self._owner is not None and call.session is not self._owner:
            raise Fault('ManagedObjectNotFound', 'It belongs to another session.', obj=self.ref)
        key = call.session.key if call.session is not None else None
        client = self._clients.get(key)
        if client is None:
            client = _Client()
            if call.session is None:
                return client
            self._clients[key] = client
            if self._owner is None:
                call.session.at_end(lambda: self._forget(key))
        return client

    def _forget(self, key: str | None) -> None:
        client = self._clients.pop(key, None)
        if client is not None:
            self._drop_filters(client)

    def _drop_filters(self, client: _Client) -> None:
        for one in list(client.filters.values()):
            one.destroy()

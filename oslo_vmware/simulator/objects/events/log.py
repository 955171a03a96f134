"""The events of the server: noticed in one place, kept in one list.

Whoever changes the inventory says nothing of events. :class:`EventLog` is the world's witness: it
hears of objects that appear, change and go, and of who logs in. When an operation, or the work of
a task, is done, it makes events of what it has heard since, in the words of the table in
``facts``. The inventory that a server starts with has no events, as if it were older than the
history is long.
"""

from __future__ import annotations

import collections
import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from oslo_vmware.simulator.objects.events import catalog
from oslo_vmware.simulator.objects.events.facts import CREATED, REMOVED, TELLERS, Cause
from oslo_vmware.simulator.objects.events.where import Place, place_of
from oslo_vmware.simulator.world.data import DataObject, types
from oslo_vmware.simulator.world.registry import ManagedObject, Witness, World
from oslo_vmware.simulator.world.sessions import Session

# The oldest are forgotten when there are more.
KEPT_EVENTS = 5000

_LOCALHOST = '127.0.0.1'


class Record(NamedTuple):
    """An event, and where it happened.

    :ivar key: the event's
    """

    key: int
    event: DataObject
    place: Place


class _Fact(NamedTuple):
    obj: ManagedObject
    old: Any
    cause: Cause
    place: Place | None


class EventLog(Witness):
    """Notices what happens and remembers it.

    :ivar listeners: called with each new record
    :ivar afterwards: called when an operation, or the work of a task, is done
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._records: collections.deque[Record] = collections.deque(maxlen=KEPT_EVENTS)
        self._facts: dict[tuple[str, str], _Fact] = {}
        self._last_key = 0
        self.listeners: dict[Callable[[Record], None], None] = {}
        self.afterwards: list[Callable[[], None]] = []

    def newest_first(self) -> Iterator[Record]:
        self.settle()
        return reversed(list(self._records))

    def lines(self) -> list[str]:
        """The same as lines of a log, the oldest first."""
        return [
            f'{record.event.createdTime.isoformat()} info vpxd [{record.event.wire_type}] '
            f'[{record.event.userName}] {record.event.fullFormattedMessage}'
            for record in [*self.newest_first()][::-1]
        ]

    @property
    def latest(self) -> Record | None:
        self.settle()
        return self._records[-1] if self._records else None

    def tell(
        self,
        name: str,
        about: ManagedObject | None = None,
        /,
        *,
        cause: Cause | None = None,
        **fields: Any,
    ) -> DataObject:
        """Add an event that is no change of the inventory.

        :param name: its type
        :param about: what it is about; None is the server as a whole
        :param cause: None is whoever acts just now
        """
        place = place_of(about if about is not None else self._world.root_folder)
        return self._add(types[name](**fields), place, cause or self._cause())

    def post(self, event: DataObject, place: Place) -> None:
        """Add an event that a client has made."""
        self._add(event, place, self._cause())

    # --- what is noticed

    def created(self, obj: ManagedObject) -> None:
        self._note(obj, CREATED)

    def changed(self, obj: ManagedObject, name: str, old: Any) -> None:
        self._note(obj, name, old)

    def leaving(self, obj: ManagedObject) -> None:
        if obj.wire_type in TELLERS:
            self._note(obj, REMOVED, place=place_of(obj))

    def logged_in(self, session: Session) -> None:
        self.tell(
            'UserLoginSessionEvent',
            cause=Cause(session.user_name),
            ipAddress=_LOCALHOST,
            userAgent=session.user_agent,
            locale=session.locale,
            sessionId=session.key,
        )

    def logged_out(self, session: Session) -> None:
        call = self._world.call
        if call is not None and call.operation == 'TerminateSession':
            self.tell(
                'SessionTerminatedEvent',
                sessionId=session.key,
                terminatedUsername=session.user_name,
            )
        self.tell(
            'UserLogoutSessionEvent',
            cause=Cause(session.user_name),
            ipAddress=_LOCALHOST,
            userAgent=session.user_agent,
            callCount=session.calls,
            sessionId=session.key,
            loginTime=session.login_time,
        )

    def refused(self, user_name: str) -> None:
        self.tell('BadUsernameSessionEvent', cause=Cause(user_name), ipAddress=_LOCALHOST)

    def task_started(self, info: DataObject) -> None:
        # The number of the first event of a chain is that of the chain.
        info.eventChainId = self._last_key + 1
        entity = self._world.objects.get(info.entity.value)
        cause = Cause(info.reason.userName or '', info.eventChainId)
        self.tell('TaskEvent', entity, cause=cause, info=copy.copy(info))

    def settle(self) -> None:
        if self._facts:
            self._tell_facts()
        for function in self.afterwards:
            function()

    def _tell_facts(self) -> None:
        facts, self._facts = self._facts, {}
        for (moid, what), fact in facts.items():
            new, gone = (moid, CREATED) in facts, (moid, REMOVED) in facts
            # Of what is new only its being there counts, and that it runs; of what is gone only
            # that it is; what came and went was never there.
            if new and (gone or what not in (CREATED, 'power_state')):
                continue
            if (gone and what != REMOVED) or (what == 'home' and (moid, 'host') in facts):
                continue
            told = TELLERS[fact.obj.wire_type][what](fact.obj, fact.old, fact.cause)
            if told is not None:
                place = fact.place or place_of(fact.obj)
                self._add(types[told.name](**told.fields), place, fact.cause)

    def _note(self, obj: ManagedObject, what: str, old: Any = None, place: Any = None) -> None:
        tellers = TELLERS.get(obj.wire_type)
        if tellers is not None and what in tellers:
            # What it was before all that was done to it is what counts.
            self._facts.setdefault((obj.ref.value, what), _Fact(obj, old, self._cause(), place))

    def _cause(self) -> Cause:
        world = self._world
        task, call = world.task, world.call
        if task is not None:
            info = task.info
            user = info.reason.userName or ''
            return Cause(user, info.eventChainId, info.name or '', info.entity.value, task.spec)
        user = world.session.user_name if world.session is not None else ''
        if call is None:
            return Cause(user)
        return Cause(user, None, call.operation, call.target.value, call.spec)

    def _add(self, event: DataObject, place: Place, cause: Cause) -> DataObject:
        self._last_key += 1
        key = self._last_key
        for member, value in place.members.items():
            event.__dict__.setdefault(member, value)
        event.key = key
        event.chainId = cause.chain or key
        event.createdTime = self._world.now()
        event.userName = cause.user
        if catalog.is_kind_of(event.wire_type, 'VmEvent') and event.template is None:
            machine = self._world.objects.get(place.entity)
            event.template = bool(getattr(machine, 'template', False))
        if event.fullFormattedMessage is None:
            event.fullFormattedMessage = catalog.text_of(event)
        record = Record(key, event, place)
        self._records.append(record)
        for listener in list(self.listeners):
            listener(record)
        return event

"""Who is logged in.

A login makes a session with a key and a cookie; each call shows the cookie and is thereby the
session's. Property collectors, filters and views belong to a session and end with it. A session
ends by Logout, by TerminateSession, or when it has been idle for too long, which is looked at
whenever somebody asks about sessions. While a call waits in it, a session is not idle.
"""

import contextlib
import datetime
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from oslo_vmware.simulator.world.data import DataObject, types
from oslo_vmware.simulator.world.users import Users

COOKIE = 'vmware_soap_session'


def cookie_value(header: str | None, name: str = COOKIE) -> str | None:
    """A cookie's value as it came, with its quotes, without the space that some put before it.

    The standard parser takes the quotes off, and gives up at cookies of others that look odd.

    :param header: the Cookie header
    """
    for cookie in (header or '').split(';'):
        found, _, value = cookie.strip().partition('=')
        if found == name:
            return value.strip()
    return None


class Witness(Protocol):
    """Who hears of sessions."""

    def logged_in(self, session: 'Session') -> None: ...

    def logged_out(self, session: 'Session') -> None: ...

    def refused(self, user_name: str) -> None: ...


class World(Protocol):
    """What sessions need of the world that they belong to."""

    lock: threading.RLock
    changes: threading.Condition
    random: random.Random
    session: 'Session | None'

    @property
    def witness(self) -> Witness: ...

    def new_uuid(self) -> str: ...

    def now(self) -> datetime.datetime: ...


class Session:
    """One login.

    :ivar key: as in ``UserSession.key``
    :ivar cookie: value of the cookie, with the double quotes that a vCenter puts around it
    :ivar user_name: as the server spells it
    """

    def __init__(self, world: World, user_name: str, locale: str, user_agent: str) -> None:
        self.key = world.new_uuid()
        self.cookie = f'"{world.random.getrandbits(160):040x}"'
        self.user_name = user_name
        self.locale = locale
        self.user_agent = user_agent
        self.login_time = self.last_active_time = world.now()
        self.last_used = time.monotonic()
        self.calls = 0
        self._waiting = 0
        self._endings: dict[Callable[[], None], None] = {}

    def at_end(self, function: Callable[[], None]) -> None:
        """Have something called when the session ends, under the world's lock."""
        self._endings[function] = None

    def not_at_end(self, function: Callable[[], None]) -> None:
        """Undo :meth:`at_end`: what was to end with the session has ended before."""
        self._endings.pop(function, None)

    def used(self, now: datetime.datetime) -> None:
        self.last_used = time.monotonic()
        self.last_active_time = now
        self.calls += 1

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """While a call waits; the idle time counts from its end."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            self.last_used = time.monotonic()

    def idle_for(self, seconds: float) -> bool:
        """Whether nothing has been done in it for longer than that."""
        return not self._waiting and time.monotonic() - self.last_used > seconds

    def end(self) -> None:
        while self._endings:
            function, _ = self._endings.popitem()
            function()

    @property
    def info(self) -> DataObject:
        """The session as a ``UserSession``."""
        domain, _, user = self.user_name.rpartition('\\')
        return types.UserSession(
            key=self.key,
            userName=self.user_name,
            fullName=f'{user} {domain}'.strip(),
            loginTime=self.login_time,
            lastActiveTime=self.last_active_time,
            locale=self.locale,
            messageLocale=self.locale,
            extensionSession=False,
            ipAddress='127.0.0.1',
            userAgent=self.user_agent,
            callCount=self.calls,
        )


class Sessions:
    """All sessions of the server.

    :param idle_seconds: after so long without a call a session has expired; None is never
    """

    def __init__(self, world: World, users: Users, idle_seconds: float | None) -> None:
        self._world = world
        self._users = users
        self.idle_seconds = idle_seconds
        self._by_cookie: dict[str, Session] = {}

    @property
    def password(self) -> str:
        """What the next login of the administrator needs."""
        return self._users.password

    @password.setter
    def password(self, password: str) -> None:
        self._users.password = password

    def __iter__(self) -> Iterator[Session]:
        self._reap()
        return iter(list(self._by_cookie.values()))

    def __len__(self) -> int:
        self._reap()
        return len(self._by_cookie)

    def login(self, user_name: str, password: str, locale: str, user_agent: str) -> Session | None:
        """A new session; None when name or password is wrong. Names ignore case."""
        spelling = self._known(user_name, password)
        return None if spelling is None else self.begin(spelling, locale, user_agent)

    def knows(self, user_name: str, password: str) -> bool:
        """Whether name and password are right, for one request that begins no session."""
        return self._known(user_name, password) is not None

    def _known(self, user_name: str, password: str) -> str | None:
        spelling = self._users.authenticate(user_name, password)
        if spelling is None:
            self._world.witness.refused(user_name)
        return spelling

    def begin(self, user_name: str, locale: str, user_agent: str) -> Session:
        """A new session of somebody who has shown who they are."""
        session = Session(self._world, user_name, locale, user_agent)
        self._by_cookie[session.cookie] = session
        self._world.witness.logged_in(session)
        return session

    def of_cookie(self, cookie: str | None) -> Session | None:
        """The live session of a cookie; using it counts as activity."""
        self._reap()
        session = self._by_cookie.get(cookie) if cookie is not None else None
        if session is None and cookie is not None:
            # Some clients drop the quotes, which a vCenter does not mind.
            session = self._by_cookie.get(f'"{cookie}"')
        if session is not None:
            session.used(self._world.now())
        return session

    def of_key(self, key: str) -> Session | None:
        return next((session for session in self if session.key == key), None)

    def alive(self, session: Session) -> bool:
        return self._by_cookie.get(session.cookie) is session

    def end(self, session: Session) -> None:
        """End a session with all that belongs to it; whoever waits in it is woken."""
        with self._world.lock:
            if self._by_cookie.pop(session.cookie, None) is not None:
                session.end()
                self._world.witness.logged_out(session)
                self._world.changes.notify_all()

    def _reap(self) -> None:
        """End the sessions that have been idle for too long."""
        if self.idle_seconds is None:
            return
        with self._world.lock:
            for session in list(self._by_cookie.values()):
                if session is not self._world.session and session.idle_for(self.idle_seconds):
                    self.end(session)

    def end_all(self) -> int:
        """End all sessions; returns how many there were."""
        ended = list(self)
        for session in ended:
            self.end(session)
        return len(ended)

"""Login and logout."""

from collections.abc import Callable
from typing import Protocol

from oslo_vmware.simulator.world.data import DataObject, Fault, no_permission, types
from oslo_vmware.simulator.world.registry import (
    Call,
    ManagedObject,
    NotAuthenticated,
    World,
    anonymous,
    managed,
)
from oslo_vmware.simulator.world.sessions import Session, Sessions

_LOCALES = ('en', 'en_US', 'de', 'fr', 'ja', 'ko', 'zh_CN')


class Tickets(Protocol):
    """Who issues tickets for one HTTP request each."""

    def issue(self, session: Session, method: str | None, url: str) -> str: ...


@managed('SessionManager')
class SessionManager(ManagedObject):
    """Makes and ends sessions."""

    supportedLocaleList = list(_LOCALES)
    messageLocaleList = list(_LOCALES)
    defaultLocale = 'en'
    maximumSessions = 2000

    def __init__(
        self,
        world: World,
        sessions: Sessions,
        tickets: Tickets,
        identity: Callable[[], tuple[str, str]],
    ) -> None:
        self._sessions = sessions
        self._tickets = tickets
        self._identity = identity
        self._to_clone: dict[str, Session] = {}
        self.message = ''
        super().__init__(world, 'SessionManager')

    @property
    def currentSession(self) -> DataObject | None:
        session = self.world.session
        return None if session is None else session.info

    @property
    def sessionList(self) -> list[DataObject]:
        return [session.info for session in self._sessions]

    @anonymous
    def Login(self, call: Call) -> DataObject:
        locale = call.locale or self.defaultLocale
        if locale.partition('_')[0] not in {known.partition('_')[0] for known in _LOCALES}:
            raise Fault('InvalidLocale', f'The locale {locale} is not supported.')
        session = self._sessions.login(
            call.userName, call.password, locale, call.headers.get('User-Agent', '')
        )
        if session is None:
            raise Fault(
                'InvalidLogin',
                'Cannot complete login due to an incorrect user name or password.',
            )
        if not self.world.guard.may_enter(session):
            self._sessions.end(session)
            raise no_permission(self.world.root_folder.ref, 'System.View')
        call.new_session = session
        return session.info

    def Logout(self, call: Call) -> None:
        if call.session is not None:
            self._sessions.end(call.session)

    def SessionIsActive(self, call: Call) -> bool:
        session = self._sessions.of_key(call.sessionID)
        # Unlike at the login, upper and lower case make a difference here.
        return session is not None and session.user_name == call.userName

    def TerminateSession(self, call: Call) -> None:
        for key in call.sessionId or ():
            session = self._sessions.of_key(key)
            if session is None:
                raise Fault('NotFound', f'There is no session {key}.')
            if session is call.session:
                raise Fault(
                    'InvalidArgument',
                    'A session cannot terminate itself.',
                    invalidProperty='sessionId',
                )
            self._sessions.end(session)

    def AcquireCloneTicket(self, call: Call) -> str:
        """A ticket for one more session of the same user: for a console, say."""
        ticket, session = f'cst-VCT-{self.world.new_uuid()}', call.session
        assert session is not None
        self._to_clone[ticket] = session
        session.at_end(lambda: self._revoke(ticket))
        return ticket

    def _revoke(self, ticket: str) -> None:
        self._to_clone.pop(ticket, None)

    @anonymous
    def CloneSession(self, call: Call) -> DataObject:
        session = self._to_clone.pop(call.cloneTicket, None)
        if session is None:
            raise Fault('InvalidLogin', 'Cannot complete login: the ticket is not valid.')
        call.new_session = self._sessions.begin(
            session.user_name, session.locale, call.headers.get('User-Agent', '')
        )
        return call.new_session.info

    def AcquireGenericServiceTicket(self, call: Call) -> DataObject:
        if call.spec.wire_type != 'SessionManagerHttpServiceRequestSpec':
            raise Fault(
                'InvalidArgument', 'Tickets are for HTTP requests only.', invalidProperty='spec'
            )
        if call.session is None:
            raise NotAuthenticated
        host, thumbprint = self._identity()
        return types.SessionManagerGenericServiceTicket(
            id=self._tickets.issue(call.session, call.spec.method, call.spec.url),
            hostName=host,
            sslThumbprint=thumbprint or None,
            ticketType='HttpServiceTicket',
        )

    def SetLocale(self, call: Call) -> None:
        if call.session is not None:
            call.session.locale = call.locale

    def UpdateServiceMessage(self, call: Call) -> None:
        self.update(message=call.message)

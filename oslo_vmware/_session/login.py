"""Who a session is on the server: logging in and out, and asking whether that still holds.

Whoever waits for another's login takes what came of it, be it a failure.
"""

import copy
import ipaddress
import logging
import time
from collections.abc import Callable
from typing import Any

from oslo_vmware import _deadline, _wanted, exceptions, service
from oslo_vmware._i18n import _
from oslo_vmware._process import PerProcess
from oslo_vmware._session.liveness import Liveness
from oslo_vmware._session.own import LoginAttempt, Own
from oslo_vmware._session.retry import RetryPolicy

# What a session tells of itself, users look for under the name of its module.
LOG = logging.getLogger('oslo_vmware.api')


class Login:
    """The part of :class:`~oslo_vmware.api.VMwareAPISession` that logs in.

    :ivar login_count: how many logins there were. A thread can tell by it whether one happened
                       meanwhile, and what is kept of a session can go with the next
    """

    # What the session's constructor was given, or has made.
    _own: PerProcess[Own]
    _host: str
    _port: int
    _server_username: str
    _server_password: str | Callable[[], str]
    _api_retry_count: int
    _pbm: Any

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._session_username: str | None = None
        self.login_count = 0
        # How often a login was refused to a session that turned out to be alive.
        self._needless_logins = 0
        self._liveness = Liveness()

    @property
    def vim(self) -> Any:
        """The :class:`~oslo_vmware.vim.Vim` client."""
        raise NotImplementedError

    @property
    def _server(self) -> dict[str, Any]:
        """Which server it is, for texts."""
        return {'host': self._host, 'port': self._port}

    def _create_session(self) -> None:
        """Log in, unless the session is alive or another thread has just logged in.

        :raises VimFaultException: the login was refused
        :raises VimConnectionException: no answer, after ``api_retry_count`` repetitions
        :raises NotAuthenticatedException: whoever wanted it has gone
        """
        if not _wanted.is_wanted():
            raise exceptions.NotAuthenticatedException(
                _('The session at %(host)s:%(port)s has ended.') % self._server
            )
        own = self._own.get()
        known, attempt = self.login_count, own.login_attempt
        with own.logging_in():
            if self.login_count != known:
                return
            if attempt.failure is not None:
                # What came of the login that was waited for holds for all who waited. Each of
                # them trying for itself would take hours, or lock the account.
                raise copy.copy(attempt.failure)
            if attempt.was_needless:
                return
            del attempt  # the failure's traceback has this frame, which must not have the failure
            try:
                self._log_in_patiently()
            except exceptions.VMwareDriverException as exc:
                # Who had no time to see it through does not answer for those who have; these go on
                # waiting together.
                if isinstance(exc, exceptions.VimFaultException) or _deadline.remaining():
                    own.login_attempt.failure = exc
                    own.login_attempt = LoginAttempt()
                raise

    def _log_in_patiently(self) -> None:
        self._check_host()
        retry = RetryPolicy(self._api_retry_count)
        while True:
            try:
                if not self._session_id or not self.is_current_session_active():
                    self._login_unless_alive()
                return
            except exceptions.VimConnectionException as exc:
                if not exc.worth_repeating:
                    raise
                retry = self._next_login_attempt(retry, exc)
            time.sleep(retry.delay)

    def _check_host(self) -> None:
        """Tell at once what no repetition would change.

        :raises VimConnectionException: the host is not the name or address of one
        """
        host = str(self._host)
        if host and not any(one in ':/' or one.isspace() for one in host):
            return
        try:
            ipaddress.ip_address(host.removeprefix('[').removesuffix(']'))
        except ValueError:
            refused = exceptions.VimConnectionException(
                _(
                    'Login at %(host)s:%(port)s failed: %(name)r is not the name or address of a '
                    'host. A port is given as port=, and http as scheme=.'
                )
                % {**self._server, 'name': host}
            )
            refused.worth_repeating = False
            raise refused from None

    def _next_login_attempt(
        self, retry: RetryPolicy, failure: exceptions.VimConnectionException
    ) -> RetryPolicy:
        gave_up = exceptions.VimConnectionException(
            _('Login at %(host)s:%(port)s failed.') % self._server, failure
        )
        # It was tried as often as configured; a call must not multiply that.
        gave_up.worth_repeating = False
        try:
            retry = retry.after(gave_up)
        except exceptions.VimConnectionException:
            raise gave_up from failure
        LOG.warning('%s Trying again in %d s: %s', gave_up.msg, retry.delay, failure)
        return retry

    def _renew(self) -> None:
        """Log in, unless the session is alive."""
        if not self.is_current_session_active():
            self._create_session()

    def _login_unless_alive(self) -> None:
        """Log in; a refusal counts only if the session is really gone.

        A vCenter refuses, as InvalidLogin, to log in who is logged in.
        """
        try:
            self._login()
        except exceptions.VimFaultException as refusal:
            if not self._session_id or not self._liveness.ask_otherwise(self.vim):
                raise
            LOG.warning(
                'Session %s is alive, and is kept: %s', _tail(self._session_id), refusal.message
            )
            self._liveness.distrust()
            own = self._own.get()
            own.login_attempt.was_needless = True
            own.login_attempt = LoginAttempt()
            self._needless_logins += 1

    def _login(self) -> None:
        client = self.vim
        if self.login_count and isinstance(client, service.Service):
            # The server may have been upgraded since.
            client.forget_service_content()
        try:
            session = client.Login(
                client.service_content.sessionManager,
                userName=self._server_username,
                password=self._password(),
                locale='en',
            )
        except exceptions.VimFaultException as fault:
            raise exceptions.VimFaultException(
                fault.fault_list,
                _('Login at %(host)s:%(port)s was refused: %(reason)s')
                % {**self._server, 'reason': fault.message},
                fault.cause,
                fault.details,
            ) from fault
        if getattr(session, 'key', None) is None:
            raise exceptions.VimConnectionException(
                _('Login at %(host)s:%(port)s was answered without a session.') % self._server
            )
        previous, self._session_id = self._session_id, session.key
        # Login ignores the case of the user's name, SessionIsActive does not.
        self._session_username = session.userName
        if self._pbm:
            self._pbm.set_soap_cookie(client.get_http_cookie())
        self._liveness = Liveness()
        # Its property collector belonged to the session before.
        self._own.get().updates = {}
        self.login_count += 1
        LOG.info(
            'Logged in at %s:%s, session %s%s',
            self._host,
            self._port,
            _tail(session.key),
            f' in place of {_tail(previous)}' if previous else '',
        )

    def _password(self) -> str:
        given = self._server_password
        return given() if callable(given) else given

    def logout(self) -> None:
        """End the session on the server; a later call logs in again by itself.

        Never raises: what goes wrong is logged, and the session is then left to the server.
        """
        with self._own.get().login_lock:
            if not self._session_id:
                return
            try:
                client = self.vim
                client.Logout(client.service_content.sessionManager)
                LOG.info('Logged out of session %s', _tail(self._session_id))
                self._session_id = None
            except Exception as exc:  # noqa: BLE001 - logout never raises, by contract
                LOG.warning('Logout of session %s failed: %s', _tail(self._session_id), exc)

    def is_current_session_active(self) -> bool:
        """Ask the server whether the session is alive.

        By ``SessionIsActive`` (vSphere API 4.0), or in another way where the account may not.

        :returns: False also when there is none
        :raises VimConnectionException: no answer arrived
        :raises VimSessionOverLoadException: the server or the local stack is saturated
        """
        if not self._session_id:
            return False
        return self._liveness.ask(self.vim, self._who)

    def _who(self) -> dict[str, Any]:
        """Whose session it is, as SessionIsActive is asked."""
        return {'sessionID': self._session_id, 'userName': self._session_username}


def _tail(session_id: Any) -> str:
    """What may be shown of a session's id."""
    return str(session_id)[-5:]

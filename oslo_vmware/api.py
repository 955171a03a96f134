"""The session: login, retry, login anew, waiting for tasks and leases.

Everything happens in the caller's thread. What a call of :meth:`VMwareAPISession.invoke_api`
goes through, by what comes back:

========================================  ===================================================
outcome                                   what happens
========================================  ===================================================
a result                                  it is returned
fault NotAuthenticated, session gone      log in, then again at once
fault NotAuthenticated, session alive     again, if the call went out before somebody's login;
                                          ``[]`` for an empty property reply; else raised
the same from PBM                         as above, but the first time again also if the session is
                                          alive: PBM learns of sessions later; and raised the third
                                          time
another fault                             raised as the class registered for it
no answer                                 log in if the session is gone; pause, again
overload                                  pause, again
any of these, and a change had left       raised at once, saying so
========================================  ===================================================

"Again" ends with ``api_retry_count``, of which the first logins anew cost nothing. What a change
is, and when it has surely not been executed, the services know (:mod:`oslo_vmware.soap.effects`,
:mod:`oslo_vmware.soap.exchange`); what left in functions they note in the attempt
(:mod:`oslo_vmware._attempt`). One lock per session guards the login: of many threads that find the
session expired, one logs in, and the others find it done.

A session goes on in processes that are forked off: they have the session on the server in common,
and each its own connections, locks and property collector (:mod:`oslo_vmware._process`).
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Self

from oslo_vmware import _switches, exceptions, pbm, service, vim, vim_util
from oslo_vmware._attempt import Attempt
from oslo_vmware._i18n import _
from oslo_vmware._lists import listed
from oslo_vmware._process import PerProcess
from oslo_vmware._session.own import Own
from oslo_vmware._session.retry import RetryDecorator, RetryPolicy
from oslo_vmware._session.waiting import Waiting

__all__ = ['RetryDecorator', 'VMwareAPISession']

if TYPE_CHECKING:
    from oslo_vmware.types._invoke import Invoke

LOG = logging.getLogger(__name__)

#: How often a call is repeated at once because its session had expired, before that counts as a
#: failure. Two, because a vCenter that restarts may forget its sessions twice within seconds.
FREE_RENEWALS = 2


def _typed(function: Any) -> 'Invoke':
    """What checkers take to have a signature for each operation."""
    typed: Invoke = function
    return typed


class VMwareAPISession(Waiting):
    """A session with a vCenter or ESX server, for any number of threads.

    As a context manager it logs out at the end.

    :param host: name or address of the server; IPv6 without brackets
    :param server_username: user to log in as
    :param server_password: that user's password; or a function without arguments that gives it,
                            asked at each login, so that it may change in the meantime
    :param api_retry_count: how often a call is repeated after overload or connection trouble;
                            0 for never, -1 without end
    :param task_poll_interval: seconds from the start of one poll of a task or lease to the next
    :param scheme: ``https`` or ``http``
    :param create_session: log in now; otherwise the first call does
    :param wsdl_loc: URL of the VIM description; without it the one that ships with the package
                     is used, or the server's own if the server is newer
    :param pbm_wsdl_loc: URL of the PBM description; without it there is no PBM client
    :param port: port number
    :param cacert: path of the CA bundle to verify the server with
    :param insecure: without a ``cacert``: do not verify the server at all
    :param pool_size: connections kept open to each service; more parallel calls are allowed
    :param connection_timeout: seconds to wait for a connection, and again for each piece of an
                               answer; None for a minute to connect and an hour of silence,
                               ``float('inf')`` for no limit
    :param op_id_prefix: what the operation ids in the server's logs begin with
    :param soap_engine: ``compiled`` or ``reference``; None for what the environment variable
                        ``OSLO_VMWARE_SOAP_ENGINE`` says, or else ``compiled``
    :param repeat_changes: True to have :meth:`invoke_api` repeat changes that may have been
                           executed, as older releases did; None for what the environment variable
                           ``OSLO_VMWARE_REPEAT_CHANGES`` says (``1``), or else False
    :raises VimFaultException: the login was refused (``InvalidLogin`` in ``fault_list``)
    :raises VimConnectionException: the server cannot be reached, or is not trusted
    """

    def __init__(
        self,
        host: str,
        server_username: str,
        server_password: str | Callable[[], str],
        api_retry_count: int,
        task_poll_interval: float,
        scheme: str = 'https',
        create_session: bool = True,
        wsdl_loc: str | None = None,
        pbm_wsdl_loc: str | None = None,
        port: int = 443,
        cacert: str | None = None,
        insecure: bool = True,
        pool_size: int = 10,
        connection_timeout: float | None = None,
        op_id_prefix: str = 'oslo.vmware',
        soap_engine: str | None = None,
        *,
        repeat_changes: bool | None = None,
    ) -> None:
        # First of all, because it tells who wants to send a session away that this is not done.
        self._own = PerProcess(Own)
        self._host = host
        self._port = port
        self._server_username = server_username
        # Not the text itself: errors lead to the session, and whoever collects them may look.
        self._server_password: str | Callable[[], str] = _asked(server_password)
        del server_password
        self._api_retry_count = api_retry_count
        self._task_poll_interval = task_poll_interval
        self._scheme = scheme
        self._vim_wsdl_loc = wsdl_loc
        self._pbm_wsdl_loc = pbm_wsdl_loc
        self._cacert = cacert
        self._insecure = insecure
        self._pool_size = pool_size
        self._connection_timeout = connection_timeout
        self._op_id_prefix = op_id_prefix
        self._soap_engine = soap_engine
        self._repeat_changes = repeat_changes

        self._vim: Any = None
        self._pbm: Any = None
        super().__init__()
        if create_session:
            self._create_session()

    # The clients

    @property
    def vim(self) -> vim.Vim:
        """The :class:`~oslo_vmware.vim.Vim` client, made when first asked for."""
        if not self._vim:
            with self._own.get().client_lock:
                if not self._vim:
                    self._warn_if_insecure()
                    client = vim.Vim(wsdl_url=self._vim_wsdl_loc, **self._client_arguments())
                    if isinstance(client, service.Service):
                        client.follow_session(self._renew)
                    self._vim = client
        made: vim.Vim = self._vim
        return made

    @property
    def pbm(self) -> pbm.Pbm | Any:
        """The :class:`~oslo_vmware.pbm.Pbm` client; None without a PBM description."""
        if not self._pbm and self._pbm_wsdl_loc:
            with self._own.get().client_lock:
                if not self._pbm and self._pbm_wsdl_loc:
                    client = pbm.Pbm(wsdl_url=self._pbm_wsdl_loc, **self._client_arguments())
                    client.follow_cookie(self._present_cookie)
                    if self._session_id:
                        client.set_soap_cookie(self.vim.get_http_cookie())
                    self._pbm = client
        return self._pbm

    def pbm_wsdl_loc_set(self, pbm_wsdl_loc: str | None) -> None:
        """Use another PBM description from the next use of :attr:`pbm` on.

        :param pbm_wsdl_loc: URL of the description, or None for no PBM client
        """
        with self._own.get().client_lock:
            self._pbm_wsdl_loc = pbm_wsdl_loc
            self._pbm = None
        LOG.info('The PBM description is now %s', pbm_wsdl_loc)

    def _present_cookie(self) -> str | None:
        """The cookie of the session there is now; None before the first login."""
        cookie: str | None = self.vim.get_http_cookie() if self._session_id else None
        return cookie

    def _client_arguments(self) -> dict[str, Any]:
        return {
            'protocol': self._scheme,
            'host': self._host,
            'port': self._port,
            'cacert': self._cacert,
            'insecure': self._insecure,
            'pool_maxsize': self._pool_size,
            'connection_timeout': self._connection_timeout,
            'op_id_prefix': self._op_id_prefix,
            'soap_engine': self._soap_engine,
        }

    def _warn_if_insecure(self) -> None:
        if self._scheme == 'https' and self._insecure and not self._cacert:
            LOG.warning(
                'The certificate of %s:%s is not verified: anyone on the way can read the '
                'password. Give cacert, or insecure=False, to verify it.',
                self._host,
                self._port,
            )

    def close(self) -> None:
        """Log out and close the connections; a later call opens and logs in again."""
        self.logout()
        for client in (self._vim, self._pbm):
            if isinstance(client, service.Service):
                client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # Calls

    @_typed
    def invoke_api(self, module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call an operation or a function, and see it through an expired session and trouble.

        :param module: service, module or object that has the method
        :param method: its name; looked up anew for each attempt
        :returns: what the method returns; ``[]`` when a property read found nothing
        :raises VimException: a fault, as the class registered for it
        :raises VimConnectionException: no answer, after ``api_retry_count`` repetitions
        :raises VimSessionOverLoadException: saturated, after ``api_retry_count`` repetitions
        """
        if module is vim_util:
            # The first attempt would leave nothing of a generator for the next.
            args = tuple(map(listed, args))
            kwargs = {name: listed(value) for name, value in kwargs.items()}
        retry = RetryPolicy(self._api_retry_count)
        renewals = 0
        while True:
            renewed = None
            try:
                return self._attempt(module, method, args, kwargs, renewals)
            except _Renewed as exc:
                renewed = exc.failure
            except (
                exceptions.VimConnectionException,
                exceptions.VimSessionOverLoadException,
            ) as exc:
                if not self._may_repeat_after(exc):
                    raise
                retry = retry.after(exc)
                LOG.info('Repeating %s in %d s: %s', method, retry.delay, exc)
            if renewed is not None:
                renewals += 1
                # A new login is the cure itself: no failure to count, and no reason to wait. But
                # a server may take every login and refuse all else.
                if renewals <= FREE_RENEWALS:
                    continue
                # Not where it was caught: nobody shall see a class of this module.
                retry = retry.after(renewed)
            time.sleep(retry.delay)

    def _attempt(
        self,
        module: Any,
        method: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        renewals: int,
    ) -> Any:
        logins = self.login_count
        attempt = Attempt()
        try:
            with attempt:
                return getattr(module, method)(*args, **kwargs)
        except exceptions.VimFaultException as fault:
            if exceptions.NOT_AUTHENTICATED not in fault.fault_list:
                _raise_registered(fault)
            if renewals >= FREE_RENEWALS and isinstance(module, pbm.Pbm):
                _raise_registered(fault)
            if self._was_empty(fault, logins, isinstance(module, pbm.Pbm) and not renewals):
                return []
            self._check_unspent(attempt, method, fault)
            raise _Renewed(self._server, fault) from fault
        except exceptions.VimConnectionException as exc:
            if self._may_repeat_after(exc):
                self._check_unspent(attempt, method, exc)
                if not self.is_current_session_active():
                    self._create_session()
            raise
        except exceptions.VimSessionOverLoadException as exc:
            self._check_unspent(attempt, method, exc)
            raise

    def _repeats_all(self) -> bool:
        """Whether changes are repeated as in older releases."""
        if self._repeat_changes is None:
            return _switches.is_on(_switches.REPEAT_CHANGES)
        return self._repeat_changes

    def _may_repeat_after(self, failure: Any) -> bool:
        if isinstance(failure, exceptions.VimOutcomeUnknownException):
            return self._repeats_all()
        worth: bool = failure.worth_repeating
        return worth

    def _check_unspent(self, attempt: Attempt, method: str, failure: Exception) -> None:
        """Let only what can be done twice go on to another attempt.

        :raises VimOutcomeUnknownException: the attempt has sent a change
        """
        if attempt.spent is None or self._repeats_all():
            return
        raise exceptions.VimOutcomeUnknownException(
            _('%(method)s is not repeated: %(operation)s had left and may have been executed.')
            % {'method': method, 'operation': attempt.spent},
            failure,
            *attempt.spent,
        ) from failure

    def _was_empty(
        self, fault: exceptions.VimFaultException, logins: int, may_be_late: bool
    ) -> bool:
        """Find out what NotAuthenticated meant, and make the call worth repeating.

        :param logins: how many logins there had been when the call went out
        :param may_be_late: whether the service may not have heard of the session yet
        :returns: whether it meant that a property read found nothing
        """
        if self.login_count != logins:
            return False
        needless = self._needless_logins
        if not self.is_current_session_active():
            self._create_session()
            if self._needless_logins == needless:
                return False
        if self.login_count != logins:
            # Another thread has just logged in; its session is what was active.
            return False
        if fault.empty_reply:
            return True
        if not may_be_late:
            _raise_registered(fault)
        return False

    def _reads_itself(self) -> bool:
        # What comes of a read is theirs who have replaced what reads.
        return getattr(self.invoke_api, '__func__', None) is VMwareAPISession.invoke_api


class _Renewed(Exception):
    """The session had expired and a new one is there: the call can be repeated at once.

    :ivar failure: what to raise when it is not
    """

    def __init__(self, server: dict[str, Any], fault: exceptions.VimFaultException) -> None:
        super().__init__()
        self.failure = exceptions.VimConnectionException(
            _('The session at %(host)s:%(port)s had expired and was renewed.') % server, fault
        )
        self.failure.__cause__ = fault


def _raise_registered(fault: exceptions.VimFaultException) -> NoReturn:
    """Raise the class that is registered for a fault, or the fault itself without one."""
    # Only the first fault decides, but a rejected session is one wherever it stands.
    name = fault.fault_list[0] if fault.fault_list else ''
    if exceptions.NOT_AUTHENTICATED in fault.fault_list:
        name = exceptions.NOT_AUTHENTICATED
    fault_class = exceptions.get_fault_class(name)
    if fault_class is None:
        raise fault
    # Not every class that is registered takes more than a message.
    made = fault_class(str(fault))
    made.details = fault.details
    made.fault = fault.fault
    raise made from fault


def _asked(password: str | Callable[[], str]) -> Callable[[], str]:
    """A function that gives the password."""
    return password if callable(password) else lambda: password

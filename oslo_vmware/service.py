"""One SOAP service: call an operation, and translate what goes wrong.

Reading any attribute of a :class:`Service` gives a function that performs the operation of that
name. What belongs to one call (operation id, session cookie) is made for that call and handed to
the SOAP client as its arguments; nothing on the client changes, so any number of threads may
call at the same time.

Whatever fails on the way leaves here as an exception of :mod:`oslo_vmware.exceptions`, by the
table :data:`TRANSLATIONS` and the rules beside it. Faults stay ``VimFaultException``: only
``VMwareAPISession.invoke_api`` turns them into the classes that stand for them.
"""

import errno
import http.client
import importlib
import ipaddress
import logging
import ssl
import sys
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import suds

from oslo_vmware import _attempt, _request, _secrets, constants, exceptions
from oslo_vmware._i18n import _
from oslo_vmware._operations import Operation, meant, names_of, type_of
from oslo_vmware._replies import FIRST_PAGE, PAGES, check_retrieval, fault_exception
from oslo_vmware._retrievals import Retrievals
from oslo_vmware.soap.call import Call
from oslo_vmware.soap.client import SoapClient, open_client
from oslo_vmware.soap.errors import DescriptionError, NotSoapError, UnreadableReplyError
from oslo_vmware.soap.exchange import may_have_been_executed
from oslo_vmware.soap.objects import moref
from oslo_vmware.soap.transport import HttpTransport

if TYPE_CHECKING:
    from oslo_vmware._retrievals import Paging
    from oslo_vmware.soap.local_file import LocalFileAdapter, Response
    from oslo_vmware.soap.reference import CompatibilitySudsClient
    from oslo_vmware.soap.suds_parts import (
        CACHE_TIMEOUT,
        MemoryCache,
        RequestsTransport,
        ServiceMessagePlugin,
        SudsLogFilter,
    )

__all__ = [
    'ADDRESS_IN_USE_ERROR',
    'CACHE_TIMEOUT',
    'CONN_ABORT_ERROR',
    'RESP_NOT_XML_ERROR',
    'SERVICE_INSTANCE',
    'CompatibilitySudsClient',
    'LocalFileAdapter',
    'MemoryCache',
    'RequestsTransport',
    'Response',
    'Service',
    'ServiceMessagePlugin',
    'SudsLogFilter',
]

LOG = logging.getLogger(__name__)

SERVICE_INSTANCE = 'ServiceInstance'

ADDRESS_IN_USE_ERROR = 'Address already in use'
CONN_ABORT_ERROR = 'Software caused connection abort'
RESP_NOT_XML_ERROR = 'Response is "text/html", not "text/xml"'

#: Parts of the engines that are importable from here, as ever, and where they are. They are
#: imported when asked for: suds and requests take longer than all the rest.
_ELSEWHERE = {
    'CACHE_TIMEOUT': 'oslo_vmware.soap.suds_parts',
    'CompatibilitySudsClient': 'oslo_vmware.soap.reference',
    'LocalFileAdapter': 'oslo_vmware.soap.local_file',
    'MemoryCache': 'oslo_vmware.soap.suds_parts',
    'RequestsTransport': 'oslo_vmware.soap.suds_parts',
    'Response': 'oslo_vmware.soap.local_file',
    'ServiceMessagePlugin': 'oslo_vmware.soap.suds_parts',
    'SudsLogFilter': 'oslo_vmware.soap.suds_parts',
}

_OVERLOAD_TEXTS = (ADDRESS_IN_USE_ERROR, CONN_ABORT_ERROR, RESP_NOT_XML_ERROR)
_OVERLOAD_ERRNOS = (errno.EADDRINUSE, errno.ECONNABORTED)


#: Sends the request of a call, whose SOAP headers are given, and tells what the reply means.
Exchange = Callable[[HttpTransport, Call, dict[str, str]], Any]


def __getattr__(name: str) -> Any:
    module = _ELSEWHERE.get(name)
    if module is None:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(module), name)


def _overloaded(problem: BaseException) -> bool:
    return getattr(problem, 'errno', None) in _OVERLOAD_ERRNOS or any(
        text in str(problem) for text in _OVERLOAD_TEXTS
    )


#: What went wrong -> what the caller sees; the first row that fits decides. The classes of
#: requests stand before the rest because its RequestException is itself an OSError.
TRANSLATIONS: tuple[tuple[Callable[[BaseException], bool], type, str], ...] = (
    (
        lambda exc: isinstance(exc, AttributeError),
        exceptions.VimAttributeException,
        _('An attribute is missing in %s.'),
    ),
    (
        lambda exc: isinstance(
            exc,
            http.client.CannotSendRequest
            | http.client.ResponseNotReady
            | http.client.CannotSendHeader,
        ),
        exceptions.VimSessionOverLoadException,
        _('The HTTP connection was not ready for %s.'),
    ),
    (
        lambda exc: isinstance(exc, OSError | DescriptionError) and _beneath(exc, _is_refusal),
        exceptions.VimCertificateException,
        _('The server of %s is not trusted: its certificate was refused.'),
    ),
    (
        lambda exc: isinstance(exc, OSError | DescriptionError) and _beneath(exc, _is_no_bundle),
        exceptions.VimCertificateException,
        _('The CA bundle (cacert) to verify the server of %s with cannot be read.'),
    ),
    (
        lambda exc: _is_of('requests', 'RequestException', exc),
        exceptions.VimConnectionException,
        _('No answer arrived for %s.'),
    ),
    (
        lambda exc: isinstance(exc, UnreadableReplyError),
        exceptions.VimUnreadableReplyException,
        _('The reply to %s cannot be read.'),
    ),
    (
        lambda exc: isinstance(exc, NotSoapError | DescriptionError),
        exceptions.VimConnectionException,
        _('The server gave no usable answer for %s.'),
    ),
    (
        lambda exc: isinstance(exc, suds.MethodNotFound),
        exceptions.VimException,
        _('There is no operation %s'),
    ),
    (
        _overloaded,
        exceptions.VimSessionOverLoadException,
        _('The connection was overloaded in %s.'),
    ),
    (lambda exc: True, exceptions.VimException, _('%s failed.')),
)


def _beneath(problem: BaseException, matches: Callable[[BaseException], bool]) -> bool:
    """Whether an error, or anything that led to it, is of a kind."""
    pending: list[Any] = [problem]
    seen: list[Any] = []
    while pending:
        exc = pending.pop()
        if isinstance(exc, BaseException) and exc not in seen:
            if matches(exc):
                return True
            seen.append(exc)
            pending += [exc.__cause__, exc.__context__, getattr(exc, 'reason', None), *exc.args]
    return False


def _is_of(module: str, name: str, exc: BaseException) -> bool:
    """Whether an error is of a class of a library, which nobody need have imported."""
    return isinstance(exc, getattr(sys.modules.get(module), name, ()))


def _is_refusal(exc: BaseException) -> bool:
    # Releases of urllib3 before 2 compare the host name themselves.
    module = 'urllib3.util.ssl_match_hostname'
    return isinstance(exc, ssl.SSLCertVerificationError) or _is_of(module, 'CertificateError', exc)


def _is_no_bundle(exc: BaseException) -> bool:
    """Whether there is no CA bundle where one should be, or what is there is none."""
    if isinstance(exc, ssl.SSLError):
        # What fails in the handshake itself is of the library SSL.
        return exc.library in ('X509', 'PEM', 'ASN1')
    # requests has no class of its own for it.
    return isinstance(exc, OSError) and 'TLS CA certificate bundle' in str(exc)


def translated(problem: Exception, what: str) -> Exception:
    """The exception of this library that stands for an error from beneath.

    :param problem: what was raised
    :param what: what was being done, for the text, such as ``RetrieveServiceContent at host``
    :returns: exception to raise from ``problem``
    """
    if isinstance(problem, exceptions.VMwareDriverException):
        return problem
    if isinstance(problem, suds.WebFault):
        return fault_exception(problem)
    for matches, exception, text in TRANSLATIONS:
        if matches(problem):
            made: Exception = exception(text % what, problem)
            return made
    raise AssertionError('the last row of TRANSLATIONS fits everything')


class Service:
    """A SOAP service of a vSphere server.

    :param wsdl_url: where the interface description is (``https:``, ``http:`` or ``file:``)
    :param soap_url: where requests go
    :param cacert: path of the CA bundle to verify the server with
    :param insecure: without a ``cacert``: do not verify the server at all
    :param pool_maxsize: connections kept open to the server; more parallel calls are allowed
    :param connection_timeout: seconds to wait for a connection, and again for each piece of an
                               answer; None for a minute to connect and an hour of silence,
                               ``float('inf')`` for no limit
    :param op_id_prefix: what the operation ids in the server's logs begin with
    :param soap_engine: ``compiled`` or ``reference``; None for what the environment variable
                        ``OSLO_VMWARE_SOAP_ENGINE`` says, or else ``compiled``
    :raises VimConnectionException: the description cannot be had
    :raises ValueError: there is no such engine
    """

    def __init__(
        self,
        wsdl_url: str | None = None,
        soap_url: str | None = None,
        cacert: str | None = None,
        insecure: bool = True,
        pool_maxsize: int = 10,
        connection_timeout: float | None = None,
        op_id_prefix: str = 'oslo.vmware',
        soap_engine: str | None = None,
    ) -> None:
        self.wsdl_url = wsdl_url
        self.soap_url = soap_url
        self.op_id_prefix = op_id_prefix
        self._service_content: Any = None
        self._retrievals = Retrievals(cast('Paging', self))
        self._renew: Callable[[], None] | None = None
        self._transport = HttpTransport(
            cacert, insecure, pool_maxsize, connection_timeout, soap_url
        )
        LOG.debug('Opening a client for %s with the description %s', soap_url, wsdl_url)
        around = sys.exception()
        try:
            self.client = self._open_client(soap_engine)
        except (OSError, DescriptionError, NotSoapError) as exc:
            _secrets.conceal(exc, around)
            what = _('the interface description %s') % wsdl_url
            raise translated(exc, what) from exc

    def _open_client(self, engine: str | None) -> SoapClient:
        return open_client(self.wsdl_url or '', self.soap_url or '', self._transport, engine)

    @staticmethod
    def build_base_url(protocol: str, host: str, port: int | None) -> str:
        """``protocol://host[:port]``.

        :param host: name or address; an IPv6 address gets brackets unless it has them
        :param port: port number, or None to leave it out
        """
        try:
            if ipaddress.ip_address(host).version == 6:
                host = f'[{host}]'
        except ValueError:
            pass
        return f'{protocol}://{host}' + ('' if port is None else f':{port:d}')

    @property
    def service_content(self) -> Any:
        """What the server says of itself: ``about``, ``rootFolder`` and the managers.

        Fetched once; a new login forgets it, because the server may have been upgraded.

        :raises VimConnectionException: no answer arrived, or an empty one
        """
        # Another thread's login may forget it at any moment.
        content = self._service_content
        if content is None:
            content = self.retrieve_service_content()
            if not content:
                raise exceptions.VimConnectionException(
                    _('%s did not say what it is: the answer is empty.') % self.soap_url
                )
            self._service_content = content
        return content

    @property
    def knows_service_content(self) -> bool:
        """Whether :attr:`service_content` costs no call."""
        return self._service_content is not None

    def forget_service_content(self) -> None:
        """Have :attr:`service_content` fetched anew at its next use."""
        self._service_content = None

    def get_http_cookie(self) -> str | None:
        """The value of the session cookie as the server set it, quotes included, or None."""
        for cookie in self.client.cookiejar:
            if cookie.name.lower() == constants.SOAP_COOKIE_KEY:
                return cookie.value
        return None

    def close(self) -> None:
        """Close the HTTP connections; a later call opens new ones."""
        self._transport.close()

    def _soap_headers(self, op_id: str | None) -> Sequence[tuple[str, str]]:
        """The SOAP headers of one call, in the order they are sent."""
        return (('operationID', op_id),) if op_id else ()

    if TYPE_CHECKING:
        # The operations are known by name, from the stubs that Vim and Pbm are derived from.
        def retrieve_service_content(self) -> Any: ...
    else:

        def __getattr__(self, attr_name: str) -> Callable[..., Any]:
            # copy, pickle, debuggers and mocks probe for names of this kind: they get no operation.
            if attr_name.startswith('_'):
                raise AttributeError(f'{type(self).__name__} has no attribute {attr_name!r}')
            return Operation(self, attr_name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *names_of(self)]

    def _perform(self, name: str, managed_object: Any, arguments: dict[str, Any]) -> Any:
        if managed_object is None:
            LOG.warning('%s is called on None: nothing is sent, and the result is None', name)
            return None
        if isinstance(managed_object, str):
            managed_object = moref(managed_object, managed_object)
        op_id = None if arguments.pop('skip_op_id', False) else self._new_op_id()
        call = Call(name)

        def ask() -> Any:
            # Also tells a proxy of nothing, which is not None itself, from a reference.
            type_ = type_of(managed_object, name)
            if op_id:
                LOG.debug('Invoking %s.%s with opID=%s', type_, name, op_id)
            reply = self.client.call(
                name, managed_object, arguments, self._soap_headers(op_id), call
            )
            if name.lower() in PAGES:
                check_retrieval(name, reply)
                if name.lower() == FIRST_PAGE:
                    self._retrievals.begin(arguments, reply)
            return reply

        return self._seen_through(call, op_id, arguments, ask)

    def exchange(self, name: str, arguments: dict[str, Any], ask: Exchange) -> Any:
        """Perform an operation whose messages somebody else writes and reads.

        For :mod:`oslo_vmware.pyvmomi`, and internal.

        :param name: of the operation
        :param arguments: by name, for what must not be seen of them if it fails
        :param ask: sends the request, and gives what the reply means
        :returns: what ``ask`` gives
        """
        op_id = self._new_op_id()
        call = Call(name)
        LOG.debug('Exchanging %s with opID=%s', name, op_id)

        def asked() -> Any:
            headers = self._soap_headers(op_id)
            call.carries(arguments, headers)
            return ask(self._transport, call, dict(headers))

        return self._seen_through(call, op_id, arguments, asked)

    def _new_op_id(self) -> str:
        return f'{self.op_id_prefix}-{uuid.uuid4()}{_request.suffix()}'

    def _seen_through(
        self, call: Call, op_id: str | None, arguments: dict[str, Any], ask: Callable[[], Any]
    ) -> Any:
        """What comes of a call, noted in the attempt that it is part of.

        :param ask: makes it
        """
        around = sys.exception()
        try:
            reply = ask()
        except Exception as exc:
            self._conceal(exc, around, call, arguments)
            exception = self._failure(call, op_id, exc)
            if exception is exc:
                raise
            raise exception from exc
        except BaseException as exc:
            # Such as the time-out of a green thread.
            self._conceal(exc, around, call, arguments)
            if call.has_left:
                _attempt.note(call.effect, call.operation, op_id)
            raise
        _attempt.note(call.effect, call.operation, op_id)
        return reply

    def continue_retrieval(self, page: Any) -> Any:
        """The page of properties after one that has a token, also where its session was lost.

        For :func:`oslo_vmware.vim_util.continue_retrieval`, and internal.
        """
        return self._retrievals.next_page(page)

    def follow_session(self, renew: Callable[[], None]) -> None:
        """Have a session renewed that is lost between two pages of properties; internal.

        :param renew: logs in unless the session is alive
        """
        self._renew = renew

    def renew_session(self) -> bool:
        """Log in unless the session is alive; tells whether there is somebody to do so."""
        if self._renew is not None:
            self._renew()
        return self._renew is not None

    def _conceal(
        self,
        problem: BaseException,
        around: BaseException | None,
        call: Call,
        arguments: dict[str, Any],
    ) -> None:
        """Let an error, and our own frames, carry no password and no cookie.

        :param around: what the caller was handling
        """
        _secrets.conceal(problem, around, call.secrets(self._transport.cookiejar))
        _secrets.forget_arguments(arguments)
        call.forget_what_it_carries()

    def _failure(self, call: Call, op_id: str | None, problem: Exception) -> Exception:
        """What to raise for a call that failed, and what is to be noted of it."""
        what = f'{call.operation} ({self.soap_url})'
        if isinstance(problem, suds.MethodNotFound):
            what += meant(self, call.operation)
        exception = translated(problem, what)
        if isinstance(exception, exceptions.VimFaultException):
            # A fault is an answer; this one says that nothing was done.
            if exceptions.NOT_AUTHENTICATED not in exception.fault_list:
                _attempt.note(call.effect, call.operation, op_id)
        elif may_have_been_executed(call, problem):
            _attempt.note(call.effect, call.operation, op_id)
            if not call.effect.is_repeatable:
                return exceptions.VimOutcomeUnknownException(
                    _('%(operation)s may have been executed: no usable answer came. %(reason)s')
                    % {
                        'operation': _attempt.Sent(call.operation, op_id),
                        'reason': getattr(exception, 'msg', exception),
                    },
                    problem,
                    call.operation,
                    op_id,
                )
        return exception

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.soap_url})'

    def __str__(self) -> str:
        return repr(self)

"""pyVmomi's way to the server, by a session of this library.

pyVmomi writes the requests and reads the replies. What is between, the session's client does:
connections, TLS, proxies, time-outs, cookies, and what a process that was forked off may use of
them. Each call goes through ``invoke_api``, so an expired session is renewed, and a call repeated,
by the rules of :mod:`oslo_vmware.api`: what may have changed something is not sent twice.
"""

import builtins
import copy
import functools
import io
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

from lxml import etree
from pyVmomi import VmomiSupport
from pyVmomi.SoapAdapter import SoapResponseDeserializer, SoapStubAdapterBase

from oslo_vmware import _pbm_session, constants, exceptions
from oslo_vmware._i18n import _
from oslo_vmware._replies import FIRST_PAGE, check_retrieval, says_session_is_gone
from oslo_vmware.soap import unmarshal, versions
from oslo_vmware.soap.call import Call
from oslo_vmware.soap.errors import NotSoapError, UnreadableReplyError, unreadable
from oslo_vmware.soap.exchange import exchanged, is_answer_without_body
from oslo_vmware.soap.faults import conceal_in
from oslo_vmware.soap.mending import mended
from oslo_vmware.soap.start_tags import XSI_TYPE
from oslo_vmware.soap.transport import HttpTransport, Reply
from oslo_vmware.soap.unmarshal import ENVELOPE

MethodFault: Any = VmomiSupport.GetVmodlType('vmodl.MethodFault')
NotAuthenticated: Any = VmomiSupport.GetVmodlType('vim.fault.NotAuthenticated')
InvalidCollectorVersion: Any = VmomiSupport.GetVmodlType('vmodl.query.InvalidCollectorVersion')

#: Namespaces of the services, as pyVmomi has them.
VIM, PBM = 'vim25', 'pbm'

_OK = 200
_FAULT = f'{ENVELOPE}Fault'

#: What pyVmomi raises where a reply has a type, a member or a value that it does not know.
_UNKNOWN = (KeyError, AttributeError, TypeError, ValueError, ExpatError)

#: Operations that would make the session another one than its owner knows, and ends.
_LOGINS = ('Login', 'CloneSession')

#: Operations that give properties of many objects, with what each may not tell.
_RETRIEVALS = (FIRST_PAGE, 'retrieveproperties')

#: Operations that tell what has changed by the filters of the session.
_UPDATES = ('CheckForUpdates', 'WaitForUpdates', 'WaitForUpdatesEx')
_GONE = 'The session was renewed: make filters anew.'

#: Releases of vSphere before this one know the first version of PBM only. Later versions of PBM
#: are numbered as the releases are.
_SECOND_PBM = '6.0'


class _Fault(NamedTuple):
    """What an operation ended with, unlike a fault that is its result, such as a lease's error."""

    fault: Any


class SessionStub(SoapStubAdapterBase):
    """What pyVmomi's objects make their calls by; any number of threads may use it.

    Of pyVmomi's own stub it has what programs read: ``host``, ``port``, ``path``, ``version`` and
    ``cookie``, which is the session's own at any moment.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param service: the session's client, ``session.vim`` or ``session.pbm``
    :param version: pyVmomi's name of the version to speak
    """

    def __init__(self, session: Any, service: Any, version: str) -> None:
        super().__init__(version)
        self._session = session
        self._service = service
        self.requestContext: dict[str, str] | None = None
        where = urlsplit(service.soap_url)
        self.host = where.netloc
        self.port = where.port
        self.path = where.path

    @property
    def cookie(self) -> str:
        """The session's cookie, as pyVmomi's own stub keeps what the server has set."""
        value = self._session.vim.get_http_cookie()
        return f'{constants.SOAP_COOKIE_KEY}={value}; Path=/; HttpOnly' if value else ''

    def GetSessionId(self) -> str | None:  # noqa: N802 - pyVmomi's name
        """The cookie's value without quotes, None before the first login."""
        value = self._session.vim.get_http_cookie()
        return value.strip('"') if value else None

    def SetSessionId(self, sessionId: str | None) -> None:  # noqa: N802, N803 - pyVmomi's names
        """Only pyVmomi's constructor does so: whose the session is, is the session's business.

        :raises TypeError: there is an id to set
        """
        if sessionId is not None:
            raise TypeError('the session of this stub is that of a VMwareAPISession')

    def DropConnections(self) -> None:  # noqa: N802 - pyVmomi's name
        """Close the connections of the session's client; the next call opens new ones."""
        self._service.close()

    def __deepcopy__(self, memo: Any) -> 'SessionStub':
        return self

    def __repr__(self) -> str:
        return f'<{type(self).__name__} of {self._service!r}>'

    def InvokeMethod(self, mo: Any, info: Any, args: Any) -> Any:  # noqa: N802 - pyVmomi's name
        """Perform an operation.

        :raises vmodl.MethodFault: what the server says, as pyVmomi has it
        :raises TypeError: pyVmomi cannot write the request, or it is a login
        :raises VimConnectionException: no usable answer arrived
        """
        name = info.wsdlName
        if name == 'Logout':
            self._session.logout()
            return None
        if name.startswith(_LOGINS):
            raise TypeError(f'{name}: the session of this stub is that of a VMwareAPISession')
        refusals: list[Any] = []
        logins = self._session.login_count

        def ask(transport: HttpTransport, call: Call, headers: dict[str, str]) -> Any:
            if name in _UPDATES and self._session.login_count != logins:
                # The filters have gone with the session. Without one, nothing would ever change.
                return _Fault(InvalidCollectorVersion(msg=_GONE))
            request = self._writer(headers).SerializeRequest(mo, info, args)
            reply = exchanged(transport, call, self._service.soap_url, request, self.versionId)
            result = self._result(info, reply, call, transport)
            if _is_refusal(name, result):
                refusals.append(result)
                said = result.fault.msg if isinstance(result, _Fault) else None
                raise exceptions.VimFaultException([exceptions.NOT_AUTHENTICATED], said)
            if name.lower() == FIRST_PAGE and result is None:
                check_retrieval(name, result)
            return result

        arguments = dict(zip((one.name for one in info.params), args, strict=False))
        try:
            result = self._session.invoke_api(self._service, 'exchange', name, arguments, ask)
        except exceptions.VimException as exc:
            return _as_pyvmomi_has_it(exc, refusals)
        if isinstance(result, _Fault):
            raise result.fault
        return None if name.lower() == FIRST_PAGE and not result else result

    def _writer(self, headers: dict[str, str]) -> Any:
        """What writes the request of one call."""
        writer = copy.copy(self)
        # It counts for more than pyVmomi's own context of the thread, where a program may have put
        # a cookie that was the session's once.
        writer.requestContext = (self.requestContext or {}) | headers
        return writer

    def _result(self, info: Any, reply: Reply, call: Call, transport: HttpTransport) -> Any:
        """What a reply says: the result, or a fault."""
        if not reply.body:
            if is_answer_without_body(call, reply, info.result is not type(None)):
                return None
            raise NotSoapError(info.wsdlName, reply, 'the reply is empty')
        try:
            # Without a tree of it, which takes several times as much memory.
            unmarshal.check(reply.body)
        except unmarshal.NotWellFormedError as exc:
            legible = mended(info.wsdlName, reply)
            if legible is None:
                raise unreadable(info.wsdlName, reply, f'the reply cannot be read: {exc}') from exc
            return self._result(info, legible, call, transport)
        except unmarshal.XmlError as exc:
            raise NotSoapError(info.wsdlName, reply, f'the reply cannot be read: {exc}') from exc
        tag = _tag_of_message(reply.body)
        if tag == _FAULT:
            envelope = unmarshal.parse(reply.body)
            fault = envelope.find(f'{ENVELOPE}Body/{_FAULT}')
            conceal_in(fault, call.secrets(transport.cookiejar))
            return self._fault(fault, etree.tostring(envelope))
        if tag is None or etree.QName(tag).localname != f'{info.wsdlName}Response':
            raise NotSoapError(info.wsdlName, reply, 'the reply is not an answer to the question')
        if reply.status != _OK:
            raise NotSoapError(info.wsdlName, reply, 'HTTP error with a SOAP body, but no fault')
        try:
            return SoapResponseDeserializer(self).Deserialize(reply.body, info.result)
        except _UNKNOWN as exc:
            problem = f'pyVmomi does not know what is in the reply: {exc}'
            raise UnreadableReplyError(info.wsdlName, reply, problem) from exc

    def _fault(self, element: Any, document: bytes) -> _Fault:
        try:
            fault = SoapResponseDeserializer(self).Deserialize(document, object)
            if isinstance(fault, MethodFault):
                return _Fault(fault)
        except _UNKNOWN:
            pass
        # One that pyVmomi does not know, or of which it does not know all.
        detail = element.find('detail/*')
        name = '' if detail is None else detail.get(XSI_TYPE, '')
        fault_class = _fault_class(name) or MethodFault
        return _Fault(fault_class(msg=element.findtext('faultstring') or ''))


def stub(session: Any, namespace: str) -> SessionStub:
    """The stub of a session for a service, in the newest version that both sides know.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param namespace: :data:`VIM` or :data:`PBM`
    """
    # As a call of the session, which sees it through trouble.
    content = session.invoke_api(builtins, 'getattr', session.vim, 'service_content')
    service = session.vim if namespace == VIM else _pbm_session.client(session)
    return SessionStub(session, service, _version(namespace, content.about.apiVersion))


@functools.lru_cache(maxsize=32)
def _version(namespace: str, server: str) -> str:
    """pyVmomi's name of the newest of its versions that a server knows.

    :param server: the version of VIM that it has
    """
    known = {
        VmomiSupport.versionIdMap[name]: name
        for name in VmomiSupport.GetServiceVersions(namespace)
        if VmomiSupport.versionIdMap[name].replace('.', '').isdigit()
    }
    if namespace == PBM and versions.is_newer(_SECOND_PBM, server):
        return str(known['1.0'])
    newest = versions.newest_not_newer(tuple(known), server)
    if newest is None:
        raise exceptions.VimException(
            _('pyVmomi knows no version of %(namespace)s that a server of version %(server)s knows')
            % {'namespace': namespace, 'server': server}
        )
    return str(known[newest])


def _tag_of_message(document: bytes) -> str | None:
    """The tag of the first element in the body of an envelope; None without one."""
    for _event, element in etree.iterparse(io.BytesIO(document), events=('start',)):
        around = element.getparent()
        if around is not None and around.tag == f'{ENVELOPE}Body':
            return str(element.tag)
    return None


def _is_refusal(operation: str, result: Any) -> bool:
    """Whether a result may say that the session is gone: it, or what it says of a property."""
    if isinstance(result, _Fault):
        return says_session_is_gone(VmomiSupport.GetWsdlName(type(result.fault)))
    if operation.lower() not in _RETRIEVALS or not result:
        return False
    contents = getattr(result, 'objects', result)
    return any(
        isinstance(missing.fault, NotAuthenticated)
        for content in contents
        for missing in content.missingSet
    )


def _as_pyvmomi_has_it(exc: exceptions.VimException, refusals: list[Any]) -> Any:
    """Raise pyVmomi's fault for what a call ended with, or that itself where there is none.

    :returns: a result that was taken for the refusal of a session, which lives
    """
    if isinstance(exc.__cause__, MethodFault | TypeError):
        # Its own, for a request that it cannot write, such as of an operation that the server is
        # too old for.
        raise exc.__cause__ from None
    names = getattr(exc, 'fault_list', None) or []
    if isinstance(exc, exceptions.NotAuthenticatedException):
        names = [exceptions.NOT_AUTHENTICATED]
    if exceptions.NOT_AUTHENTICATED in names and refusals:
        if isinstance(refusals[-1], _Fault):
            raise refusals[-1].fault from exc
        return refusals[-1]
    fault_class = _fault_class(names[0]) if names else None
    if fault_class is not None:
        raise fault_class(msg=exc.msg) from exc
    raise exc


def _fault_class(name: str) -> Any:
    """pyVmomi's class for a fault; None if it has none.

    :param name: of its type, with or without a prefix
    """
    try:
        found = VmomiSupport.GuessWsdlType(name.rpartition(':')[2])
    except KeyError:
        return None
    return found if issubclass(found, MethodFault) else None

"""How far one gets to a server: name, connection, TLS, HTTP, SOAP, login.

Each stage is looked at by itself, so that the first that fails says what is wrong. What follows it
is not tried. Behind a proxy the first three are the proxy's business.
"""

import dataclasses
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from oslo_vmware import _trust, exceptions
from oslo_vmware.api import VMwareAPISession
from oslo_vmware.cli.check import tls
from oslo_vmware.cli.check.findings import CONSUMERS, Finding, Outcome, few, words
from oslo_vmware.soap.transport import HttpTransport

# A large inventory takes its time.
_SESSION_SECONDS = 120.0

_THEME, _SERVICE = 'connection', 'service'


@dataclasses.dataclass(frozen=True)
class Target:
    """Where the server is, and who logs in there.

    :ivar password: function that gives it
    :ivar cacert: path of the CA bundle; None for the default one
    :ivar timeout: seconds for each step before the login
    """

    host: str
    username: str
    password: Callable[[], str]
    port: int = 443
    cacert: str | None = None
    insecure: bool = False
    timeout: float = 20.0

    @property
    def url(self) -> str:
        """Of the service, without a path."""
        host = f'[{self.host}]' if ':' in self.host else self.host
        return f'https://{host}:{self.port}'

    def session(self) -> VMwareAPISession:
        """A session that has not logged in yet, and repeats nothing."""
        return VMwareAPISession(
            self.host,
            self.username,
            self.password,
            api_retry_count=0,
            task_poll_interval=0.5,
            create_session=False,
            port=self.port,
            cacert=self.cacert,
            insecure=self.insecure,
            connection_timeout=_SESSION_SECONDS,
        )


def look(target: Target, session: VMwareAPISession) -> Iterator[Finding]:
    """Go from stage to stage until one fails; after the last one the session has logged in.

    :param session: of :meth:`Target.session`
    """
    transport = HttpTransport(target.cacert, target.insecure, 1, target.timeout, target.url)
    proxy = _proxy(target.url)
    if proxy:
        yield Finding(
            _THEME,
            'proxy',
            Outcome.FINE,
            f'the environment says to go through {proxy}; name, connection and TLS are not '
            'looked at',
            'Name the server in no_proxy if it can be reached without.',
        )
        stages = [_http, _soap, _login]
    else:
        stages = [_name, _connect, _tls, _http, _soap, _login]
    looked = _Looked(target, session, transport)
    try:
        for stage in stages:
            for finding in stage(looked):
                yield finding
                if finding.outcome is Outcome.FAILED:
                    return
    finally:
        transport.close()


@dataclasses.dataclass(frozen=True)
class _Looked:
    target: Target
    session: VMwareAPISession
    transport: HttpTransport


def _failed(subject: str, found: str, advice: str) -> Finding:
    theme = _THEME if subject in ('name', 'port') else _SERVICE
    return Finding(theme, subject, Outcome.FAILED, found, advice, CONSUMERS)


def _proxy(url: str) -> str | None:
    """The proxy that the environment has for a URL, without its password."""
    from requests.utils import get_environ_proxies, select_proxy

    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return None
    parts = urlsplit(proxy if '://' in proxy else f'//{proxy}')
    return f'{parts.hostname}:{parts.port}' if parts.port else f'{parts.hostname}'


def _name(looked: _Looked) -> Iterator[Finding]:
    host = looked.target.host
    try:
        found = socket.getaddrinfo(host, looked.target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        yield _failed(
            'name',
            f'{host} has no address: {words(exc)}',
            'Look for a typing error, and at the name servers of this machine (resolv.conf).',
        )
        return
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    yield Finding(
        _THEME, 'name', Outcome.FINE, f'{host} is {few(addresses)}', data={'addresses': addresses}
    )


def _connect(looked: _Looked) -> Iterator[Finding]:
    target = looked.target
    started = time.monotonic()
    try:
        with socket.create_connection((target.host, target.port), target.timeout) as connection:
            peer = connection.getpeername()[0]
    except ConnectionRefusedError:
        yield _failed(
            'port',
            f'nothing listens at port {target.port} of {target.host}',
            'Give the port of HTTPS, which is 443 unless somebody changed it; or the server is '
            'just starting.',
        )
        return
    except TimeoutError:
        yield _failed(
            'port',
            f'no answer from port {target.port} of {target.host} in {target.timeout:.0f} s',
            'Look for a firewall on the way, and whether the server runs.',
        )
        return
    except OSError as exc:
        yield _failed(
            'port', f'no connection to {target.host}: {words(exc)}', 'Look at the routes there.'
        )
        return
    milliseconds = round((time.monotonic() - started) * 1000, 1)
    yield Finding(
        _THEME,
        'port',
        Outcome.FINE,
        f'{peer} takes connections at port {target.port} ({milliseconds} ms)',
        data={'address': peer, 'port': target.port, 'milliseconds': milliseconds},
    )


def _tls(looked: _Looked) -> Iterator[Finding]:
    trust = _trust.trust_of(looked.transport.cookiejar)
    verify = trust.verify if trust is not None else looked.transport.verify
    target = looked.target
    yield from tls.look((target.host, target.port), verify, target.timeout)


def _http(looked: _Looked) -> Iterator[Finding]:
    url = f'{looked.target.url}/sdk/vimServiceVersions.xml'
    try:
        reply = looked.transport.get(url)
    except OSError as exc:
        yield _failed(
            'HTTP', f'no answer: {words(exc)}', 'Look at the logs of the server, or a proxy.'
        )
        return
    if reply.status == 200:
        yield Finding(_SERVICE, 'HTTP', Outcome.FINE, 'the server answers', data={'status': 200})
    elif reply.status in (502, 503, 504):
        yield _failed(
            'HTTP',
            f'status {reply.status}: the service behind the door does not answer',
            'A vCenter says so while it starts, which takes minutes, and when its service vpxd is '
            'down.',
        )
    else:
        yield _failed(
            'HTTP',
            f'status {reply.status} for {url}',
            'This does not look like a vCenter or an ESX host: look at name and port.',
        )


def _soap(looked: _Looked) -> Iterator[Finding]:
    try:
        about = looked.session.vim.service_content.about
    except exceptions.VMwareDriverException as exc:
        yield _failed(
            'SOAP',
            f'the service at /sdk gives no usable answer: {words(exc)}',
            'This does not look like a vCenter or an ESX host: look at name and port.',
        )
        return
    yield Finding(_SERVICE, 'SOAP', Outcome.FINE, f'{about.fullName} answers at /sdk')


def _login(looked: _Looked) -> Iterator[Finding]:
    user = looked.target.username
    try:
        looked.session._create_session()
    except exceptions.VimFaultException as fault:
        yield _failed('login', *_refused(fault, user))
        return
    except exceptions.VMwareDriverException as exc:
        yield _failed(
            'login', f'no answer: {words(exc)}', 'Try again; look at the logs of the server.'
        )
        return
    yield Finding(_SERVICE, 'login', Outcome.FINE, f'{user} may log in')


def _refused(fault: exceptions.VimFaultException, user: str) -> tuple[str, str]:
    """Why a login was refused, and what to do."""
    if 'InvalidLogin' in fault.fault_list:
        return (
            f'the password of {user} is wrong, or there is no such account',
            (
                'Give the name with its domain, as in administrator@vsphere.local. After some '
                'failures the account is locked for a while.'
            ),
        )
    if 'NoPermission' in fault.fault_list:
        return (
            f'{user} may see nothing at all',
            'Give the account a role on the root of the inventory, or on a datacenter.',
        )
    return f'{user} was refused: {words(fault)}', 'Look at the logs of the server.'

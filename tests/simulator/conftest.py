"""A simulated vCenter, and clients for it that are not ours."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from lxml import etree
from pyVim import connect
from pyVmomi import VmomiSupport, vim

from oslo_vmware.simulator import Ref, VCenterSimulator

from .policies import Client
from .served import WRITES, Noted

SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
XSI = 'http://www.w3.org/2001/XMLSchema-instance'

SERVICE_INSTANCE = Ref('ServiceInstance', 'ServiceInstance')
SESSION_MANAGER = Ref('SessionManager', 'SessionManager')
PROPERTY_COLLECTOR = Ref('PropertyCollector', 'propertyCollector')


NOTED = Noted()


def pytest_configure(config: pytest.Config) -> None:
    NOTED.install()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if WRITES:
        NOTED.write()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Hold what a test calls against the lines that the table of operations has for it."""
    NOTED.begin()
    yield
    missing = NOTED.end(f'{item.path.name}::{item.nodeid.partition("::")[2]}')
    if missing:
        pytest.fail(
            f'operations.txt says that a client calls {", ".join(sorted(missing))} here and is '
            'answered, which did not come to pass'
        )


class Answer:
    """A reply to a raw request, as XML."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self.body = etree.fromstring(response.content).find(f'{{{SOAP}}}Body')
        self.fault = self.body.find(f'{{{SOAP}}}Fault')

    @property
    def fault_type(self) -> str | None:
        """The vSphere fault's type, None when there is no fault."""
        if self.fault is None:
            return None
        detail = self.fault.find('detail')[0]
        return detail.get(f'{{{XSI}}}type')

    @property
    def fault_text(self) -> str | None:
        return None if self.fault is None else self.fault.findtext('faultstring')

    def text(self, path: str) -> str | None:
        """Text of an element below the reply's, such as ``returnval/key``."""
        return self.body[0].findtext('/'.join(f'{{urn:vim25}}{step}' for step in path.split('/')))

    def texts(self, path: str) -> list[str | None]:
        steps = '/'.join(f'{{urn:vim25}}{step}' for step in path.split('/'))
        return [found.text for found in self.body[0].findall(steps)]


class Soap:
    """Posts what it is told, over one HTTP session."""

    def __init__(self, vc: VCenterSimulator) -> None:
        self.vc = vc
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = vc.cacert

    def post(self, data: str | bytes, **headers: str) -> requests.Response:
        sent = {'Content-Type': 'text/xml; charset=utf-8', 'SOAPAction': '"urn:vim25/6.7"'}
        sent |= {name.replace('_', '-'): value for name, value in headers.items()}
        body = data.encode() if isinstance(data, str) else data
        return self.http.post(self.vc.sdk_url, data=body, headers=sent, timeout=30)

    def envelope(self, operation: str, this: Ref, content: str = '', header: str = '') -> str:
        return (
            f'<e:Envelope xmlns:e="{SOAP}" xmlns:xsi="{XSI}"'
            ' xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
            f'<e:Header>{header}</e:Header><e:Body><{operation} xmlns="urn:vim25">'
            f'<_this type="{this.type}">{this.value}</_this>{content}</{operation}>'
            '</e:Body></e:Envelope>'
        )

    def call(
        self, operation: str, this: Ref, content: str = '', header: str = '', **headers: str
    ) -> Answer:
        return Answer(self.post(self.envelope(operation, this, content, header), **headers))

    def login(self, user: str | None = None, password: str | None = None) -> Answer:
        user = self.vc.username if user is None else user
        password = self.vc.password if password is None else password
        return self.call(
            'Login',
            SESSION_MANAGER,
            f'<userName>{user}</userName><password>{password}</password>',
        )


class RawPbm(Soap):
    """Posts to /pbm what it is told, with the cookie of a session in the header, or another."""

    cookie: str | None = None

    def call(
        self, operation: str, this: Ref, content: str = '', header: str = '', **headers: str
    ) -> Answer:
        if self.cookie is not None:
            header += f'<vcSessionCookie>{self.cookie}</vcSessionCookie>'
        envelope = self.envelope(operation, this, content, header)
        envelope = envelope.replace('xmlns="urn:vim25"', 'xmlns="urn:pbm"')
        sent = {'Content-Type': 'text/xml', 'SOAPAction': '"urn:pbm/2.0"'}
        sent |= headers
        response = self.http.post(self.vc.pbm_url, data=envelope.encode(), headers=sent, timeout=30)
        return Answer(response)


def read_spec(this: Ref, *paths: str) -> str:
    """The arguments of RetrievePropertiesEx for some properties of one object."""
    return (
        f'<specSet><propSet><type>{this.type}</type>'
        + ''.join(f'<pathSet>{path}</pathSet>' for path in paths)
        + f'</propSet><objectSet><obj type="{this.type}">{this.value}</obj></objectSet></specSet>'
        '<options/>'
    )


def ends(function: Callable[[], object]) -> bool:
    """Whether something comes to its end, given time enough on any machine."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(30)
    return not thread.is_alive()


@pytest.fixture
def soap(vcenter: VCenterSimulator) -> Iterator[Soap]:
    """A raw client, not logged in."""
    client = Soap(vcenter)
    yield client
    client.http.close()


def pyvmomi_connection(vc: VCenterSimulator, **options: Any) -> Any:
    """Log in with pyVmomi, verifying the server's certificate."""
    context = ssl.create_default_context(cafile=vc.cacert)
    return connect.SmartConnect(
        host=vc.host,
        port=vc.port,
        user=vc.username,
        pwd=vc.password,
        sslContext=context,
        **options,
    )


@pytest.fixture
def si(vcenter: VCenterSimulator) -> Iterator[Any]:
    """pyVmomi's service instance, logged in."""
    instance = pyvmomi_connection(vcenter)
    yield instance
    connect.Disconnect(instance)


@pytest.fixture
def machines(si: Any) -> list[Any]:
    """All virtual machines, through a container view, as pyVmomi objects."""
    content = si.content
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    return list(view.view)


@pytest.fixture
def client(si: Any, vcenter: VCenterSimulator) -> Iterator[Client]:
    """pyVmomi at /pbm, with the cookie of its session."""
    made = Client(si, vcenter)
    yield made
    made.stub.DropConnections()
    VmomiSupport.GetRequestContext().pop('vcSessionCookie', None)


@pytest.fixture
def raw(vcenter: VCenterSimulator) -> Iterator[RawPbm]:
    """A raw client of /pbm with the cookie of a session."""
    made = RawPbm(vcenter)
    login = vcenter.sessions.login(vcenter.username, vcenter.password, 'en', '')
    assert login
    made.cookie = login.cookie.strip('"')
    yield made
    made.http.close()

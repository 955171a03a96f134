"""HTTP and TLS: what any client meets before it speaks SOAP."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import threading
import time
from typing import Any

import pytest
import requests
from lxml import etree

from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.wire.httpd import HttpServer, Request, Response
from tests.simulator.conftest import PROPERTY_COLLECTOR, SERVICE_INSTANCE, Soap, ends, read_spec


def threads_of(vc: VCenterSimulator) -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith('simulator-')]


def test_requests_share_a_connection(vcenter: VCenterSimulator, soap: Soap) -> None:
    """A client that keeps its connection alive is served on that one."""
    for _ in range(5):
        assert soap.call('RetrieveServiceContent', SERVICE_INSTANCE).fault is None
    assert vcenter.open_connections == 1


def test_long_replies_are_compressed_when_the_client_takes_it(soap: Soap) -> None:
    """gzip is used for those who say so, and for them only."""
    soap.login()
    wanted = read_spec(SERVICE_INSTANCE, 'content', 'capability')
    for accepted, encoding in (
        ('gzip, deflate', 'gzip'),
        ('gzip;q=0', None),
        ('identity', None),
    ):
        answer = soap.call(
            'RetrievePropertiesEx', PROPERTY_COLLECTOR, wanted, Accept_Encoding=accepted
        )
        assert answer.response.headers.get('Content-Encoding') == encoding
        assert answer.text('returnval/objects/propSet/name') == 'content'


def test_compressed_requests_are_read(soap: Soap) -> None:
    """A gzip body is unpacked; one that only claims to be is HTTP 400."""
    body = soap.envelope('RetrieveServiceContent', SERVICE_INSTANCE).encode()
    assert soap.post(gzip.compress(body), Content_Encoding='gzip').status_code == 200
    assert soap.post(body, Content_Encoding='gzip').status_code == 400


def test_chunked_requests_are_read(soap: Soap) -> None:
    """A body of unknown length is put together, and the connection goes on after it."""
    body = soap.envelope('RetrieveServiceContent', SERVICE_INSTANCE).encode()
    for _ in range(2):
        response = soap.http.post(
            soap.vc.sdk_url,
            data=iter([body[:100], body[100:]]),
            headers={'SOAPAction': 'urn:vim25/6.7'},
            timeout=30,
        )
        assert response.status_code == 200
        assert b'RetrieveServiceContentResponse' in response.content
    assert soap.vc.open_connections == 1


@pytest.mark.parametrize(
    ('method', 'path'),
    [
        ('GET', '/'),
        ('GET', '/sdk'),
        ('GET', '/sdk/../../../setup.cfg'),
        ('GET', '/sdk/__init__.py'),
        ('GET', '/sdk/nothing.wsdl'),
        ('POST', '/sms'),
        ('GET', '/pbm'),
        ('GET', '/pbm/../vim/vim.wsdl'),
        ('GET', f'/sdk/{"a" * 300}.wsdl'),
        ('GET', '/sdk/%00.wsdl'),
        ('PUT', '/sdk'),
        ('DELETE', '/sdk/vimService.wsdl'),
    ],
)
def test_what_is_not_there_is_a_page_with_404(soap: Soap, method: str, path: str) -> None:
    """Unknown addresses are refused with a page, and nothing but descriptions is handed out."""
    request = requests.Request(method, soap.vc.url).prepare()
    request.url = f'{soap.vc.url}{path}'
    response = soap.http.send(request, timeout=30)
    assert (response.status_code, response.headers['Content-Type']) == (404, 'text/html')
    assert '404' in response.text


def test_the_description_leads_to_all_its_parts(soap: Soap) -> None:
    """From vimService.wsdl every import and include can be fetched, and it names this server."""
    todo, documents = ['vimService.wsdl'], {}
    while todo:
        name = todo.pop()
        if name in documents:
            continue
        response = soap.http.get(f'{soap.vc.sdk_url}/{name}', timeout=30)
        assert response.status_code == 200
        documents[name] = etree.fromstring(response.content)
        for element in documents[name].iter('{*}import', '{*}include'):
            location = element.get('location') or element.get('schemaLocation')
            if location:
                todo.append(location)
    assert {'vimService.wsdl', 'vim.wsdl', 'vim-types.xsd', 'core-types.xsd'} <= set(documents)
    address = next(documents['vimService.wsdl'].iter('{*}address'))
    assert address.get('location') == soap.vc.sdk_url


@pytest.mark.parametrize(
    ('version', 'next_older', 'newer'),
    [('9.1.1.0', '9.1.0.0', None), ('8.0.3.0', '8.0.2.0', '9.0.0.0'), ('6.7', '6.5', '6.7.1')],
)
def test_published_versions_end_at_the_servers_own(
    version: str, next_older: str, newer: str | None
) -> None:
    """vimServiceVersions.xml names the server's version, older ones and no newer one."""
    with VCenterSimulator(api_version=version) as vc:
        url = f'{vc.sdk_url}/vimServiceVersions.xml'
        root = etree.fromstring(requests.get(url, verify=vc.cacert, timeout=30).content)
        wsdl = requests.get(f'{vc.sdk_url}/vim.wsdl', verify=vc.cacert, timeout=30).text
    assert root.findtext('namespace/name') == 'urn:vim25'
    assert root.findtext('namespace/version') == version
    prior = [one.text for one in root.findall('namespace/priorVersions/version')]
    assert prior[0] == next_older
    assert newer not in prior
    assert f'soapAction="urn:vim25/{version}"' in wsdl


def descriptors() -> set[str]:
    """The open file descriptors, where the system tells."""
    directory = '/proc/self/fd'
    return set(os.listdir(directory)) if os.path.isdir(directory) else set()


def connect_verified(vc: VCenterSimulator, name: str) -> None:
    context = ssl.create_default_context(cafile=vc.cacert)
    with (
        socket.create_connection((vc.host, vc.port)) as plain,
        context.wrap_socket(plain, server_hostname=name),
    ):
        pass


@pytest.mark.parametrize('name', ['127.0.0.1', 'localhost', '::1'])
def test_the_certificate_is_for_this_machine(vcenter: VCenterSimulator, name: str) -> None:
    """The server proves to be 127.0.0.1, localhost and ::1 to who trusts its authority."""
    connect_verified(vcenter, name)


@pytest.mark.parametrize(
    ('certificate', 'complaint'),
    [('wrong-host', 'mismatch'), ('expired', 'expired')],
)
def test_bad_certificates_are_refused_by_clients(certificate: str, complaint: str) -> None:
    """The certificates for tests of verification are wrong in just the way that they say."""
    with (
        VCenterSimulator(certificate=certificate) as vc,
        pytest.raises(ssl.SSLCertVerificationError, match=complaint),
    ):
        connect_verified(vc, '127.0.0.1')


def test_a_stranger_does_not_trust_the_server(vcenter: VCenterSimulator) -> None:
    """Without its authority's certificate the server is not verified."""
    context = ssl.create_default_context()
    with (
        socket.create_connection((vcenter.host, vcenter.port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname='127.0.0.1')


def test_plain_http() -> None:
    """tls=False speaks plain HTTP, and its cookie works without TLS."""
    with VCenterSimulator(tls=False) as vc:
        client = Soap(vc)
        assert vc.url.startswith('http://')
        assert vc.cacert is None
        assert client.login().fault is None
        assert client.call('CurrentTime', SERVICE_INSTANCE).fault is None
        client.http.close()


def test_ipv6() -> None:
    """The server can listen on ::1, and its URL has the brackets."""
    with VCenterSimulator(host='::1') as vc:
        assert vc.url == f'https://[::1]:{vc.port}'
        client = Soap(vc)
        assert client.login().fault is None
        client.http.close()


def test_stopping_leaves_nothing_behind() -> None:
    """After stop() there is no thread, no listening socket, no connection and no file."""
    before = descriptors()
    vc = VCenterSimulator().start()
    client = Soap(vc)
    client.login()
    idle = socket.create_connection((vc.host, vc.port))
    waiting = threading.Thread(target=lambda: outcome.append(wait_for_updates(client)))
    outcome: list[Any] = []
    waiting.start()
    while vc.count('WaitForUpdatesEx') == 0:
        time.sleep(0.005)
    cacert, port = vc.cacert, vc.port
    assert cacert is not None
    assert os.path.exists(cacert)
    assert ends(vc.stop)
    waiting.join(10)
    idle.close()
    client.http.close()
    assert outcome == ['disconnected']
    assert threads_of(vc) == []
    assert not os.path.exists(cacert)
    assert not os.path.exists(os.path.dirname(cacert))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', port))
    assert descriptors() <= before
    vc.stop()  # a second time does nothing


def test_stopping_ends_a_call_that_is_about_to_wait() -> None:
    """A wait that begins when the server has already told all waiters to end, ends as well."""
    vc = VCenterSimulator().start()
    client = Soap(vc)
    client.login()
    outcome: list[Any] = []
    waiting = threading.Thread(target=lambda: outcome.append(wait_for_updates(client)), daemon=True)
    stopping = threading.Thread(target=vc.stop, daemon=True)
    with vc.world.lock:
        stopping.start()
        while not vc._stopping.is_set():
            time.sleep(0.005)
        time.sleep(0.05)  # stop() queues for the lock now, most likely before the call
        waiting.start()
        while vc.count('WaitForUpdatesEx') == 0:
            time.sleep(0.005)
    stopping.join(30)
    waiting.join(30)
    assert not stopping.is_alive()
    assert outcome == ['disconnected']
    client.http.close()


def wait_for_updates(client: Soap) -> str:
    try:
        client.call('WaitForUpdatesEx', PROPERTY_COLLECTOR)
    except requests.ConnectionError:
        return 'disconnected'
    return 'answered'


def test_a_client_that_stalls_the_handshake_delays_nobody(vcenter: VCenterSimulator) -> None:
    """While one client never says a word, others are served."""
    with socket.create_connection((vcenter.host, vcenter.port)):
        client = Soap(vcenter)
        assert client.login().fault is None
        client.http.close()


def test_a_simulator_starts_once(vcenter: VCenterSimulator) -> None:
    """Starting a running or stopped simulator is refused."""
    with pytest.raises(RuntimeError, match='starts once'):
        vcenter.start()


@pytest.mark.parametrize(
    ('options', 'complaint'),
    [
        ({'certificate': 'self-signed'}, 'wrong-host'),
        ({'certificate': 'self-signed', 'tls': False}, 'wrong-host'),
        ({'expired_reply': 'nothing'}, 'fault'),
        ({'api_version': 'latest'}, '8.0.3.0'),
        ({'api_version': '8.0.3.0-beta'}, '8.0.3.0'),
        ({'port': 65536}, '0 to 65535'),
        ({'port': -1}, '0 to 65535'),
        ({'task_seconds': float('nan')}, 'task_seconds=nan'),
        ({'task_seconds': float('inf')}, 'task_seconds=inf'),
        ({'task_seconds': -1}, 'task_seconds=-1'),
        ({'session_idle_seconds': float('nan')}, 'session_idle_seconds=nan'),
    ],
)
def test_options_without_sense_are_refused(options: dict[str, Any], complaint: str) -> None:
    """A wrong option says what would be right, when the simulator is made."""
    with pytest.raises(ValueError, match=complaint):
        VCenterSimulator(**options)


def test_a_reply_without_sense_is_refused(vcenter: VCenterSimulator) -> None:
    """expired_reply takes later what it takes at the start, and nothing else."""
    with pytest.raises(ValueError, match='expected one of fault, empty'):
        vcenter.expired_reply = 'nothing'
    assert vcenter.expired_reply == 'fault'


@pytest.mark.vcenter(host='0.0.0.0')
def test_a_server_on_all_addresses_is_found_on_loopback(
    vcenter: VCenterSimulator, soap: Soap
) -> None:
    """The URL of a server that listens everywhere is one that a client can verify."""
    assert vcenter.url == f'https://127.0.0.1:{vcenter.port}'
    assert soap.login().fault is None


@pytest.mark.parametrize('length', [b'abc', b'-1', b'\xb2'])
def test_a_length_that_is_no_number(length: bytes) -> None:
    """A wrong Content-Length is HTTP 400, and no mistake of the simulator."""
    with VCenterSimulator(tls=False) as vc:
        with socket.create_connection((vc.host, vc.port)) as client:
            client.sendall(b'POST /sdk HTTP/1.1\r\nHost: x\r\nContent-Length: %b\r\n\r\n' % length)
            with client.makefile('rb') as reply:
                assert reply.readline().split()[1] == b'400'
        assert vc.errors == []


def test_a_mistake_outside_of_soap_is_answered_and_kept() -> None:
    """When the server fails in a way of its own, the client gets HTTP 500, the test learns of it
    and the next request is served.
    """
    errors: list[Exception] = []

    def application(request: Request) -> Response:
        if request.path == '/bad':
            raise ZeroDivisionError('a mistake')
        return Response(204)

    server = HttpServer(application, '127.0.0.1', 0, None, errors)
    url = f'http://{server.host}:{server.port}'
    with requests.Session() as client:
        statuses = [client.get(f'{url}/{path}', timeout=30).status_code for path in ('bad', 'good')]
    server.stop()
    assert statuses == [500, 204]
    assert [type(error) for error in errors] == [ZeroDivisionError]

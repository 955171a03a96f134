"""What a jar knows of its session, and when two URLs lead to the same server."""

import copy
import ssl
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import requests
import urllib3
from urllib3.util.ssl_ import create_urllib3_context

from oslo_vmware import _trust
from oslo_vmware._transfer import connection
from oslo_vmware.soap.transport import HttpTransport

HERE = _trust.Origin('https', 'vc.example.org', 443)


@pytest.mark.parametrize(
    ('url', 'origin'),
    [
        ('https://vc.example.org/sdk', HERE),
        ('https://vc.example.org', HERE),
        ('HTTPS://VC.Example.ORG:443/other?x#y', HERE),
        ('https://user:secret@vc.example.org/', HERE),
        ('http://vc.example.org/', ('http', 'vc.example.org', 80)),
        ('http://vc.example.org:443/', ('http', 'vc.example.org', 443)),
        ('https://vc.example.org:8443/', ('https', 'vc.example.org', 8443)),
        ('https://vc.example.org.evil.org/', ('https', 'vc.example.org.evil.org', 443)),
        ('https://[2001:DB8::0:1]/', ('https', '2001:db8::1', 443)),
        ('https://[2001:db8:0::1]:443/', ('https', '2001:db8::1', 443)),
        ('https://10.0.0.1/', ('https', '10.0.0.1', 443)),
        # As it is read by who connects.
        ('https://vc.example.org\\@evil.org/', HERE),
        ('https://evil.org\\@vc.example.org/', ('https', 'evil.org', 443)),
        ('file:///etc/passwd', ('file', '', None)),
        ('', ('', '', None)),
    ],
)
def test_origins(url: str, origin: Any) -> None:
    """Scheme, host and port in one spelling."""
    assert _trust.origin_of(url) == origin


@pytest.mark.parametrize('url', ['http://[::1', 'http://h:secret@x:y/', 'http://h:99999999/'])
def test_what_is_no_url(url: str) -> None:
    """ValueError, and nothing of it in the exception: it may have a password in it."""
    with pytest.raises(ValueError, match='none') as raised:
        _trust.origin_of(url)
    assert 'secret' not in repr(raised.value)
    assert raised.value.__context__ is None


def test_how_an_origin_is_shown() -> None:
    """As a URL: that is what the reader knows it by."""
    assert str(HERE) == 'https://vc.example.org:443'
    assert str(_trust.Origin('http', '::1', 80)) == 'http://[::1]:80'


@pytest.mark.parametrize(
    ('arguments', 'verify', 'verified'),
    [
        ({'cacert': '/ca.pem'}, '/ca.pem', True),
        ({'cacert': '/ca.pem', 'insecure': False}, '/ca.pem', True),
        ({'insecure': False}, '/environment.pem', True),
        ({'insecure': True}, False, False),
        ({}, False, False),
    ],
)
def test_what_the_jar_knows(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], verify: Any, verified: bool
) -> None:
    """Where its session is, and how that verifies, the environment's bundle included."""
    monkeypatch.setenv('REQUESTS_CA_BUNDLE', '/environment.pem')
    http = HttpTransport(url='https://VC.example.org/sdk', **arguments)
    trust = _trust.trust_of(http.cookiejar)
    assert trust == (HERE, verify)
    assert trust.verified is verified
    http.cookiejar = jar = requests.cookies.RequestsCookieJar()
    assert _trust.trust_of(jar) == trust
    assert _trust.trust_of(jar.copy()) is None
    # Shares its cookies with the first, so it is as live.
    assert _trust.trust_of(copy.copy(jar)) == trust


@pytest.mark.parametrize('url', [None, '', 'https://[::1', 'nowhere'])
def test_a_transport_that_is_nowhere(url: str | None) -> None:
    """Its jar belongs to nobody who verifies anything."""
    trust = _trust.trust_of(HttpTransport('/ca.pem', url=url).cookiejar)
    assert trust is None or not trust.verified


def test_http_verifies_nobody() -> None:
    """Whatever the arguments say."""
    trust = _trust.trust_of(HttpTransport('/ca.pem', url='http://vc.example.org/sdk').cookiejar)
    assert trust is not None
    assert not trust.verified


@pytest.mark.parametrize(
    'cookies', [None, 'a=b', [], ['c'], {}, object(), mock.MagicMock(), mock.sentinel.jar]
)
def test_what_is_no_jar_of_a_session(cookies: Any) -> None:
    """Whatever users and their mocks hand over has no trust, and takes a mark or does without."""
    assert _trust.trust_of(cookies) is None
    _trust.mark(cookies, _trust.Trust(HERE, True))


@pytest.mark.parametrize(
    'session',
    [
        mock.MagicMock(),
        SimpleNamespace(vim=None),
        SimpleNamespace(vim=SimpleNamespace()),
        SimpleNamespace(vim=SimpleNamespace(client=SimpleNamespace(cookiejar=['c']))),
    ],
)
def test_stand_ins_trust_nobody(session: Any) -> None:
    """What stands in for a session in somebody's test is asked for nothing that it may lack."""
    assert _trust.trust_of_session(session) is None


def test_the_context_is_that_of_the_session() -> None:
    """What Python adds to its contexts and the HTTP library does not, or the other way round."""
    theirs = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    ours = _trust.tls_context(True)
    # Version 1 compares names by itself, the common name included, and has ciphers of its own.
    is_recent = not urllib3.__version__.startswith('1.')
    for name in (
        *('verify_flags', 'options', 'minimum_version', 'maximum_version', 'verify_mode'),
        *('post_handshake_auth', 'keylog_filename'),
        *(['hostname_checks_common_name'] if is_recent else []),
    ):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert not ours.hostname_checks_common_name
    assert not is_recent or ours.get_ciphers() == theirs.get_ciphers()
    assert (ours.verify_mode, ours.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert ours.get_ca_certs()
    nobody = _trust.tls_context(False)
    assert (nobody.verify_mode, nobody.check_hostname) == (ssl.CERT_NONE, False)


def test_warnings_are_remembered_within_bounds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each server once, and no list without an end."""
    monkeypatch.setattr(connection, '_warned', {})
    monkeypatch.setattr(connection, '_MAX_WARNED', 3)
    for number in range(10):
        for _ in range(2):
            connection._warn_once(f'host-{number}')
        assert len(connection._warned) <= 3
    assert len(caplog.records) == 10

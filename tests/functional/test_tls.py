"""TLS: what is verified is what the caller said, and a refusal says why."""

import logging
import pathlib
import warnings

import pytest
import trustme

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import DESCRIPTION, SessionMaker


@pytest.fixture
def other_ca(tmp_path: pathlib.Path) -> str:
    """A CA bundle that knows nothing of the simulator."""
    path = tmp_path / 'other.pem'
    trustme.CA().cert_pem.write_to_path(path)
    return str(path)


def works(session: api.VMwareAPISession) -> bool:
    return bool(session.invoke_api(vim_util, 'get_objects', session.vim, 'Datacenter', 10))


@pytest.mark.parametrize(
    ('certificate', 'reason'),
    [('wrong-host', "mismatch|not valid for|doesn't match"), ('expired', 'expired')],
)
def test_a_bad_certificate_is_refused(
    connect: SessionMaker, pauses: list[float], certificate: str, reason: str
) -> None:
    """At once, in words that say what is wrong with it."""
    with VCenterSimulator(certificate=certificate) as vc:
        with pytest.raises(exceptions.VimConnectionException, match=reason) as raised:
            connect(vc)
        assert f'{vc.host}:{vc.port}' in str(raised.value)
        assert vc.password not in str(raised.value)
        assert pauses == []
        assert len(vc.calls) == 0


@pytest.mark.parametrize('description', [DESCRIPTION, None, '{vc.url}/sdk/vimService.wsdl'])
def test_an_unknown_authority_is_refused(
    vc: VCenterSimulator,
    connect: SessionMaker,
    other_ca: str,
    pauses: list[float],
    description: str | None,
) -> None:
    """Whoever verifies against another CA does not talk to this server, whatever comes first."""
    where = description and description.format(vc=vc)
    with pytest.raises(exceptions.VimCertificateException, match='certificate verify failed'):
        connect(vc, cacert=other_ca, wsdl_loc=where)
    assert pauses == []
    assert len(vc.calls) == 0


@pytest.mark.parametrize(
    'content',
    [
        None,
        '',
        'no certificate',
        '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
        '-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n',
    ],
)
@pytest.mark.parametrize('description', [DESCRIPTION, None])
def test_a_bundle_that_cannot_be_read(
    vc: VCenterSimulator,
    connect: SessionMaker,
    tmp_path: pathlib.Path,
    pauses: list[float],
    content: str | None,
    description: str | None,
) -> None:
    """A mistake of the operator's, which is said at once: no repetition would mend it."""
    bundle = tmp_path / 'bundle.pem'
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(exceptions.VimCertificateException, match=r'CA bundle \(cacert\)') as raised:
        connect(vc, cacert=str(bundle), wsdl_loc=description)
    assert f'{vc.host}:{vc.port}' in str(raised.value)
    assert pauses == []
    assert len(vc.calls) == 0


def test_verification_without_a_bundle_uses_the_default_trust(
    vc: VCenterSimulator, connect: SessionMaker
) -> None:
    """``insecure=False`` alone: a private authority is not trusted."""
    with pytest.raises(exceptions.VimConnectionException, match='certificate verify failed'):
        connect(vc, cacert=None, insecure=False)


@pytest.mark.parametrize('variable', ['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'])
def test_the_environment_does_not_overrule_cacert(
    vc: VCenterSimulator,
    connect: SessionMaker,
    other_ca: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """Neither to refuse what the caller trusts, nor to trust what the caller does not."""
    monkeypatch.setenv(variable, other_ca)
    assert works(connect(vc))
    monkeypatch.setenv(variable, str(vc.cacert))
    with pytest.raises(exceptions.VimConnectionException, match='certificate verify failed'):
        connect(vc, cacert=other_ca)


@pytest.mark.parametrize('variable', ['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'])
def test_the_environment_does_not_overrule_insecure(
    vc: VCenterSimulator,
    connect: SessionMaker,
    other_ca: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """Not verifying stays not verifying; verifying stays verifying when it is set empty."""
    monkeypatch.setenv(variable, other_ca)
    assert works(connect(vc, cacert=None, insecure=True))
    monkeypatch.setenv(variable, '')
    with pytest.raises(exceptions.VimConnectionException, match='certificate verify failed'):
        connect(vc, cacert=None, insecure=False)


def test_the_environment_names_the_default_trust(
    vc: VCenterSimulator, connect: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the caller verifies and names no bundle, requests' own setting applies."""
    monkeypatch.setenv('REQUESTS_CA_BUNDLE', str(vc.cacert))
    assert works(connect(vc, cacert=None, insecure=False))


def test_an_insecure_session_warns_once(
    vc: VCenterSimulator, connect: SessionMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """One line in the log for the session, and no warning of urllib3 for any request."""
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.WARNING):
        warnings.simplefilter('always')
        session = connect(vc, cacert=None, insecure=True)
        for _ in range(3):
            assert works(session)
    told = [record for record in caplog.records if 'not verified' in record.getMessage()]
    assert len(told) == 1
    assert f'{vc.host}:{vc.port}' in told[0].getMessage()
    assert [warning for warning in caught if 'Unverified' in str(warning.message)] == []


def test_a_verified_session_does_not_warn(
    vc: VCenterSimulator, connect: SessionMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """``cacert`` verifies, whatever ``insecure`` says."""
    with caplog.at_level(logging.WARNING):
        assert works(connect(vc, insecure=True))
    assert caplog.records == []


def test_credentials_do_not_come_from_netrc(
    vc: VCenterSimulator,
    connect: SessionMaker,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A login of some other program is not sent to the server."""
    netrc = tmp_path / 'netrc'
    netrc.write_text(f'machine {vc.host} login somebody password else\n')
    netrc.chmod(0o600)
    monkeypatch.setenv('NETRC', str(netrc))
    assert works(connect(vc))
    assert all('Authorization' not in call.headers for call in vc.calls)

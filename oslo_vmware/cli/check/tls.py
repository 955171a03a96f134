"""TLS as the library does it, and in words what is wrong with a certificate.

The first handshake verifies as the session will. If the certificate is refused, two more tell what
it is: one that accepts anything gives the certificate, and one that trusts just this certificate,
at any time, has it decoded; Python decodes none that it has not verified.
"""

import dataclasses
import datetime
import hashlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from oslo_vmware import _trust
from oslo_vmware.cli.check.findings import CONSUMERS, Finding, Outcome, few, words

#: Days before its end from which on a certificate is warned of.
SOON_DAYS = 30

# X509_V_ERR_… of OpenSSL's x509_vfy.h.
_NOT_YET_VALID = 9
_EXPIRED = 10
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)
_WRONG_NAME = (62, 64)

# X509_V_FLAG_NO_CHECK_TIME, which the module ssl has no name for.
_NO_CHECK_TIME = 0x200000


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What a certificate says.

    :ivar names: DNS names and addresses that it is for
    :ivar issuer: who issued it
    :ivar expires: when it ends; None where that could not be decoded
    :ivar thumbprint: SHA-1 of it, as vSphere writes it
    """

    names: tuple[str, ...]
    issuer: str
    expires: datetime.datetime | None
    thumbprint: str

    @property
    def days_left(self) -> int | None:
        """Whole days until it ends, negative afterwards."""
        if self.expires is None:
            return None
        return (self.expires - datetime.datetime.now(datetime.UTC)).days

    def as_json(self) -> dict[str, Any]:
        """The certificate as a finding's data have it."""
        return {
            'names': list(self.names),
            'issuer': self.issuer,
            'expires': self.expires.isoformat() if self.expires else None,
            'thumbprint': self.thumbprint,
        }


def look(address: tuple[str, int], verify: _trust.Verify, timeout: float) -> Iterator[Finding]:
    """Agree on TLS with a server.

    :param address: host and port
    :param verify: as the session verifies; False for one that does not
    :param timeout: seconds for each handshake
    :returns: findings; the last one is a failure if a session cannot be had
    """
    try:
        version, decoded, der = _shake(address, _trust.tls_context(verify), timeout)
    except ssl.SSLCertVerificationError as refusal:
        certificate = _certificate(address, timeout)
        found, advice = _in_words(refusal, certificate, address[0], verify)
        yield _certificate_finding(Outcome.FAILED, found, advice, certificate)
        return
    except OSError as exc:
        yield Finding('TLS', 'handshake', Outcome.FAILED, *_trouble(exc, verify), CONSUMERS)
        return
    yield Finding('TLS', 'protocol', Outcome.FINE, version, data={'version': version})
    if verify is False:
        yield _unverified(address, timeout)
    else:
        yield _judged(_decoded(decoded, der))


def _judged(certificate: Certificate) -> Finding:
    """A certificate that is trusted, which may not last."""
    days = certificate.days_left
    found = f'trusted: issued by {certificate.issuer} for {few(certificate.names)}'
    if days is None or days > SOON_DAYS:
        if days is not None:
            found += f', until {certificate.expires:%Y-%m-%d}'
        return _certificate_finding(Outcome.FINE, found, '', certificate)
    return _certificate_finding(
        Outcome.WARNING,
        f'trusted, but it expires in {days} days, on {certificate.expires:%Y-%m-%d}',
        'Renew it before then: nothing that verifies the server will connect afterwards.',
        certificate,
    )


def _unverified(address: tuple[str, int], timeout: float) -> Finding:
    """What verifying would say, for a session that does not verify."""
    certificate = _certificate(address, timeout)
    found = 'not verified, as asked for: anyone on the way can read the password'
    advice = 'Verify it: it would be trusted with the bundle that requests brings.'
    try:
        _shake(address, _trust.tls_context(True), timeout)
    except ssl.SSLCertVerificationError as refusal:
        reason, advice = _in_words(refusal, certificate, address[0], True)
        found += f'. It would be refused: {reason}'
    except OSError as exc:
        advice = f'Verify it. (What would come of that could not be seen: {words(exc)})'
    return _certificate_finding(Outcome.WARNING, found, advice, certificate)


def _certificate_finding(
    outcome: Outcome, found: str, advice: str, certificate: Certificate | None
) -> Finding:
    data = certificate.as_json() if certificate is not None else {}
    return Finding('TLS', 'certificate', outcome, found, advice, CONSUMERS, data)


def _in_words(
    refusal: ssl.SSLCertVerificationError,
    certificate: Certificate | None,
    host: str,
    verify: _trust.Verify,
) -> tuple[str, str]:
    """Why a certificate was refused, and what to do."""
    code = refusal.verify_code
    ended = certificate is not None and (certificate.days_left or 0) < 0
    if code == _EXPIRED and certificate is not None and ended:
        return (
            f'it expired on {certificate.expires:%Y-%m-%d}',
            (
                'Renew the certificate of the server; on a vCenter with its Certificate Manager. '
                'If it is in order, look at the clock of this machine.'
            ),
        )
    if code == _EXPIRED:
        return (
            'the certificate of an authority in its chain has expired',
            'Give the present certificate of that authority as CA bundle (--cacert).',
        )
    if code == _NOT_YET_VALID:
        return (
            'it is not valid yet',
            'Look at the clock of this machine, and at that of whoever issued the certificate.',
        )
    if code in _WRONG_NAME:
        names = few(certificate.names) if certificate is not None else 'other names'
        return (
            f'it is not for {host}, but for {names}',
            (
                'Connect by a name that the certificate has, or have one issued for this name '
                '(as a DNS name, or for an address as an IP address, in subjectAltName).'
            ),
        )
    if code in _UNKNOWN_AUTHORITY:
        issuer = certificate.issuer if certificate is not None else 'an unknown authority'
        where = verify if isinstance(verify, str) else 'the bundle that is used without one'
        return (
            f'its authority is unknown: it was issued by {issuer}, which is not in {where}',
            (
                'Give the certificate of that authority as CA bundle (--cacert). A vCenter has '
                f'those of its own authority at https://{host}/certs/download.zip; get them in a '
                'way that you trust.'
            ),
        )
    return (
        f'{refusal.verify_message or refusal}',
        (
            'Have a certificate issued that follows RFC 5280; from Python 3.13 on it is verified '
            'strictly.'
        ),
    )


def _trouble(exc: OSError, verify: _trust.Verify) -> tuple[str, str]:
    """Why there is no TLS although no certificate was refused, and what to do."""
    reason = getattr(exc, 'reason', '') or ''
    if isinstance(exc, ssl.SSLError) and exc.library in ('X509', 'PEM', 'ASN1'):
        return f'there are no certificates in {verify}', 'Give a file with certificates in PEM.'
    if isinstance(exc, FileNotFoundError | PermissionError | IsADirectoryError):
        return f'the CA bundle {verify} cannot be read', 'Give the path of a file that can be.'
    if reason in ('WRONG_VERSION_NUMBER', 'HTTP_REQUEST', 'PACKET_LENGTH_TOO_LONG'):
        return (
            'what answers at this port does not speak TLS',
            'Give the port of HTTPS, which is 443 unless somebody changed it.',
        )
    if 'PROTOCOL' in reason or 'VERSION' in reason or 'HANDSHAKE_FAILURE' in reason:
        return (
            f'no common version of TLS ({words(exc)})',
            'The server has to offer TLS 1.2 or later: vSphere 6.0 Update 3 and later can.',
        )
    if isinstance(exc, TimeoutError):
        return 'no answer to the handshake', 'Look for a firewall or a proxy on the way.'
    return (
        f'the handshake was cut off ({words(exc)})',
        'Look for a firewall or a proxy on the way, and whether this is the port of HTTPS.',
    )


def _shake(
    address: tuple[str, int], context: ssl.SSLContext, timeout: float
) -> tuple[str, Any, bytes]:
    """The version of TLS, and the certificate of the server: decoded if verified, and as bytes."""
    with (
        socket.create_connection(address, timeout) as plain,
        context.wrap_socket(plain, server_hostname=address[0].rstrip('.')) as secure,
    ):
        return secure.version() or '', secure.getpeercert(), secure.getpeercert(True) or b''


def _certificate(address: tuple[str, int], timeout: float) -> Certificate | None:
    """The server's certificate, whatever it is; None if it cannot be had."""
    try:
        der = _shake(address, _trust.tls_context(False), timeout)[2]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
        context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(der))
    except OSError:
        return None
    try:
        return _decoded(_shake(address, context, timeout)[1], der)
    except OSError:
        return _decoded({}, der)


def _decoded(decoded: Any, der: bytes) -> Certificate:
    fields = decoded or {}
    ends = fields.get('notAfter')
    issuer = {key: value for part in fields.get('issuer', ()) for key, value in part}
    return Certificate(
        names=tuple(name for _, name in fields.get('subjectAltName', ())),
        issuer=issuer.get('commonName') or issuer.get('organizationName') or 'an unnamed authority',
        expires=datetime.datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), datetime.UTC)
        if ends
        else None,
        thumbprint=hashlib.sha1(der, usedforsecurity=False).digest().hex(':').upper(),
    )

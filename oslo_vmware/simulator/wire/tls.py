"""The simulator's certificates, from a certificate authority of its own.

The authority is made anew for each server and lives as long; only its public certificate is
written to a file, for clients to verify with.
"""

import datetime
import hashlib
import os
import shutil
import ssl
import tempfile

try:
    import trustme
except ImportError:  # pragma: no cover - proved by a test in a process of its own
    raise ImportError(
        'The vCenter simulator needs the package trustme, which is not installed; '
        "get it with: pip install 'pyvmomi>=9.1.1.0' trustme"
    ) from None

_NAMES = ('127.0.0.1', '::1', 'localhost')

CERTIFICATES = ('valid', 'wrong-host', 'expired')


class Authority:
    """A certificate authority with one server certificate.

    :param host: another name or address for the certificate
    :param certificate: ``valid``; ``wrong-host`` for a certificate of some other host;
        ``expired`` for one whose time is over
    :ivar cacert: path of the authority's certificate, until :meth:`close`
    :ivar context: what a server needs
    :ivar thumbprint: SHA-1 of the server's certificate, as vSphere writes it: ``5A:0F:…``
    """

    def __init__(self, host: str, certificate: str = 'valid') -> None:
        authority = trustme.CA(organization_name='vCenter simulator')
        names = list(_NAMES)
        if host not in (*_NAMES, '', '0.0.0.0', '::'):
            names.append(host)
        if certificate == 'wrong-host':
            names = ['vcenter.invalid']
        if certificate == 'expired':
            yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
            issued = authority.issue_cert(
                *names, not_before=yesterday - datetime.timedelta(days=1), not_after=yesterday
            )
        else:
            issued = authority.issue_cert(*names)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(self.context)
        der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode('ascii'))
        self.thumbprint = hashlib.sha1(der, usedforsecurity=False).digest().hex(':').upper()
        self._directory = tempfile.mkdtemp(prefix='vcenter-simulator-')
        self.cacert = os.path.join(self._directory, 'ca.pem')
        authority.cert_pem.write_to_path(self.cacert)

    def close(self) -> None:
        """Remove the file."""
        shutil.rmtree(self._directory, ignore_errors=True)

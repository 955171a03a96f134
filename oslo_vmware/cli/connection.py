"""Which server to connect to, as whom, and how it is verified.

Options say it, or the environment, in one of two families: ``VSPHERE_HOST`` and its relatives, or
govc's ``GOVC_URL`` and its own, if there is no ``VSPHERE_HOST``. A password is in the environment
or asked for at a terminal, and never an option: everybody on a machine can read command lines. One
in the environment goes to the server that the environment names, and to no other.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import getpass
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from oslo_vmware.cli.failures import NotConnectedError, UsageError, words

if TYPE_CHECKING:
    from oslo_vmware import api

#: What the environment may say, for help and documentation.
VARIABLES = {
    'VSPHERE_HOST': 'name or address of the vCenter or ESXi host, also with a port: host:8443',
    'VSPHERE_USER': 'user to log in as',
    'VSPHERE_PASSWORD': "that user's password; without it, it is asked for at a terminal",
    'VSPHERE_PORT': 'port number, 443 by default',
    'VSPHERE_CACERT': 'file with the certificate authority to verify the server with',
    'VSPHERE_INSECURE': '1 to verify nothing, if there is no VSPHERE_CACERT',
    'GOVC_URL': 'if there is no VSPHERE_HOST: the server as govc reads it, with or without a user',
    'GOVC_USERNAME': 'and the user at it',
    'GOVC_PASSWORD': 'and the password',
    'GOVC_TLS_CA_CERTS': 'and one file with the certificate authority',
    'GOVC_INSECURE': 'and 1 to verify nothing, without GOVC_TLS_CA_CERTS',
}

_PORT = 443
_YES = {'1', 't', 'true', 'yes', 'on'}
_NO = {'', '0', 'f', 'false', 'no', 'off'}
# A person waits: a wrong address is told at once, and silence is given a minute.
_REPETITIONS = 0
_TIMEOUT_SECONDS = 60.0
_TASK_POLL_SECONDS = 0.5

_NO_SERVER = (
    'No server is named. Give --host, or set VSPHERE_HOST, VSPHERE_USER and VSPHERE_PASSWORD (or '
    'GOVC_URL and its relatives). To try things out without a vCenter: oslo-vmware simulate'
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to connect.

    :ivar password: None where it has to be asked for
    :ivar cacert: file to verify the server's certificate with; None for what ``requests`` trusts
    :ivar insecure: without a ``cacert``: verify nothing
    :ivar kept: whose password the environment has, where that is somebody else's
    """

    host: str
    user: str
    password: str | None = dataclasses.field(default=None, repr=False)
    port: int = _PORT
    cacert: str | None = None
    insecure: bool = False
    kept: str = ''

    @property
    def server(self) -> str:
        """``host:port`` for people; without the usual port."""
        host = f'[{self.host}]' if ':' in self.host else self.host
        return host if self.port == _PORT else f'{host}:{self.port}'

    @property
    def trust(self) -> str:
        """How the server is verified, in words."""
        if self.cacert:
            return f'verified, with {self.cacert}'
        if self.insecure:
            return 'not verified'
        return 'verified, with the authorities that requests trusts'


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a text says that a server is; None is what it does not say."""

    host: str
    port: int | None = None
    user: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class _Said:
    """What the environment says, with the names of the variables that it says it in."""

    place: _Place | None
    user: str | None
    password: str | None = dataclasses.field(repr=False)
    cacert: str | None
    insecure: bool
    names: tuple[str, str]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where to connect to."""
    group = parser.add_argument_group('connection')
    group.add_argument('--host', help='vCenter or ESXi host, also with a port: host:8443')
    group.add_argument('--port', type=_port, help='port number, 443 by default')
    group.add_argument('--user', help='user to log in as')
    group.add_argument(
        '--cacert', metavar='FILE', help='certificate authority to verify the server with'
    )
    group.add_argument(
        '--insecure', action='store_true', help='do not verify the server: anyone on the way can '
        'read the password'
    )  # fmt: skip


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f'a port is a number from 1 to 65535, not {text!r}')
    return int(text)


def is_said(options: argparse.Namespace, environ: Mapping[str, str]) -> bool:
    """Whether options or environment name a server at all."""
    return bool(options.host is not None or environ.get('VSPHERE_HOST') or environ.get('GOVC_URL'))


def find(options: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Say how to connect.

    :param options: with what :func:`add_options` adds
    :raises UsageError: there is no server or no user, or something makes no sense
    """
    said = _environment(environ)
    place = said.place
    for name in ('host', 'user', 'cacert'):
        # As of a variable that a script has not set: it is not meant for whatever else there is.
        if getattr(options, name) is not None and not getattr(options, name).strip():
            raise UsageError(f'--{name} is empty.')
    if options.host:
        place = _parse(options.host, '--host')
        if place.password is not None:
            raise UsageError(
                'A password does not belong on the command line, where everybody on this machine '
                f'can read it. Set {said.names[1]}, or be asked for it.'
            )
    if place is None:
        raise UsageError(_NO_SERVER)
    user = options.user or (place.user if options.host else None) or said.user or place.user
    if not user:
        raise UsageError(f'As whom? Give --user or set {said.names[0]}, to log in at {place.host}.')
    port = options.port or place.port
    own = said.place or place
    is_other_server = place.host != own.host or bool(port and own.port and port != own.port)
    own_user = said.user or own.user or user
    is_other = is_other_server or own_user != user
    # Who says --insecure means it, whatever the environment has.
    cacert = options.cacert or (None if options.insecure else said.cacert) or None
    if cacert and not os.path.exists(cacert):
        raise UsageError(f'There is no file {cacert} to verify the server with.')
    return Settings(
        host=place.host,
        user=user,
        password=None if is_other else said.password,
        port=port or (None if is_other_server else own.port) or _PORT,
        cacert=cacert,
        # That is about the server, whoever logs in there.
        insecure=options.insecure or (said.insecure and not is_other_server),
        kept=_who(own_user, own) if is_other and said.password else '',
    )


def _who(user: str, place: _Place) -> str:
    return f'{user} at {place.host}' + (f':{place.port}' if place.port else '')


def _environment(environ: Mapping[str, str]) -> _Said:
    host, url = environ.get('VSPHERE_HOST', '').strip(), environ.get('GOVC_URL', '').strip()
    if host or not url:
        place = _parse(host, 'VSPHERE_HOST') if host else None
        port = environ.get('VSPHERE_PORT', '')
        if place and port:
            try:
                place = dataclasses.replace(place, port=_port(port))
            except argparse.ArgumentTypeError as error:
                raise UsageError(f'VSPHERE_PORT: {error}') from None
        return _Said(
            place,
            environ.get('VSPHERE_USER'),
            environ.get('VSPHERE_PASSWORD') or (place.password if place else None),
            environ.get('VSPHERE_CACERT'),
            _yes_or_no('VSPHERE_INSECURE', environ),
            ('VSPHERE_USER', 'VSPHERE_PASSWORD'),
        )
    place = _parse(url, 'GOVC_URL')
    bundle = environ.get('GOVC_TLS_CA_CERTS', '')
    if os.pathsep in bundle:
        raise UsageError('GOVC_TLS_CA_CERTS names several files; put them into one, please.')
    return _Said(
        place,
        environ.get('GOVC_USERNAME') or place.user,
        environ.get('GOVC_PASSWORD') or place.password,
        bundle,
        _yes_or_no('GOVC_INSECURE', environ),
        ('GOVC_USERNAME', 'GOVC_PASSWORD'),
    )


def _yes_or_no(name: str, environ: Mapping[str, str]) -> bool:
    value = environ.get(name, '').strip()
    if value.lower() not in _YES | _NO:
        raise UsageError(f'{name} is 1 or 0, not {value!r}')
    return value.lower() in _YES


def _parse(text: str, name: str) -> _Place:
    """Take a host, ``host:port`` or URL apart.

    :param name: where the text comes from; the text itself may have a password in it
    :raises UsageError: it is none of them
    """
    # An IPv6 address without brackets has no port.
    if text.count(':') > 1 and '/' not in text and '[' not in text and '@' not in text:
        return _Place(text)
    try:
        parts = urlsplit(text if '://' in text else f'https://{text}')
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit('')
    if not host or re.search(r'\s', host) or port == 0 or parts.scheme != 'https':
        raise UsageError(
            f'{name} is a name or an address, such as vcenter.example.com, with or without a '
            'port, or a URL that begins with https://'
        )
    user, password = parts.username, parts.password
    return _Place(
        host,
        port,
        unquote(user) if user else None,
        unquote(password) if password is not None else None,
    )


def ask_password(settings: Settings) -> Settings:
    """Fill in the password, asked for at a terminal where nobody has said it.

    :raises UsageError: there is nobody to ask
    """
    if settings.password is not None:
        return settings
    if not sys.stdin or not sys.stdin.isatty():
        what = 'set VSPHERE_PASSWORD (or GOVC_PASSWORD)'
        if settings.kept:
            what = f'the one in the environment is for {settings.kept}. Name both there'
        raise UsageError(
            f'There is no password for {settings.user} at {settings.server}: {what}, or run this '
            'at a terminal, where it is asked for.'
        )
    try:
        password = getpass.getpass(f'Password of {settings.user} at {settings.server}: ')
    except EOFError:
        raise UsageError(f'No password was given for {settings.user}.') from None
    return dataclasses.replace(settings, password=password)


@contextlib.contextmanager
def connected(
    settings: Settings, repetitions: int = _REPETITIONS
) -> Iterator[api.VMwareAPISession]:
    """Log in, and out at the end.

    :param repetitions: how often a call is repeated after trouble with the connection
    :raises NotConnectedError: the login was refused, or there is no connection to be trusted
    """
    from oslo_vmware import api, exceptions

    settings = ask_password(settings)
    try:
        session = api.VMwareAPISession(
            settings.host,
            settings.user,
            settings.password or '',
            api_retry_count=repetitions,
            task_poll_interval=_TASK_POLL_SECONDS,
            port=settings.port,
            cacert=settings.cacert,
            insecure=settings.insecure,
            connection_timeout=_TIMEOUT_SECONDS,
            op_id_prefix='oslo-vmware',
        )
    except exceptions.VMwareDriverException as error:
        raise NotConnectedError(_why(error, settings)) from error
    with session:
        yield session


def _why(error: Exception, settings: Settings) -> str:
    from oslo_vmware import exceptions

    if 'InvalidLogin' in getattr(error, 'fault_list', []):
        return f'{settings.server} does not let {settings.user} in: user or password is wrong.'
    told = words(error)
    if isinstance(error, exceptions.VimCertificateException):
        told += (
            '\n--cacert names a file with the certificate of its authority; '
            'oslo-vmware check says what is wrong with the certificate.'
        )
    return told

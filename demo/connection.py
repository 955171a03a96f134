"""The server that the demo is shown on.

``VSPHERE_HOST`` decides: with it the demo looks at that vCenter and changes nothing there, without
it a simulated one is started in this process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oslo_vmware import api, wsdl

if TYPE_CHECKING:
    from oslo_vmware.simulator import VCenterSimulator

VARIABLES = {
    'VSPHERE_HOST': 'name or address of a vCenter; without it a simulated one is started',
    'VSPHERE_USER': 'user to log in as',
    'VSPHERE_PASSWORD': "that user's password",
    'VSPHERE_PORT': 'port number, 443 by default',
    'VSPHERE_CACERT': 'file with the certificate authority to verify the server with',
    'VSPHERE_INSECURE': '1 to verify nothing, if there is no VSPHERE_CACERT; 0 by default',
}

# How many of everything the simulated vCenter has; see oslo_vmware.simulator.Inventory.
INVENTORY: dict[str, Any] = {
    'datacenters': 2,
    'clusters': 2,
    'hosts_per_cluster': 2,
    'standalone_hosts': 1,
    'resource_pools': 2,
    'folders': 4,
    'vms': 120,
    'powered_on': 0.83,
    'nfs_datastores': 1,
    'vmfs_datastores': 1,
    'vsan_datastores': 1,
    'storage_pods': 1,
    'networks': 2,
    'dvs': 1,
    'portgroups_per_dvs': 3,
}

# Long enough for a person to follow the progress.
_TASK_SECONDS = 2.0
_TASK_POLL_SECONDS = 0.2
# One, so that a wrong address is told soon; the pause before it is ten seconds.
_REPETITIONS = 1
_TIMEOUT_SECONDS = 60.0

_YES_AND_NO = {'1': True, 'true': True, 'yes': True, 'on': True} | {
    '': False, '0': False, 'false': False, 'no': False, 'off': False
}  # fmt: skip


class SettingsError(Exception):
    """The environment does not say enough, or nothing that makes sense; the text helps."""


@dataclass(frozen=True)
class Server:
    """A server to connect to.

    :ivar cacert: file to verify its certificate with; None for what ``requests`` trusts
    :ivar insecure: without a ``cacert``: verify nothing
    :ivar wsdl_loc: URL of its description; None for the one that it serves
    """

    host: str
    user: str
    password: str = field(repr=False)
    port: int = 443
    cacert: str | None = None
    insecure: bool = False
    wsdl_loc: str | None = None

    @property
    def address(self) -> str:
        host = f'[{self.host}]' if ':' in self.host else self.host
        return f'https://{host}:{self.port}/sdk'


def from_environment(environ: Mapping[str, str]) -> Server | None:
    """The server that the environment names.

    :returns: None when it names none
    :raises SettingsError: it names one, and not all that is needed to log in
    """
    host = environ.get('VSPHERE_HOST', '').strip()
    if not host:
        return None
    if '/' in host:
        raise SettingsError(
            f'VSPHERE_HOST is the name or address alone, such as vcenter.example.com, not {host}'
        )
    missing = [name for name in ('VSPHERE_USER', 'VSPHERE_PASSWORD') if not environ.get(name)]
    if missing:
        raise SettingsError(
            f'To show {host}, please set {" and ".join(missing)} too; or unset VSPHERE_HOST, and '
            'a simulated vCenter is shown.'
        )
    return Server(
        host=host,
        user=environ['VSPHERE_USER'],
        password=environ['VSPHERE_PASSWORD'],
        port=_port(environ.get('VSPHERE_PORT', '')),
        cacert=_cacert(environ.get('VSPHERE_CACERT', '')),
        insecure=_yes_or_no('VSPHERE_INSECURE', environ.get('VSPHERE_INSECURE', '')),
    )


def _port(value: str) -> int:
    if not value:
        return 443
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise SettingsError(f'VSPHERE_PORT is a number from 1 to 65535, not {value!r}')
    return int(value)


def _cacert(path: str) -> str | None:
    if path and not os.path.isfile(path):
        raise SettingsError(f'VSPHERE_CACERT names {path}, and there is no such file')
    return path or None


def _yes_or_no(name: str, value: str) -> bool:
    try:
        return _YES_AND_NO[value.strip().lower()]
    except KeyError:
        raise SettingsError(f'{name} is 1 or 0, not {value!r}') from None


def make_simulator() -> VCenterSimulator:
    """A simulated vCenter, not started yet."""
    # Here, because it needs an extra that a look at one's own vCenter does without.
    from oslo_vmware.simulator import Inventory, VCenterSimulator

    return VCenterSimulator(task_seconds=_TASK_SECONDS, inventory=Inventory(**INVENTORY))


def simulated(vc: VCenterSimulator) -> Server:
    """How to log in at a running simulator, which is verified as any other server."""
    return Server(
        host=vc.host,
        user=vc.username,
        password=vc.password,
        port=vc.port,
        cacert=vc.cacert,
        # A real server gets its own description read: it refuses operations of a version that is
        # newer than its own.
        wsdl_loc=wsdl.file_url(wsdl.vim_wsdl_path()),
    )


def connect(server: Server) -> api.VMwareAPISession:
    """Log in.

    :raises VimFaultException: the login was refused
    :raises VimConnectionException: the server cannot be reached, or is not trusted
    """
    return api.VMwareAPISession(
        server.host,
        server.user,
        server.password,
        api_retry_count=_REPETITIONS,
        task_poll_interval=_TASK_POLL_SECONDS,
        port=server.port,
        cacert=server.cacert,
        insecure=server.insecure,
        connection_timeout=_TIMEOUT_SECONDS,
        wsdl_loc=server.wsdl_loc,
    )

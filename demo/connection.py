"""The server that the demo is shown on.

If options or the environment name a vCenter, as for the command line, the demo looks at that one
and changes nothing there; without one it starts a simulated one in this process.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oslo_vmware import api
from oslo_vmware.cli import connection
from oslo_vmware.cli.connection import Settings

if TYPE_CHECKING:
    from oslo_vmware.simulator import VCenterSimulator

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
# One, so that a call outlives what happens to a session, and a wrong address is told soon.
_REPETITIONS = 1


def named(options: argparse.Namespace, environ: Mapping[str, str]) -> Settings | None:
    """The server that options or environment name, with the password; None if they name none.

    :raises UsageError: they name one, and not all that is needed to log in
    """
    if not connection.is_said(options, environ):
        return None
    return connection.ask_password(connection.find(options, environ))


def make_simulator() -> VCenterSimulator:
    """A simulated vCenter, not started yet."""
    # Here, because it needs an extra that a look at one's own vCenter does without.
    from oslo_vmware.simulator import Inventory, VCenterSimulator

    return VCenterSimulator(task_seconds=_TASK_SECONDS, inventory=Inventory(**INVENTORY))


def simulated(vc: VCenterSimulator) -> Settings:
    """How to log in at a running simulator, which is verified as any other server."""
    return Settings(vc.host, vc.username, vc.password, vc.port, vc.cacert)


def connected(server: Settings) -> contextlib.AbstractContextManager[api.VMwareAPISession]:
    """Log in, and out at the end.

    :raises NotConnectedError: the login was refused, or there is no connection to be trusted
    """
    return connection.connected(server, _REPETITIONS)

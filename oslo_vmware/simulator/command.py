"""What the commands that run a server have in common: their options, and how they end.

They run until Ctrl-C, SIGTERM or the end of their terminal, and leave no file behind.
"""

import argparse
import dataclasses
import signal
import threading
from collections.abc import Callable

from oslo_vmware.simulator.server import Inventory, VCenterSimulator

_COUNTS = {field.name: field for field in dataclasses.fields(Inventory)}
_HELP = {
    'datacenters': 'datacenters',
    'clusters': 'clusters in each datacenter',
    'hosts_per_cluster': 'hosts in each cluster',
    'standalone_hosts': 'hosts outside of clusters, in each datacenter',
    'resource_pools': 'resource pools in each cluster, beside the root pool',
    'folders': 'folders for machines in each datacenter',
    'vms': 'virtual machines in all datacenters together',
    'powered_on': 'share of the machines that run, from 0 to 1',
    'nfs_datastores': 'NFS datastores in each datacenter',
    'vmfs_datastores': 'VMFS datastores in each datacenter',
    'vsan_datastores': 'vSAN datastores in each datacenter',
    'storage_pods': 'datastore clusters in each datacenter',
    'networks': 'standard networks in each datacenter',
    'dvs': 'distributed switches in each datacenter',
    'portgroups_per_dvs': 'port groups of each switch, beside the one for its uplinks',
}
# A terminal that goes away ends the command, unless it was told to live on (nohup).
_ENDING = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, 'SIGHUP') and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
    _ENDING.append(signal.SIGHUP)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to serve."""
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on')
    parser.add_argument('--port', type=int, default=0, help='0 takes a free one')
    parser.add_argument('--no-tls', action='store_true', help='plain HTTP')
    parser.add_argument('--username', default='administrator@vsphere.local', help='who may log in')
    parser.add_argument('--password', default='vmware123!', help='with which password')
    parser.add_argument('--api-version', default='9.1.1.0', help='such as 8.0.3.0 or 6.7')
    parser.add_argument(
        '--task-seconds', type=float, default=1.0, help='how long a task takes', metavar='SECONDS'
    )
    parser.add_argument(
        '--session-idle-seconds',
        type=float,
        default=None,
        metavar='SECONDS',
        help='sessions expire when idle for so long',
    )
    parser.add_argument('--seed', type=int, default=0, help='of ids and other random values')
    counts = parser.add_argument_group('inventory', 'how much there is of everything')
    for name, field in _COUNTS.items():
        counts.add_argument(
            f'--{name.replace("_", "-")}',
            type=float if isinstance(field.default, float) else int,
            default=field.default,
            metavar='SHARE' if isinstance(field.default, float) else 'N',
            help=_HELP[name],
        )


def make(options: argparse.Namespace) -> VCenterSimulator:
    """Make the server that the options describe, not started yet.

    :raises ValueError: they make no sense; the text says which
    """
    return VCenterSimulator(
        options.host,
        options.port,
        tls=not options.no_tls,
        api_version=options.api_version,
        username=options.username,
        password=options.password,
        task_seconds=options.task_seconds,
        session_idle_seconds=options.session_idle_seconds,
        seed=options.seed,
        inventory=Inventory(**{name: getattr(options, name) for name in _COUNTS}),
    )


def serve(simulator: VCenterSimulator, ready: Callable[[VCenterSimulator], None]) -> None:
    """Run a server until a signal ends it.

    :param ready: called when it listens
    :raises OSError: it cannot listen where it should; ValueError where that is not even a name
    """
    ended = threading.Event()
    for number in _ENDING:
        signal.signal(number, lambda *_: ended.set())
    simulator.start()
    try:
        ready(simulator)
        ended.wait()
    finally:
        simulator.stop()

"""``python -m oslo_vmware.simulator --port 8989 --vms 50``: a server to point clients at.

Prints where it is and how to log in, runs until Ctrl-C, SIGTERM or the end of its terminal, and
leaves no file behind.
"""

import argparse
import dataclasses
import signal
import sys
import threading
from collections.abc import Sequence

try:
    from oslo_vmware.simulator.server import Inventory, VCenterSimulator
except ImportError as missing:
    sys.exit(str(missing))

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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m oslo_vmware.simulator',
        description='A vCenter in a box: SOAP over HTTPS with a made-up inventory.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
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
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server until a signal ends it; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        simulator = VCenterSimulator(
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
    except ValueError as error:
        parser.error(str(error))
    ended = threading.Event()
    for number in _ENDING:
        signal.signal(number, lambda *_: ended.set())
    try:
        simulator.start()
    except (OSError, ValueError) as error:  # ValueError: not even a name
        print(f'Cannot listen on {options.host}:{options.port}: {error}', file=sys.stderr)
        return 1
    try:
        print(f'URL       {simulator.sdk_url}')
        if simulator.cacert is not None:
            print(f'CA file   {simulator.cacert}')
        print(f'Username  {simulator.username}')
        print(f'Password  {simulator.password}')
        print('Ctrl-C ends it.', flush=True)
        ended.wait()
    finally:
        simulator.stop()
    return 0


if __name__ == '__main__':
    sys.exit(main())

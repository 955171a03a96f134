"""``python -m oslo_vmware.simulator --port 8989 --vms 50``: a server to point clients at.

Prints where it is and how to log in, runs until Ctrl-C or SIGTERM, and leaves no file behind.
"""

import argparse
import dataclasses
import signal
import sys
import threading
from collections.abc import Sequence

from oslo_vmware.simulator.server import Inventory, VCenterSimulator

_COUNTS = {field.name: field for field in dataclasses.fields(Inventory)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m oslo_vmware.simulator',
        description='A vCenter in a box: SOAP over HTTPS with a made-up inventory.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on')
    parser.add_argument('--port', type=int, default=0, help='0 takes a free one')
    parser.add_argument('--no-tls', action='store_true', help='plain HTTP')
    parser.add_argument('--username', default='administrator@vsphere.local')
    parser.add_argument('--password', default='vmware123!')
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
            help=' ',
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
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        simulator.start()
    except OSError as error:
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

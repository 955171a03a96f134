"""``python -m oslo_vmware.simulator --port 8989 --vms 50``: a server to point clients at.

Prints where it is and how to log in, runs until Ctrl-C, SIGTERM or the end of its terminal, and
leaves no file behind.
"""

import argparse
import sys
from collections.abc import Sequence

try:
    from oslo_vmware.simulator import command
    from oslo_vmware.simulator.server import VCenterSimulator
except ImportError as missing:
    sys.exit(str(missing))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m oslo_vmware.simulator',
        description='A vCenter in a box: SOAP over HTTPS with a made-up inventory.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.add_arguments(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server until a signal ends it; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        simulator = command.make(options)
    except ValueError as error:
        parser.error(str(error))
    try:
        command.serve(simulator, _tell)
    except (OSError, ValueError) as error:  # ValueError: not even a name
        print(f'Cannot listen on {options.host}:{options.port}: {error}', file=sys.stderr)
        return 1
    return 0


def _tell(simulator: VCenterSimulator) -> None:
    print(f'URL       {simulator.sdk_url}')
    if simulator.cacert is not None:
        print(f'CA file   {simulator.cacert}')
    print(f'Username  {simulator.username}')
    print(f'Password  {simulator.password}')
    print('Ctrl-C ends it.', flush=True)


if __name__ == '__main__':
    sys.exit(main())

"""``python -m demo``: finds the server, runs the steps, and exits.

The exit code is 0 when all went well, 1 when a step failed, 2 when options and environment do not
say enough, and 130 after Ctrl-C.
"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from demo import connection, runner, show
from demo import steps as _steps  # noqa: F401 - importing them registers them
from oslo_vmware.cli import connection as settings
from oslo_vmware.cli.failures import UsageError


def _parser() -> argparse.ArgumentParser:
    variables = [f'  {name:17} {text}' for name, text in settings.VARIABLES.items()]
    parser = argparse.ArgumentParser(
        prog='python -m demo',
        description='Shows the library at work, against a simulated vCenter or your own one.',
        epilog='\n'.join(['environment variables:', *variables]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    settings.add_options(parser)
    return parser


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run the demo; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        server = connection.named(options, environ)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        return 0 if runner.run(runner.STEPS, show.Show(), server) else 1
    except BrokenPipeError:
        # So that the interpreter does not fail once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print('\nInterrupted.', file=sys.stderr)
        return 130


if __name__ == '__main__':
    # What a terminal's character set lacks is no reason to stop.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='replace')
    # Logged out, and without the simulator's file, also when somebody else ends it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    sys.exit(main())

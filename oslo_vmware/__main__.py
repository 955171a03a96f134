"""``python -m oslo_vmware``, and the console script ``oslo-vmware``: see :mod:`oslo_vmware.cli`."""

import io
import signal
import sys

from oslo_vmware.cli.main import main


def run() -> int:
    """Be a process: run the command that the command line names; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal's character set lacks is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='replace')
    # Logged out also when somebody else ends it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    return main()


if __name__ == '__main__':
    sys.exit(run())

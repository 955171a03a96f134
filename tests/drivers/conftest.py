"""What all drivers' tests have. The fixture ``vcenter`` comes from the library's own plug-in."""

import os
import pathlib
import sys

import oslo_vmware


def _check_process() -> None:
    """The process has to be what the runner meant it to be, or nothing it says counts."""
    library = pathlib.Path(oslo_vmware.__file__).resolve()
    if not library.is_relative_to(pathlib.Path(sys.prefix).resolve()):
        raise RuntimeError(f'oslo_vmware is not the one of {sys.prefix}, but {library}')
    patcher = sys.modules.get('eventlet.patcher')
    green = patcher is not None and bool(patcher.is_monkey_patched('socket'))
    if green != bool(os.environ['DRIVERS_GREEN']):
        raise RuntimeError(f'eventlet has patched the process: {green}')


# At once: the users' own modules are imported by the next conftest.
_check_process()

if os.environ.get('DRIVERS_ACCOUNT'):
    # Before there is a simulator, for the same reason.
    from tests.drivers import account

    account.limit(os.environ['DRIVERS_ACCOUNT'])

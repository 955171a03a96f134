"""Move a machine to another host while it runs, and to another datastore if one is named.

usage: move.py PATH-OF-MACHINE PATH-OF-HOST [PATH-OF-DATASTORE]
"""

import os
import sys
from typing import Any

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware.types import vim


def connect() -> api.VMwareAPISession:
    """A session with the vCenter that the environment names; its certificate is verified."""
    host, _, port = os.environ['VSPHERE_HOST'].partition(':')
    return api.VMwareAPISession(
        host,
        os.environ['VSPHERE_USER'],
        os.environ['VSPHERE_PASSWORD'],
        api_retry_count=3,
        task_poll_interval=0.5,
        port=int(port or 443),
        cacert=os.environ.get('VSPHERE_CACERT'),
        insecure=False,
    )


def find(session: api.VMwareAPISession, path: str) -> Any:
    """What is at a path of the inventory, such as ``/Frankfurt/vm/Production/fra-web-0001``."""
    found = session.invoke_api(vim_util, 'find_by_inventory_path', session.vim, path)
    if found is None:
        sys.exit(f'There is nothing at {path}.')
    return found


def told(percent: int | None, state: str) -> None:
    """Show how far a task is; it is called with each change."""
    print(f'{percent or 0:3} % {state}', file=sys.stderr)


def move(session: api.VMwareAPISession, machine: Any, host: Any, datastore: Any = None) -> None:
    """Move a machine, with its disks if there is a datastore to move them to.

    :raises VimFaultException: the server refuses, or the move failed; ``fault_list`` says why
    """
    compute = session.invoke_api(vim_util, 'get_object_property', session.vim, host, 'parent')
    pool = session.invoke_api(vim_util, 'get_object_property', session.vim, compute, 'resourcePool')
    # What is None is left out, and stays as it is.
    spec = vim.VirtualMachineRelocateSpec(host=host, pool=pool, datastore=datastore)
    task = session.invoke_api(session.vim, 'RelocateVM_Task', machine, spec=spec)
    session.wait_for_task(task, progress=told)


def main() -> None:
    machine, *places = sys.argv[1:]
    with connect() as session:
        try:
            move(session, find(session, machine), *(find(session, place) for place in places))
        except exceptions.VimFaultException as refused:
            sys.exit(f'{machine} stays where it is: {refused}')
    print(f'{machine} is on {" and ".join(places)}')


if __name__ == '__main__':
    main()

"""Clone a template into a cluster, and start the new machine.

usage: clone.py PATH-OF-TEMPLATE NEW-NAME PATH-OF-CLUSTER
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


def clone(session: api.VMwareAPISession, template: Any, name: str, cluster: Any) -> Any:
    """Make a running machine of a template, beside it in its folder.

    :returns: reference to the machine
    :raises DuplicateName: the folder has a machine of this name
    """
    folder = session.invoke_api(vim_util, 'get_object_property', session.vim, template, 'parent')
    pool = session.invoke_api(vim_util, 'get_object_property', session.vim, cluster, 'resourcePool')
    spec = vim.VirtualMachineCloneSpec(
        # A template has no resource pool, a machine needs one; ``datastore`` would move it.
        location=vim.VirtualMachineRelocateSpec(pool=pool),
        config=vim.VirtualMachineConfigSpec(numCPUs=2, memoryMB=4096, annotation='A clone.'),
        powerOn=True,
        template=False,
    )
    task = session.invoke_api(
        session.vim, 'CloneVM_Task', template, folder=folder, name=name, spec=spec
    )
    return session.wait_for_task(task).result


def main() -> None:
    template, name, cluster = sys.argv[1:]
    with connect() as session:
        try:
            machine = clone(session, find(session, template), name, find(session, cluster))
        except exceptions.DuplicateName:
            sys.exit(f'There is a machine {name} already.')
        path = session.invoke_api(vim_util, 'get_inventory_path', session.vim, machine)
        print(f'{path} runs')


if __name__ == '__main__':
    main()

"""Take a snapshot of a machine, list them, go back to one, remove one.

usage: snapshots.py PATH-OF-MACHINE list
       snapshots.py PATH-OF-MACHINE take|revert|remove NAME
"""

import os
import sys
from collections.abc import Iterator
from typing import Any

from oslo_vmware import api, vim_util


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


def snapshots(session: api.VMwareAPISession, machine: Any) -> Iterator[tuple[int, Any]]:
    """Each snapshot of a machine and how deep it lies, parents before their children."""
    found = session.invoke_api(vim_util, 'get_object_property', session.vim, machine, 'snapshot')
    # The newest is looked at last, so a stack keeps the order.
    waiting = [(0, one) for one in reversed(found.rootSnapshotList)] if found else []
    while waiting:
        depth, snapshot = waiting.pop()
        yield depth, snapshot
        children = getattr(snapshot, 'childSnapshotList', [])
        waiting += [(depth + 1, one) for one in reversed(children)]


def named(session: api.VMwareAPISession, machine: Any, name: str) -> Any:
    """The snapshot of a name, which several may have."""
    found = [one.snapshot for _, one in snapshots(session, machine) if one.name == name]
    if len(found) != 1:
        sys.exit(f'{len(found)} snapshots have the name {name}.')
    return found[0]


def take(session: api.VMwareAPISession, machine: Any, name: str) -> None:
    """Take a snapshot without the memory, with the file systems at rest where tools can do it."""
    task = session.invoke_api(
        session.vim,
        'CreateSnapshot_Task',
        machine,
        name=name,
        description='',
        memory=False,
        quiesce=True,
    )
    session.wait_for_task(task)


def revert(session: api.VMwareAPISession, machine: Any, name: str) -> None:
    """Put a machine back to where it was; what it did since is lost."""
    snapshot = named(session, machine, name)
    session.wait_for_task(session.invoke_api(session.vim, 'RevertToSnapshot_Task', snapshot))


def remove(session: api.VMwareAPISession, machine: Any, name: str) -> None:
    """Forget a snapshot; the machine stays as it is, and its children stay."""
    snapshot = named(session, machine, name)
    task = session.invoke_api(
        session.vim, 'RemoveSnapshot_Task', snapshot, removeChildren=False, consolidate=True
    )
    session.wait_for_task(task)


def main() -> None:
    path, action, *names = sys.argv[1:]
    with connect() as session:
        machine = find(session, path)
        for name in names:
            {'take': take, 'revert': revert, 'remove': remove}[action](session, machine, name)
        for depth, snapshot in snapshots(session, machine):
            print(f'{"  " * depth}{snapshot.name}  {snapshot.createTime:%Y-%m-%d %H:%M}')


if __name__ == '__main__':
    main()

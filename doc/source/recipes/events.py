"""Print what has happened to something and all that is in it, and go on if asked to.

usage: events.py PATH [--follow]
"""

import datetime
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from oslo_vmware import api, vim_util
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


def events(
    session: api.VMwareAPISession, entity: Any, since: datetime.datetime, follow: bool
) -> Iterator[Any]:
    """The events about an object and what is in it, the oldest first.

    :param follow: wait for more, and never end
    """
    # With ``eventTypeId=['VmPoweredOnEvent']`` only those of a kind.
    spec = vim.EventFilterSpec(
        entity=vim.EventFilterSpecByEntity(entity=entity, recursion='all'),
        time=vim.EventFilterSpecByTime(beginTime=since),
    )
    manager = session.vim.service_content.eventManager
    collector = session.invoke_api(session.vim, 'CreateCollectorForEvents', manager, filter=spec)
    try:
        while True:
            page = session.invoke_api(session.vim, 'ReadNextEvents', collector, maxCount=100)
            yield from page or ()
            if not page:
                if not follow:
                    return
                time.sleep(5)
    finally:
        # A session may have 32 collectors.
        session.invoke_api(session.vim, 'DestroyCollector', collector)


def main() -> None:
    path, *options = sys.argv[1:]
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    with connect() as session:
        for event in events(session, find(session, path), yesterday, '--follow' in options):
            print(f'{event.createdTime:%H:%M:%S}  {event.fullFormattedMessage}')


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

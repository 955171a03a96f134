"""Download the first disk of a machine that is off, as a stream-optimised VMDK.

usage: download_disk.py PATH-OF-MACHINE FILE
"""

import os
import pathlib
import sys
from typing import Any

from oslo_vmware import api, image_transfer, vim_util

MIB = 1024**2


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


class Shown:
    """Shows how far a download is, each 16 MiB; it is called for each block of some KiB."""

    def __init__(self) -> None:
        self.next = 0

    def __call__(self, done: int, total: int | None) -> None:
        # The server makes the disk as it sends it, and knows its size at the end.
        if done >= self.next or done == total:
            print(f'\r{done // MIB:,} MiB', end='', file=sys.stderr, flush=True)
            self.next = done + 16 * MIB


def download(session: api.VMwareAPISession, machine: Any, file: pathlib.Path) -> None:
    """Export a disk into a file that is whole, or not there.

    :raises ImageTransferException: the disk did not come whole; the text says why
    """
    host, _, port = os.environ['VSPHERE_HOST'].partition(':')
    part = file.with_name(f'{file.name}.part')
    try:
        image_transfer.copy_stream_optimized_disk(
            None,
            # Seconds for all of it; None waits as long as bytes come.
            3600,
            part.open('wb'),
            session=session,
            host=host,
            port=int(port or 443),
            vm=machine,
            # What the server thinks it will be; 0 if nobody knows.
            vmdk_size=0,
            progress=Shown(),
        )
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)


def main() -> None:
    path, name = sys.argv[1:]
    file = pathlib.Path(name)
    with connect() as session:
        download(session, find(session, path), file)
    print(f'\n{file} has {file.stat().st_size:,} bytes')


if __name__ == '__main__':
    main()

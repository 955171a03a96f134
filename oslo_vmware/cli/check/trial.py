"""A small file, written to a datastore, read, compared and deleted, as the drivers move images."""

import os
import time
import uuid
from collections.abc import Iterator
from typing import Any

from oslo_vmware import exceptions, rw_handles, vim_util
from oslo_vmware.cli.check.findings import CINDER, GLANCE, NOVA, Finding, Outcome, words
from oslo_vmware.cli.check.inventory import Entity, Inventory

_BYTES = 2**20
_SECONDS = 120.0
_CONSUMERS = (NOVA, CINDER, GLANCE)


def look(session: Any, inventory: Inventory, datastore: Entity) -> Iterator[Finding]:
    """Write, read and delete 1 MiB under a name that nobody else has.

    :param datastore: one of the inventory's
    """
    reference = datastore.id
    datacenter = next(
        (
            one
            for one in inventory.datacenters
            if reference in {ref.value for ref in one.references('datastore')}
        ),
        None,
    )
    subject = f'datastore {datastore.name}'
    if datacenter is None:
        yield Finding(
            'trial',
            subject,
            Outcome.FAILED,
            'the account does not see the datacenter that it belongs to',
            'Give it a role on the datacenter.',
            _CONSUMERS,
        )
        return
    name = f'oslo-vmware-check-{uuid.uuid4()}.bin'
    try:
        yield _moved(session, datacenter, datastore, name)
    except exceptions.VMwareDriverException as exc:
        yield Finding(
            'trial',
            subject,
            Outcome.FAILED,
            f'a file could not be moved there and back: {words(exc)}',
            'Look at the privileges Datastore.Browse and Datastore.FileManagement there, and '
            'whether the hosts of the datastore can be reached from here.',
            _CONSUMERS,
        )
    finally:
        left = _deleted(session, datacenter, datastore, name)
    if left:
        yield Finding(
            'trial',
            subject,
            Outcome.FAILED,
            f'[{datastore.name}] {name} could not be deleted: {left}',
            'Delete it, and look at the privilege Datastore.FileManagement.',
            _CONSUMERS,
        )


def _moved(session: Any, datacenter: Entity, datastore: Entity, name: str) -> Finding:
    path = session.invoke_api(
        vim_util, 'get_inventory_path', session.vim, datacenter.reference
    ).lstrip('/')
    place = {
        'host_or_url': session._host,
        'port': session._port,
        'data_center_name': path,
        'datastore_name': datastore.name,
        'cookies': session.vim.client.cookiejar,
        'file_path': name,
    }
    sent = os.urandom(_BYTES)
    started = time.monotonic()
    up = rw_handles.FileWriteHandle(**place, file_size=len(sent))
    try:
        up.write(sent)
    finally:
        up.close()
    between = time.monotonic()
    down = rw_handles.FileReadHandle(**place)
    try:
        received = b''.join(iter(lambda: down.read(2**16), b''))
    finally:
        down.close()
    ended = time.monotonic()
    if received != sent:
        raise exceptions.VimException('what came back is not what was sent')
    seconds = {'upload_seconds': between - started, 'download_seconds': ended - between}
    return Finding(
        'trial',
        f'datastore {datastore.name}',
        Outcome.FINE,
        f'1 MiB went there in {between - started:.2f} s and came back in {ended - between:.2f} s, '
        'whole',
        consumers=_CONSUMERS,
        data={'bytes': len(sent), **seconds},
    )


def _deleted(session: Any, datacenter: Entity, datastore: Entity, name: str) -> str:
    """Delete the file, if it is there; returns why not."""
    try:
        task = session.invoke_api(
            session.vim,
            'DeleteDatastoreFile_Task',
            session.vim.service_content.fileManager,
            name=f'[{datastore.name}] {name}',
            datacenter=datacenter.reference,
        )
        session.wait_for_task(task, timeout=_SECONDS)
    except exceptions.FileNotFoundException:
        return ''
    except exceptions.VMwareDriverException as exc:
        return words(exc)
    return ''

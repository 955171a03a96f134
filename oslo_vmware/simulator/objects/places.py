"""Where machines and files are put: datastores by paths, directories and hosts for new machines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from oslo_vmware.simulator.world.data import Fault

_PATH = re.compile(r'^\[(?P<datastore>[^\]]+)\]\s*(?P<file>.*)$')


class Named(Protocol):
    """What has a name of the inventory."""

    name: str


Datastore = TypeVar('Datastore', bound=Named)


def datastore_of(candidates: Iterable[Datastore], path: str) -> tuple[Datastore, str]:
    """The datastore and the rest of a path ``[datastore] directory/file``.

    :param candidates: the datastores that can be reached
    :raises Fault: InvalidDatastorePath
    """
    found = _PATH.match(path)
    if found is not None:
        for datastore in candidates:
            if datastore.name == found['datastore']:
                return datastore, found['file']
    raise Fault(
        'InvalidDatastorePath',
        f"Invalid datastore path '{path}'.",
        datastorePath=path,
        name=found['datastore'] if found is not None else None,
    )


def free_directory(home: Any, name: str) -> str:
    """A directory for a new machine: its name, numbered where a machine has that already."""
    taken = {machine.directory for machine in home.vm if machine.home is home}
    directory, number = name, 0
    while directory in taken:
        number += 1
        directory = f'{name}_{number}'
    return directory


def choose_host(owner: Any, home: Any, host: Any = None) -> Any:
    """The host for a machine: the one asked for, or the emptiest that reaches the datastore.

    :param owner: the compute resource that the machine's resource pool belongs to
    :raises Fault: InvalidArgument, InvalidState or InvalidDatastore where there is none
    """
    if host is not None and host.parent is not owner:
        raise Fault(
            'InvalidArgument',
            f"The host '{host.name}' does not belong to '{owner.name}'.",
            invalidProperty='host',
        )
    usable = [found for found in ([host] if host else owner.host) if found.usable]
    if not usable:
        raise Fault('InvalidState', f"There is no host in '{owner.name}' that machines can run on.")
    reaching = [found for found in usable if home in found.datastore]
    if not reaching:
        raise Fault(
            'InvalidDatastore',
            f"The datastore '{home.name}' is not accessible on the host.",
            datastore=home.ref,
            name=home.name,
        )
    return min(reaching, key=lambda found: len(found.vm))

"""What the storage network offers to hosts: iSCSI targets, and the disks behind them.

A test says what there is. A host finds it once it has been told where to look, and to look again::

    vc.targets.offer('iqn.2010-10.org.openstack:volume-1', '192.0.2.10:3260', 10 * GIB)
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from oslo_vmware.simulator.world.registry import World

ISCSI_PORT = 3260

_DEVICES = '/vmfs/devices/disks/'
# What the identifier of a disk ends with: the model, as an array tells it.
_MODEL = b'LUN C-'.hex()


class Lun(NamedTuple):
    """A disk that hosts see.

    :ivar name: its canonical name, ``naa.…``, the same for all hosts
    :ivar capacity: in bytes
    """

    name: str
    capacity: int

    @property
    def uuid(self) -> str:
        """What the API calls its uuid, which is no UUID."""
        return f'0200000000{self.name.partition(".")[2]}{_MODEL}'

    @property
    def path(self) -> str:
        """The device on a host."""
        return f'{_DEVICES}{self.name}'

    def is_called(self, device: str) -> bool:
        """Whether a client means this disk, by one of its many names."""
        return device.removeprefix(_DEVICES) in (self.name, self.uuid, f'vml.{self.uuid}')


class Target(NamedTuple):
    """A target, at one address.

    :ivar portal: address and port, ``192.0.2.10:3260``
    :ivar luns: its disks by their numbers
    """

    iqn: str
    portal: str
    luns: dict[int, Lun]


class Targets:
    """All targets that there are; a test changes them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._targets: dict[tuple[str, str], Target] = {}

    def offer(self, iqn: str, portal: str, *capacities: int) -> Target:
        """Offer a target with disks, or change what a target has.

        A target that is offered at several portals has the same disks at each of them.

        :param portal: address, and port unless it is iSCSI's own
        :param capacities: of its disks, in bytes; the first one's number is 0
        """
        address, port = _place(portal)
        luns = {
            number: Lun(f'naa.6{hashlib.sha256(f"{iqn}/{number}".encode()).hexdigest()[:31]}', size)
            for number, size in enumerate(capacities)
        }
        target = Target(iqn, f'{address}:{port}', luns)
        with self._world.lock:
            self._targets[iqn, target.portal] = target
        return target

    def withdraw(self, iqn: str) -> None:
        """Take a target away, at all its portals; hosts notice when they look again."""
        with self._world.lock:
            for key in [key for key in self._targets if key[0] == iqn]:
                del self._targets[key]

    def at(self, address: str, port: int | None, iqn: str | None = None) -> list[Target]:
        """The targets at an address.

        :param iqn: only that one
        """
        portal = f'{address}:{port or ISCSI_PORT}'
        return [
            target
            for target in self._targets.values()
            if target.portal == portal and iqn in (None, target.iqn)
        ]


def _place(portal: str) -> tuple[str, int]:
    address, _, port = portal.rpartition(':')
    return (address, int(port)) if address else (portal, ISCSI_PORT)

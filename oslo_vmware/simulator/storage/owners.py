"""Whose files there are: what storage needs of datastores and of machines."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from oslo_vmware.simulator.world.data import DataObject, Ref
from oslo_vmware.simulator.world.registry import World


class Datastore(Protocol):
    """What is needed of a datastore, whose files these are."""

    world: World
    ref: Ref
    name: str
    uuid: str
    other_used: int
    # The machines on it.
    vm: Any

    @property
    def free_space(self) -> int: ...

    def update(self, **state: Any) -> None: ...

    def changed(self, *names: str) -> None: ...


class File(NamedTuple):
    """A file of a machine.

    :ivar datastore: where it is
    :ivar name: full path with the datastore's name
    :ivar kind: as ``layoutEx.file.type`` says it
    :ivar disk: key of the disk that it belongs to
    """

    datastore: Any
    name: str
    kind: str
    size: int
    disk: int | None = None


class Machine(Protocol):
    """What is needed of a virtual machine, whose files follow it."""

    @property
    def running(self) -> bool: ...

    def files(self) -> list[File]:
        """All files that it has at present."""

    def all_disks(self) -> list[DataObject]:
        """The disks that have files of their own."""

    def configuration_file(self) -> str:
        """The text of its configuration file."""

    def follow_disk(self, name: str, **changes: Any) -> None:
        """Somebody has changed the files of one of its disks."""

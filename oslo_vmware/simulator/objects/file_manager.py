"""The FileManager: files and directories on datastores, by paths ``[datastore] dir/file``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oslo_vmware.simulator.objects import places
from oslo_vmware.simulator.storage.files import Volume, normal
from oslo_vmware.simulator.world.data import Fault, Ref, invalid_argument
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed


def place(world: World, path: str, datacenter: Ref | None) -> tuple[Volume, str]:
    """The datastore's files and the path in them that a path with its datacenter means.

    :raises Fault: InvalidArgument without a datacenter, which a vCenter needs;
        InvalidDatastorePath; ManagedObjectNotFound
    """
    if datacenter is None:
        raise invalid_argument('datacenter')
    found: Any = world.get(datacenter)
    if not found.is_a('Datacenter'):
        raise invalid_argument('datacenter')
    datastore, rest = places.datastore_of(found.datastore, path)
    if not datastore.accessible:
        raise Fault(
            'InvalidDatastore',
            f"The datastore '{datastore.name}' is not accessible.",
            datastore=datastore.ref,
            name=datastore.name,
        )
    return world.files.of(datastore), normal(rest)


class PathManager(ManagedObject):
    """What the managers of files and of disks share."""

    def place(self, path: str, datacenter: Ref | None) -> tuple[Volume, str]:
        return place(self.world, path, datacenter)

    def start(self, operation: str, datacenter: Ref, work: Callable[[], Any]) -> Ref:
        shown_on = self.world.get(datacenter)
        return self.world.task_manager.start(self, operation, work, shown_on=shown_on)


@managed('FileManager')
class FileManager(PathManager):
    """Makes directories; copies, moves and deletes files and directories."""

    def __init__(self, world: World) -> None:
        super().__init__(world, 'FileManager')

    def MakeDirectory(self, call: Call) -> None:
        volume, path = self.place(call.args.name, call.datacenter)
        volume.make_directory(path, parents=bool(call.createParentDirectories))

    def DeleteDatastoreFile_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.args.name, call.datacenter)
        return self.start('DeleteDatastoreFile_Task', call.datacenter, lambda: volume.remove(path))

    def CopyDatastoreFile_Task(self, call: Call) -> Ref:
        return self._transfer('CopyDatastoreFile_Task', call, Volume.copy)

    def MoveDatastoreFile_Task(self, call: Call) -> Ref:
        return self._transfer('MoveDatastoreFile_Task', call, Volume.move)

    def _transfer(self, operation: str, call: Call, act: Callable[..., None]) -> Ref:
        volume, path = self.place(call.sourceName, call.sourceDatacenter)
        datacenter = call.destinationDatacenter or call.sourceDatacenter
        other, new = self.place(call.destinationName, datacenter)
        force = bool(call.force)
        return self.start(operation, datacenter, lambda: act(volume, path, other, new, force=force))

    def ChangeOwner(self, call: Call) -> None:
        volume, path = self.place(call.args.name, call.datacenter)
        volume.check_file(path)

"""What a vCenter has, as VMware's own SDK sees it."""

from __future__ import annotations

import pathlib
from typing import Any

from pyVmomi import vim


def datacenter(content: Any) -> Any:
    """The only datacenter."""
    (found,) = content.rootFolder.childEntity
    return found


def machines(content: Any) -> list[Any]:
    """All machines in all folders, by name."""
    found, folders = [], [datacenter(content).vmFolder]
    while folders:
        for entity in folders.pop().childEntity:
            (folders if isinstance(entity, vim.Folder) else found).append(entity)
    return sorted(found, key=lambda machine: machine.name)


def machine_of(content: Any, uuid: str) -> Any:
    """The machine of an instance's or a volume's id; None if there is none."""
    return content.searchIndex.FindByUuid(None, uuid, True, True)


def disks(machine: Any) -> list[Any]:
    """The disks of a machine."""
    devices = machine.config.hardware.device
    return [one for one in devices if isinstance(one, vim.vm.device.VirtualDisk)]


def options(machine: Any) -> dict[str, Any]:
    """The extraConfig of a machine, of which the latest holds."""
    return {one.key: one.value for one in machine.config.extraConfig}


def file(content: Any, path: str) -> pathlib.Path:
    """A file of a datastore, on this computer.

    :param path: ``[datastore] path``
    """
    name, _, at = path.removeprefix('[').partition('] ')
    (found,) = [one for one in datacenter(content).datastore if one.name == name]
    return pathlib.Path(found.summary.url) / at


def end_other_sessions(content: Any) -> set[str]:
    """End all sessions but this one; returns their keys."""
    manager = content.sessionManager
    others = {one.key for one in manager.sessionList} - {manager.currentSession.key}
    manager.TerminateSession(list(others))
    return others

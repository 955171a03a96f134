"""The table of commands: nothing is imported before it is called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A command and where it is.

    :ivar module: in this package; its docstring is the command's help
    :ivar summary: what it does, in half a line
    :ivar connects: whether it has the options that say where to connect to
    :ivar paged: whether its output may be long
    """

    name: str
    module: str
    summary: str
    connects: bool = True
    paged: bool = False


#: Commands by group, in the order of ``--help``.
COMMANDS: dict[str, tuple[Command, ...]] = {
    'Begin here': (
        Command('about', 'about', 'what is installed here, and which vCenter answers'),
        Command('check', 'check', 'will OpenStack work with this vCenter?'),
        Command('simulate', 'simulate', 'a simulated vCenter to try things on', connects=False),
    ),
    'The inventory': (
        Command('ls', 'ls', 'what is directly below an object', paged=True),
        Command('find', 'find', 'paths of objects by type and name', paged=True),
        Command('tree', 'tree', 'the inventory as a tree', paged=True),
        Command('get', 'get', 'properties of an object', paged=True),
    ),
    'What there is, and what happens': (
        Command('hosts', 'hosts', 'hosts, and how busy they are', paged=True),
        Command('datastores', 'datastores', 'datastores, and how full they are', paged=True),
        Command('vm', 'vm', 'machines: list, info, power, snapshots', paged=True),
        Command('tasks', 'tasks', 'recent tasks, and following them', paged=True),
        Command('events', 'events', 'the latest events, and following them', paged=True),
        Command('policies', 'policies', 'storage policies: explain, import, check', paged=True),
        Command('sessions', 'sessions', 'who is logged in', paged=True),
    ),
    'Files and images': (
        Command('put', 'put', 'a file onto a datastore, an image into a machine'),
        Command('fetch', 'fetch', 'a file from a datastore, a machine into an image'),
        Command('cp', 'cp', 'from one place on datastores to another'),
    ),
}


def command_of(name: str) -> Command | None:
    """The command of a name."""
    return next((one for one in every_command() if one.name == name), None)


def every_command() -> list[Command]:
    """All commands."""
    return [one for group in COMMANDS.values() for one in group]

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
    ),
}


def find(name: str) -> Command | None:
    """The command of a name."""
    return next((one for one in every() if one.name == name), None)


def every() -> list[Command]:
    """All commands."""
    return [one for group in COMMANDS.values() for one in group]

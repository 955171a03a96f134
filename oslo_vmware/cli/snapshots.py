"""``oslo-vmware vm snapshot``: the snapshots of a machine, and what is done with them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from oslo_vmware import vim_util
from oslo_vmware.cli import inventory, lookup, values
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import NoSuchObjectError, UsageError
from oslo_vmware.cli.output import Node


@dataclass
class Snapshot:
    """A snapshot and those that were made after it.

    :ivar current: whether the machine would go back to it, or has come from it
    """

    ref: Any
    name: str
    description: str
    created: datetime.datetime
    current: bool
    children: list[Snapshot] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The same as data."""
        return {
            'name': self.name,
            'reference': inventory.reference(self.ref),
            'description': self.description,
            'created': self.created,
            'current': self.current,
            'children': [child.as_dict() for child in self.children],
        }


def read(info: Any) -> list[Snapshot]:
    """The snapshots of a machine, the oldest of each line first.

    :param info: its property ``snapshot``; None if there are none
    """
    current = getattr(getattr(info, 'currentSnapshot', None), 'value', None)

    def made(one: Any) -> Snapshot:
        return Snapshot(
            one.snapshot,
            str(one.name),
            str(getattr(one, 'description', None) or ''),
            one.createTime,
            one.snapshot.value == current,
            [made(child) for child in getattr(one, 'childSnapshotList', None) or []],
        )

    return [made(one) for one in getattr(info, 'rootSnapshotList', None) or []]


def flat(snapshots: list[Snapshot]) -> list[Snapshot]:
    """All of them in one list."""

    def walk(some: list[Snapshot]) -> Iterator[Snapshot]:
        for one in some:
            yield one
            yield from walk(one.children)

    return list(walk(snapshots))


def add_arguments(actions: Any) -> None:
    """Add ``snapshot`` and its actions to those of ``vm``."""
    parser = actions.add_parser(
        'snapshot',
        help='list, create, revert, remove',
        description='Snapshots of a machine.',
    )
    ways = parser.add_subparsers(dest='way', required=True, metavar='ACTION')
    for name, text in (
        ('list', 'show those that there are'),
        ('create', 'make one'),
        ('revert', 'go back to one; what came after it on the disks is lost'),
        ('remove', 'remove one; its changes become part of the one after it'),
    ):
        way = ways.add_parser(name, help=text, description=f'{text[0].upper()}{text[1:]}.')
        way.add_argument('machine', help=lookup.HELP)
        if name == 'create':
            way.add_argument('snapshot', help='name of the new one')
            way.add_argument('--description', default='', help='what it is for')
            way.add_argument('--memory', action='store_true', help='with what is in memory')
            way.add_argument(
                '--quiesce', action='store_true', help='have the guest write all first'
            )
        elif name != 'list':
            way.add_argument('snapshot', help='its name, or its reference if several have it')
        if name == 'remove':
            way.add_argument('--children', action='store_true', help='with all that came after it')


def run(context: Context) -> None:
    """Do what the options say."""
    _WAYS[context.options.way](context)


def _read_of(context: Context) -> tuple[Any, list[Snapshot]]:
    session = context.session
    ref = lookup.find(session, context.options.machine, 'VirtualMachine')
    info = session.invoke_api(vim_util, 'get_object_property', session.vim, ref, 'snapshot')
    return ref, read(info)


def _list(context: Context) -> None:
    _, snapshots = _read_of(context)
    context.out.data([one.as_dict() for one in snapshots])
    if not snapshots:
        context.out.line('There are no snapshots.')
        return
    context.out.tree(Node(context.options.machine, '', 'strong', [_node(one) for one in snapshots]))


def _node(one: Snapshot) -> Node:
    note = values.when(one.created) + (', current' if one.current else '')
    return Node(one.name, note, '', [_node(child) for child in one.children])


def _create(context: Context) -> None:
    session, options = context.session, context.options
    machine = lookup.find(session, options.machine, 'VirtualMachine')
    # CreateSnapshot_Task, VI API 2.0
    task = session.invoke_api(
        session.vim,
        'CreateSnapshot_Task',
        machine,
        name=options.snapshot,
        description=options.description,
        memory=options.memory,
        quiesce=options.quiesce,
    )
    info = context.wait(task, f'Snapshot {options.snapshot} of {options.machine}')
    context.out.data({'reference': inventory.reference(info.result), 'name': options.snapshot})
    context.out.success(f'{options.machine} has the snapshot {options.snapshot}.')


def _revert(context: Context) -> None:
    snapshot = _find(context)
    session = context.session
    task = session.invoke_api(session.vim, 'RevertToSnapshot_Task', snapshot.ref)
    context.wait(task, f'Back to {snapshot.name}')
    context.out.data({'reference': inventory.reference(snapshot.ref), 'done': 'revert'})
    context.out.success(f'{context.options.machine} is what it was at {snapshot.name}.')


def _remove(context: Context) -> None:
    snapshot = _find(context)
    session = context.session
    task = session.invoke_api(
        session.vim,
        'RemoveSnapshot_Task',
        snapshot.ref,
        removeChildren=context.options.children,
    )
    context.wait(task, f'Removing {snapshot.name}')
    context.out.data({'reference': inventory.reference(snapshot.ref), 'done': 'remove'})
    context.out.success(f'{context.options.machine} has the snapshot {snapshot.name} no more.')


def _find(context: Context) -> Snapshot:
    """The snapshot that the options name.

    :raises NoSuchObjectError: there is none
    :raises UsageError: there are several
    """
    wanted, machine = context.options.snapshot, context.options.machine
    every = flat(_read_of(context)[1])
    found = [one for one in every if wanted in (one.ref.value, inventory.reference(one.ref))]
    found = found or [one for one in every if one.name == wanted]
    if not found:
        names = ', '.join(one.name for one in every)
        raise NoSuchObjectError(
            f'{machine} has no snapshot {wanted}. '
            + (f'It has: {names}.' if names else 'It has none.')
        )
    if len(found) > 1:
        which = ''.join(f'\n{one.ref.value}  {values.when(one.created)}' for one in found)
        raise UsageError(f'{machine} has {len(found)} snapshots {wanted}; say which:{which}')
    return found[0]


_WAYS = {'list': _list, 'create': _create, 'revert': _revert, 'remove': _remove}

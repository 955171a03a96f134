"""Show the inventory as a tree: folders, datacenters and clusters, and how much is in them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from oslo_vmware.cli import inventory, lookup
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import UsageError
from oslo_vmware.cli.inventory import BRANCHES, Branch, Entity
from oslo_vmware.cli.output import Node

EXAMPLES = """\
oslo-vmware tree
oslo-vmware tree /DC1/vm --all --depth 2
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('object', nargs='?', default='/', help=lookup.HELP)
    parser.add_argument('--all', action='store_true', help='also machines, hosts and the like')
    parser.add_argument('--depth', type=int, metavar='N', help='so many levels at most')


def run(context: Context) -> None:
    options = context.options
    if options.depth is not None and options.depth < 0:
        raise UsageError(f'--depth is a number of levels, not {options.depth}.')
    session = context.session
    start = lookup.find(session, options.object)
    found = inventory.entities(session, start)
    top = inventory.grow(found, Entity(start, options.object))
    depth = -1 if options.depth is None else options.depth
    context.out.data(_data(top, options.all, depth))
    context.out.tree(node(top, options.all, depth))


def node(branch: Branch, with_leaves: bool = False, depth: int = -1) -> Node:
    """A branch of the inventory as it is shown."""
    is_datacenter = branch.entity.kind == 'Datacenter'
    return Node(
        branch.entity.title,
        branch.counted or ('empty' if branch.entity.kind in BRANCHES else ''),
        'strong' if is_datacenter else '',
        [node(child, with_leaves, depth - 1) for child in _shown(branch, with_leaves, depth)],
    )


def _shown(branch: Branch, with_leaves: bool, depth: int) -> Iterator[Branch]:
    for child in branch.children:
        if depth and (with_leaves or child.entity.kind in BRANCHES):
            yield child


def _data(branch: Branch, with_leaves: bool, depth: int) -> dict[str, Any]:
    return {
        'name': branch.entity.title,
        'type': branch.entity.kind,
        'reference': inventory.reference(branch.entity.ref),
        'counts': {kind: count for kind, count in branch.counts.items() if count},
        'children': [
            _data(child, with_leaves, depth - 1) for child in _shown(branch, with_leaves, depth)
        ],
    }

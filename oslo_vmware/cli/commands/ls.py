"""List what is directly below an object of the inventory: its name, what it is, its reference.

Without a path that is the root folder, where the datacenters are.
"""

from __future__ import annotations

import argparse

from oslo_vmware.cli import inventory, lookup
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.inventory import BRANCHES
from oslo_vmware.cli.output import Styled

EXAMPLES = """\
oslo-vmware ls
oslo-vmware ls /DC1/vm
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('object', nargs='?', default='/', help=lookup.HELP)


def run(context: Context) -> None:
    start = lookup.find(context.session, context.options.object)
    below = inventory.children(context.session, start)
    context.out.data(
        [
            {'name': one.title, 'type': one.kind, 'reference': inventory.reference(one.ref)}
            for one in below
        ]
    )
    if not below:
        context.out.line('There is nothing below it.')
        return
    context.out.table(
        ['Name', 'Type', 'Reference'],
        [
            [Styled(one.title, 'name' if one.kind in BRANCHES else ''), one.kind, one.id]
            for one in below
        ],
    )

"""Find objects anywhere below one: their inventory paths, a line each.

Names are patterns as in a shell (*, ?, [abc]). Types are short words or vSphere's own. The exit
code is 1 if nothing is found.
"""

from __future__ import annotations

import argparse
import fnmatch

from oslo_vmware import vim_util
from oslo_vmware.cli import failures, inventory, lookup
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.inventory import KINDS

# What a path leads through.
_ABOVE = ('Folder', 'Datacenter', 'ComputeResource', 'ResourcePool')


EXAMPLES = """\
oslo-vmware find --type vm --name 'web-*'
oslo-vmware find /DC1/host --type host
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('object', nargs='?', default='/', help=lookup.HELP)
    parser.add_argument(
        '--type',
        metavar='TYPE',
        help=f'only these: {", ".join(KINDS)}, or a type of vSphere such as VirtualMachine',
    )
    parser.add_argument('--name', metavar='PATTERN', default='*', help='only these: web-*')


def run(context: Context) -> int:
    options = context.options
    wanted = inventory.type_of_kind(options.type) if options.type else 'ManagedEntity'
    session = context.session
    start = lookup.find(session, options.object)
    root = session.vim.service_content.rootFolder.value
    above = ''
    if start.value != root:
        above = session.invoke_api(vim_util, 'get_inventory_path', session.vim, start)
    kinds = {wanted} if wanted == 'ManagedEntity' else {*_ABOVE, wanted}
    every = inventory.entities(session, start, kinds)
    found = sorted(
        (inventory.path_of(one, every, start.value, above), one)
        for one in every.values()
        if inventory.is_a(one.kind, wanted)
        and one.id != start.value
        and fnmatch.fnmatchcase(one.title, options.name)
    )
    context.out.data(
        [
            {'path': path, 'type': one.kind, 'reference': inventory.reference(one.ref)}
            for path, one in found
        ]
    )
    for path, _ in found:
        context.out.line(path)
    return failures.DONE if found else failures.FAILED

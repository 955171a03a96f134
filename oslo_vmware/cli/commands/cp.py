"""Copy a file or a virtual disk from one place on datastores to another; the server does it.

Nothing passes through this machine: what is compared of a file is its length, and nothing of a
virtual disk, which is the server's own to copy. With --verify both files are read here, and their
SHA-256 is compared. The copy has a name of its own until it is whole.
"""

from __future__ import annotations

import argparse
import time

from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import UsageError
from oslo_vmware.cli.output import size

EXAMPLES = """\
oslo-vmware cp '[datastore1] iso/disk.iso' '[datastore2] iso/disk.iso'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'places',
        metavar='PLACE',
        nargs='+',
        help='from where and to where, each "[datastore] a/b.iso"',
    )
    parser.add_argument('--force', action='store_true', help='replace a file that is there')
    parser.add_argument('--parents', action='store_true', help='make the folder if it is missing')
    parser.add_argument(
        '--verify', action='store_true', help='read both files and compare them before renaming it'
    )
    parser.add_argument('--datacenter', metavar='NAME', help='where datastores share a name')
    parser.add_argument(
        '--to-datacenter',
        metavar='NAME',
        help='the same for where it goes; --datacenter by default',
    )


def run(context: Context) -> None:
    from oslo_vmware.cli.files import interruption, places

    options = context.options
    texts = places.texts(options.places)
    if len(texts) != 2:
        raise UsageError("From where to where? '[DATASTORE] PATH' twice.")
    context.cleanup.enter_context(interruption.orderly(context.out.warning))
    session = context.session
    begin = time.monotonic()
    source = places.find(session, texts[0], options.datacenter)
    target = places.find(session, texts[1], options.to_datacenter or options.datacenter)
    files = places.Files(session, context.out)
    copied, sha256 = files.copy(source, target, options.force, options.parents, options.verify)
    context.out.data(
        {
            'from': str(source), 'to': str(target), 'bytes': copied, 'sha256': sha256,
            'seconds': round(time.monotonic() - begin, 3),
        }
    )  # fmt: skip
    context.out.success(f'{source} is also {target}')
    context.out.facts([('Size', size(copied)), ('SHA-256', sha256 or 'not read, see --verify')])

"""Fetch a file from a datastore, or export a machine as an image.

A machine has to be off. It becomes an OVA if FILE ends with .ova, with all of its disks and their
SHA-256 sums; otherwise its first disk becomes a stream-optimised VMDK. The new file is whole or not
there.
"""

from __future__ import annotations

import argparse
import time

from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import UsageError
from oslo_vmware.cli.output import size

EXAMPLES = """\
oslo-vmware fetch '[datastore1] iso/disk.iso' disk.iso
oslo-vmware fetch --vm cirros cirros.vmdk
oslo-vmware fetch --vm cirros cirros.ova
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from oslo_vmware.cli.files.local import digest

    parser.add_argument(
        'words',
        metavar='PLACE FILE',
        nargs='+',
        help='what to fetch, "[datastore] a/b.iso", and the file here',
    )
    parser.add_argument('--vm', metavar='NAME', help='export this machine; then only FILE is given')
    parser.add_argument('--force', action='store_true', help='replace a file that is there')
    parser.add_argument(
        '--sha256', metavar='DIGEST', type=digest, help='keep nothing unless it has this SHA-256'
    )
    parser.add_argument('--datacenter', metavar='NAME', help='where datastores share a name')


def run(context: Context) -> None:
    from oslo_vmware.cli.files import interruption, places
    from oslo_vmware.cli.files.local import NewFile, check_digest
    from oslo_vmware.cli.files.machines import Machines

    options = context.options
    *what, path = options.words
    texts = places.texts(what)
    if len(texts) != (0 if options.vm else 1):
        raise UsageError(
            "What to fetch? '[DATASTORE] PATH' and a FILE here, or --vm NAME and a FILE."
        )
    if options.vm and options.datacenter:
        raise UsageError("--datacenter: that is for datastores; --vm takes a machine's path, too.")
    if options.vm and path.lower().endswith('.ovf'):
        raise UsageError('An OVF package has several files; in one file it is an .ova.')
    context.cleanup.enter_context(interruption.orderly(context.out.warning))
    begin = time.monotonic()
    with NewFile(path, options.force) as sink:
        if options.vm:
            machines = Machines(context.session, context.out)
            machines.fetch(options.vm, sink, path.lower().endswith('.ova'))
        else:
            place = places.find(context.session, texts[0], options.datacenter)
            places.Files(context.session, context.out).fetch(place, sink)
        source = options.vm or str(place)
        check_digest(sink.sha256, options.sha256, source)
        sink.keep()
    context.out.data(
        {
            'from': source, 'file': path, 'bytes': sink.size, 'sha256': sink.sha256,
            'seconds': round(time.monotonic() - begin, 3),
        }
    )  # fmt: skip
    context.out.success(f'{source} is {path}')
    context.out.facts([('Size', size(sink.size)), ('SHA-256', sink.sha256)])

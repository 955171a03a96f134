"""Put a file onto a datastore, or import an image as a machine.

A file is whole or not there: it is sent under a name of its own, and renamed when the server has
all of it. An image is a stream-optimised VMDK, which becomes a small machine around the disk, or an
OVA, whose files have to have the checksums in its manifest. What fails, is interrupted, or is read
from a file that changes meanwhile, takes the machine away again.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import UsageError
from oslo_vmware.cli.output import size

EXAMPLES = """\
oslo-vmware put disk.iso '[datastore1] iso/disk.iso'
oslo-vmware put cirros.vmdk --import cirros --cluster compute --datastore datastore1
oslo-vmware put appliance.ova --import appliance
"""

_OF_FILES = ('force', 'parents', 'verify', 'datacenter')
_OF_MACHINES = ('cluster', 'datastore', 'network')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from oslo_vmware.cli.files.local import digest

    parser.add_argument('file', metavar='FILE', help='the file here')
    parser.add_argument(
        'place', metavar='PLACE', nargs='*', help='where it goes: "[datastore] a/b.iso"'
    )
    parser.add_argument('--force', action='store_true', help='replace a file that is there')
    parser.add_argument('--parents', action='store_true', help='make the folder if it is missing')
    parser.add_argument(
        '--sha256',
        metavar='DIGEST',
        type=digest,
        help='send nothing unless the file here has this SHA-256',
    )
    parser.add_argument(
        '--verify', action='store_true', help='read the file back and compare it before renaming it'
    )
    parser.add_argument('--datacenter', metavar='NAME', help='where datastores share a name')
    group = parser.add_argument_group('importing a machine')
    group.add_argument('--import', dest='machine', metavar='NAME', help='name of the machine')
    group.add_argument('--cluster', metavar='NAME', help='cluster or host that it is to run on')
    group.add_argument('--datastore', metavar='NAME', help='datastore that it is to be on')
    group.add_argument('--network', metavar='NAME', help='network for all networks of an OVA')


def run(context: Context) -> None:
    options = context.options
    if bool(options.place) == bool(options.machine):
        raise UsageError(
            "Where to? Either a place, such as '[datastore1] iso/disk.iso', or --import NAME."
        )
    said = [f'--{name}' for name in _OF_FILES if options.machine and getattr(options, name)]
    said += [f'--{name}' for name in _OF_MACHINES if options.place and getattr(options, name)]
    if said:
        raise UsageError(
            f'{" and ".join(said)}: that is for {"files" if options.machine else "machines"}, '
            f'and this becomes a {"machine" if options.machine else "file"}.'
        )
    begin = time.monotonic()
    from oslo_vmware.cli.files import interruption
    from oslo_vmware.cli.files.local import Source

    context.cleanup.enter_context(interruption.orderly(context.out.warning))

    with Source(options.file) as source:
        if options.sha256 is not None:
            with context.out.transfer(f'Checking {options.file}', source.size) as bar:
                source.expect(options.sha256, bar.update)
        where = _import(context, source) if options.machine else _put(context, source)
        found = {
            'file': options.file, **where, 'bytes': source.size, 'sha256': source.sha256(),
            'seconds': round(time.monotonic() - begin, 3),
        }  # fmt: skip
    context.out.data(found)
    target = where.get('place') or f'{where["machine"]} ({where["id"]})'
    context.out.success(f'{options.file} is {target}')
    context.out.facts([('Size', size(source.size)), ('SHA-256', found['sha256'])])


def _put(context: Context, source: Any) -> dict[str, Any]:
    from oslo_vmware.cli.files import places

    options = context.options
    texts = places.texts(options.place)
    if len(texts) != 1:
        raise UsageError(f'A file goes to one place, not to {" and ".join(texts)}.')
    place = places.find(context.session, texts[0], options.datacenter)
    files = places.Files(context.session, context.out)
    files.put(source, place, options.force, options.parents, options.verify)
    return {'place': str(place)}


def _import(context: Context, source: Any) -> dict[str, Any]:
    from oslo_vmware.cli.files.machines import Machines

    options = context.options
    machines = Machines(context.session, context.out)
    ref = machines.put(source, options.machine, options.cluster, options.datastore, options.network)
    return {'machine': options.machine, 'id': ref.value}

"""What a virtual disk is as files: a descriptor, which is text, and an extent with the data.

The descriptor ``disk.vmdk`` names the extent ``disk-flat.vmdk`` and says how large the disk is,
whether it is thin, and its identifier. That is all there is to a disk, so a disk that somebody
else's client uploads in two files is one.

A child disk holds what differs from its parent, which its descriptor names; its extent is
``disk-delta.vmdk``. Nothing writes to the disks of simulated machines, so a child's extent is
empty, and its data is that of the disk at the bottom of the chain.
"""

from __future__ import annotations

import dataclasses
import re

from oslo_vmware.simulator.world.data import DataObject

SECTOR = 512

#: What backs a disk that is a disk of the host's.
RAW_BACKING = 'VirtualDiskRawDiskMappingVer1BackingInfo'

# Space that a descriptor takes, whatever its text.
DESCRIPTOR_SIZE = 512

# Descriptors are a few hundred bytes; what is larger and begins otherwise is something else.
_LONGEST_DESCRIPTOR = 64 * 1024

_TEXT = """\
# Disk DescriptorFile
version=1
encoding="UTF-8"
CID=fffffffe
parentCID={parent_cid}
createType="{kind}"
{hint}
# Extent description
RW {sectors} {extent_kind} "{extent}"

# The Disk Data Base
#DDB

ddb.adapterType = "{adapter}"
{thin}ddb.uuid = "{uuid}"
ddb.virtualHWVersion = "21"
"""
_EXTENT = re.compile(r'^RW (\d+) \w+ "([^"]+)"', re.MULTILINE)
_HINT = re.compile(r'^parentFileNameHint="([^"]*)"', re.MULTILINE)
_DDB = re.compile(r'^ddb\.(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)


def extent_of(path: str, *, child: bool = False) -> str:
    """The usual name of a disk's extent: ``a-flat.vmdk`` for ``a.vmdk``.

    :param child: of a disk that has a parent: ``a-delta.vmdk``
    """
    return f'{path.removesuffix(".vmdk")}-{"delta" if child else "flat"}.vmdk'


def mapping_of(path: str, *, physical: bool) -> str:
    """The usual name of the file that stands for a disk of the host's: ``a-rdmp.vmdk``.

    :param physical: whether the guest sees the disk as it is, or a virtual one: ``a-rdm.vmdk``
    """
    return f'{path.removesuffix(".vmdk")}-{"rdmp" if physical else "rdm"}.vmdk'


@dataclasses.dataclass(frozen=True)
class Descriptor:
    """A disk's descriptor.

    :ivar capacity: in bytes
    :ivar extent: name of the file with the data, in the same directory
    :ivar uuid: in the form ``6000C29f-6b2e-…``
    :ivar parent: where the parent's descriptor is, ``/vmfs/volumes/<datastore>/<path>``
    """

    capacity: int
    extent: str
    thin: bool
    adapter: str
    uuid: str
    parent: str | None = None

    @classmethod
    def of_device(cls, disk: DataObject, name: str, parent: str | None = None) -> Descriptor:
        """The descriptor for a disk device of a machine, by the name of its file."""
        extent = extent_of(name, child=parent is not None)
        if disk.backing.wire_type == RAW_BACKING and parent is None:
            extent = mapping_of(name, physical=disk.backing.compatibilityMode == 'physicalMode')
        return cls(
            capacity=disk.capacityInBytes,
            extent=extent,
            parent=parent,
            thin=bool(disk.backing.thinProvisioned),
            adapter='lsilogic',
            uuid=disk.backing.uuid or '',
        )

    @classmethod
    def read(cls, path: str) -> Descriptor | None:
        """The descriptor in a file; None if something else is in it."""
        with open(path, 'rb') as file:
            data = file.read(_LONGEST_DESCRIPTOR)
        if not data.startswith(b'# Disk DescriptorFile'):
            return None
        text = data.decode('utf-8', 'replace')
        extent = _EXTENT.search(text)
        if extent is None:
            return None
        ddb = dict(_DDB.findall(text))
        hint = _HINT.search(text)
        return cls(
            capacity=int(extent[1]) * SECTOR,
            extent=extent[2],
            thin=ddb.get('thinProvisioned') == '1',
            adapter=ddb.get('adapterType', 'lsilogic'),
            uuid=ddb.get('uuid', ''),
            parent=hint[1] if hint is not None else None,
        )

    def text(self) -> str:
        child = self.parent is not None
        kind, extent_kind = ('vmfsSparse', 'VMFSSPARSE') if child else ('vmfs', 'VMFS')
        if self.extent.endswith('-rdmp.vmdk'):
            kind, extent_kind = 'vmfsPassthroughRawDeviceMap', 'VMFSRDM'
        elif self.extent.endswith('-rdm.vmdk'):
            kind, extent_kind = 'vmfsRawDeviceMap', 'VMFSRDM'
        return _TEXT.format(
            parent_cid='fffffffe' if child else 'ffffffff',
            kind=kind,
            extent_kind=extent_kind,
            hint=f'parentFileNameHint="{self.parent}"\n' if child else '',
            sectors=self.capacity // SECTOR,
            extent=self.extent,
            adapter=self.adapter,
            thin='ddb.thinProvisioned = "1"\n' if self.thin else '',
            uuid=self.uuid,
        )

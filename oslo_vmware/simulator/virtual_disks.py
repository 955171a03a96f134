"""What a virtual disk is as files: a descriptor, which is text, and an extent with the data.

The descriptor ``disk.vmdk`` names the extent ``disk-flat.vmdk`` and says how large the disk is,
whether it is thin, and its identifier. That is all there is to a disk, so a disk that somebody
else's client uploads in two files is one.
"""

from __future__ import annotations

import dataclasses
import re

from oslo_vmware.simulator.data import DataObject

SECTOR = 512

# Space that a descriptor takes, whatever its text.
DESCRIPTOR_SIZE = 512

# Descriptors are a few hundred bytes; what is larger and begins otherwise is something else.
_LONGEST_DESCRIPTOR = 64 * 1024

_TEXT = """\
# Disk DescriptorFile
version=1
encoding="UTF-8"
CID=fffffffe
parentCID=ffffffff
createType="vmfs"

# Extent description
RW {sectors} VMFS "{extent}"

# The Disk Data Base
#DDB

ddb.adapterType = "{adapter}"
{thin}ddb.uuid = "{uuid}"
ddb.virtualHWVersion = "21"
"""
_EXTENT = re.compile(r'^RW (\d+) \w+ "([^"]+)"', re.MULTILINE)
_DDB = re.compile(r'^ddb\.(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)


def extent_of(path: str) -> str:
    """The usual name of a disk's extent: ``a-flat.vmdk`` for ``a.vmdk``."""
    return f'{path.removesuffix(".vmdk")}-flat.vmdk'


@dataclasses.dataclass(frozen=True)
class Descriptor:
    """A disk's descriptor.

    :ivar capacity: in bytes
    :ivar extent: name of the file with the data, in the same directory
    :ivar uuid: in the form ``6000C29f-6b2e-…``
    """

    capacity: int
    extent: str
    thin: bool
    adapter: str
    uuid: str

    @classmethod
    def of_device(cls, disk: DataObject, name: str) -> Descriptor:
        """The descriptor for a disk device of a machine, by the name of its file."""
        return cls(
            capacity=disk.capacityInBytes,
            extent=extent_of(name),
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
        return cls(
            capacity=int(extent[1]) * SECTOR,
            extent=extent[2],
            thin=ddb.get('thinProvisioned') == '1',
            adapter=ddb.get('adapterType', 'lsilogic'),
            uuid=ddb.get('uuid', ''),
        )

    def text(self) -> str:
        return _TEXT.format(
            sectors=self.capacity // SECTOR,
            extent=self.extent,
            adapter=self.adapter,
            thin='ddb.thinProvisioned = "1"\n' if self.thin else '',
            uuid=self.uuid,
        )

#!/usr/bin/env bash
# oslo.utils 10.2.0, imageutils.format_inspector: what Glance, Nova and Cinder judge images by.
#
# Input:    a stream-optimised VMDK as VMware's "Virtual Disk Format" has it, whose descriptor says
#           encoding="UTF-8" and names its extent, as VMware's tools name it by the file: Büro.vmdk.
# Expected: what comes of the same disk under the name Buero.vmdk: safe, 1 MiB.
# Happens:  0 bytes, and the safety check fails with "No descriptor found". The descriptor is there; it
#           is decoded as ASCII, whatever encoding it says it has.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'oslo.utils[image-inspection]==10.2.0' cryptography==50.0.2
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import logging
import struct
import sys

from oslo_utils.imageutils import format_inspector

logging.disable()
SECTORS, GRAIN, AT_END = 2048, 128, 0xFFFFFFFFFFFFFFFF
DESCRIPTOR = """# Disk DescriptorFile
version=1
encoding="UTF-8"
CID=7b0f2a31
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RDONLY 2048 SPARSE "{}"

# The Disk Data Base
ddb.adapterType = "lsilogic"
ddb.geometry.cylinders = "1"
ddb.geometry.heads = "64"
ddb.geometry.sectors = "32"
ddb.virtualHWVersion = "4"
"""


def header(directory):
    return struct.pack(
        '<4sIIQQQQIQQQB4sH433x',
        *(b'KDMV', 3, 0x30001, SECTORS, GRAIN, 1, 2, 512, 0, directory, GRAIN, 0, b'\n \r\n', 1),
    )


def marker(sectors, kind):
    return struct.pack('<QII496x', sectors, 0, kind)


def disk(name):
    """An empty disk of 1 MiB: a grain table without grains, the directory with it, the footer."""
    start = header(AT_END) + DESCRIPTOR.format(name).encode().ljust(1024, b'\0')
    body = start.ljust(GRAIN * 512, b'\0') + marker(4, 1)
    table = len(body) // 512
    body += bytes(2048) + marker(1, 2)
    directory = len(body) // 512
    body += struct.pack('<I508x', table) + marker(1, 3) + header(directory) + marker(0, 0)
    return body


def judged(name):
    inspector = format_inspector.get_inspector('vmdk')()
    inspector.eat_chunk(disk(name))
    inspector.finish()
    try:
        inspector.safety_check()
        verdict = 'safe'
    except format_inspector.SafetyCheckFailed as exc:
        verdict = '; '.join(str(one) for one in exc.failures.values())
    return inspector.virtual_size, verdict


print('oslo.utils', importlib.metadata.version('oslo.utils'))
seen = [judged(name) for name in ('Buero.vmdk', 'Büro.vmdk')]
print('Buero.vmdk: %d bytes, %s' % seen[0])
print('Büro.vmdk: %d bytes, %s' % seen[1])
expected = [(1048576, 'safe'), (0, 'No descriptor found')]
sys.exit(0 if seen == expected else 'This has changed.')
PYTHON

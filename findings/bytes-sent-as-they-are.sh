#!/usr/bin/env bash
# pyVmomi 9.1.1.0, SoapAdapter: VMware's own SDK for Python.
#
# Input:    EntityBackupConfig.configBlob, an xsd:base64Binary of the vSphere API: the backup of a
#           distributed switch, given as Python's bytes, as one has it from a file.
# Expected: the bytes on the wire in base64, as the same bytes in VmomiSupport.binary are.
# Happens:  bytes that are UTF-8 go out as that text, unencoded and without an error, and a server that
#           decodes base64 gets something else; other bytes raise UnicodeDecodeError.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyvmomi==9.1.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import re
import sys

from pyVmomi import SoapAdapter, VmomiSupport, vim


def on_the_wire(value):
    config = vim.dvs.EntityBackup.Config(
        entityType='distributedVirtualSwitch', configBlob=value
    )
    sent = SoapAdapter.Serialize(config, version='vim.version.v9_1_0_0').decode()
    return re.search('<configBlob>(.*)</configBlob>', sent).group(1)


BACKUP = b'{"name": "switch"}'
plain = on_the_wire(BACKUP)
marked = on_the_wire(VmomiSupport.binary(BACKUP))
try:
    other = on_the_wire(bytes([0x1F, 0x8B, 0x08]))
except UnicodeDecodeError as error:
    other = type(error).__name__
print(f'bytes:  {plain}\nbinary: {marked}\nof a gzip file: {other}')
right = base64.b64encode(BACKUP).decode()
as_described = (plain, marked, other) == (BACKUP.decode(), right, 'UnicodeDecodeError')
sys.exit(0 if as_described else 'This has changed.')
PYTHON

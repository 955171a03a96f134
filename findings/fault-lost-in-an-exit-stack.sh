#!/usr/bin/env bash
# pyVmomi 9.1.1.0, VmomiSupport: VMware's own SDK for Python.
#
# Input:    an upload fails, and what contextlib.ExitStack then calls to clean up ends with a fault of
#           vSphere, as pyVmomi raises it.
# Expected: the fault, with the first exception as its context, as of any two exceptions.
# Happens:  AttributeError: __context__. A fault is a data object as well, and lets none of its attributes as
#           an exception be set but the traceback: not __context__, which ExitStack sets, nor args, nor
#           __notes__, so that add_note() fails too. The caller who waits for the fault never sees it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyvmomi==9.1.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import sys

from pyVmomi import vim


def raising(exception):
    def clean_up():
        raise exception

    try:
        with contextlib.ExitStack() as stack:
            stack.callback(clean_up)
            raise ValueError('the upload failed')
    except Exception as exc:
        return exc


usual = raising(OSError('the lease is gone'))
print(f'{usual!r} while handling {usual.__context__!r}')
found = raising(vim.fault.InvalidState(msg='the lease is gone'))
print(repr(found))
sys.exit(0 if str(found) == '__context__' and usual.__context__ else 'This has changed.')
PYTHON

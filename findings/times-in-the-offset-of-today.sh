#!/usr/bin/env bash
# pyVmomi 9.1.1.0, Iso8601: VMware's own SDK for Python.
#
# Input:    times without a zone, of a winter and of a summer, in Berlin: 2026-01-01 12:00 and
#           2026-07-01 12:00, where a time of the vSphere API is given.
# Expected: if they are taken for local time, each with the offset of its own day, as
#           datetime.astimezone() has it: 12:00+01:00 and 12:00+02:00.
# Happens:  both get the offset of the day on which the program runs, and one of them is an hour off on
#           the wire: a schedule or a query that is right in one half of the year, and wrong in the other.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyvmomi==9.1.1.0
TZ=Europe/Berlin "$folder/venv/bin/python" - <<'PYTHON'
import datetime
import re
import sys

from pyVmomi import SoapAdapter, vim


def on_the_wire(moment):
    scheduler = vim.scheduler.OnceTaskScheduler(runAt=moment)
    sent = SoapAdapter.Serialize(scheduler, version='vim.version.v9_1_0_0').decode()
    return re.search('<runAt>(.*)</runAt>', sent).group(1)


moments = [datetime.datetime(2026, month, 1, 12) for month in (1, 7)]
sent = [on_the_wire(one) for one in moments]
right = [one.astimezone().isoformat() for one in moments]
for one, other in zip(sent, right):
    print(f'sent {one}, right is {other}')
wrong = [one for one, other in zip(sent, right) if one != other]
sys.exit(0 if len(wrong) == 1 and sent[0][19:] == sent[1][19:] else 'This has changed.')
PYTHON

#!/usr/bin/env bash
# eventlet 0.41.3 on Python 3.13, threading: what services under eventlet wait for their threads with.
#
# Input:    Thread.join(0.01), after monkey_patch(), of a thread that takes half a second.
# Expected: it returns None once the time is over, as Python documents join(), and as the same
#           release does on Python 3.11 and 3.12.
# Happens:  it raises eventlet.timeout.Timeout, which is no Exception but a BaseException: it goes past
#           `except Exception`, and ends the loop of who looks from time to time whether a thread is done.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.13}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check eventlet==0.41.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import eventlet

eventlet.monkey_patch()

import sys
import threading
import time

thread = threading.Thread(target=time.sleep, args=(0.5,))
thread.start()
try:
    print('join returned', thread.join(0.01))
except eventlet.Timeout as timeout:
    print(f'join raised {timeout!r}; an Exception: {isinstance(timeout, Exception)}')
    sys.exit('This has changed.' if isinstance(timeout, Exception) else 0)
sys.exit('This has changed.')
PYTHON

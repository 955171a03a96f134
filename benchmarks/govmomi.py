"""govmomi, which is Go: measured when Go and Debian's package of govmomi are here."""

import os
import pathlib
import shutil
import subprocess
import tempfile

_PROGRAM = pathlib.Path(__file__).with_name('go') / 'main.go'
_GOCODE = pathlib.Path(os.environ.get('GOCODE', '/usr/share/gocode'))
_TIMEOUT = 600


def decode_seconds(reply: bytes, rounds: int) -> float | None:
    """Seconds that decoding a reply takes, the best of several rounds; None without Go."""
    if shutil.which('go') is None or not (_GOCODE / 'src/github.com/vmware/govmomi').is_dir():
        return None
    with tempfile.NamedTemporaryFile(suffix='.xml') as file:
        file.write(reply)
        file.flush()
        printed = subprocess.check_output(
            ['go', 'run', str(_PROGRAM), file.name, str(rounds)],
            env=os.environ | {'GOPATH': str(_GOCODE), 'GO111MODULE': 'off'},
            timeout=_TIMEOUT,
        )
    return min(float(line) for line in printed.split())

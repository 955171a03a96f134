"""govmomi, which is Go: measured when Go and Debian's package of govmomi are here."""

import os
import pathlib
import shutil
import subprocess
import tempfile

_PROGRAM = pathlib.Path(__file__).with_name('go') / 'main.go'
_GOCODE = pathlib.Path(os.environ.get('GOCODE', '/usr/share/gocode'))
_TIMEOUT = 600


def decode(reply: bytes, rounds: int, kept: int) -> tuple[float, float] | None:
    """Seconds of the best round, and bytes for each result that is kept; None without Go."""
    if shutil.which('go') is None or not (_GOCODE / 'src/github.com/vmware/govmomi').is_dir():
        return None
    with tempfile.NamedTemporaryFile(suffix='.xml') as file:
        file.write(reply)
        file.flush()
        printed = subprocess.check_output(
            ['go', 'run', str(_PROGRAM), file.name, str(rounds), str(kept)],
            env=os.environ | {'GOPATH': str(_GOCODE), 'GO111MODULE': 'off'},
            timeout=_TIMEOUT,
            process_group=0,  # see benchmarks.fresh
        )
    seconds, memory = printed.split()
    return float(seconds), float(memory)

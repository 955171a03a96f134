"""Commands that are run outside of the work tree."""

import os
import pathlib
import subprocess


def run(*command: str | os.PathLike[str], cwd: pathlib.Path, check: bool = True) -> str:
    """Run a command outside of the work tree, and give what it printed."""
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=250,
    )
    if check:
        assert done.returncode == 0, f'{command} failed:\n{done.stdout}'
    return done.stdout

"""The commit that a build is compared with, and its files.

Which one is *before*? Of a branch that is to be merged, the commit where it left what is there
already (``origin/HEAD``, which a clone knows): all of the branch is the change. Of what is merged,
its first parent: a merge commit has there what was there before. Neither is known to a clone that
was told to leave history out.
"""

import contextlib
import io
import pathlib
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator

_ROOT = pathlib.Path(__file__).parents[1]


def _git(*arguments: str) -> str | None:
    """What git says; None if it refuses, or is not here."""
    try:
        told = subprocess.run(
            ['git', *arguments], cwd=_ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()


def named(name: str) -> str:
    """The commit that somebody names."""
    found = _git('rev-parse', '--verify', '--quiet', '--end-of-options', f'{name}^{{commit}}')
    if not found:
        raise SystemExit(f'there is no commit {name}')
    return found


def before() -> str | None:
    """The commit before what is there, or None."""
    head = _git('rev-parse', 'HEAD')
    left = _git('merge-base', 'HEAD', 'origin/HEAD')
    return left if left and left != head else _git('rev-parse', '--verify', '--quiet', 'HEAD^')


def described(commit: str) -> str:
    """The commit, with its title."""
    return _git('show', '--no-patch', '--format=%h %s', commit) or commit


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[pathlib.Path]:
    """A directory with the files of a commit, while it lasts.

    No work tree of git's, of which something would be left behind if this was stopped.
    """
    archive = subprocess.run(
        ['git', 'archive', '--format=tar', commit], cwd=_ROOT, capture_output=True, check=True
    ).stdout
    with tempfile.TemporaryDirectory(prefix='before-') as directory:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(directory, filter='data')
        yield pathlib.Path(directory)

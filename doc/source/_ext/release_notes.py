"""The release notes in ``releasenotes/notes``, under the releases they came with.

reno tells from git's history which release that is. An unpacked archive has no history, a shallow
clone and a repository without tags know no release: there, all notes are those of this one.
"""

from __future__ import annotations

import contextlib
import logging
import pathlib
from typing import Any

import dulwich.repo
import reno.config
import reno.formatter
import reno.loader
import yaml

# What reno calls a release that no tag names.
UNTAGGED = '0.0.0'


class NotesAsTheyLie:
    """What reno's loader is to its formatter, read from the files: one release with all notes."""

    def __init__(self, root: pathlib.Path, notes: str, release: str) -> None:
        self._root = root
        self.versions = [release]
        self._notes = [
            (str(path.relative_to(root)), '') for path in sorted((root / notes).glob('*.yaml'))
        ]

    def __getitem__(self, version: str) -> list[tuple[str, str]]:
        return self._notes

    def parse_note_file(self, filename: str, sha: str) -> dict[str, list[str]]:
        note: dict[str, list[str]] = yaml.safe_load((self._root / filename).read_text())
        return note


def report(root: pathlib.Path, release: str) -> str:
    """The change log as reStructuredText.

    :param root: directory of the project
    :param release: the release that notes belong to which no tag tells of
    """
    # It tells every note that it meets.
    logging.getLogger('reno').setLevel(logging.WARNING)
    config = reno.config.Config(str(root))
    if _has_history(root):
        with reno.loader.Loader(config) as history:
            if not set(history.versions) <= {UNTAGGED}:
                return _format(history, config)
    return _format(NotesAsTheyLie(root, config.notespath, release), config)


def _has_history(root: pathlib.Path) -> bool:
    """Whether all commits are there; reno stumbles where the history of a shallow clone ends."""
    if not (root / '.git').exists():
        return False
    with contextlib.closing(dulwich.repo.Repo(str(root))) as repository:
        return not repository.get_shallow()


def _format(loader: Any, config: reno.config.Config) -> str:
    text: str = reno.formatter.format_report(loader, config, loader.versions, show_source=False)
    return text

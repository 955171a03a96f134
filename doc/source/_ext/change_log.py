"""The change log, made of the release notes while the documentation is built."""

from __future__ import annotations

import pathlib
from typing import Any

import release_notes
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.nodes import nested_parse_with_titles

ROOT = pathlib.Path(__file__).parents[3]


class ChangeLog(Directive):
    """The sections of all releases, the newest first."""

    def run(self) -> list[nodes.Node]:
        lines = release_notes.report(
            ROOT, self.state.document.settings.env.config.release
        ).splitlines()
        section = nodes.section()
        section.document = self.state.document
        nested_parse_with_titles(self.state, StringList(lines, 'release notes'), section)
        return section.children


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive('change-log', ChangeLog)
    return {'parallel_read_safe': True}

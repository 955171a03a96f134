"""Chooses how the output looks."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TextIO

from oslo_vmware.cli.output import JsonOutput, Output, is_terminal


def choose(
    stdout: TextIO,
    stderr: TextIO,
    environ: Mapping[str, str],
    as_json: bool = False,
    indent: int = 0,
    width: int | None = None,
) -> Output:
    """The output that suits: JSON if asked for, colours at a terminal, else plain text."""
    if as_json:
        return JsonOutput(stdout, stderr, environ)
    if not is_terminal(stdout, environ):
        return Output(stdout, stderr, environ, indent, width)
    if importlib.util.find_spec('rich') is None:
        # Once, and nobody is asked to install what they do not want.
        if not environ.get('NO_COLOR') and is_terminal(stderr, environ):
            print('(pip install rich gives colours and bars here.)', file=stderr)
        return Output(stdout, stderr, environ, indent, width)
    from oslo_vmware.cli.rich_output import RichOutput

    return RichOutput(stdout, stderr, environ, indent, width)

"""The page of the command line and its picture, as they are in the repository."""

from __future__ import annotations

import pathlib
import re
import shlex

import pytest

from oslo_vmware.cli import commands, main

ROOT = pathlib.Path(__file__).parents[2]
PICTURE = ROOT / 'doc/source/_static/command_line.svg'


def test_the_picture() -> None:
    """It is small, asks nobody for fonts, and tells nothing of the machine that it was made on."""
    text = PICTURE.read_text()
    assert len(text) < 40_000
    assert set(re.findall(r'https?://[^"\')\s]*', text)) <= {
        'http://www.w3.org/2000/svg',
        'https://www.textualize.io',
    }
    assert not re.search(r'/home/|/root|/work|/tmp|127\.0\.0\.1', text)
    for name in ('README.rst', 'doc/source/user/command_line.rst'):
        assert 'command_line.svg' in (ROOT / name).read_text()


@pytest.mark.parametrize('name', [one.name for one in commands.every_command()])
def test_examples_are_command_lines(name: str) -> None:
    """Each command has examples for its help and for the page, and its parser takes them."""
    command = commands.command_of(name)
    assert command is not None
    parser = main.parser_of(command)
    lines = re.findall(r'^  oslo-vmware (.*)$', parser.epilog or '', re.MULTILINE)
    assert lines
    for line in lines:
        words = shlex.split(line)
        assert words[0] == name
        parser.parse_args(words[1:])

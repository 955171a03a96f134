"""The commands of ``oslo-vmware`` with their options, made from its parsers."""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
from collections.abc import Iterator

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from simulator_tables import Row, Table
from sphinx.application import Sphinx
from sphinx.util.nodes import nested_parse_with_titles

from oslo_vmware.cli import commands, connection, failures
from oslo_vmware.cli.main import main_parser, parser_of, with_subparsers


def _options(parser: argparse.ArgumentParser, *, left_out: frozenset[str]) -> Iterator[Row]:
    """The arguments of a parser and what they mean."""
    for action in parser._actions:
        if action.dest in left_out or action.help == argparse.SUPPRESS:
            continue
        if isinstance(action, argparse._SubParsersAction):
            continue
        names = ', '.join(f'``{name}``' for name in action.option_strings)
        metavar = str(action.metavar or action.dest).upper()
        if not action.option_strings:
            names = f'``{metavar}``'
        elif action.nargs != 0:
            names += f' ``{metavar}``'
        words = (action.help or '').replace('*', '\\*')
        if action.choices:
            words += f' ({", ".join(f"``{choice}``" for choice in action.choices)})'
        yield names, words % {'default': action.default}


class Variables(Table):
    """What the environment may say."""

    head = ('variable', 'what it says')
    widths = (25, 75)

    def rows(self) -> Iterator[Row]:
        for name, text in connection.VARIABLES.items():
            yield f'``{name}``', text


class ExitCodes(Table):
    """How a command ends."""

    head = ('exit code', 'what it means')
    widths = (15, 85)

    def rows(self) -> Iterator[Row]:
        for code, meaning in failures.EXIT_CODES.items():
            yield f'``{code}``', meaning


class Common(Table):
    """Options that all commands have."""

    head = ('option', 'what it says')
    widths = (25, 75)

    def rows(self) -> Iterator[Row]:
        yield from _options(main_parser(), left_out=frozenset({'command', 'rest'}))


class Commands(Directive):
    """Every command: what it does, its options, examples."""

    def run(self) -> list[nodes.Node]:
        common = frozenset(action.dest for action in main_parser()._actions)
        lines: list[str] = []
        for group, members in commands.COMMANDS.items():
            lines += [group, '-' * len(group), '']
            for command in members:
                lines += _about(command, common)
        node = nodes.section()
        nested_parse_with_titles(
            self.state, StringList(lines, 'commands'), node, self.content_offset
        )
        return node.children


def _about(command: commands.Command, common: frozenset[str]) -> Iterator[str]:
    module = importlib.import_module(f'{commands.__name__}.{command.module}')
    yield from (command.name, '~' * len(command.name), '')
    words = inspect.cleandoc(module.__doc__ or '').replace('*', '\\*')
    yield from re.sub(r'(?<![\w`-])--[a-z][a-z-]*', r'``\g<0>``', words).splitlines()
    yield ''
    for parser in with_subparsers(parser_of(command)):
        # What says where to listen is not what says where to connect to.
        rows = list(_options(parser, left_out=common if command.connects else frozenset({'help'})))
        if parser.prog != f'oslo-vmware {command.name}' and not with_subparsers(parser)[1:]:
            yield from (f'``{parser.prog.removeprefix("oslo-vmware ")}``: {parser.description}', '')
        if rows:
            yield from ('.. list-table::', '   :widths: 35 65', '')
            for name, words in rows:
                yield from (f'   * - {name}', f'     - {words}')
            yield ''
    examples = getattr(module, 'EXAMPLES', '')
    if examples:
        yield from ('.. code-block:: console', '')
        yield from (f'   $ {line}' for line in examples.splitlines())
        yield ''


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive('cli-variables', Variables)
    app.add_directive('cli-exit-codes', ExitCodes)
    app.add_directive('cli-common', Common)
    app.add_directive('cli-commands', Commands)
    return {'parallel_read_safe': True}

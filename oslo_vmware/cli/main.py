"""Finds the command, runs it, and turns what goes wrong into words and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib
import io
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn, TextIO

from oslo_vmware.cli import commands, connection, failures
from oslo_vmware.cli.choice import choose
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.output import Output, clean

PROGRAM = 'oslo-vmware'

_DESCRIPTION = 'Looks at a vCenter or an ESXi host, and does things there.'


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are ours, and whose help goes where all output goes."""

    out: TextIO | None = None

    def error(self, message: str) -> NoReturn:
        raise failures.UsageError(f'{message}\nsee {self.prog} --help')

    def print_help(self, file: Any = None) -> None:
        super().print_help(file or self.out)


def parser_of(command: commands.Command) -> argparse.ArgumentParser:
    """The parser of a command, with all its options."""
    module = importlib.import_module(f'{commands.__name__}.{command.module}')
    parser = _Parser(
        prog=f'{PROGRAM} {command.name}',
        description=module.__doc__,
        epilog=_examples(module),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    for one in with_subparsers(parser):
        before = set(one._actions)
        _add_common(one)
        if command.connects:
            connection.add_options(one)
        for action in set(one._actions) - before:
            # What was said earlier on the line holds unless it is said again.
            action.default = argparse.SUPPRESS
    return parser


def _examples(module: Any) -> str:
    lines = getattr(module, 'EXAMPLES', '').splitlines()
    return '\n'.join(['examples:', *(f'  {line}' for line in lines)]) if lines else ''


def with_subparsers(parser: argparse.ArgumentParser) -> list[Any]:
    """A parser, and those of its actions, theirs included."""
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in dict.fromkeys(action.choices.values()):
                found += with_subparsers(one)
    return found


def main_parser() -> argparse.ArgumentParser:
    """The parser of what stands before the command."""
    parser = _Parser(
        prog=PROGRAM,
        usage=f'{PROGRAM} [options] COMMAND ...',
        description=_DESCRIPTION,
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument('command', nargs='?', help=argparse.SUPPRESS)
    parser.add_argument('rest', nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument(
        '-h', '--help', action='store_true', help='show this, or with a command its own'
    )
    parser.add_argument('--version', action='store_true', help='show the version')
    _add_common(parser)
    connection.add_options(parser)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print data for programs')
    parser.add_argument('--debug', action='store_true', help='log what happens, on stderr')


def _epilog() -> str:
    lines = []
    for group, members in commands.COMMANDS.items():
        lines += [f'{group.lower()}:', *(f'  {one.name:<12} {one.summary}' for one in members), '']
    lines += [f'{PROGRAM} COMMAND --help tells more.', '', 'environment:']
    for name, text in connection.VARIABLES.items():
        lines.append(f'  {name:<17} {text}')
    lines += ['', 'exit codes:']
    lines += [f'  {code:<5} {meaning}' for code, meaning in failures.EXIT_CODES.items()]
    return '\n'.join(lines)


def main(
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Run one command.

    :param arguments: those of the process by default; so are the others
    :returns: the exit code, one of ``failures.EXIT_CODES``
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    environ = os.environ if environ is None else environ
    # One that is closed is None there, and nobody wants to see anything.
    stdout = stdout or sys.stdout or io.StringIO()
    stderr = stderr or sys.stderr or io.StringIO()
    # Before anything is parsed, because that is the first to go wrong.
    out = choose(stdout, stderr, environ, as_json='--json' in arguments)
    is_debug = '--debug' in arguments
    try:
        return _run(arguments, environ, out, stdout, stderr)
    except SystemExit as end:
        # Of --help, and of whoever ends this process.
        return int(end.code or failures.DONE)
    except BrokenPipeError:
        # Nobody reads any more. The interpreter shall not fail once more when it flushes.
        if stdout is sys.stdout:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        return failures.FAILED
    except KeyboardInterrupt:
        out.error({'error': 'interrupted', 'exit_code': failures.INTERRUPTED})
        return failures.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told as the others are
        if is_debug:
            print(_clean_lines(traceback.format_exc()), file=stderr, end='')
        if not failures.is_expected(error):
            error = failures.CommandError(
                f'{type(error).__name__}: {error}\nThis should not have happened; --debug tells '
                'where it did.'
            )
        out.error(failures.described(error))
        return failures.exit_code(error)


def _run(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    out: Output,
    stdout: TextIO,
    stderr: TextIO,
) -> int:
    parser = main_parser()
    options = parser.parse_args(arguments)
    if options.version:
        from oslo_vmware.version import version_info

        version = version_info.release_string()
        out.data({'version': version})
        out.line(f'{PROGRAM} {version}')
        return failures.DONE
    if options.command is None:
        parser.print_help(stdout)
        return failures.DONE if options.help else failures.USAGE
    command = commands.command_of(options.command)
    if command is None:
        raise failures.UsageError(_unknown(options.command))
    own = parser_of(command)
    for one in with_subparsers(own):
        one.out = stdout
    if options.help:
        own.print_help()
        return failures.DONE
    if not command.connects:
        # Where to connect to has nothing to say to it, and may mean something else there.
        options = argparse.Namespace(json=options.json, debug=options.debug, rest=options.rest)
    own.parse_args(options.rest, options)
    module = importlib.import_module(f'{commands.__name__}.{command.module}')
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(_logging(out, stderr, options.debug))
        if command.paged and not getattr(options, 'follow', False):
            cleanup.enter_context(out.paged())
        return module.run(Context(options, environ, out, cleanup)) or failures.DONE


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, [one.name for one in commands.every_command()], 1)
    hint = f' Do you mean {close[0]}?' if close else ''
    return f'There is no command {name}.{hint}\nsee {PROGRAM} --help'


def _clean_lines(text: str) -> str:
    """A text with its ends of lines, that cannot steer a terminal."""
    return '\n'.join(map(clean, text.split('\n')))


class _Formatter(logging.Formatter):
    """What is logged may have come from a server."""

    def format(self, record: logging.LogRecord) -> str:
        return _clean_lines(super().format(record))


class _Warnings(logging.Handler):
    """Shows what the library warns of as warnings of the command."""

    def __init__(self, out: Output) -> None:
        super().__init__(logging.WARNING)
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        self._out.warning(record.getMessage())


@contextlib.contextmanager
def _logging(out: Output, stderr: TextIO, is_debug: bool) -> Iterator[None]:
    library = logging.getLogger('oslo_vmware')
    handler: logging.Handler = logging.StreamHandler(stderr) if is_debug else _Warnings(out)
    if is_debug:
        handler.setFormatter(_Formatter())
    level = library.level
    library.addHandler(handler)
    library.setLevel(logging.DEBUG if is_debug else logging.WARNING)
    try:
        yield
    finally:
        library.setLevel(level)
        library.removeHandler(handler)

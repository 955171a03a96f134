"""Reads ``lines.txt``: the command lines of govc, in chapters, and what becomes of each."""

import dataclasses
import pathlib

TABLE = pathlib.Path(__file__).with_name('lines.txt')

REASONS = ('NOT IN 0.24', 'NOT ASKED FOR', 'NOT YET', 'REFUSED')


@dataclasses.dataclass
class Line:
    """One command line.

    :ivar chapter: lines of one chapter run in their order, on one server
    :ivar number: in ``lines.txt``
    :ivar command: with ``$NAME`` for what an earlier line has printed
    :ivar reason: why it does not work; None where it does
    :ivar shows: what the output has, blanks aside
    :ivar states: properties after it: inventory path, property path, value
    :ivar named: what its output is called in later lines
    :ivar same: pairs of files that have the same content after it
    :ivar packed: archives made after it, of the directory that is named
    """

    chapter: str
    number: int
    command: str
    reason: str | None = None
    shows: list[str] = dataclasses.field(default_factory=list)
    states: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    named: str | None = None
    same: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    packed: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        return f'{self.chapter}-{self.number}-{self.command}'


def read(path: pathlib.Path = TABLE) -> list[Line]:
    """The lines, in their order."""
    lines: list[Line] = []
    chapter = ''
    for number, text in enumerate(path.read_text().splitlines(), 1):
        text = text.rstrip()
        if not text or text.startswith('#'):
            continue
        if text.startswith('['):
            chapter = text.strip('[]')
        elif not text.startswith(' '):
            reason, _, command = text.partition(': ')
            if reason in REASONS:
                lines.append(Line(chapter, number, command, reason))
            else:
                lines.append(Line(chapter, number, text))
        else:
            _add_check(lines[-1], text.split(maxsplit=1))
    return lines


def _add_check(line: Line, check: list[str]) -> None:
    match check:
        case ['|', shown]:
            line.shows.append(' '.join(shown.split()))
        case ['@', state]:
            where, _, value = state.partition(' = ')
            place, _, path = where.rpartition(' ')
            line.states.append((place, path, value))
        case ['>', name]:
            line.named = name
        case ['=', files]:
            first, second = files.split()
            line.same.append((first, second))
        case ['+', files]:
            archive, directory = files.split()
            line.packed.append((archive, directory))
        case _:
            raise ValueError(f'lines.txt, line {line.number}: no such check: {" ".join(check)}')

"""The command lines of ``lines.txt`` do what that table says, line by line."""

import pytest

from tests.govc.conftest import Govc
from tests.govc.table import Line, read

ABSENT = ('not found, did you mean', 'flag provided but not defined', 'Usage of')


@pytest.mark.parametrize(
    ('govc', 'line'),
    [pytest.param(line.chapter, line, id=str(line)) for line in read()],
    indirect=['govc'],
    scope='module',
)
def test_line(govc: Govc, line: Line) -> None:
    """A line works as its checks say; one that is said not to work does not."""
    errors = govc.client.vc.errors
    broken = len(errors)
    status, output = govc.run(line.command)
    assert errors[broken:] == []
    if line.reason is None:
        assert status == 0, output
        assert wrong(govc, line, output) == []
    elif line.reason == 'REFUSED':
        assert status != 0
        assert wrong(govc, line, output) == []
    elif line.reason == 'NOT IN 0.24':
        assert status != 0
        assert any(said in output for said in ABSENT), output
    else:
        assert status != 0 or wrong(govc, line, output), f'works; said to be {line.reason}'
    for archive, directory in line.packed:
        govc.pack(archive, directory)
    if line.named is not None:
        # Before it there may be a report of progress.
        govc.names[line.named] = output.split()[-1]


def wrong(govc: Govc, line: Line, output: str) -> list[str]:
    """What is not as a line's checks say."""
    shown = ' '.join(output.split())
    found = [f'no {text!r} in {output}' for text in line.shows if text not in shown]
    for place, path, value in line.states:
        state = govc.settled(place, path, value)
        if state != value:
            found.append(f'{path} of {place} is {state}')
    for first, second in line.same:
        if govc.read(first) != govc.read(second):
            found.append(f'{first} is not {second}')
    return found

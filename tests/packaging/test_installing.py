"""The commands of the page on installing do what it says, in an environment of their own.

They are read from the page and run in its order. Only what is the reader's own is replaced: where
the wheel and the interpreter are. The other package of our name is stood in for by an empty one,
because what matters is whose files are there.
"""

import dataclasses
import pathlib
import re
import shlex
import shutil
import sys
import zipfile
from collections.abc import Iterator

import pytest

from tests.consumers.environments import CONSTRAINTS
from tests.packaging.commands import run
from tests.packaging.conftest import Built
from tests.work_tree import ROOT

PAGE = ROOT / 'doc' / 'source' / 'user' / 'installing.rst'
BLOCK = re.compile(r'^\.\. code-block:: console\n\n((?: {3}.*\n)+)', re.MULTILINE)
TITLE = re.compile(r'^(.+)\n=+$', re.MULTILINE)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def commands(title: str) -> list[str]:
    """Give the commands of one part of the page."""
    page = PAGE.read_text()
    starts = {found[1]: found.end() for found in TITLE.finditer(page)}
    start = starts[title]
    end = min((other for other in starts.values() if other > start), default=len(page))
    found = [
        line.removeprefix('$ ')
        for block in BLOCK.findall(page[start:end])
        for line in map(str.strip, block.splitlines())
    ]
    assert found, f'no command under {title!r}'
    return found


def stand_in(directory: pathlib.Path) -> pathlib.Path:
    """Make a wheel of the other package: its name, its version, and nothing in it."""
    wheel = directory / 'oslo_vmware-4.7.0-py3-none-any.whl'
    about = 'oslo_vmware-4.7.0.dist-info'
    with zipfile.ZipFile(wheel, 'w') as archive:
        archive.writestr('oslo_vmware/__init__.py', 'THE_OTHER = True\n')
        archive.writestr(
            f'{about}/METADATA', 'Metadata-Version: 2.1\nName: oslo.vmware\nVersion: 4.7.0\n'
        )
        archive.writestr(
            f'{about}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
        )
        archive.writestr(f'{about}/RECORD', '')
    return wheel


@dataclasses.dataclass
class Reader:
    """Who follows the page, in a directory with an environment and a file of constraints."""

    place: pathlib.Path
    wheels: pathlib.Path

    @property
    def python(self) -> pathlib.Path:
        return self.place / 'environment' / 'bin' / 'python'

    def follow(
        self,
        title: str,
        *,
        only: tuple[str, ...] = ('',),
        package: str | pathlib.Path = 'oslo.vmware',
    ) -> str:
        """Run the commands of one part, and give what they printed.

        :param only: how the commands begin that are run
        :param package: what pip is given where the page asks an index for ``oslo.vmware``
        """
        said = ''
        for command in filter(lambda command: command.startswith(only), commands(title)):
            command = command.replace('/srv/wheels', str(self.wheels))
            command = re.sub(' oslo.vmware$', f' {package}', command)
            command = re.sub(r'^python -m pip', f'{self.python} -m pip -q', command)
            command = re.sub(r'^oslo-vmware', str(self.python.with_name('oslo-vmware')), command)
            said += run(*shlex.split(command), cwd=self.place)
        return said

    def has_the_other(self) -> bool:
        asked = 'import oslo_vmware; print(getattr(oslo_vmware, "THE_OTHER", False))'
        return run(self.python, '-c', asked, cwd=self.place).strip() == 'True'


@pytest.fixture
def reader(built: Built, tmp_path: pathlib.Path) -> Iterator[Reader]:
    wheels = tmp_path / 'wheels'
    wheels.mkdir()
    shutil.copy(built.wheel_of_tree, wheels)
    run(sys.executable, '-m', 'venv', tmp_path / 'environment', cwd=tmp_path)
    versions = CONSTRAINTS.read_text().replace('==', '===')
    (tmp_path / 'upper-constraints.txt').write_text(
        f'glance_store===5.7.0\noslo.vmware===4.7.0\n{versions}'
    )
    yield Reader(tmp_path, wheels)
    shutil.rmtree(tmp_path / 'environment')


def test_with_constraints_and_back(reader: Reader, tmp_path: pathlib.Path) -> None:
    """One changed line brings ours to Glance's store, ``about`` says so, and the way back leaves
    nothing of it."""
    reader.follow("With OpenStack's upper constraints")
    assert not reader.has_the_other()
    run(reader.python, '-c', 'import glance_store._drivers.vmware_datastore', cwd=reader.place)
    assert '5.0.0' in reader.follow('Which one is installed')

    reader.follow('The way back', package=stand_in(tmp_path))
    assert reader.has_the_other()
    left = [
        *reader.python.parent.glob('oslo-vmware*'),
        *reader.place.glob('environment/lib/*/site-packages/oslo_vmware/*'),
    ]
    assert {path.name for path in left} <= {'__init__.py', '__pycache__'}


def test_with_a_wheelhouse(reader: Reader) -> None:
    """Wheels that were built with the changed constraints are enough, without any index."""
    reader.follow("With OpenStack's upper constraints", only=('cp', 'sed'))
    reader.follow('With a wheelhouse')
    assert not reader.has_the_other()
    run(reader.python, '-c', 'import glance_store._drivers.vmware_datastore', cwd=reader.place)


def test_the_wheel_with_extras(reader: Reader) -> None:
    """The file with extras in brackets brings the simulator and the command line with colours."""
    reader.follow('A wheel')
    run(reader.python, '-c', 'import oslo_vmware.simulator, rich', cwd=reader.place)

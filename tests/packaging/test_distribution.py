"""What users install is what they need: nothing missing, nothing besides.

A wheel and an sdist are built from a copy of the sources, as a release would, and the wheel is
installed into an empty environment. That needs pip to reach the packages it is configured for.
"""

import dataclasses
import email.message
import email.parser
import pathlib
import re
import sys
import tarfile
import zipfile

import pytest

from tests.packaging.commands import run
from tests.packaging.conftest import Built
from tests.work_tree import ROOT

#: What the simulator says without its extra. Not the extra's name: an index has another package of
#: our name.
EXTRA = "pip install 'pyvmomi>=9.1.1.0' trustme"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def contents(wheel: pathlib.Path) -> dict[str, int]:
    """Give the files of a wheel with their checksums."""
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info.CRC for info in archive.infolist() if not info.is_dir()}


@dataclasses.dataclass(frozen=True)
class Release:
    """Everything that the tests look at, made once."""

    sdist: pathlib.Path
    wheel_of_sdist: pathlib.Path
    wheel_of_tree: pathlib.Path
    python: pathlib.Path
    empty: pathlib.Path

    @property
    def metadata(self) -> email.message.Message:
        with zipfile.ZipFile(self.wheel_of_tree) as archive:
            name = next(n for n in archive.namelist() if n.endswith('.dist-info/METADATA'))
            return email.parser.Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope='session')
def release(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Release:
    place = tmp_path_factory.mktemp('release')
    run(sys.executable, '-m', 'venv', place / 'environment', cwd=place)
    python = place / 'environment' / 'bin' / 'python'
    run(python, '-m', 'pip', 'install', '-qq', built.wheel_of_tree, cwd=place)
    empty = place / 'empty'
    empty.mkdir()
    return Release(built.sdist, built.wheel_of_sdist, built.wheel_of_tree, python, empty)


def normalized(requirement: str) -> str:
    return re.sub(r'\s', '', requirement).lower()


def test_metadata(release: Release) -> None:
    """The distribution has the name and version that users require, and says what it needs."""
    metadata = release.metadata
    assert metadata['Name'] == 'oslo.vmware'
    assert metadata['Version'] == '5.0.0'
    assert metadata['Requires-Python'] == '>=3.11'
    assert metadata['License-Expression'] == 'Apache-2.0'
    needed = {
        normalized(line) for line in metadata.get_all('Requires-Dist', []) if 'extra ==' not in line
    }
    wanted = {normalized(line) for line in (ROOT / 'requirements.txt').read_text().splitlines()}
    assert needed == wanted
    assert {'eventlet', 'simulator', 'test', 'doc'} <= set(metadata.get_all('Provides-Extra', []))


def test_wheel_has_all_of_the_package_and_nothing_else(release: Release) -> None:
    """Modules, interface descriptions, type marker and licence are in; tests and tools are not."""
    inside = set(contents(release.wheel_of_tree))
    package = {
        str(path.relative_to(ROOT))
        for pattern in ('*.py', '*.wsdl', '*.xsd', '*.xml', '*.description', '*.pyi', 'py.typed')
        for path in (ROOT / 'oslo_vmware').rglob(pattern)
    }
    assert any(name.endswith('.wsdl') for name in package)
    assert 'oslo_vmware/wsdl/vim/vim.description' in package
    assert {'oslo_vmware/py.typed', 'oslo_vmware/types/vim.pyi'} <= package
    about = {name for name in inside if name.startswith('oslo_vmware-5.0.0.dist-info/')}
    assert inside - about == package
    assert any(name.endswith('/LICENSE') for name in about)


def test_wheel_stays_small(release: Release) -> None:
    """Images of services grow by little: the wheel has at most 2.3 MiB, 1.3 of them as before."""
    assert release.wheel_of_tree.stat().st_size <= 2.3 * 1024**2


def test_sdist_builds_the_same_wheel(release: Release) -> None:
    """Who builds from the sdist gets the very files that the wheel has."""
    assert contents(release.wheel_of_sdist) == contents(release.wheel_of_tree)


def test_sdist_can_be_worked_with(release: Release) -> None:
    """The sdist has what it takes to test, document and demonstrate the library."""
    with tarfile.open(release.sdist) as archive:
        inside = {name.partition('/')[2] for name in archive.getnames()}
    assert {
        '.ci/run',
        'LICENSE',
        'Makefile',
        'README.rst',
        'doc/source/index.rst',
        'pyproject.toml',
        'requirements.txt',
        'setup.cfg',
        'tests/packaging/test_distribution.py',
        'tox.ini',
    } <= inside
    assert not [name for name in inside if name.endswith('.pyc')]


def test_installed_wheel_is_consistent(release: Release) -> None:
    """In an environment with nothing else, the declared requirements are enough and agree."""
    run(release.python, '-m', 'pip', 'check', cwd=release.empty)
    version = run(
        release.python,
        '-c',
        'from oslo_vmware import version; print(version.version_info.release_string())',
        cwd=release.empty,
    )
    assert version.strip() == '5.0.0'


IMPORT_ALL = """
import importlib, pathlib, sys
import oslo_vmware

top = pathlib.Path(oslo_vmware.__file__).parent
assert top.is_relative_to(sys.prefix), top
for path in sorted(top.rglob('*.py')):
    parts = path.relative_to(top.parent).with_suffix('').parts
    if parts[-1] == '__main__':
        continue
    name = '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)
    # Python keeps those modules of a package that were fine before another one failed.
    for loaded in [name for name in sys.modules if name.startswith('oslo_vmware.simulator')]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except ImportError as problem:
        print(name, 'FAILED', ' '.join(str(problem).split()))
    else:
        print(name, 'FINE')
assert 'eventlet' not in sys.modules
"""


def test_every_module_can_be_imported(release: Release) -> None:
    """Without any extra all modules can be imported, but those of an extra, which say why."""
    lines = run(release.python, '-c', IMPORT_ALL, cwd=release.empty).splitlines()
    assert len(lines) > 5
    failed = {}
    for line in lines:
        module, outcome, *reason = line.split(' ', 2)
        if outcome == 'FAILED':
            failed[module] = reason[0]
    # For pytest, which has asked for it.
    assert 'pytest' in failed.pop('oslo_vmware.simulator.pytest_plugin')
    # The command line asks whether it is there, and does without it.
    assert 'rich' in failed.pop('oslo_vmware.cli.rich_output')
    for module in [one for one in failed if one.startswith('oslo_vmware.pyvmomi')]:
        assert "pip install 'pyvmomi" in failed.pop(module)
    assert 'oslo_vmware.simulator.server' in failed
    assert all(module.startswith('oslo_vmware.simulator.') for module in failed)
    assert [line for line in failed.items() if EXTRA not in line[1]] == []


def test_simulator_without_its_extra_is_kind(release: Release) -> None:
    """Who starts the simulator without its extra reads what to install."""
    said = run(
        release.python, '-m', 'oslo_vmware.simulator', '--help', cwd=release.empty, check=False
    )
    assert EXTRA in said


LOAD_DESCRIPTION = """
import pathlib, sys
import oslo_vmware
from lxml import etree

top = pathlib.Path(oslo_vmware.__file__).parent
assert top.is_relative_to(sys.prefix), top
documents = sorted([*top.rglob('*.wsdl'), *top.rglob('*.xsd')])
for path in documents:
    for element in etree.parse(str(path)).iter('{*}include', '{*}import'):
        location = element.get('schemaLocation') or element.get('location')
        assert location is None or (path.parent / location).is_file(), (path.name, location)
print(len(documents))
"""


def test_installed_description_is_complete(release: Release) -> None:
    """Every shipped interface description can be parsed, and all that it includes is there."""
    documents = run(release.python, '-c', LOAD_DESCRIPTION, cwd=release.empty)
    assert int(documents) > 1

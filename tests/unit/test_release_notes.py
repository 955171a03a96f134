"""The change log in the documentation, which is made of the release notes."""

import importlib.util
import pathlib
import shutil
import subprocess
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope='module')
def release_notes() -> Any:
    spec = importlib.util.spec_from_file_location(
        'release_notes', ROOT / 'doc/source/_ext/release_notes.py'
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    """A project with a note of each of two kinds, as an archive has it."""
    notes = tmp_path / 'releasenotes/notes'
    notes.mkdir(parents=True)
    shutil.copy(ROOT / 'releasenotes/config.yaml', notes.parent)
    (notes / 'older-0000000000000001.yaml').write_text('fixes: [An older one.]\n')
    return tmp_path


def git(project: pathlib.Path, *words: str) -> None:
    who = ('-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'init.defaultBranch=main')
    subprocess.run(['git', *who, *words], cwd=project, check=True, capture_output=True)


def note(project: pathlib.Path, name: str, text: str) -> None:
    (project / f'releasenotes/notes/{name}.yaml').write_text(f'features: [{text}]\n')


def test_an_unpacked_archive_has_all_notes(release_notes: Any, project: pathlib.Path) -> None:
    """Without git's history every note belongs to the release that is documented."""
    note(project, 'newer-0000000000000002', 'A newer one.')
    said = release_notes.report(project, '5.0.0')
    assert [line for line in said.splitlines() if line and line[0] not in '.=-~'] == [
        '5.0.0',
        'New Features',
        'Bug Fixes',
    ]
    assert said.index('A newer one.') < said.index('An older one.')


def test_a_repository_without_tags_has_all_notes(release_notes: Any, project: pathlib.Path) -> None:
    """As an archive; a shallow clone is one of these."""
    git(project, 'init', '-q')
    git(project, 'add', '.')
    git(project, 'commit', '-q', '-m', 'One')
    note(project, 'newer-0000000000000002', 'A newer one.')
    git(project, 'add', '.')
    git(project, 'commit', '-q', '-m', 'Two')
    archive = release_notes.report(project, '5.0.0')
    git(project, 'clone', '-q', '--depth', '1', f'file://{project}', 'shallow')
    assert 'An older one.' in archive
    assert release_notes.report(project / 'shallow', '5.0.0') == archive


def test_tags_tell_the_release(release_notes: Any, project: pathlib.Path) -> None:
    """A note stands under the release that it first came with."""
    git(project, 'init', '-q')
    git(project, 'add', '.')
    git(project, 'commit', '-q', '-m', 'One')
    git(project, 'tag', '-a', '-m', '4.9.0', '4.9.0')
    note(project, 'newer-0000000000000002', 'A newer one.')
    git(project, 'add', '.')
    git(project, 'commit', '-q', '-m', 'Two')
    git(project, 'tag', '-a', '-m', '5.0.0', '5.0.0')
    said = release_notes.report(project, '5.0.0')
    parts = ['\n5.0.0\n', 'A newer one.', '\n4.9.0\n', 'An older one.']
    assert sorted(parts, key=said.index) == parts

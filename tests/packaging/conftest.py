"""What a release is made of, built once for all processes that run tests."""

import dataclasses
import fcntl
import pathlib
import sys

import pytest

from tests.packaging.commands import run
from tests.work_tree import copy_sources


@dataclasses.dataclass(frozen=True)
class Built:
    """The files of a release."""

    sdist: pathlib.Path
    wheel_of_sdist: pathlib.Path
    wheel_of_tree: pathlib.Path


@pytest.fixture(scope='session')
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Built:
    here = tmp_path_factory.getbasetemp()
    place = (here if worker_id == 'master' else here.parent) / 'release-of-all'
    place.mkdir(exist_ok=True)
    with (place / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / 'done').exists():
            tree = copy_sources(place / 'tree')
            build = (sys.executable, '-m', 'build', '--outdir')
            # By default the wheel is built from the sdist, with --wheel from the tree.
            run(*build, place / 'by_sdist', tree, cwd=place)
            run(*build, place / 'by_tree', '--wheel', tree, cwd=place)
            (place / 'done').touch()
    (sdist,) = (place / 'by_sdist').glob('*.tar.gz')
    (wheel_of_sdist,) = (place / 'by_sdist').glob('*.whl')
    (wheel_of_tree,) = (place / 'by_tree').glob('*.whl')
    return Built(sdist, wheel_of_sdist, wheel_of_tree)

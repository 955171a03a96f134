"""The sources, apart from what lies about among them.

Builds leave files behind, which the next build would pick up, and two of them at once write the
same ones: so everybody builds from a copy.
"""

import pathlib
import shutil

ROOT = pathlib.Path(__file__).parents[1]

LITTER = (
    '.consumers',
    '.git',
    '.hypothesis',
    '.test-results',
    '.tox',
    '.venv*',
    '.*_cache',
    '__pycache__',
    '*.egg-info',
    'build',
    'dist',
)


def copy_sources(tree: pathlib.Path) -> pathlib.Path:
    """Copy what an sdist is made from.

    :param tree: the directory to make
    :returns: the same
    """
    return shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LITTER))

"""The pages of the documentation, as far as they can be held to something without building them."""

import pathlib
import re

import pytest

PAGES = pathlib.Path(__file__).parents[2] / 'doc/source'


@pytest.mark.parametrize('page', sorted(path.name for path in PAGES.glob('reference/*.rst')))
def test_a_page_says_first_what_it_is_for(page: str) -> None:
    """A sentence stands between the title and the first table, list of names or section."""
    first = (PAGES / 'reference' / page).read_text().split('\n\n')[1]
    assert first[0].isalnum() or first[0] in '`*:', f'{page} begins with {first!r}'
    assert first.rstrip().endswith('.'), f'what {page} says first is no sentence: {first!r}'


@pytest.mark.parametrize('folder', ['user', 'recipes', 'reference'])
def test_an_index_says_what_is_on_each_page(folder: str) -> None:
    """Each page of the folder has a line of its own, beside its place in the hidden toctree."""
    index = (PAGES / folder / 'index.rst').read_text()
    described = re.findall(r'^:doc:`(\w+)`\n   \S', index, re.MULTILINE)
    listed = re.findall(r'^   (\w+)$', index, re.MULTILINE)
    there = {page.stem for page in PAGES.glob(f'{folder}/*.rst')} - {'index'}
    assert set(described) == there
    assert described == listed

"""The pages of the reference."""

import pathlib

import pytest

PAGES = pathlib.Path(__file__).parents[2] / 'doc/source/reference'


@pytest.mark.parametrize('page', sorted(path.name for path in PAGES.glob('*.rst')))
def test_a_page_says_first_what_it_is_for(page: str) -> None:
    """A sentence stands between the title and the first table, list of names or section."""
    first = (PAGES / page).read_text().split('\n\n')[1]
    assert first[0].isalnum() or first[0] in '`*:', f'{page} begins with {first!r}'
    assert first.rstrip().endswith('.'), f'what {page} says first is no sentence: {first!r}'

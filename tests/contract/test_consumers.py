"""Every name that a known consumer uses is there.

``consumers.json`` has the names of fifteen consumers of the library, read from their sources, as
they were agreed upon: those of OpenStack, and forks and drivers of the field.
"""

import json
import pathlib
import pkgutil

import pytest

CONSUMERS: dict[str, list[str]] = json.loads(
    (pathlib.Path(__file__).parent / 'consumers.json').read_text()
)


@pytest.mark.parametrize('consumer', CONSUMERS)
def test_names_are_there(consumer: str) -> None:
    """Each name leads to something, be it a module, or what is in one."""
    missing = []
    for name in CONSUMERS[consumer]:
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError) as exc:
            missing.append(f'{name}: {exc}')
    assert CONSUMERS[consumer]
    assert missing == []

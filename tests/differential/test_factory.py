"""``factory.create`` of every type gives what suds gives."""

from tests.differential.comparison import differences
from tests.differential.engines import Engines


def test_every_type_is_created_as_suds_creates_it(engines: Engines) -> None:
    """Members, their order, defaults, nested required objects, enumerations; and the print."""
    wrong = []
    names = sorted(engines.schema.type_names())
    for tag in names:
        namespace, _, local = tag[1:].partition('}')
        # Where two namespaces have a type of a name, the qualified form tells which.
        prefix = next(prefix for prefix, uri in engines.stock.sd[0].prefixes if uri == namespace)
        qualified = f'{prefix}:{local}'
        ours = engines.ours.factory.create(qualified)
        theirs = engines.stock.factory.create(qualified)
        wrong += list(differences(ours, theirs, qualified))
        if str(ours) != str(theirs):
            wrong.append(f'{qualified}: {ours} is not {theirs}')
    assert len(names) > 100
    assert not wrong, f'{len(wrong)}: {wrong[:5]}'


def test_objects_share_nothing(engines: Engines) -> None:
    """What is put into one object is not in the next one of its type."""
    for tag in engines.schema.type_names():
        first, second = (engines.ours.factory.create(tag) for _ in range(2))
        assert first is not second
        for name, value in first:
            if isinstance(value, list):
                value.append(1)
                assert getattr(second, name) == []
            elif hasattr(value, '__keylist__'):
                assert getattr(second, name) is not value

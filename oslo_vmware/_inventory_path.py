"""Where in the inventory an entity is, by what a reply tells of it and of its parents."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from oslo_vmware._references import known_id


class _Entity(NamedTuple):
    """What a reply tells about one object on the way to the root; ``None`` is not told."""

    id: str | None
    name: str | None
    parent: str | None


def _read_entity(content: Any) -> _Entity:
    properties = getattr(content, 'propSet', None) or []
    values = [(getattr(item, 'name', None), item.val) for item in properties]
    # Not by its key: the objects of some users' suites give values without property names.
    name = next((value for key, value in values if key != 'parent'), None)
    return _Entity(
        known_id(getattr(content, 'obj', None)),
        None if name is None else str(name),
        known_id(dict(values).get('parent')),
    )


def _line_to_root(entities: list[_Entity], start: str | None) -> list[_Entity]:
    """Follow the parents from ``start`` upwards.

    :returns: all the entities in that order; nothing when the parents don't connect them
    """
    by_id = {entity.id: entity for entity in entities if entity.id is not None}
    line = []
    here = start
    while here is not None and here in by_id:
        line.append(by_id.pop(here))
        here = line[-1].parent
    return line if len(line) == len(entities) else []


def path_to(start: str | None, contents: Iterable[Any]) -> str:
    """The path of an entity.

    :param start: its id
    :param contents: object contents of the entity and its parents, ``name`` and ``parent`` of each
    :returns: as :func:`oslo_vmware.vim_util.get_inventory_path`
    """
    entities = [_read_entity(content) for content in contents]
    line = _line_to_root(entities, start)
    if line:
        root_is_last = line[-1].parent is None
    else:
        # Not enough is known to put them in order: trust the order they came in, root last.
        line = [entity for entity in entities if entity.name is not None]
        root_is_last = True
    if root_is_last and len(line) == 1:
        return line[0].name or ''
    below_root = line[:-1] if root_is_last else line
    return ''.join(f'/{entity.name}' for entity in reversed(below_root) if entity.name is not None)

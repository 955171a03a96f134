"""Tags: categories, tags in them, and what has which.

Clients make them by REST; storage policies ask which tags a datastore has.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable

from oslo_vmware.simulator.world.data import Ref
from oslo_vmware.simulator.world.refusals import Refusal, not_found

SINGLE, MULTIPLE = 'SINGLE', 'MULTIPLE'

_NAMESPACE = uuid.UUID('2f4c5c43-5d9e-4d1b-9f02-0f7c9a6a3f55')


@dataclasses.dataclass
class Category:
    """A tag category.

    :ivar cardinality: whether an object may have one of its tags or many
    :ivar associable_types: managed object types that may have one; none means all
    """

    id: str
    name: str
    description: str = ''
    cardinality: str = SINGLE
    associable_types: frozenset[str] = frozenset()

    def fits(self, wire_type: str) -> bool:
        return not self.associable_types or wire_type in self.associable_types


@dataclasses.dataclass
class Tag:
    """A tag."""

    id: str
    category_id: str
    name: str
    description: str = ''


class Tags:
    """All of a server, by id."""

    def __init__(self) -> None:
        self.categories: dict[str, Category] = {}
        self.tags: dict[str, Tag] = {}
        self._attached: dict[str, dict[Ref, None]] = {}
        self._made = 0

    # Categories and tags

    def category(self, key: str) -> Category:
        """:raises Refusal: not_found"""
        if key not in self.categories:
            raise not_found('category', key)
        return self.categories[key]

    def tag(self, key: str) -> Tag:
        """:raises Refusal: not_found"""
        if key not in self.tags:
            raise not_found('tag', key)
        return self.tags[key]

    def of_category(self, key: str) -> list[Tag]:
        """The tags of a category."""
        category = self.category(key)
        return [tag for tag in self.tags.values() if tag.category_id == category.id]

    def add_category(
        self,
        name: str,
        description: str = '',
        cardinality: str = SINGLE,
        associable_types: Iterable[str] = (),
    ) -> Category:
        """:raises Refusal: already_exists, invalid_argument"""
        if cardinality not in (SINGLE, MULTIPLE):
            raise Refusal('invalid_argument', f"A cardinality is no '{cardinality}'.")
        _check_name(name, (one.name for one in self.categories.values()))
        made = Category(
            self._new_id('Category'), name, description, cardinality, frozenset(associable_types)
        )
        self.categories[made.id] = made
        return made

    def add_tag(self, category_id: str, name: str, description: str = '') -> Tag:
        """:raises Refusal: not_found, already_exists, invalid_argument"""
        _check_name(name, (one.name for one in self.of_category(category_id)))
        made = Tag(self._new_id('Tag'), category_id, name, description)
        self.tags[made.id] = made
        return made

    def update_category(
        self,
        key: str,
        name: str | None = None,
        description: str | None = None,
        cardinality: str | None = None,
        associable_types: Iterable[str] | None = None,
    ) -> None:
        """Unset means unchanged.

        :raises Refusal: not_found, already_exists, invalid_argument
        """
        found = self.category(key)
        if name is not None and name != found.name:
            _check_name(name, (one.name for one in self.categories.values()))
            found.name = name
        if description is not None:
            found.description = description
        if cardinality is not None:
            if (found.cardinality, cardinality) == (MULTIPLE, SINGLE):
                raise Refusal('invalid_argument', 'A category cannot become one of single tags.')
            found.cardinality = cardinality
        if associable_types is not None:
            found.associable_types = found.associable_types | frozenset(associable_types)

    def update_tag(self, key: str, name: str | None = None, description: str | None = None) -> None:
        """Unset means unchanged.

        :raises Refusal: not_found, already_exists, invalid_argument
        """
        found = self.tag(key)
        if name is not None and name != found.name:
            _check_name(name, (one.name for one in self.of_category(found.category_id)))
            found.name = name
        if description is not None:
            found.description = description

    def remove_category(self, key: str) -> None:
        """Remove a category with its tags.

        :raises Refusal: not_found
        """
        for tag in self.of_category(key):
            self.remove_tag(tag.id)
        del self.categories[key]

    def remove_tag(self, key: str) -> None:
        """:raises Refusal: not_found"""
        del self.tags[self.tag(key).id]
        self._attached.pop(key, None)

    # What has which

    def attach(self, key: str, obj: Ref) -> None:
        """Give an object a tag.

        :raises Refusal: not_found; invalid_argument where its category is not for such objects, or
            the object has another tag of it and may have one
        """
        tag = self.tag(key)
        category = self.category(tag.category_id)
        if not category.fits(obj.type):
            raise Refusal(
                'invalid_argument', f"The category '{category.name}' is not for a {obj.type}."
            )
        others = [one for one in self.attached_to(obj) if one.category_id == category.id]
        if category.cardinality == SINGLE and any(one is not tag for one in others):
            raise Refusal(
                'invalid_argument', f"The object has a tag of the category '{category.name}'."
            )
        self._attached.setdefault(tag.id, {})[obj] = None

    def detach(self, key: str, obj: Ref) -> None:
        """Take a tag from an object; none that it does not have is missed.

        :raises Refusal: not_found
        """
        self._attached.get(self.tag(key).id, {}).pop(obj, None)

    def attached_to(self, obj: Ref) -> list[Tag]:
        """The tags of an object."""
        return [tag for tag in self.tags.values() if obj in self._attached.get(tag.id, ())]

    def objects_of(self, key: str) -> list[Ref]:
        """The objects that have a tag, those that are gone included.

        :raises Refusal: not_found
        """
        return list(self._attached.get(self.tag(key).id, ()))

    # By name, as storage policies know them

    def names(self, wire_type: str) -> dict[str, set[str]]:
        """The tags that objects of a type can have, by category."""
        return {
            category.name: {tag.name for tag in self.of_category(category.id)}
            for category in self.categories.values()
            if category.fits(wire_type)
        }

    def names_of(self, obj: Ref) -> dict[str, frozenset[str]]:
        """The tags of an object, by category."""
        found: dict[str, set[str]] = {}
        for tag in self.attached_to(obj):
            found.setdefault(self.categories[tag.category_id].name, set()).add(tag.name)
        return {category: frozenset(names) for category, names in found.items()}

    def set_names(self, obj: Ref, category: str, names: Iterable[str]) -> None:
        """Give an object tags of a category in place of those it had; makes what there is not."""
        group = next((one for one in self.categories.values() if one.name == category), None)
        if group is None:
            group = self.add_category(category, cardinality=MULTIPLE)
        by_name = {tag.name: tag for tag in self.of_category(group.id)}
        for tag in by_name.values():
            self.detach(tag.id, obj)
        for name in names:
            tag = by_name.get(name) or self.add_tag(group.id, name)
            self._attached.setdefault(tag.id, {})[obj] = None

    def _new_id(self, kind: str) -> str:
        self._made += 1
        made = uuid.uuid5(_NAMESPACE, str(self._made))
        return f'urn:vmomi:InventoryService{kind}:{made}:GLOBAL'


def _check_name(name: str, taken: Iterable[str]) -> None:
    if not name:
        raise Refusal('invalid_argument', 'A name must not be empty.')
    if name in taken:
        raise Refusal('already_exists', f"The name '{name}' already exists.")

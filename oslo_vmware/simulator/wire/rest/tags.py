"""Tag categories, tags, and what has them, by REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oslo_vmware.simulator.wire.rest.routes import RestCall, Routes
from oslo_vmware.simulator.world.data import Ref
from oslo_vmware.simulator.world.refusals import Refusal
from oslo_vmware.simulator.world.registry import World
from oslo_vmware.simulator.world.tags import Category, Tag

_CATEGORY = 'cis/tagging/category'
_TAG = 'cis/tagging/tag'
_ASSOCIATION = 'cis/tagging/tag-association'


class TagService:
    """Answers about the tags of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tags = world.tags

    def routes(self) -> Routes:
        one = f'{_ASSOCIATION}/id'
        return {
            ('GET', _CATEGORY, ''): lambda call: list(self._tags.categories),
            ('POST', _CATEGORY, ''): self._add_category,
            ('GET', f'{_CATEGORY}/id', ''): self._category,
            ('PATCH', f'{_CATEGORY}/id', ''): self._update_category,
            ('DELETE', f'{_CATEGORY}/id', ''): lambda call: self._tags.remove_category(call.key),
            ('GET', _TAG, ''): lambda call: list(self._tags.tags),
            ('POST', _TAG, ''): self._add_tag,
            ('GET', f'{_TAG}/id', ''): self._tag,
            ('PATCH', f'{_TAG}/id', ''): self._update_tag,
            ('DELETE', f'{_TAG}/id', ''): lambda call: self._tags.remove_tag(call.key),
            ('POST', f'{_TAG}/id', 'list-tags-for-category'): self._of_category,
            ('POST', _TAG, 'list-tags-for-category'): self._of_category,
            ('POST', one, 'attach'): self._attach,
            ('POST', one, 'detach'): self._detach,
            ('POST', one, 'list-attached-objects'): self._objects,
            ('POST', one, 'attach-tag-to-multiple-objects'): self._attach_to_many,
            ('POST', one, 'detach-tag-from-multiple-objects'): self._detach_from_many,
            ('POST', _ASSOCIATION, 'list-attached-tags'): self._of_object,
            ('POST', _ASSOCIATION, 'list-attached-tags-on-objects'): self._of_objects,
            ('POST', _ASSOCIATION, 'list-attached-objects-on-tags'): self._objects_of_tags,
            ('POST', _ASSOCIATION, 'attach-multiple-tags-to-object'): self._attach_many,
            ('POST', _ASSOCIATION, 'detach-multiple-tags-from-object'): self._detach_many,
        }

    # Categories and tags

    def _add_category(self, call: RestCall) -> str:
        made = self._tags.add_category(
            call.need('name', str),
            call.get('description', str, ''),
            call.need('cardinality', str),
            _types(call.get('associable_types', list, [])),
        )
        return made.id

    def _category(self, call: RestCall) -> dict[str, Any]:
        return _shown_category(self._tags.category(call.key))

    def _update_category(self, call: RestCall) -> None:
        types = call.get('associable_types', list)
        self._tags.update_category(
            call.key,
            call.get('name', str),
            call.get('description', str),
            call.get('cardinality', str),
            None if types is None else _types(types),
        )

    def _add_tag(self, call: RestCall) -> str:
        made = self._tags.add_tag(
            call.need('category_id', str), call.need('name', str), call.get('description', str, '')
        )
        return made.id

    def _tag(self, call: RestCall) -> dict[str, Any]:
        return _shown_tag(self._tags.tag(call.key))

    def _update_tag(self, call: RestCall) -> None:
        self._tags.update_tag(call.key, call.get('name', str), call.get('description', str))

    def _of_category(self, call: RestCall) -> list[str]:
        key = call.get('category_id', str) or call.key
        return [tag.id for tag in self._tags.of_category(key)]

    # What has which

    def _attach(self, call: RestCall) -> None:
        self._attach_one(call.key, call.need('object_id', dict))

    def _detach(self, call: RestCall) -> None:
        self._detach_one(call.key, call.need('object_id', dict))

    def _objects(self, call: RestCall) -> list[dict[str, str]]:
        return self._shown_objects(call.key)

    def _attach_to_many(self, call: RestCall) -> dict[str, Any]:
        objects = call.need('object_ids', list)
        return _batch(self._attach_one, [(call.key, one) for one in objects])

    def _detach_from_many(self, call: RestCall) -> dict[str, Any]:
        objects = call.need('object_ids', list)
        return _batch(self._detach_one, [(call.key, one) for one in objects])

    def _attach_many(self, call: RestCall) -> dict[str, Any]:
        obj = call.need('object_id', dict)
        return _batch(self._attach_one, [(key, obj) for key in call.need('tag_ids', list)])

    def _detach_many(self, call: RestCall) -> dict[str, Any]:
        obj = call.need('object_id', dict)
        return _batch(self._detach_one, [(key, obj) for key in call.need('tag_ids', list)])

    def _attach_one(self, key: str, obj: Any) -> None:
        self._tags.attach(key, self._object(obj))

    def _detach_one(self, key: str, obj: Any) -> None:
        self._tags.detach(key, _ref(obj))

    def _of_object(self, call: RestCall) -> list[str]:
        return [tag.id for tag in self._tags.attached_to(_ref(call.need('object_id', dict)))]

    def _of_objects(self, call: RestCall) -> list[dict[str, Any]]:
        refs = [_ref(one) for one in call.need('object_ids', list)]
        found = {ref: [tag.id for tag in self._tags.attached_to(ref)] for ref in refs}
        return [{'object_id': _shown(ref), 'tag_ids': ids} for ref, ids in found.items() if ids]

    def _objects_of_tags(self, call: RestCall) -> list[dict[str, Any]]:
        return [
            {'tag_id': key, 'object_ids': self._shown_objects(key)}
            for key in call.need('tag_ids', list)
        ]

    def _shown_objects(self, key: str) -> list[dict[str, str]]:
        there = self._world.objects
        return [
            _shown(ref)
            for ref in self._tags.objects_of(key)
            if '.' in ref.type or ref.value in there
        ]

    def _object(self, given: Any) -> Ref:
        ref = _ref(given)
        # Types with a dot are none of VIM: a library, say.
        if '.' not in ref.type and ref.value not in self._world.objects:
            raise Refusal('not_found', f"There is no object '{ref.value}'.")
        return ref


def _batch(step: Callable[[str, Any], None], todo: list[tuple[str, Any]]) -> dict[str, Any]:
    """Do what can be done; what cannot is told, and does not stop the rest."""
    errors = []
    for key, obj in todo:
        try:
            step(key, obj)
        except Refusal as refusal:
            errors.append({'id': refusal.name, 'default_message': refusal.message, 'args': []})
    return {'success': not errors, 'error_messages': errors}


def _types(names: list[Any]) -> list[str]:
    """Managed object types, which clients may name with their package."""
    if not all(isinstance(name, str) for name in names):
        raise Refusal('invalid_argument', "'associable_types' are names.")
    return [name.removeprefix('urn:vim25:') for name in names]


def _ref(given: Any) -> Ref:
    if not isinstance(given, dict) or not all(
        isinstance(given.get(one), str) for one in ('type', 'id')
    ):
        raise Refusal('invalid_argument', 'An object has a type and an id.')
    return Ref(given['type'], given['id'])


def _shown(ref: Ref) -> dict[str, str]:
    return {'type': ref.type, 'id': ref.value}


def _shown_category(found: Category) -> dict[str, Any]:
    return {
        'id': found.id,
        'name': found.name,
        'description': found.description,
        'cardinality': found.cardinality,
        'associable_types': sorted(found.associable_types),
        'used_by': [],
    }


def _shown_tag(found: Tag) -> dict[str, Any]:
    return {
        'id': found.id,
        'name': found.name,
        'description': found.description,
        'category_id': found.category_id,
        'used_by': [],
    }

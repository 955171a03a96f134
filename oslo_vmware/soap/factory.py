"""Makes request objects: ``client.factory.create('ns0:VirtualDisk')``.

What a new object has in it is the same each time, so it is found out once for each type: which
members are ``None``, which are a list of the object's own, and which are an object, because the
type requires one. Elsewhere than in suds, making one is then a copy.
"""

from typing import Any

import suds

from oslo_vmware.soap.objects import Created, Prepared, Record, Reference, type_class
from oslo_vmware.soap.schema import Field, Kind, Schema, split


class _Template:
    """What a new object of a type consists of.

    :param cls: its class
    :param members: all members by name, None where something else has to be made
    :param lists: those that are lists
    :param nested: templates of those that are objects
    """

    __slots__ = ('cls', 'lists', 'members', 'nested')

    def __init__(
        self,
        cls: type,
        members: dict[str, Any],
        lists: tuple[str, ...] = (),
        nested: tuple[tuple[str, '_Template'], ...] = (),
    ) -> None:
        self.cls = cls
        self.members = members
        self.lists = lists
        self.nested = nested

    def make(self, kind: type[Created] = Created) -> Any:
        """A new object.

        :param kind: of its dictionary
        """
        made: Any = object.__new__(self.cls)
        members = kind(self.members)
        for name in self.lists:
            members[name] = []
        for name, template in self.nested:
            members[name] = template.make(Prepared)
        made.__dict__ = members
        return made


class Factory:
    """Makes empty objects of the types of one description.

    :param schema: the types
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._templates: dict[str, _Template] = {}

    def create(self, name: str) -> Any:
        """An empty object of a type.

        :param name: of the type, with any prefix or none
        :returns: object whose optional and simple members are None, those that repeat ``[]``; of
                  an enumeration, one that has each value under its own name
        :raises suds.TypeNotFound: the description has no such type
        """
        template = self._templates.get(name)
        if template is None:
            tag = self.schema.lookup(name)
            if tag is None or tag not in self.schema.description.types:
                raise suds.TypeNotFound(name)
            type_ = self.schema.type(tag)
            if type_.kind is Kind.ENUM:
                template = _Template(
                    type_class(Record, name, tag), {value: value for value in type_.values}
                )
            else:
                template = self._template(tag, ())
            self._templates[name] = template
        return template.make()

    def knows(self, name: str) -> bool:
        """Whether there is a type of a name."""
        return self.schema.lookup(name) in self.schema.description.types

    def _template(self, tag: str, path: tuple[tuple[str, str], ...]) -> _Template:
        """What an object of a type consists of.

        :param path: the members on the way to it, as (type, name); none comes twice
        """
        type_ = self.schema.type(tag)
        if type_.kind is Kind.ENUM:
            # To suds a required enumeration is a text that is not there yet.
            return _Template(type_class(Reference, type_.name, tag), {'value': None})
        # Not None: suds gives an attribute its default, which no description here has.
        attributes = {f'_{split(attribute.name)[1]}': '' for attribute in type_.attributes}
        if type_.kind is Kind.MOREF or type_.text:
            return _Template(type_class(Reference, type_.name, tag), {'value': None} | attributes)
        members: dict[str, Any] = dict(attributes)
        lists = []
        nested = []
        for field in type_.fields:
            step = (tag, field.name)
            if step in path:
                continue
            members[field.name] = None
            if field.many:
                lists.append(field.name)
            elif not field.optional and self._is_object(field):
                nested.append((field.name, self._template(field.type, (*path, step))))
        return _Template(type_class(Record, type_.name, tag), members, tuple(lists), tuple(nested))

    def _is_object(self, field: Field) -> bool:
        if field.kind is Kind.COMPLEX:
            # An object that can have no members would be nothing to fill in.
            type_ = self.schema.type(field.type)
            return bool(type_.fields or type_.attributes)
        return field.kind in (Kind.ENUM, Kind.MOREF)

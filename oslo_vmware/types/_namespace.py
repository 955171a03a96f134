"""Classes of a description, each made when it is first asked for.

Such a class stands for a type and has no objects of its own: to call it makes the object that the
factory makes, of the factory's class. So ``isinstance`` goes by what the object says it is, its
class's name and the description; base types count, and the classes are derived from each other
as the types are. It is true of objects that either engine has read or made, of references (for
``ManagedObjectReference``) and of the texts of an enumeration.

A misspelt member is a ``TypeError``, as for any function in Python that is given an argument that
it does not have; a misspelt type, or value of an enumeration, is an ``AttributeError``.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import inspect

    from oslo_vmware.soap.schema import Schema, Type


class _Class(type):
    """Class of the classes that stand for types."""

    _type: 'Type'
    _namespace: 'Namespace'

    def __call__(cls, *values: Any, **members: Any) -> Any:
        if values:
            raise TypeError(f'{cls.__name__}() takes its members by name only')
        made = cls._namespace.create(cls._type.name)
        for name, value in members.items():
            if name not in made:
                near = _nearest(name, dict(made))
                raise TypeError(f'{cls.__name__} has no member {name!r}{near}')
            setattr(made, name, value)
        return made

    def __instancecheck__(cls, value: Any) -> bool:
        return cls._type.tag in cls._namespace.types_of(value)

    @property
    def __signature__(cls) -> 'inspect.Signature':
        import inspect

        from oslo_vmware.soap.wording import keyword

        # A required member, too, may be set later.
        parameters = filter(None, map(keyword, cls._type.fields))
        return inspect.Signature([one.replace(default=None) for one in parameters])

    @property
    def __doc__(cls) -> str:  # type: ignore[override]
        from oslo_vmware.soap.wording import said

        lines = [f'{cls.__name__} of {cls._type.namespace}.', '', *said(cls._type.fields)]
        return '\n'.join(lines).rstrip()


class _Reference(_Class):
    """Of the type of references, which are what has a type and an id."""

    def __instancecheck__(cls, value: Any) -> bool:
        return bool(getattr(value, '_type', None)) and hasattr(value, 'value')


class _Enumeration(_Class):
    """Of an enumeration, whose values are texts and attributes of the class."""

    def __call__(cls, *values: Any, **members: Any) -> str:
        if len(values) != 1 or members:
            raise TypeError(f'{cls.__name__}() takes one value')
        if values[0] not in cls._type.values:
            near = _nearest(str(values[0]), cls._type.values)
            raise ValueError(f'{values[0]!r} is no value of {cls.__name__}{near}')
        return str(values[0])

    def __iter__(cls) -> Iterator[str]:
        return iter(cls._type.values)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, str) and value in cls._type.values

    def __getattr__(cls, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        near = _nearest(name, cls._type.values)
        raise AttributeError(f'{cls.__name__} has no value {name!r}{near}', name=name, obj=cls)

    @property
    def __signature__(cls) -> 'inspect.Signature':
        import inspect

        return inspect.Signature([inspect.Parameter('value', inspect.Parameter.POSITIONAL_ONLY)])

    @property
    def __doc__(cls) -> str:  # type: ignore[override]
        values = ', '.join(cls._type.values)
        return f'{cls.__name__} of {cls._type.namespace}: one of the texts {values}.'


class Namespace:
    """The types of one description, as attributes.

    :param name: of what it is, for messages, and as module of the classes
    :param schema: gives the description
    :param factory: gives what makes objects
    """

    def __init__(
        self, name: str, schema: Callable[[], 'Schema'], factory: Callable[[], Any]
    ) -> None:
        self._name = name
        self._schema = schema
        self._factory = factory
        self._classes: dict[str, _Class] = {}

    def __getattr__(self, name: str) -> Any:
        # Importers, debuggers and test runners probe for such names.
        if name.startswith('_'):
            raise AttributeError(f'{self._name} has no attribute {name!r}', name=name, obj=self)
        tag = self._schema().lookup(name)
        if tag is None or tag not in self._schema().description.types:
            near = _nearest(name, dir(self))
            raise AttributeError(f'{self._name} has no type {name!r}{near}', name=name, obj=self)
        return self._class(tag)

    def __dir__(self) -> list[str]:
        schema = self._schema()
        own = f'{{{schema.namespace}}}'
        names = (tag.removeprefix(own) for tag in schema.type_names() if tag.startswith(own))
        # What is named so is the body of a request, which nobody makes.
        return sorted(name for name in names if not name.endswith('RequestType'))

    def __repr__(self) -> str:
        return f'<types of {self._name}>'

    def create(self, name: str) -> Any:
        """An empty object of a type."""
        return self._factory().create(name)

    def types_of(self, value: Any) -> tuple[str, ...]:
        """Clark names of the type of an object and of its base types, as far as it is known."""
        # Of a proxy its __class__ tells what it stands for.
        cls = value.__class__
        # An object that came empty is a text, which knows its type.
        empty = getattr(value, 'type_name', '') if isinstance(value, str) else ''
        if not (empty or hasattr(cls, '__keylist__') or hasattr(value, '__keylist__')):
            return ()
        schema = self._schema()
        tag = getattr(cls, '__xsd_type__', '') or schema.lookup(empty or cls.__name__)
        found = schema.find(tag) if tag else None
        return () if found is None else found.ancestors

    def _class(self, tag: str) -> _Class:
        found = self._classes.get(tag)
        if found is None:
            # Of two threads that make it, the second gets what the first has put there.
            found = self._classes.setdefault(tag, self._new_class(tag))
        return found

    def _new_class(self, tag: str) -> _Class:
        from oslo_vmware.soap.schema import Kind

        type_ = self._schema().type(tag)
        kind = {Kind.ENUM: _Enumeration, Kind.MOREF: _Reference}.get(type_.kind, _Class)
        base = type_.base if type_.kind is Kind.COMPLEX else None
        bases = (self._class(base),) if base else ()
        members = {value: value for value in type_.values}
        own = {'__module__': self._name, '__slots__': (), '_type': type_, '_namespace': self}
        made: _Class = kind(type_.name, bases, members | own)
        return made


def shipped(name: str, description: str) -> Namespace:
    """The types of a description that ships with the package.

    :param name: of the module that has them
    :param description: name of the function of :mod:`oslo_vmware.soap.descriptions` that opens it
    """

    def codec() -> Any:
        # Imported here because it takes a while, and many a process asks for no type.
        from oslo_vmware.soap import descriptions

        return getattr(descriptions, description)()

    return Namespace(name, lambda: codec().schema, lambda: codec().factory)


def _nearest(name: str, names: Any) -> str:
    from oslo_vmware.soap.wording import nearest

    return nearest(name, names)

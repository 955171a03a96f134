"""A description as one file in which things are looked up: for the one that ships.

Nobody needs more than a few dozen of VIM's five thousand types. Reading its WSDL and XSD takes a
fifth of a second, and even an index of all names would take longer than the rest of opening a
session. So the file has one line for each declaration, its name before it, in the order of names:
to open it is to read its head, and a line is searched for, by halving, and read when its
declaration is asked for.

A line is JSON after its name; what is empty or false at the end of a list is left out. Names of the
description's own namespace are written bare, others with the number that their namespace has in the
head, ``1:string``, and those of no namespace with none, ``:thing``. The head tells the format, how
long each section is, and the checksum of all lines, so that half a file, or one that another
release has written, does not pass for a description.
"""

import functools
import itertools
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from oslo_vmware.soap.declarations import (
    Attribute,
    Description,
    FieldDeclaration,
    OperationDeclaration,
    TypeDeclaration,
    TypesAtHand,
)
from oslo_vmware.soap.schema import SchemaError, split

_Declaration = TypeVar('_Declaration')

#: Changes with every change of what the lines hold.
FORMAT = 2

#: More than the opening bracket of a line, and the name of a kind in quotes.
_KIND_LENGTH = 16

#: What reading a line raises where the line is none.
_DAMAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError)

_HEAD = {
    *('checksum', 'sections', 'namespaces', 'namespace', 'type_namespaces', 'element_namespaces'),
    *('prefixes', 'address', 'unqualified'),
}

#: What a type has that its line does not tell.
_NOTHING: tuple[Any, ...] = (None, None, (), (), None, (), False, False)

#: Whether a field repeats, is optional, and is nillable, by the number that tells it.
_FLAGS = tuple(itertools.product((False, True), repeat=3))


class _Names:
    """Writes and reads Clark names.

    :param own: the namespace that goes without saying
    """

    def __init__(self, namespaces: list[str], own: str) -> None:
        self._namespaces = {str(number): name for number, name in enumerate(namespaces)}
        self._numbers = {name: f'{number}:' for number, name in enumerate(namespaces)}
        self._namespaces[''] = ''
        self._numbers.update({'': ':', own: ''})
        self._own = own
        # Of each name one text in memory, as it is the type of many fields.
        self.long = functools.cache(self._long)

    def short(self, tag: str) -> str:
        """Write a name.

        :raises KeyError: it is of a namespace that the description does not have
        """
        namespace, local = split(tag)
        return f'{self._numbers[namespace]}{local}'

    def apart(self, name: str) -> tuple[str, str]:
        """Namespace and local name of what :meth:`short` has written."""
        number, colon, local = name.rpartition(':')
        return self._namespaces[number] if colon else self._own, local

    def _long(self, name: str) -> str:
        namespace, local = self.apart(name)
        return f'{{{namespace}}}{local}' if namespace else local


class _Lines(Mapping[str, _Declaration], Generic[_Declaration]):
    """Declarations by name; each is searched for, and made of its line, when it is asked for.

    :param data: the file
    :param part: where in it its lines are
    :param names: how their names are written
    :param make: makes a declaration of what its line says
    """

    def __init__(
        self,
        location: str,
        data: bytes,
        part: range,
        names: _Names | None,
        make: Callable[[Any], _Declaration],
    ) -> None:
        self._location = location
        self._data = data
        self._part = part
        self._short = names.short if names else str
        self._long = names.long if names else str
        self._make = make

    def __getitem__(self, name: str) -> _Declaration:
        at = self._find(name)
        if at < 0:
            raise KeyError(name)
        try:
            line = self._data[at : self._data.index(b'\n', at)].decode()
            return self._make(json.loads(line))
        except _DAMAGE as exc:
            raise SchemaError(f'{self._location}: {name} is damaged: {exc}') from exc

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) >= 0

    def __iter__(self) -> Iterator[str]:
        for line in self._data[self._part.start : self._part.stop].splitlines():
            yield self._long(line.partition(b' ')[0].decode())

    def __len__(self) -> int:
        return self._data.count(b'\n', self._part.start, self._part.stop)

    def _find(self, name: str) -> int:
        """Where the line of a declaration goes on behind the name; -1 when there is none."""
        if ' ' in name or '\n' in name:
            # Not a name, but the beginning of a line it might be.
            return -1
        try:
            key = f'{self._short(name)} '.encode()
        except (KeyError, UnicodeError):
            return -1
        data, low, high, length = self._data, self._part.start, self._part.stop, len(key)
        while low < high:
            middle = (low + high) // 2
            start = data.rfind(b'\n', low, middle) + 1 or low
            found = data[start : start + length]
            if found == key:
                return start + length
            if found < key:
                low = data.index(b'\n', middle) + 1
            else:
                high = start
        return -1


class _Types(_Lines[TypeDeclaration], TypesAtHand):
    def kind(self, tag: str) -> str | None:
        # It is what the line begins with.
        at = self._find(tag)
        return None if at < 0 else self._data[at : at + _KIND_LENGTH].split(b'"', 2)[1].decode()


def dump(description: Description, origin: str) -> str:
    """Write a description.

    :param origin: where it comes from, for whoever opens the file
    """
    used = {description.namespace, *description.prefixes.values(), *description.namespaces}
    for declaration in description.types.values():
        tags = (declaration.base, declaration.text, *(field.type for field in declaration.fields))
        used.update(split(tag)[0] for tag in tags if tag)
        used.update(field.namespace for field in declaration.fields)
        used.update(split(attribute.type)[0] for attribute in declaration.attributes)
    namespaces = sorted(used - {''})
    names = _Names(namespaces, description.namespace)

    def type_(declared: TypeDeclaration) -> list[Any]:
        base, text = (tag and names.short(tag) for tag in (declared.base, declared.text))
        fields = [field(one) for one in declared.fields]
        attributes = [
            [one.name, names.short(one.type), one.required] for one in declared.attributes
        ]
        content = [declared.kind, base, fields, attributes, text]
        return _short([*content, declared.values, declared.abstract, declared.open])

    def field(one: FieldDeclaration) -> list[Any]:
        element = names.short(f'{{{one.namespace}}}{one.name}' if one.namespace else one.name)
        flags = _FLAGS.index((one.many, one.optional, one.nillable))
        return [element, names.short(one.type), *filter(None, [flags])]

    def operation(declared: OperationDeclaration) -> list[Any]:
        response = declared.response and names.short(declared.response)
        faults = [names.short(tag) for tag in declared.faults]
        return [declared.soap_action, names.short(declared.request), response, faults]

    types = {names.short(tag): type_(one) for tag, one in description.types.items()}
    elements = {names.short(tag): names.short(one) for tag, one in description.elements.items()}
    operations = {name: operation(one) for name, one in description.operations.items()}
    written = [
        ''.join(f'{name} {_json(content)}\n' for name, content in sorted(section.items()))
        for section in (types, elements, operations)
    ]
    lines = ''.join(written)
    head = {
        'format': FORMAT,
        'checksum': zlib.crc32(lines.encode()),
        'sections': [len(section.encode()) for section in written],
        'namespaces': namespaces,
        'namespace': description.namespace,
        'type_namespaces': description.type_namespaces,
        'element_namespaces': description.element_namespaces,
        'prefixes': dict(description.prefixes),
        'address': description.address,
        'unqualified': description.unqualified,
    }
    return f'# {origin}\n{_json(head)}\n{lines}'


def load(data: bytes, location: str) -> Description:
    """Open what :func:`dump` has written.

    :param location: where it was read from, for messages
    :raises SchemaError: it is something else, of another format, or not as it was written
    """
    head, parts = _head(data, location)
    names = _Names(head['namespaces'], head['namespace'])
    long = names.long

    def type_(content: Any) -> TypeDeclaration:
        kind, base, fields, attributes, text, values, abstract, is_open = itertools.chain(
            content, _NOTHING[len(content) :]
        )
        return TypeDeclaration(
            source=location,
            kind=kind,
            base=base and long(base),
            fields=tuple([field(*one) for one in fields]),
            attributes=tuple(
                [Attribute(name, long(of), required) for name, of, required in attributes]
            ),
            text=text and long(text),
            values=tuple(values),
            abstract=abstract,
            open=is_open,
        )

    def field(element: str, type_: str, flags: int = 0) -> FieldDeclaration:
        namespace, name = names.apart(element)
        many, optional, nillable = _FLAGS[flags]
        return FieldDeclaration(name, namespace, long(type_), many, optional, nillable)

    def operation(content: Any) -> OperationDeclaration:
        action, request, response, faults = content
        return OperationDeclaration(
            *(location, action, long(request), response and long(response)),
            tuple([long(one) for one in faults]),
        )

    return Description(
        location=location,
        namespace=head['namespace'],
        prefixes=head['prefixes'],
        types=_Types(location, data, parts[0], names, type_),
        elements=_Lines(location, data, parts[1], names, long),
        operations=_Lines(location, data, parts[2], None, operation),
        type_namespaces=tuple(head['type_namespaces']),
        element_namespaces=tuple(head['element_namespaces']),
        address=head['address'],
        unqualified=head['unqualified'],
    )


def _head(data: bytes, location: str) -> tuple[dict[str, Any], list[range]]:
    """The head, and where the sections are."""
    try:
        first = data.index(b'\n') + 1
        begin = data.index(b'\n', first) + 1
        head = json.loads(data[first:begin])
        version = head.get('format')
    except _DAMAGE as exc:
        raise SchemaError(f'{location}: it has no head of a stored description: {exc}') from exc
    if version != FORMAT:
        raise SchemaError(f'{location}: it is of format {version}, and not of format {FORMAT}')
    missing = _HEAD - head.keys()
    if missing:
        raise SchemaError(f'{location}: the head has no {", ".join(sorted(missing))}')
    if zlib.crc32(memoryview(data)[begin:]) != head['checksum']:
        raise SchemaError(f'{location}: the lines are not those that the head has a checksum of')
    ends = list(itertools.accumulate(head['sections'], initial=begin))
    if len(ends) != 4 or ends[-1] != len(data):
        raise SchemaError(f'{location}: the lines are not in the three sections of the head')
    return head, [range(*part) for part in itertools.pairwise(ends)]


def _short(content: list[Any]) -> list[Any]:
    """A list without what is empty, or false, at its end."""
    while not content[-1]:
        content = content[:-1]
    return content


def _json(content: Any) -> str:
    return json.dumps(content, separators=(',', ':'), ensure_ascii=False)

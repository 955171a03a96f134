"""A description as one text file that is fast to open: for the one that ships.

Reading VIM's WSDL and XSD takes a fifth of a second; nobody needs more than a few dozen of its
five thousand types. So the file has one line for each declaration, its name before it, and a
line is read when its declaration is asked for. Opening the file costs an index of the lines.

The lines are JSON. Names of the namespaces of the head line are written with the namespace's
number in place of it, ``0:VirtualDisk``. The head tells the format and how many lines follow, so
that half a file, or one that another release has written, does not pass for a description.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from oslo_vmware.soap.schema import (
    Attribute,
    Description,
    FieldDeclaration,
    OperationDeclaration,
    SchemaError,
    TypeDeclaration,
    split,
)

_Declaration = TypeVar('_Declaration')

#: Changes with every change of what the lines hold.
FORMAT = 1

#: What reading a line raises where the line is none.
_DAMAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError)

_HEAD = {'declarations', 'namespaces', 'namespace', 'prefixes', 'address', 'unqualified'}

_SECTIONS = ('types', 'elements', 'operations')


class _Lines(Mapping[str, _Declaration], Generic[_Declaration]):
    """Declarations by name; each is made of its line when it is asked for."""

    def __init__(
        self, location: str, lines: dict[str, str], make: Callable[[Any], _Declaration]
    ) -> None:
        self._location = location
        self._lines = lines
        self._make = make

    def __getitem__(self, name: str) -> _Declaration:
        line = self._lines[name]
        try:
            return self._make(json.loads(line))
        except _DAMAGE as exc:
            raise SchemaError(f'{self._location}: {name} is damaged: {exc}') from exc

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


class _Names:
    """Writes and reads Clark names."""

    def __init__(self, namespaces: list[str]) -> None:
        self._namespaces = namespaces

    def short(self, tag: str | None) -> str | None:
        if tag is None:
            return None
        namespace, local = split(tag)
        return f'{self._namespaces.index(namespace)}:{local}' if namespace else local

    def long(self, name: str | None) -> Any:
        if name is None:
            return None
        number, _, local = name.partition(':')
        return f'{{{self._namespaces[int(number)]}}}{local}' if local else number


def dump(description: Description, origin: str) -> str:
    """Write a description.

    :param origin: where it comes from, for whoever opens the file
    """
    used = {description.namespace, *description.prefixes.values(), *description.namespaces}
    for declaration in description.types.values():
        tags = (declaration.base, declaration.text, *(field.type for field in declaration.fields))
        used.update(split(tag)[0] for tag in tags if tag)
        used.update(split(attribute.type)[0] for attribute in declaration.attributes)
    namespaces = sorted(used - {''})
    names = _Names(namespaces)
    short = names.short
    head = {
        'format': FORMAT,
        'declarations': sum(
            len(section)
            for section in (description.types, description.elements, description.operations)
        ),
        'namespaces': namespaces,
        'namespace': description.namespace,
        'prefixes': dict(description.prefixes),
        'address': description.address,
        'unqualified': description.unqualified,
    }
    lines = [f'# {origin}', _json(head)]
    for tag, type_ in sorted(description.types.items()):
        fields = [
            [one.name, _number(namespaces, one.namespace), short(one.type), one.many, one.optional]
            + ([True] if one.nillable else [])
            for one in type_.fields
        ]
        attributes = [[one.name, short(one.type), one.required] for one in type_.attributes]
        content: list[Any] = [type_.kind, short(type_.base), fields, attributes, short(type_.text)]
        content += [list(type_.values), type_.abstract, type_.open]
        lines.append(f'types {short(tag)} {_json(content)}')
    for tag, type_tag in sorted(description.elements.items()):
        lines.append(f'elements {short(tag)} {_json(short(type_tag))}')
    for name, operation in sorted(description.operations.items()):
        content = [operation.soap_action, short(operation.request), short(operation.response)]
        content.append([short(fault) for fault in operation.faults])
        lines.append(f'operations {name} {_json(content)}')
    return '\n'.join(lines) + '\n'


def load(text: str, location: str) -> Description:
    """Open what :func:`dump` has written.

    :param location: where it was read from, for messages
    :raises SchemaError: it is something else, of another format, or not all of it; a line that is
                         damaged is found when it is read
    """
    head, lines = _head(text, location)
    namespaces = head['namespaces']
    names = _Names(namespaces)
    long = names.long
    sections: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in lines:
        try:
            section, name, content = line.split(' ', 2)
            sections[section][name if section == 'operations' else long(name)] = content
        except _DAMAGE as exc:
            raise SchemaError(f'{location}: damaged line {line[:80]!r}: {exc}') from exc
    count = sum(map(len, sections.values()))
    if not count == len(lines) == head['declarations']:
        raise SchemaError(
            f'{location}: {count} declarations in {len(lines)} lines, where there should be '
            f'{head["declarations"]}'
        )

    def type_(content: Any) -> TypeDeclaration:
        kind, base, fields, attributes, text_type, values, abstract, is_open = content
        return TypeDeclaration(
            source=location,
            kind=kind,
            base=long(base),
            fields=tuple(
                FieldDeclaration(
                    name,
                    '' if number is None else namespaces[number],
                    long(field_type),
                    many,
                    optional,
                    bool(nillable),
                )
                for name, number, field_type, many, optional, *nillable in fields
            ),
            attributes=tuple(
                Attribute(name, long(attribute), required)
                for name, attribute, required in attributes
            ),
            text=long(text_type),
            values=tuple(values),
            abstract=abstract,
            open=is_open,
        )

    def operation(content: Any) -> OperationDeclaration:
        action, request, response, faults = content
        return OperationDeclaration(
            location, action, long(request), long(response), tuple(long(one) for one in faults)
        )

    return Description(
        location=location,
        namespace=head['namespace'],
        prefixes=head['prefixes'],
        types=_Lines(location, sections['types'], type_),
        elements=_Lines(location, sections['elements'], long),
        operations=_Lines(location, sections['operations'], operation),
        address=head['address'],
        unqualified=head['unqualified'],
    )


def _head(text: str, location: str) -> tuple[dict[str, Any], list[str]]:
    """The head, and the lines after it."""
    try:
        _, head_line, body = text.split('\n', 2)
        head = json.loads(head_line)
        version = head.get('format')
    except _DAMAGE as exc:
        raise SchemaError(f'{location}: it has no head of a stored description: {exc}') from exc
    if version != FORMAT:
        raise SchemaError(f'{location}: it is of format {version}, and not of format {FORMAT}')
    missing = _HEAD - head.keys()
    if missing:
        raise SchemaError(f'{location}: the head has no {", ".join(sorted(missing))}')
    return head, body.split('\n')[:-1]


def _number(namespaces: list[str], namespace: str) -> int | None:
    return namespaces.index(namespace) if namespace else None


def _json(content: Any) -> str:
    return json.dumps(content, separators=(',', ':'), ensure_ascii=False)

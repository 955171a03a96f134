"""What a SOAP service looks like: types, fields in order, operations, faults.

A description (WSDL and XSD files) is read in two steps. :func:`oslo_vmware.soap.wsdl.parse` turns
the XML into a :class:`~oslo_vmware.soap.declarations.Description`: flat tuples of strings and
flags that hold everything this library uses and nothing of XML, small enough for the whole vSphere
API and fit to be stored. A :class:`Schema` resolves from it, on first use and one type at a time,
what a codec wants to know: all fields of a type with those of its base types first, the namespace
of each element, what repeats, what may be missing, which kind of value stands in it.

Names are in Clark notation, ``{urn:vim25}VirtualDisk``, as lxml writes them.

Everything here is immutable. A schema is shared by all sessions and threads of a process
without a lock: what it keeps are results that any thread would compute alike.
"""

import enum
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from oslo_vmware.soap.declarations import (
    Attribute,
    Description,
    FieldDeclaration,
    OperationDeclaration,
    TypeDeclaration,
    TypesAtHand,
)

XSD = 'http://www.w3.org/2001/XMLSchema'
_XSD_PREFIX = f'{{{XSD}}}'
ANY_TYPE = f'{{{XSD}}}anyType'

_INTEGERS = frozenset(
    [
        'byte',
        'short',
        'int',
        'long',
        'unsignedByte',
        'unsignedShort',
        'unsignedInt',
        'unsignedLong',
        'integer',
        'positiveInteger',
        'negativeInteger',
        'nonPositiveInteger',
        'nonNegativeInteger',
    ]
)
_FLOATS = frozenset({'float', 'double', 'decimal'})
_TEXTS = frozenset({'string', 'normalizedString', 'token', 'anyURI', 'base64Binary', 'hexBinary'})
_BUILTINS = (
    _INTEGERS
    | _FLOATS
    | _TEXTS
    | frozenset(
        [
            'language',
            'Name',
            'NCName',
            'NMTOKEN',
            'NMTOKENS',
            'ID',
            'IDREF',
            'IDREFS',
            'ENTITY',
            'ENTITIES',
            'QName',
            'NOTATION',
            'boolean',
            'dateTime',
            'date',
            'time',
            'duration',
            'gYear',
            'gYearMonth',
            'gMonth',
            'gMonthDay',
            'gDay',
            'anySimpleType',
        ]
    )
)


class SchemaError(Exception):
    """A description that cannot be read or does not make sense, with file and element named."""


class Kind(enum.Enum):
    """What sort of value a type describes."""

    BUILTIN = 'builtin'  # an XSD simple type, or a restriction of one
    ENUM = 'enum'
    COMPLEX = 'complex'
    MOREF = 'moref'  # text and a ``type`` attribute: a managed object reference
    ANY = 'any'  # whatever the value's own xsi:type says


class Field(NamedTuple):
    """One element of a type, resolved.

    :ivar tag: Clark name of the element on the wire
    :ivar type: Clark name of its type
    :ivar builtin: local name of the XSD type behind a builtin or an enumeration, else ''
    """

    name: str
    tag: str
    type: str
    kind: Kind
    builtin: str
    many: bool
    optional: bool
    nillable: bool


class Type(NamedTuple):
    """One type, resolved.

    :ivar tag: its Clark name
    :ivar fields: in the order of the wire, those of the base types first
    :ivar by_name: the same by local name
    :ivar attributes: those of the base types first
    :ivar ancestors: Clark names of the type itself and of its base types, most derived first
    :ivar text: local name of the XSD type of its text; '' when it has none
    :ivar wrapper: whether it is an ``ArrayOf…``, the form of an array in a place of type any
    :ivar open: whether elements beyond the declared ones are allowed
    """

    name: str
    namespace: str
    tag: str
    kind: Kind
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field]
    attributes: tuple[Attribute, ...]
    ancestors: tuple[str, ...]
    text: str
    values: tuple[str, ...]
    abstract: bool
    wrapper: bool
    open: bool

    @property
    def base(self) -> str | None:
        """Clark name of the direct base type."""
        return self.ancestors[1] if len(self.ancestors) > 1 else None


class Operation(NamedTuple):
    """One operation.

    :ivar request: Clark name of the element in the request's body
    :ivar parameters: fields of that element, ``_this`` among them
    :ivar response: Clark name of the element in the reply's body, None for a one-way operation
    :ivar result: the reply's field; None when the operation returns nothing
    :ivar faults: Clark names of the types of the declared faults
    """

    name: str
    soap_action: str
    request: str
    parameters: tuple[Field, ...]
    response: str | None
    result: Field | None
    faults: tuple[str, ...]


class Schema:
    """Types and operations of a service, resolved on first use.

    :param description: what was read
    """

    def __init__(self, description: Description) -> None:
        self.description = description
        self._types: dict[str, Type] = {}
        self._elements: dict[str, Type] = {}
        self._operations: dict[str, Operation] = {}
        self._kinds: dict[str, tuple[Kind, str]] = {}
        self._found: dict[str, str] = {}
        # The order decides which of two types of one name is meant when no prefix tells:
        # the service's own namespace comes first.
        namespaces = description.type_namespaces
        self._searched = sorted(namespaces, key=lambda one: (one != description.namespace, one))
        # suds numbers the namespaces that hold types in alphabetical order.
        self._prefixes = {
            **{f'ns{number}': namespace for number, namespace in enumerate(namespaces)},
            **description.prefixes,
        }

    @property
    def namespace(self) -> str:
        """Target namespace of the service."""
        return self.description.namespace

    def __repr__(self) -> str:
        found = self.description
        return (
            f'<Schema {found.namespace} of {found.location}: '
            f'{len(found.types)} types, {len(found.operations)} operations>'
        )

    # --- types

    def type_names(self) -> Iterator[str]:
        """Clark names of all types that have a name, not of those declared in place."""
        return (tag for tag in self.description.types if '#' not in tag)

    def lookup(self, name: str) -> str | None:
        """The Clark name of the type that a user means.

        :param name: with a prefix of the description or one that suds would make (``ns0:``),
            with a prefix unknown here, without any, or in Clark notation
        :returns: None when there is no type of that local name
        """
        if name.startswith('{'):
            return name if name in self.description.types or builtin_name(name) else None
        prefix, _, local = name.rpartition(':')
        namespace = self._prefixes.get(prefix) if prefix else None
        if namespace is not None:
            exact = f'{{{namespace}}}{local}'
            if exact in self.description.types or builtin_name(exact):
                return exact
        found = self._search(local)
        if found is not None:
            return found
        return f'{_XSD_PREFIX}{local}' if local in _BUILTINS or local == 'anyType' else None

    def _search(self, local: str) -> str | None:
        """The Clark name of the type of a local name, None when there is none."""
        found = self._found.get(local)
        # Types that are declared in place have no name.
        if found is None and '#' not in local:
            for namespace in self._searched:
                tag = f'{{{namespace}}}{local}' if namespace else local
                if tag in self.description.types:
                    found = self._found[local] = tag
                    break
        return found

    def type(self, tag: str) -> Type:
        """The type of a Clark name.

        :raises SchemaError: there is none, or its declaration makes no sense
        """
        found = self._types.get(tag)
        if found is None:
            found = self._types[tag] = self._resolve(tag)
        return found

    def find(self, tag: str) -> Type | None:
        """The type of a Clark name, None when the description has none of that name."""
        if tag in self.description.types or tag.startswith(_XSD_PREFIX):
            return self.type(tag)
        return None

    def element(self, tag: str) -> Type | None:
        """The type of a global element, None when there is no such element."""
        found = self._elements.get(tag)
        if found is None:
            type_ = self.description.elements.get(tag)
            if type_ is not None:
                found = self._elements[tag] = self.type(type_)
        return found

    def derives(self, tag: str, base: str) -> bool:
        """Whether a type is another one or derived from it; anything derives from anyType."""
        return base == ANY_TYPE or base in self.type(tag).ancestors

    # --- operations

    def operation_names(self) -> Iterator[str]:
        """Names of all operations."""
        return iter(self.description.operations)

    def operation(self, name: str) -> Operation | None:
        """The operation of a name, None when the service has none of that name.

        :raises SchemaError: its declaration makes no sense
        """
        found = self._operations.get(name)
        if found is None:
            declared = self.description.operations.get(name)
            if declared is None:
                return None
            found = self._operations[name] = self._resolve_operation(name, declared)
        return found

    # --- resolving

    def _resolve(self, tag: str) -> Type:
        if tag.startswith(_XSD_PREFIX):
            return _builtin_type(tag)
        lineage = self._lineage(tag)
        declared = lineage[0][1]
        fields: list[Field] = []
        attributes: list[Attribute] = []
        text = ''
        for ancestor, declaration in reversed(lineage):
            fields += [self._field(ancestor, declaration, one) for one in declaration.fields]
            attributes += declaration.attributes
            if declaration.text is not None:
                text = self._builtin_behind(declaration.text, ancestor, declaration)
        namespace, name = split(tag)
        kind = Kind(declared.kind)
        if kind in (Kind.BUILTIN, Kind.ENUM):
            text = self._builtin_behind(tag, tag, declared)
        elif any(Kind(declaration.kind) is Kind.MOREF for _, declaration in lineage):
            kind = Kind.MOREF
        return Type(
            name=name,
            namespace=namespace,
            tag=tag,
            kind=kind,
            fields=tuple(fields),
            by_name=MappingProxyType({field.name: field for field in fields}),
            attributes=tuple(attributes),
            ancestors=tuple(ancestor for ancestor, _ in lineage),
            text=text,
            values=declared.values,
            abstract=declared.abstract,
            wrapper=(
                kind is Kind.COMPLEX
                and name.startswith('ArrayOf')
                and len(fields) == 1
                and fields[0].many
            ),
            open=any(declaration.open for _, declaration in lineage),
        )

    def _lineage(self, tag: str) -> list[tuple[str, TypeDeclaration]]:
        """The declarations of a type and of its base types, most derived first."""
        lineage: list[tuple[str, TypeDeclaration]] = []
        seen = set()
        current: str | None = tag
        while current is not None and not current.startswith(_XSD_PREFIX):
            declaration = self.description.types.get(current)
            if declaration is None:
                if not lineage:
                    raise SchemaError(f'{self.description.location}: no type {tag}')
                user, users = lineage[-1]
                raise SchemaError(f'{users.source}: {user}: base type {current} is not declared')
            if current in seen:
                raise SchemaError(f'{declaration.source}: {current} is a base type of itself')
            seen.add(current)
            lineage.append((current, declaration))
            current = declaration.base
        return lineage

    def _field(self, owner: str, declaration: TypeDeclaration, field: FieldDeclaration) -> Field:
        kind, builtin = self._kind_of(field.type, f'{owner} field {field.name}', declaration)
        return Field(
            name=field.name,
            tag=f'{{{field.namespace}}}{field.name}' if field.namespace else field.name,
            type=field.type,
            kind=kind,
            builtin=builtin,
            many=field.many,
            optional=field.optional,
            nillable=field.nillable,
        )

    def _kind_of(self, tag: str, user: str, declaration: TypeDeclaration) -> tuple[Kind, str]:
        # Of a few types there are many fields.
        found = self._kinds.get(tag)
        if found is None:
            found = self._kinds[tag] = self._find_kind(tag, user, declaration)
        return found

    def _find_kind(self, tag: str, user: str, declaration: TypeDeclaration) -> tuple[Kind, str]:
        if tag == ANY_TYPE:
            return Kind.ANY, ''
        builtin = builtin_name(tag)
        if builtin:
            return Kind.BUILTIN, builtin
        found = self._declared_kind(tag)
        if found is None:
            raise SchemaError(f'{declaration.source}: {user}: type {tag} is not declared')
        kind = Kind(found)
        if kind in (Kind.BUILTIN, Kind.ENUM):
            return kind, self._builtin_behind(tag, user, declaration)
        return kind, ''

    def _declared_kind(self, tag: str) -> str | None:
        types = self.description.types
        if isinstance(types, TypesAtHand):
            return types.kind(tag)
        found = types.get(tag)
        return None if found is None else found.kind

    def _builtin_behind(self, tag: str, user: str, declaration: TypeDeclaration) -> str:
        """Local name of the XSD type that a simple type comes from."""
        seen = set()
        while not (builtin := builtin_name(tag)):
            found = self.description.types.get(tag)
            if found is None or tag in seen:
                problem = 'is not declared' if found is None else 'restricts itself'
                raise SchemaError(f'{declaration.source}: {user}: type {tag} {problem}')
            seen.add(tag)
            # A type without a base is one of text: a list or a union.
            tag = found.base or found.text or f'{_XSD_PREFIX}string'
        return builtin

    def _resolve_operation(self, name: str, declared: OperationDeclaration) -> Operation:
        return Operation(
            name=name,
            soap_action=declared.soap_action,
            request=declared.request,
            parameters=self._message(name, declared, declared.request).fields,
            response=declared.response,
            result=self._result(name, declared),
            faults=tuple(self._message(name, declared, tag).tag for tag in declared.faults),
        )

    def _result(self, name: str, declared: OperationDeclaration) -> Field | None:
        if declared.response is None:
            return None
        fields = self._message(name, declared, declared.response).fields
        if len(fields) > 1:
            raise SchemaError(
                f'{declared.source}: operation {name}: {declared.response} has {len(fields)} '
                'members, where a reply with one result is expected'
            )
        return fields[0] if fields else None

    def _message(self, name: str, declared: OperationDeclaration, tag: str) -> Type:
        found = self.element(tag)
        if found is None:
            raise SchemaError(f'{declared.source}: operation {name}: element {tag} is not declared')
        return found


def split(tag: str) -> tuple[str, str]:
    """Namespace and local name of a Clark name."""
    namespace, _, local = tag.rpartition('}')
    return namespace[1:], local


def builtin_name(tag: str) -> str:
    """Local name of an XSD simple type, '' for anything else."""
    if tag.startswith(_XSD_PREFIX):
        local = tag[len(_XSD_PREFIX) :]
        if local in _BUILTINS:
            return local
    return ''


def is_integer(builtin: str) -> bool:
    """Whether an XSD simple type of that local name holds whole numbers."""
    return builtin in _INTEGERS


def is_text(builtin: str) -> bool:
    """Whether an XSD simple type of that local name holds texts, empty ones among them."""
    return builtin in _TEXTS


def is_float(builtin: str) -> bool:
    """Whether an XSD simple type of that local name holds numbers with a fraction."""
    return builtin in _FLOATS


def _builtin_type(tag: str) -> Type:
    local = builtin_name(tag)
    if not local and tag != ANY_TYPE:
        raise SchemaError(f'XML Schema has no type {split(tag)[1]}')
    return Type(
        name=local or 'anyType',
        namespace=XSD,
        tag=tag,
        kind=Kind.BUILTIN if local else Kind.ANY,
        fields=(),
        by_name=MappingProxyType({}),
        attributes=(),
        ancestors=(tag,),
        text=local,
        values=(),
        abstract=False,
        wrapper=False,
        open=not local,
    )

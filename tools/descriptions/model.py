"""Decide what the description of one service at one version contains.

The rules are those by which VMware's own files differ from a naive reading of the tables; each
was found by comparing with genuine files of vSphere 5.5 to 8.0, field by field:

- A field, parameter or result of a fault type is a LocalizedMethodFault; MethodFault has no base.
- A link field holds the key of the object it names: a string.
- A managed object is a ManagedObjectReference, whose only attribute is `type`.
- The element of a task operation keeps its `_Task`, its request type doesn't. The task is always
  returned, whatever the table says.
- An array that is required is required: at least one element.
- Until 7.0 a field younger than its type is optional, so that older clients could go on; what
  2.5 added to the types of 2.0 doesn't count, since urn:vim25 starts at 2.5.
- `dynamicType` and `dynamicProperty` ended with 5.5.
- ArrayOfX exists only where some X[] is used.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from .tables import F_OPTIONAL, DataType, EnumType, Field, ManagedType, Method, Tables, Version

XSD = 'http://www.w3.org/2001/XMLSchema'
VIM_NAMESPACE = 'urn:vim25'


@dataclass(frozen=True, slots=True)
class Service:
    """What is fixed about a service, whatever its version."""

    key: str
    label: str
    namespace: str
    tables: tuple[str, ...]
    address: str
    # Version ids up to which (inclusive) every object had dynamicType and dynamicProperty.
    dynamic_until: tuple[int, ...]
    # vSphere releases whose name isn't the (start of the) id of their version.
    releases: dict[str, str] = field(default_factory=dict)
    # Whether a server publishes <key>ServiceVersions.xml beside the description.
    publishes_versions: bool = False
    # Whether clients send or get types of VIM that are derived from those that operations name.
    takes_derived: bool = False

    @property
    def prefix(self) -> str:
        return self.namespace.removeprefix('urn:')


SERVICES = {
    'vim': Service(
        key='vim',
        label='VIM',
        namespace=VIM_NAMESPACE,
        tables=('core', 'query', 'vim'),
        address='https://localhost/sdk/vimService',
        dynamic_until=(5, 5),
        publishes_versions=True,
    ),
    'pbm': Service(
        key='pbm',
        label='PBM',
        namespace='urn:pbm',
        tables=('core', 'query', 'vim', 'pbm'),
        address='https://localhost/pbm',
        dynamic_until=(1, 0),
        releases={'5.5': '1.0', '6.0': '2.0'},
        publishes_versions=True,
    ),
    'vslm': Service(
        key='vslm',
        label='VSLM',
        namespace='urn:vslm',
        tables=('core', 'query', 'vim', 'vslm'),
        address='https://localhost/vslm/sdk',
        dynamic_until=(),
        publishes_versions=True,
        takes_derived=True,
    ),
}

# The tables speak of these without defining them.
_MANAGED_OBJECT = 'vmodl.ManagedObject'
_METHOD_FAULT = 'vmodl.MethodFault'
_RUNTIME_FAULT = 'vmodl.RuntimeFault'
_NO_BASE = 'vmodl.DataObject'
_BASE_VERSION = 'vmodl.version.version0'
_URN_VIM25_START = 'vim.version.version2'
_TASK = 'vim.Task'
_BUILT_IN_DATA = {
    _METHOD_FAULT: DataType(
        'MethodFault',
        'core',
        _BASE_VERSION,
        _NO_BASE,
        (
            Field('faultCause', _METHOD_FAULT, _BASE_VERSION, F_OPTIONAL),
            Field('faultMessage', 'vmodl.LocalizableMessage[]', _BASE_VERSION, F_OPTIONAL),
        ),
    ),
    _RUNTIME_FAULT: DataType('RuntimeFault', 'core', _BASE_VERSION, _METHOD_FAULT, ()),
}
_SIMPLE = {
    'anyType': 'anyType',
    'boolean': 'boolean',
    'byte': 'byte',
    'double': 'double',
    'float': 'float',
    'int': 'int',
    'long': 'long',
    'short': 'short',
    'string': 'string',
    'vmodl.Binary': 'base64Binary',
    'vmodl.DateTime': 'dateTime',
    'vmodl.MethodName': 'string',
    'vmodl.PropertyPath': 'string',
    'vmodl.TypeName': 'string',
    'vmodl.URI': 'anyURI',
}


@dataclass(frozen=True, slots=True)
class TypeName:
    """A name in a namespace; the namespace of XSD itself for simple types."""

    namespace: str
    name: str


REFERENCE = TypeName(VIM_NAMESPACE, 'ManagedObjectReference')
LOCALIZED_FAULT = TypeName(VIM_NAMESPACE, 'LocalizedMethodFault')


@dataclass(frozen=True, slots=True)
class Element:
    name: str
    type: TypeName
    required: bool = True
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class ComplexType:
    name: str
    base: TypeName | None
    elements: tuple[Element, ...]
    # What the table says of it; of the body of a request and of what wraps an array, nothing.
    row: DataType | None = None


@dataclass(frozen=True, slots=True)
class Enumeration:
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    request: ComplexType
    returns: Element | None
    faults: tuple[TypeName, ...]
    # What the tables say of it, and the name of the type of managed objects that have it.
    method: Method
    owner: str


@dataclass(slots=True)
class Part:
    """What comes from one table: one file of types, one of request types."""

    key: str
    namespace: str
    types: list[ComplexType | Enumeration] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)


def resolve_version(tables: Tables, service: Service, wanted: str | None) -> Version:
    """Find the version of an API that a release or an id names.

    :param tables: tables that hold the service
    :param service: the service
    :param wanted: an id (`9.1.1.0`), a release of vSphere (`8.0`), or None for the newest
    :returns: the version; never one that is known by a build label only
    :raises LookupError: if there is no such version; the text lists those there are
    """
    released = {
        version.id: version
        for version in tables.versions.values()
        if version.namespace == service.prefix and version.number
    }
    if wanted is None:
        return max(released.values(), key=lambda version: version.rank)
    wanted = service.releases.get(wanted, wanted)
    for candidate in (wanted, f'{wanted}.0.0'):
        if candidate in released:
            return released[candidate]
    known = ', '.join(sorted(released, key=lambda id_: released[id_].rank))
    raise LookupError(f'{service.label} has no version {wanted!r}; there are {known}')


class Description:
    """The description of a service at a version; `parts` is what there is to write."""

    def __init__(self, tables: Tables, service: Service, version: Version) -> None:
        self.service = service
        self.version = version
        self._tables = tables
        self._versions = version.contains
        self._data = {
            name: row
            for name, row in (_BUILT_IN_DATA | tables.data).items()
            if row.version in self._versions
        }
        self._enums = {
            name: row for name, row in tables.enums.items() if row.version in self._versions
        }
        self._lenient = version.number < (8,)
        self._dynamic = version.number <= service.dynamic_until

    @property
    def prior_versions(self) -> list[str]:
        """Ids of the older releases of this API that the version contains, newest first."""
        prior = [
            version
            for name in self._versions - {self.version.name}
            if (version := self._tables.versions[name]).number
            and version.namespace == self.version.namespace
        ]
        return [v.id for v in sorted(prior, key=lambda v: v.rank, reverse=True)]

    @cached_property
    def parts(self) -> list[Part]:
        """The parts that hold anything, each built on those before it."""
        parts = {key: Part(key, self._namespace(key)) for key in self.service.tables}
        for name in self._published:
            if name in self._enums:
                enum = self._enums[name]
                parts[enum.table].types.append(Enumeration(enum.name, enum.values))
            else:
                row = self._data[name]
                parts[row.table].types.append(self._complex_type(name, row))
        parts['core'].types.append(self._localized_fault())
        for item, key in self._arrays():
            parts[key].types.append(_array_of(item))
        for managed, method in self._methods():
            parts[managed.table].operations.append(self._operation(managed, method))
        for part in parts.values():
            part.types.sort(key=lambda type_: type_.name)
            part.operations.sort(key=lambda operation: operation.name)
        return [part for part in parts.values() if part.types or part.operations]

    def release(self, version: str) -> str:
        """The id of a version that the tables name, or of the oldest release that contains it."""
        named = self._tables.versions[version]
        if named.number:
            return named.id
        containing = [one for one in self._tables.versions.values() if version in one.contains]
        released = [
            one for one in containing if one.number and one.namespace == self.service.prefix
        ]
        return min(released, key=lambda one: one.rank).id

    def said(self, row: Field) -> str:
        """What is behind a member, parameter or result, in the words of the API."""
        managed = self._tables.managed.get(row.item)
        if managed is not None:
            name = managed.name
        elif row.item in self._data or row.item in self._enums:
            name = self._row(row.item).name
        else:
            name = row.item.rpartition('.')[2]
        return f'{name}[]' if row.repeated else name

    def refers(self, row: Field) -> bool:
        """Whether it is a reference of a managed object."""
        return self._item_type(row) == REFERENCE

    @cached_property
    def faults(self) -> list[TypeName]:
        """Every fault there is: a server answers with the one it met, not the one declared."""
        return sorted(
            (
                self._name_of(name)
                for name in self._published
                if name in self._data and self._is_fault(name)
            ),
            key=lambda fault: fault.name,
        )

    def _namespace(self, table: str) -> str:
        return self.service.namespace if table == self.service.key else VIM_NAMESPACE

    # -- what belongs in ----------------------------------------------------------------------

    def _visible(self, rows: Iterable[Field]) -> Iterator[Field]:
        return (row for row in rows if row.version in self._versions)

    def _fields(self, name: str) -> list[Field]:
        dropped = () if self._dynamic else ('dynamicType', 'dynamicProperty')
        return [row for row in self._visible(self._data[name].fields) if row.name not in dropped]

    def _methods(self) -> Iterator[tuple[ManagedType, Method]]:
        """The operations of the service itself, not of the API it builds on."""
        for managed in self._tables.managed.values():
            if self._namespace(managed.table) == self.service.namespace:
                for method in managed.methods:
                    if method.version in self._versions:
                        yield managed, method

    @cached_property
    def _published(self) -> list[str]:
        """Names of the data and enumeration types to write.

        A service with a namespace of its own needs little of the 3,000 types of VIM: what its
        types and operations refer to, and every fault, since any may be in a reply.
        """
        known = self._data | self._enums
        own = [
            name
            for name, row in known.items()
            if row.table == 'core' or self._namespace(row.table) == self.service.namespace
        ]
        wanted = dict.fromkeys([*own, *filter(self._is_fault, self._data)])
        operands, faults = [], []
        for _, method in self._methods():
            operands += [row.item for row in self._visible(method.parameters)]
            operands.append(method.result.item)
            faults += method.faults
        if self.service.takes_derived:
            operands += self._with_derived(operands)
        queue = [*wanted, *operands, *faults]
        while queue:
            name = queue.pop()
            if name in known:
                wanted[name] = None
                queue += [other for other in self._references(name) if other not in wanted]
        return [name for name in known if name in wanted]

    def _with_derived(self, names: list[str]) -> list[str]:
        """What some types refer to, and all that is derived from that."""
        derived: dict[str, list[str]] = {}
        for name, row in self._data.items():
            derived.setdefault(row.base, []).append(name)
        found: dict[str, None] = {}
        queue = [*names]
        while queue:
            name = queue.pop()
            # From the roots everything is derived, and of faults all are there anyway.
            if name not in self._data or name.startswith('vmodl.') or self._is_fault(name):
                continue
            if name not in found:
                found[name] = None
                queue += [*self._references(name), *derived.get(name, ())]
        return [*found]

    def _references(self, name: str) -> Iterator[str]:
        if name in self._data:
            yield self._data[name].base
            yield from (row.item for row in self._fields(name) if not row.link)

    def _arrays(self) -> Iterator[tuple[TypeName, str]]:
        """The item type of every array in use, with the part its wrapper belongs to.

        A property collector wraps the arrays that are properties of managed objects, and those
        that tasks have for a result.
        """
        rows: list[Field] = []
        for name in self._published:
            if name in self._data:
                rows += self._fields(name)
        for managed in self._tables.managed.values():
            if self._namespace(managed.table) == self.service.namespace:
                rows += self._visible(managed.properties)
        for _, method in self._methods():
            rows += [*self._visible(method.parameters), method.result, method.outcome]
        seen = {}
        for row in rows:
            if row.repeated:
                seen[self._item_type(row)] = self._table_of(row)
        yield from seen.items()

    # -- what it looks like -------------------------------------------------------------------

    def _complex_type(self, name: str, row: DataType) -> ComplexType:
        base = None if row.base == _NO_BASE else self._name_of(row.base)
        elements = tuple(self._element(field_, row.version) for field_ in self._fields(name))
        return ComplexType(row.name, base, elements, row)

    def _localized_fault(self) -> ComplexType:
        return ComplexType(
            LOCALIZED_FAULT.name,
            self._name_of('vmodl.DynamicData'),
            (
                # The one place where a fault is itself.
                Element('fault', self._name_of(_METHOD_FAULT)),
                Element('localizedMessage', TypeName(XSD, 'string'), required=False),
            ),
        )

    def _operation(self, managed: ManagedType, method: Method) -> Operation:
        parameters = (
            self._element(row, method.version) for row in self._visible(method.parameters)
        )
        request = ComplexType(
            re.sub(r'_Task$', '', method.name) + 'RequestType',
            None,
            (Element('_this', REFERENCE), *parameters),
        )
        faults = [name for name in method.faults if name in self._data]
        return Operation(
            method.name,
            request,
            self._result(method),
            tuple(map(self._name_of, dict.fromkeys([*faults, _RUNTIME_FAULT]))),
            method,
            managed.name,
        )

    def _result(self, method: Method) -> Element | None:
        row = method.result
        if row.type == 'void':
            return None
        required = row.type == _TASK or not row.optional
        return Element(row.name, self._item_type(row), required, row.repeated)

    def _element(self, row: Field, owner_version: str) -> Element:
        required = not row.optional and not (
            self._lenient and self._is_younger(row.version, owner_version)
        )
        return Element(row.name, self._item_type(row), required, row.repeated)

    def _is_younger(self, version: str, owner_version: str) -> bool:
        versions = self._tables.versions
        start = versions.get(_URN_VIM25_START)
        return version not in versions[owner_version].contains | (
            start.contains if start else frozenset()
        )

    def _item_type(self, row: Field) -> TypeName:
        name = row.item
        if row.link:
            return TypeName(XSD, 'string')
        if name in _SIMPLE:
            return TypeName(XSD, _SIMPLE[name])
        if name == _MANAGED_OBJECT or name in self._tables.managed:
            return REFERENCE
        if self._is_fault(name):
            return LOCALIZED_FAULT
        return self._name_of(name)

    def _name_of(self, name: str) -> TypeName:
        row = self._row(name)
        return TypeName(self._namespace(row.table), row.name)

    def _table_of(self, row: Field) -> str:
        """The table whose types the wrapper of an array belongs with."""
        if row.link or row.item in self._tables.managed or self._is_fault(row.item):
            return 'core'
        if row.item in self._data or row.item in self._enums:
            return self._row(row.item).table
        return 'core'

    def _row(self, name: str) -> DataType | EnumType:
        row = self._data.get(name) or self._enums.get(name)
        if row is None:
            raise LookupError(f'{self.service.label} {self.version.id} refers to unknown {name}')
        return row

    def _is_fault(self, name: str) -> bool:
        while name in self._data:
            if name == _METHOD_FAULT:
                return True
            name = self._data[name].base
        return False


def _array_of(item: TypeName) -> ComplexType:
    # VMware capitalises the simple types (ArrayOfString) and leaves names of its own alone
    # (ArrayOfvslmDiskInfoFlag).
    name = item.name[0].upper() + item.name[1:] if item.namespace == XSD else item.name
    element = Element(item.name, item, required=False, repeated=True)
    return ComplexType(f'ArrayOf{name}', None, (element,))

"""Read pyvmomi's type tables as data.

pyvmomi carries the whole vSphere API as Python files full of calls such as
`CreateDataType("vim.AboutInfo", "AboutInfo", "vmodl.DynamicData", "vim.version.version1", [...])`
whose arguments are literals. Importing them would register everything in pyVmomi, whose
registries are global and keep only one history; so the files are parsed and each call is
recorded, nothing is executed. That way the tables of any pyvmomi release can be read, one
beside the other.

A row names the version in which a thing was published; `AddVersionParent` says which versions
a version contains (itself among them). A thing belongs to version V when its own version is
one that V contains.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

F_LINK, F_LINKABLE, F_OPTIONAL, F_SECRET = FLAGS = (1, 2, 4, 8)
_FLAG_NAMES = dict(zip(('F_LINK', 'F_LINKABLE', 'F_OPTIONAL', 'F_SECRET'), FLAGS, strict=True))

# Today's name of each table's file, then the name it had in 6.7; in 5.5 the core
# table held the query types too.
_FILE_NAMES = {
    'core': ('_typeinfo_core.py', 'CoreTypes.py'),
    'query': ('_typeinfo_query.py', 'QueryTypes.py', 'CoreTypes.py'),
    'vim': ('_typeinfo_vim.py', 'ServerObjects.py'),
    'pbm': ('_typeinfo_pbm.py', 'PbmObjects.py'),
    'vslm': ('_typeinfo_vslm.py',),
}
# Which table a type belongs to, wherever its row is.
_TABLE_OF = {
    'vmodl.query.': 'query',
    'vmodl.': 'core',
    'vim.': 'vim',
    'pbm.': 'pbm',
    'vslm.': 'vslm',
}


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an API; `id` is what a SOAPAction says, `contains` the versions below it."""

    name: str
    namespace: str
    id: str
    contains: frozenset[str]

    @property
    def number(self) -> tuple[int, ...]:
        """The id as numbers; empty for a build label, which names no release."""
        match = re.match(r'\d+(\.\d+)*', self.id)
        return tuple(int(part) for part in match.group().split('.')) if match else ()

    @property
    def rank(self) -> tuple[object, ...]:
        """What to sort by, oldest first: 2.5, 2.5u2 and 2.5u2server have the same number."""
        return self.number, len(self.contains), self.name


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a type, a parameter or a result."""

    name: str
    type: str
    version: str
    flags: int

    @property
    def item(self) -> str:
        """The type, without the `[]` of an array."""
        return self.type.removesuffix('[]')

    @property
    def repeated(self) -> bool:
        return self.type.endswith('[]')

    @property
    def optional(self) -> bool:
        return bool(self.flags & F_OPTIONAL)

    @property
    def link(self) -> bool:
        """The key of an object is sent in place of the object."""
        return bool(self.flags & F_LINK)


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    version: str
    parameters: tuple[Field, ...]
    result: Field
    # What a task is a task of: its own result; elsewhere the same as the result.
    outcome: Field
    privilege: str | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataType:
    name: str
    table: str
    version: str
    base: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class EnumType:
    name: str
    table: str
    version: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ManagedType:
    name: str
    table: str
    version: str
    properties: tuple[Field, ...]
    methods: tuple[Method, ...]


@dataclass
class Tables:
    """Everything the tables say; types are keyed by their long (vmodl) name."""

    data: dict[str, DataType] = field(default_factory=dict)
    enums: dict[str, EnumType] = field(default_factory=dict)
    managed: dict[str, ManagedType] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)


def read_tables(directory: Path, names: Iterable[str]) -> Tables:
    """Read some of the tables in pyvmomi's package directory.

    :param directory: where the table files are
    :param names: which tables: `core`, `query`, `vim`, `pbm`
    :returns: the tables, joined
    :raises FileNotFoundError: if a table isn't there under any of its names
    """
    tables = Tables()
    versions: dict[str, tuple[str, str]] = {}
    contains: dict[str, set[str]] = {}

    def data_type(name: str, wsdl_name: str, base: str, version: str, fields: Any) -> None:
        rows = tuple(Field(*row[:4]) for row in fields or ())
        tables.data[name] = DataType(wsdl_name, _table_of(name), version, base, rows)

    def enum_type(name: str, wsdl_name: str, version: str, values: Any) -> None:
        tables.enums[name] = EnumType(wsdl_name, _table_of(name), version, tuple(values))

    def managed_type(
        name: str, wsdl_name: str, base: str, version: str, properties: Any, methods: Any
    ) -> None:
        tables.managed[name] = ManagedType(
            wsdl_name,
            _table_of(name),
            version,
            tuple(Field(*row[:4]) for row in properties or ()),
            tuple(_method(row) for row in methods or ()),
        )

    def version(name: str, namespace: str, version_id: str = '', *_: Any) -> None:
        versions[name] = (namespace, version_id)

    def version_parent(name: str, parent: str) -> None:
        contains.setdefault(name, set()).add(parent)

    recorders: dict[str, Callable[..., None]] = {
        'CreateDataType': data_type,
        'CreateEnumType': enum_type,
        'CreateManagedType': managed_type,
        'AddVersion': version,
        'AddVersionParent': version_parent,
    }
    for table in names:
        for function, arguments in _calls(_table_file(directory, table)):
            if function in recorders:
                recorders[function](*arguments)
    for name, (namespace, version_id) in versions.items():
        below = frozenset(contains.get(name, ())) | {name}
        tables.versions[name] = Version(name, namespace, version_id, below)
    return tables


def _method(row: tuple[Any, ...]) -> Method:
    _, name, version, parameters, (flags, result, outcome), privilege, faults = row[:7]
    return Method(
        name,
        version,
        tuple(Field(*parameter[:4]) for parameter in parameters or ()),
        Field('returnval', result, version, flags),
        Field('result', outcome, version, flags),
        privilege,
        tuple(faults or ()),
    )


def _table_of(name: str) -> str:
    return next(table for prefix, table in _TABLE_OF.items() if name.startswith(prefix))


def _table_file(directory: Path, table: str) -> Path:
    for name in _FILE_NAMES[table]:
        if (path := directory / name).is_file():
            return path
    wanted = ' or '.join(_FILE_NAMES[table])
    raise FileNotFoundError(f'no {wanted} in {directory}: is that the directory of pyVmomi?')


def _calls(path: Path) -> Iterator[tuple[str, list[Any]]]:
    """The calls of plain functions at the top level of a file, with their literal arguments."""
    for statement in ast.parse(path.read_bytes(), str(path)).body:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id=function), args=arguments)):
                yield function, [_literal(argument) for argument in arguments]


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(_literal(item) for item in items)
        case ast.Name(id=name) if name in _FLAG_NAMES:
            return _FLAG_NAMES[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _literal(left) | _literal(right)
    raise ValueError(f'line {node.lineno}: not a literal: {ast.unparse(node)}')

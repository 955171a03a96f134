"""A layer imports only what is below it.

``LAYERS`` is the architecture as a table: each row names modules, what they may import of the
package, and what they must not import from outside. Every module needs a row, so a new one
cannot slip in beside the rules. Imports inside functions count, because they too are a
dependency; those under ``if TYPE_CHECKING`` don't, because they name types and need nothing.

That there is a below at all, also within a row, is a matter of circles: no modules may need each
other, not even for a type. There imports under ``if TYPE_CHECKING`` count, because who reads such
a module has to read the other first, and the other this one.
"""

import ast
import dataclasses
import fnmatch
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

PACKAGE = 'oslo_vmware'
ROOT = pathlib.Path(__file__).parents[2] / PACKAGE

HTTP = ('requests', 'urllib3', 'http', 'urllib.request.urlopen', 'socket', 'ssl')
XML = ('lxml', 'xml', 'suds')
SUDS_MACHINERY = ('suds.client', 'suds.sax', 'suds.transport', 'suds.wsdl', 'suds.xsd')

DATA = ('', 'wsdl')
BASE = (
    *(*DATA, '_deadline', '_i18n', '_lists', '_process', '_request', '_secrets', '_switches'),
    *('_wanted', 'constants', 'version'),
)
SOCKETS = ('_sockets',)
CODEC = (
    *('soap.declarations', 'soap.schema', 'soap.wsdl', 'soap.xsd', 'soap.stored'),
    *('soap.versions', 'soap.objects', 'soap.values', 'soap.factory', 'soap.marshal'),
    *('soap.start_tags', 'soap.shapes', 'soap.tokens', 'soap.unmarshal'),
    *('soap.effects', 'soap.wording'),
)
SERVER_CODEC = ('soap', 'soap.schema', 'soap.wsdl', 'soap.xsd', 'soap.marshal', 'soap.unmarshal')
SOAP = ('soap', 'soap.*')
TYPES = ('types', 'types.*')
TRUST = ('_trust',)
FAULTS = ('_faults', 'exceptions')
# What leaves in the attempts of a session, noted by the services that send it.
ATTEMPT = ('_attempt',)
SERVICES = (
    '_flights',
    '_operations',
    '_replies',
    '_retrievals',
    'service',
    'vim',
    '_pbm_session',
    'pbm',
)
HELPERS = (
    *('_clearing', '_inventory_path', '_references', '_serialization', '_specs'),
    *('vim_util', 'dvs_util'),
)
TRANSFERS = (*('_transfer', '_transfer.*', 'rw_handles', 'image_transfer', 'objects', 'objects.*'),)
SPBM = ('spbm', 'spbm.*')
WATCH = ('watch', 'watch.*')
PYVMOMI = ('pyvmomi', 'pyvmomi.*')
LOGIN = ('_session.login',)
WAITING = ('_session.waiting',)
SESSION = ('_session', '_session.*')

# The wings of the simulator.
WORLD = ('simulator.world', 'simulator.world.*')
STORAGE = ('simulator.storage', 'simulator.storage.*')
OBJECTS = ('simulator.objects', 'simulator.objects.*')
SERVER_PBM = ('simulator.pbm', 'simulator.pbm.*')
WIRE = ('simulator.wire', 'simulator.wire.*')
FILES = ('os', 'shutil', 'tempfile')

CLI_OUTPUT = ('cli', 'cli.choice', 'cli.output', 'cli.rich_output')
CLI = ('__main__', 'cli.*')


@dataclasses.dataclass(frozen=True)
class Layer:
    """One row: modules (as patterns), what they may import, and what not from outside."""

    modules: tuple[str, ...]
    may_import: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


# Lowest first; the first row that matches a module is its own.
LAYERS = (
    Layer(DATA, DATA, never=(*HTTP, 'lxml', 'suds')),
    Layer(BASE, BASE, never=HTTP + XML),
    # What callers of older releases import and nothing of ours does.
    Layer(('common', 'common.*'), ('common', 'common.*', *BASE), never=HTTP + XML),
    # Pure functions of bytes and objects: whoever uses them brings the I/O.
    Layer(('soap', *CODEC), ('soap', *BASE, *CODEC), never=HTTP),
    # Of a description, for people.
    Layer(TYPES, (*TYPES, 'soap', 'soap.descriptions', 'soap.schema', 'soap.wording'), HTTP + XML),
    Layer(SOCKETS, BASE, never=XML),
    # How servers are verified: the session does it by this, and so do transfers.
    Layer(TRUST, BASE, never=XML),
    Layer(SOAP, BASE + SOCKETS + TRUST + SOAP),
    # What the server says, as exceptions; where the words came from is not their business.
    Layer(FAULTS, BASE + FAULTS, never=HTTP + XML),
    Layer(ATTEMPT, (*BASE, *ATTEMPT, 'soap.effects'), never=HTTP + XML),
    Layer(SERVICES, BASE + FAULTS + SOAP + ATTEMPT + SERVICES),
    # Objects as data: the one helper that asks the descriptions, and for nothing but types.
    Layer(
        ('_serialization',),
        (*BASE, 'soap.objects', 'soap.schema', 'soap.values', 'soap.descriptions'),
        never=HTTP + XML,
    ),
    # Specifications and references are suds objects, hence soap.objects; no more of the engine.
    Layer(
        HELPERS,
        (*BASE, *FAULTS, *HELPERS, 'soap.objects'),
        never=(*HTTP, 'lxml', 'xml', *SUDS_MACHINERY),
    ),
    # All that storage policies can do, on the session that is an argument and on PBM's client.
    Layer(
        SPBM,
        (
            *BASE,
            *FAULTS,
            *HELPERS,
            '_flights',
            '_pbm_session',
            'soap.objects',
            'soap.values',
            *SPBM,
        ),
        never=(*HTTP, 'lxml', 'xml', *SUDS_MACHINERY),
    ),
    # An inventory that follows changes; the session is an argument here, too.
    Layer(WATCH, (*BASE, *FAULTS, *HELPERS, *WATCH), never=HTTP + XML),
    # pyVmomi writes and reads the messages; they are sent by the session, which is an argument.
    Layer(PYVMOMI, BASE + FAULTS + SOAP + SERVICES + HELPERS + PYVMOMI, never=HTTP),
    # Descriptors come from strangers: whoever reads them touches nothing else.
    Layer(('image_util',), BASE + FAULTS, never=(*HTTP, 'lxml', 'suds')),
    # Image data goes past the SOAP engine, on connections of its own; the session is an argument.
    Layer(
        TRANSFERS,
        (*BASE, *SOCKETS, *TRUST, *FAULTS, *HELPERS, 'image_util', *TRANSFERS),
        never=XML,
    ),
    # The session neither sees XML nor knows which engine runs.
    Layer(LOGIN, BASE + FAULTS + SERVICES + SESSION, never=HTTP + XML),
    Layer(WAITING, BASE + FAULTS + SERVICES + HELPERS + SESSION, never=HTTP + XML),
    Layer(SESSION, BASE + FAULTS + HELPERS + SESSION, never=HTTP + XML),
    Layer(('api',), BASE + FAULTS + ATTEMPT + SERVICES + HELPERS + SESSION, never=HTTP + XML),
    # Beside all this: the other end of the wire shares the description and nothing else,
    # so that a mistake of the library cannot hide in its own mirror. It is built in wings.
    Layer(WORLD, (*BASE, *SERVER_CODEC, *WORLD), never=(*HTTP, *FILES)),
    Layer(STORAGE, (*WORLD, *STORAGE), never=HTTP),
    Layer(OBJECTS, (*WORLD, *STORAGE, *OBJECTS, 'soap.schema'), never=HTTP),
    Layer(SERVER_PBM, (*WORLD, *STORAGE, *OBJECTS, *SERVER_PBM), never=HTTP),
    Layer(WIRE, (*WORLD, *STORAGE, *OBJECTS, *SERVER_PBM, *WIRE, 'soap.schema')),
    Layer(
        ('simulator', 'simulator.*'),
        (*BASE, *SERVER_CODEC, 'simulator', 'simulator.*'),
    ),
    # How the command line looks; it shows what it is given, and knows of no server.
    Layer(CLI_OUTPUT, ('', *CLI_OUTPUT), never=HTTP + XML),
    # What looks at a server goes there step by step, and needs each of them by itself.
    Layer(
        ('cli.check', 'cli.check.*'),
        (
            *(*BASE, *TRUST, *FAULTS, *HELPERS, *TRANSFERS, 'api', 'pbm', 'service', '_replies'),
            *('soap.transport', 'soap.versions', 'cli.failures', 'cli.check', 'cli.check.*'),
        ),
    ),
    # The command line is a user like others: what it needs is public, or an opening of the layer
    # below. It may have the simulator for a server of its own.
    Layer(
        CLI,
        (
            *(*BASE, *TRUST, *FAULTS, *HELPERS, *TRANSFERS, *SPBM, *WATCH, 'api', 'pbm', 'vim'),
            *('soap.client', 'soap.objects', 'simulator', 'simulator.*', *CLI_OUTPUT, *CLI),
        ),
    ),
)


def matches(module: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(module, pattern) for pattern in patterns)


def layer_of(module: str) -> Layer | None:
    return next((layer for layer in LAYERS if matches(module, layer.modules)), None)


def name_of(path: pathlib.Path, root: pathlib.Path) -> str:
    parts = path.relative_to(root).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def modules_in(root: pathlib.Path) -> dict[str, pathlib.Path]:
    return {name_of(path, root): path for path in sorted(root.rglob('*.py'))}


MODULES = modules_in(ROOT)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith('TYPE_CHECKING')


def imported(tree: ast.AST, module: str, is_package: bool, types: bool = False) -> Iterator[str]:
    """Give the full name of everything that a module imports, for types only if asked.

    ``from a import b`` gives ``a.b``: whether b is a module or a name in a is for the caller.
    """
    todo = list(ast.iter_child_nodes(tree))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ''
            if node.level:
                package = [PACKAGE, *module.split('.')] if module else [PACKAGE]
                up = node.level - 1 if is_package else node.level
                source = '.'.join([*package[: len(package) - up], *filter(None, [node.module])])
            yield from (f'{source}.{alias.name}' for alias in node.names)
        if is_type_checking(node) and not types:
            assert isinstance(node, ast.If)
            todo.extend(node.orelse)
        else:
            todo.extend(ast.iter_child_nodes(node))


def within(name: str, roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(f'{root}.') for root in roots)


def inner_module(name: str, modules: Mapping[str, pathlib.Path] = MODULES) -> str:
    """Find the module of ours that an imported name is, or is in."""
    inner = name.removeprefix(PACKAGE).lstrip('.')
    while inner and inner not in modules:
        inner = inner.rpartition('.')[0]
    return inner


def violations(source: str, module: str, layer: Layer, is_package: bool = False) -> list[str]:
    found = []
    for name in imported(ast.parse(source), module, is_package):
        if within(name, (PACKAGE,)):
            if not matches(inner_module(name), layer.may_import):
                found.append(f'{module} imports {name}, which is not below it')
        elif within(name, layer.never):
            found.append(f'{module} imports {name}, which its layer must not know')
    return found


@pytest.mark.parametrize('module', MODULES)
def test_imports_go_downwards(module: str) -> None:
    """A module imports nothing of the package but what its row in the table names."""
    layer = layer_of(module)
    assert layer is not None, f'{module} has no row in LAYERS: say where it belongs'
    path = MODULES[module]
    assert not violations(path.read_text(), module, layer, path.name == '__init__.py')


@pytest.mark.parametrize(
    ('module', 'source', 'wrong'),
    [
        ('soap.schema', 'import requests', True),
        ('soap.schema', 'from urllib.request import urlopen', True),
        ('soap.schema', 'def late():\n    import http.client', True),
        ('soap.schema', 'from oslo_vmware.soap import transport', True),
        ('soap.schema', 'from oslo_vmware import exceptions', True),
        ('soap.schema', 'from .. import exceptions', True),
        ('soap.schema', 'from lxml import etree', False),
        ('simulator.server', 'from oslo_vmware import vim_util', True),
        ('simulator.server', 'from oslo_vmware.soap import schema', False),
        ('simulator.server', 'import http.server', False),
        ('simulator.world.data', 'import socket', True),
        ('simulator.world.data', 'import tempfile', True),
        ('simulator.storage.files', 'from oslo_vmware.simulator.objects import task', True),
        ('simulator.wire.nfc', 'from oslo_vmware.simulator.objects import task', False),
        ('vim_util', 'from oslo_vmware._i18n import _', False),
        ('vim_util', 'from . import constants', False),
        (
            'vim_util',
            'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import requests',
            False,
        ),
        ('vim_util', 'if TYPE_CHECKING:\n    pass\nelse:\n    import requests', True),
        ('api', 'import suds.client', True),
    ],
)
def test_the_check_itself(
    module: str, source: str, wrong: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check sees every way to write an import, and leaves alone what is allowed."""
    for name in ('exceptions', 'soap', 'soap.schema', 'soap.transport', 'vim_util'):
        monkeypatch.setitem(MODULES, name, ROOT / name)
    layer = layer_of(module)
    assert layer is not None
    assert bool(violations(source, module, layer)) == wrong


# Circles


def needed_by(module: str, modules: Mapping[str, pathlib.Path]) -> set[str]:
    """The modules of ours that one needs, types included.

    Whoever imports ``a.b`` from elsewhere needs ``a``, too: its ``__init__`` runs first, to its
    end, and must find all that it imports. Not so within ``a``: whatever is in there runs only
    once that ``__init__`` has begun, and asks it for nothing, unless it imports a name that is
    none of a module from it. That counts, or else no ``__init__`` could give out what its own
    modules make.
    """
    path = modules[module]
    found = set()
    tree = ast.parse(path.read_text())
    for name in imported(tree, module, path.name == '__init__.py', types=True):
        if within(name, (PACKAGE,)):
            needed = inner_module(name, modules)
            found.add(needed)
            while needed := needed.rpartition('.')[0]:
                if not within(module, (needed,)):
                    found.add(needed)
    return found - {module}


def circles(modules: Mapping[str, pathlib.Path]) -> list[list[str]]:
    """The strongly connected components of more than one module: each of it needs all others."""
    needs = {module: needed_by(module, modules) & modules.keys() for module in modules}

    def all_needed_by(module: str) -> set[str]:
        found: set[str] = set()
        todo = {module}
        while todo:
            todo = set().union(*(needs[one] for one in todo)) - found
            found |= todo
        return found

    reached = {module: all_needed_by(module) for module in modules}
    found = {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in modules
        if module in reached[module]
    }
    return sorted(sorted(circle) for circle in found)


def test_there_are_no_circles() -> None:
    """Of all modules of the package none needs another that needs it, not even for a type."""
    assert circles(MODULES) == []


TYPES = 'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    '


@pytest.mark.parametrize(
    ('files', 'found'),
    [
        ({'a': 'from oslo_vmware import b', 'b': 'import lxml'}, []),
        ({'a': 'from oslo_vmware import b', 'b': 'import oslo_vmware.a'}, [['a', 'b']]),
        ({'a': 'from oslo_vmware.b import x', 'b': 'def x():\n    from . import a'}, [['a', 'b']]),
        ({'a': 'from oslo_vmware import b', 'b': f'{TYPES}from .a import A'}, [['a', 'b']]),
        (
            {'a': 'from . import b', 'b': 'from . import c', 'c': 'from . import a', 'd': ''},
            [['a', 'b', 'c']],
        ),
        (
            {
                'a': 'from . import b',
                'b': 'from . import a',
                'c': 'from . import a, d',
                'd': 'from . import c',
            },
            [['a', 'b'], ['c', 'd']],
        ),
        # What an ``__init__`` gives out is made in its rooms, and these do not ask it.
        (
            {
                'a/__init__': 'from oslo_vmware.a.b import x',
                'a/b': 'from oslo_vmware.a import c',
                'a/c': '',
            },
            [],
        ),
        (
            {'a/__init__': 'from oslo_vmware.a.b import x', 'a/b': 'from oslo_vmware.a import c'},
            [['a', 'a.b']],
        ),
        ({'a/__init__': 'from . import b', 'a/b': 'from . import x'}, [['a', 'a.b']]),
        # From elsewhere it runs first, and what it imports cannot need whoever imports.
        (
            {
                'a/__init__': 'from .b import x',
                'a/b': 'from oslo_vmware import d',
                'a/c': '',
                'd': 'from oslo_vmware.a import c',
            },
            [['a', 'a.b', 'd']],
        ),
        (
            {
                'a/__init__': '',
                'a/b': 'from oslo_vmware import d',
                'a/c': '',
                'd': 'from oslo_vmware.a import c',
            },
            [],
        ),
    ],
)
def test_a_circle_is_found(
    files: dict[str, str], found: list[list[str]], tmp_path: pathlib.Path
) -> None:
    """The check sees circles of any size, and what of a package counts as imported."""
    for name, source in {'__init__': '', **files}.items():
        path = tmp_path / f'{name}.py'
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    assert circles(modules_in(tmp_path)) == found


def test_every_row_can_be_reached() -> None:
    """No row of the table is hidden behind an earlier one."""
    for layer in LAYERS:
        for pattern in layer.modules:
            example = pattern.replace('*', 'anything')
            if '*' in pattern:
                assert layer_of(example) is layer, f'an earlier row takes {pattern}'


@pytest.mark.parametrize('module', MODULES)
def test_eventlet_is_never_imported(module: str) -> None:
    """No module imports eventlet: that is for the process that uses the library to decide."""
    path = MODULES[module]
    tree = ast.parse(path.read_text())
    names = list(imported(tree, module, path.name == '__init__.py'))
    assert not [name for name in names if within(name, ('eventlet', 'greenlet'))]


#: Distributions whose module is called otherwise.
MODULE_OF = {'suds-community': 'suds'}
#: Modules whose requirements are an extra of setup.cfg.
EXTRAS = ('simulator', 'simulator.*', 'cli.rich_output', 'cli.policy_files', *PYVMOMI)


def test_what_is_imported_is_required() -> None:
    """Each library that the package imports stands in requirements.txt, and no other."""
    lines = (ROOT.parent / 'requirements.txt').read_text().split()
    names = [re.split('[<>=]', line)[0] for line in lines]
    required = {MODULE_OF.get(name, name.replace('.', '_')) for name in names}
    found = set()
    for module, path in MODULES.items():
        if not matches(module, EXTRAS):
            tree = ast.parse(path.read_text())
            found |= {
                name.partition('.')[0] for name in imported(tree, module, path.stem == '__init__')
            }
    assert found - set(sys.stdlib_module_names) - {PACKAGE} == required


PURE = [name for name in MODULES if name in (*CODEC, 'exceptions', 'vim_util')]


@pytest.mark.parametrize('module', PURE)
def test_pure_modules_bring_no_http(module: str) -> None:
    """A fresh interpreter that imports a module without I/O has loaded no HTTP library."""
    code = (
        f'import sys, {PACKAGE}.{module}\n'
        'print(*sorted({"requests", "urllib3", "eventlet"} & set(sys.modules)))'
    )
    run = subprocess.run(
        [sys.executable, '-c', code],
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout.split() == []


def private_names(source: str) -> list[str]:
    """Private attributes of anything but the object itself, and private names imported."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr.startswith('_'):
            own = isinstance(node.value, ast.Name) and node.value.id in ('self', 'cls')
            if not own and not node.attr.endswith('__'):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == 'getattr':
            name = node.args[1]
            if isinstance(name, ast.Constant) and str(name.value).startswith('_'):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize('module', [name for name in MODULES if matches(name, SPBM)])
def test_storage_policies_need_nothing_private(module: str) -> None:
    """The package asks sessions and other modules only for what they offer."""
    assert private_names(MODULES[module].read_text()) == []


@pytest.mark.parametrize(
    ('source', 'found'),
    [
        ('session._logins', ['session._logins']),
        ("getattr(session, '_logins', None)", ["getattr(session, '_logins', None)"]),
        ('pbm._client(session)', ['pbm._client']),
        ('self._held, self.__class__, other.__class__.__name__', []),
    ],
)
def test_what_is_private(source: str, found: list[str]) -> None:
    """The check sees attributes however they are read, and leaves an object its own."""
    assert private_names(source) == found

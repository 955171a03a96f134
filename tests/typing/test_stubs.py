"""The stubs say what the shipped descriptions say, and are what the generator makes."""

import ast
import functools
import importlib.metadata
import keyword
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from oslo_vmware.soap import descriptions
from oslo_vmware.soap.declarations import Description, FieldDeclaration
from tests.work_tree import ROOT

STUBS = ROOT / 'oslo_vmware' / 'types'
NAMESPACES = {'vim': '{urn:vim25}', 'pbm': '{urn:pbm}'}

#: How a member or parameter is declared: `many`, `optional` or `required`, by its name.
Declared = dict[str, str]

service = pytest.mark.parametrize('service', NAMESPACES)


@functools.cache
def shipped(service: str) -> Description:
    codec = {'vim': descriptions.shipped_vim, 'pbm': descriptions.shipped_pbm}[service]()
    return codec.schema.description


def classes(file: str) -> Iterator[ast.ClassDef]:
    """The public classes of a stub."""
    for node in ast.parse((STUBS / file).read_text()).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith('_'):
            yield node


def sayable(name: str) -> bool:
    return not keyword.iskeyword(name) and name != 'self'


def said(fields: tuple[FieldDeclaration, ...]) -> Declared:
    """How the description declares what a stub can name."""
    return {
        field.name: 'many' if field.many else 'optional' if field.optional else 'required'
        for field in fields
        if sayable(field.name)
    }


@service
def test_types(service: str) -> None:
    """Each type has its base and members, with what may be left out and what repeats."""
    prefix = NAMESPACES[service]
    kinds = {'_List': 'many', '_Optional': 'optional'}
    stubs = {}
    for one in classes(f'{service}.pyi'):
        members = {
            node.target.id: kinds.get(ast.unparse(node.annotation).partition('[')[0], 'required')
            for node in one.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        stubs[one.name] = (ast.unparse(one.bases[0]), members)
    wanted = {}
    for tag, declared in shipped(service).types.items():
        name = tag.removeprefix(prefix)
        if '}' in name or '#' in name or name.endswith('RequestType'):
            continue
        base = declared.base.rpartition('}')[2] if declared.base else '_Object'
        wanted[name] = (base, said(declared.fields))
        if declared.values:
            wanted[name] = ('_Text', {v: 'required' for v in declared.values if sayable(v)})
    wanted.pop('ManagedObjectReference', None)
    stubs.pop('ManagedObjectReference', None)
    assert stubs.keys() == wanted.keys()
    assert {name: stubs[name] for name in stubs if stubs[name] != wanted[name]} == {}


@service
def test_operations(service: str) -> None:
    """Each operation has its parameters, and a docstring with its owner, version and faults."""
    (one,) = classes(f'_operations_{service}.pyi')
    stubs = {}
    for node in one.body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            text = ' '.join((ast.get_docstring(node) or '').split())
            assert re.match(r'Operation of \w+, since (VIM|PBM) [\d.u]+\w*\. ', text), text
            assert re.search(r'\bReturns .+\. Faults: .+\.', text), text
            parameters = {
                argument.arg: 'required' if default is None else 'optional'
                for argument, default in zip(
                    node.args.kwonlyargs, node.args.kw_defaults, strict=True
                )
            }
            assert parameters.pop('skip_op_id') == 'optional'
            stubs[node.name] = parameters
    description = shipped(service)
    wanted = {}
    for name, operation in description.operations.items():
        request = description.elements.get(operation.request, operation.request)
        wanted[name] = {
            field.name: 'optional' if field.optional else 'required'
            for field in description.types[request].fields[1:]
        }
    assert stubs.keys() == wanted.keys()
    assert {name: stubs[name] for name in stubs if stubs[name] != wanted[name]} == {}


def test_generating_again_changes_no_byte(tmp_path: pathlib.Path) -> None:
    """The shipped stubs are what the script makes of the tables, and no others are there."""
    first, _ = (STUBS / 'vim.pyi').read_text().split('\n', 1)
    made_from = re.search(r'pyvmomi ([\d.]+);', first)
    installed = importlib.metadata.version('pyvmomi')
    assert made_from
    if installed != made_from[1]:
        pytest.skip(f'shipped stubs are from pyvmomi {made_from[1]}, {installed} is installed')
    command = [sys.executable, ROOT / 'tools' / 'generate_stubs.py', '--output', tmp_path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
    shipped, again = (
        {path.name: path.read_text() for path in place.glob('*.pyi')} for place in (STUBS, tmp_path)
    )
    assert sorted(shipped) == sorted(again)
    assert [name for name in shipped if shipped[name] != again[name]] == []


def test_generated_files_say_so() -> None:
    """Whoever opens a stub reads in its first line what made it."""
    says = (
        r'# Generated by tools/generate_stubs\.py from the type tables of pyvmomi [\d.]+; '
        r'do not edit\.\n'
    )
    for path in STUBS.glob('*.pyi'):
        with path.open() as stub:
            assert re.fullmatch(says, stub.readline()), path.name


def test_stubs_are_small() -> None:
    """What completes and checks costs little of the disk of those who only run the library."""
    assert sum(path.stat().st_size for path in STUBS.glob('*.pyi')) < 2.5 * 1024**2

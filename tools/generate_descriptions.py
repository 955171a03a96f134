#!/usr/bin/env python3
"""Generate the WSDL and XSD files that describe a vSphere API at one version.

Without arguments this rewrites all descriptions that ship with the package, from the tables of
the installed pyvmomi. See doc/source/internals/descriptions.rst.
"""

import argparse
import functools
import importlib.metadata
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from descriptions.model import SERVICES, Description, resolve_version
from descriptions.tables import read_tables
from descriptions.writer import made_by, write_files

from oslo_vmware.soap import stored, wsdl

_SHIPPED_IN = Path(__file__).resolve().parent.parent / 'oslo_vmware' / 'wsdl'
#: Directory -> service and version. VIM is a superset of its past, so the newest will do, and so it
#: will of VSLM, which the simulator alone speaks; a PBM client has to be of the server's age, and a
#: release of vSphere gives the first version of it, which all its updates know.
_SHIPPED: dict[str, tuple[str, str | None]] = {
    'vim': ('vim', None),
    'vslm': ('vslm', None),
    **{
        f'pbm/{release}': ('pbm', release)
        for release in ('5.5', '6.0', '6.5', '6.7', '7.0', '8.0', '9.0', '9.1')
    },
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    if bool(arguments.tables) != bool(arguments.source):
        # The header of the files must not name a pyvmomi that they were not made from.
        parser.error('--tables and --source belong together')
    wanted = _SHIPPED
    if arguments.service or arguments.version:
        if not arguments.output:
            # What ships is always all of it, of the versions that the script names.
            parser.error('a single description needs --output')
        wanted = {'': (arguments.service or 'vim', arguments.version)}
    try:
        made = _generate(wanted, arguments.tables or installed_tables(), arguments.source)
    except (LookupError, FileNotFoundError) as exc:
        print(f'generate_descriptions: {exc}', file=sys.stderr)
        return 1
    for directory, files in made.items():
        output = (arguments.output or _SHIPPED_IN) / directory
        output.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (output / name).write_text(text, encoding='utf-8', newline='\n')
            print(output / name)
    return 0


def _generate(
    wanted: dict[str, tuple[str, str | None]], directory: Path, source: str | None
) -> dict[str, dict[str, str]]:
    """The text of each file by its name, for each directory of ``wanted``."""
    source = source or f'pyvmomi {importlib.metadata.version("pyvmomi")}'
    read = functools.cache(lambda names: read_tables(directory, names))
    made = {}
    for where, (key, release) in wanted.items():
        service = SERVICES[key]
        tables = read(service.tables)
        version = resolve_version(tables, service, release)
        description = Description(tables, service, version)
        made[where] = write_files(description, source)
        if key == 'vim':
            # What clients open when they are not told of another description.
            made[where]['vim.description'] = _stored(made[where], description, source)
    return made


def _stored(files: dict[str, str], description: Description, source: str) -> str:
    """The files once more, as the one that is fast to open."""
    read = wsdl.parse('vimService.wsdl', lambda name: files[name].encode('utf-8'))
    label = f'{description.service.label} {description.version.id}'
    return stored.dump(read, f'{label}. {made_by(source)}')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument(
        '--service', choices=SERVICES, help='make a single description, of this service (vim)'
    )
    parser.add_argument(
        '--version',
        help='make a single description, of this version: an id (9.1.1.0) or a release of '
        'vSphere (8.0); default: the newest',
    )
    parser.add_argument(
        '--output',
        type=Path,
        metavar='DIR',
        help='where to write; default: the directory that ships with the package, if all are made',
    )
    parser.add_argument(
        '--tables',
        type=Path,
        metavar='DIR',
        help='package directory of an unpacked pyvmomi; default: the installed one',
    )
    parser.add_argument(
        '--source',
        help='with --tables: what the files say they were made from (pyvmomi 8.0.3.0.1)',
    )
    return parser


def installed_tables() -> Path:
    """The package directory of the installed pyvmomi.

    :raises LookupError: there is none
    """
    # Finding a package doesn't import it: nothing gets registered.
    spec = importlib.util.find_spec('pyVmomi')
    if spec is None or spec.origin is None:
        raise LookupError('pyvmomi is not installed: pip install pyvmomi')
    return Path(spec.origin).parent


if __name__ == '__main__':
    sys.exit(main())

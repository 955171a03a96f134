#!/usr/bin/env python3
"""Generate the WSDL and XSD files that describe a vSphere API at one version.

Without arguments this rewrites the VIM description that ships with the package, from the
tables of the installed pyvmomi. See doc/source/internals/descriptions.rst.
"""

import argparse
import importlib.metadata
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from descriptions.model import SERVICES, Description, resolve_version
from descriptions.tables import read_tables
from descriptions.writer import write_files

_SHIPPED = Path(__file__).resolve().parent.parent / 'oslo_vmware' / 'wsdl'


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    if bool(arguments.tables) != bool(arguments.source):
        # The header of the files must not name a pyvmomi that they were not made from.
        parser.error('--tables and --source belong together')
    service = SERVICES[arguments.service]
    output: Path = arguments.output or _SHIPPED / service.key
    try:
        tables = read_tables(arguments.tables or _installed_tables(), service.tables)
        version = resolve_version(tables, service, arguments.version)
    except (LookupError, FileNotFoundError) as exc:
        print(f'generate_descriptions: {exc}', file=sys.stderr)
        return 1
    source = arguments.source or f'pyvmomi {importlib.metadata.version("pyvmomi")}'
    files = write_files(Description(tables, service, version), source)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (output / name).write_text(text, encoding='utf-8', newline='\n')
        print(output / name)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--service', choices=SERVICES, default='vim')
    parser.add_argument(
        '--version',
        help='id of a version (9.1.1.0) or release of vSphere (8.0); default: the newest release',
    )
    parser.add_argument(
        '--output',
        type=Path,
        metavar='DIR',
        help='where to write; default: the directory that ships with the package',
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


def _installed_tables() -> Path:
    # Finding a package doesn't import it: nothing gets registered.
    spec = importlib.util.find_spec('pyVmomi')
    if spec is None or spec.origin is None:
        raise LookupError('pyvmomi is not installed: pip install pyvmomi')
    return Path(spec.origin).parent


if __name__ == '__main__':
    sys.exit(main())

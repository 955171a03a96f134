#!/usr/bin/env python3
"""Generate the stubs of the types and operations that the shipped descriptions have.

They are for editors and checkers of types. Without arguments this rewrites those that ship with
the package, from the tables of the installed pyvmomi; what the descriptions are made from, they
are, too. See doc/source/internals/descriptions.rst.
"""

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path

from descriptions.model import SERVICES, Description, resolve_version
from descriptions.stubs import write_stubs
from descriptions.tables import read_tables
from generate_descriptions import installed_tables

_SHIPPED_IN = Path(__file__).resolve().parent.parent / 'oslo_vmware' / 'types'


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument(
        '--output',
        type=Path,
        metavar='DIR',
        default=_SHIPPED_IN,
        help='where to write; default: the directory that ships with the package',
    )
    output = parser.parse_args(argv).output
    try:
        descriptions = [_newest(key) for key in ('vim', 'pbm')]
    except (LookupError, FileNotFoundError) as exc:
        print(f'generate_stubs: {exc}', file=sys.stderr)
        return 1
    output.mkdir(parents=True, exist_ok=True)
    source = f'pyvmomi {importlib.metadata.version("pyvmomi")}'
    for name, text in write_stubs(*descriptions, source).items():
        (output / name).write_text(text, encoding='utf-8', newline='\n')
        print(output / name)
    return 0


def _newest(key: str) -> Description:
    service = SERVICES[key]
    tables = read_tables(installed_tables(), service.tables)
    return Description(tables, service, resolve_version(tables, service, None))


if __name__ == '__main__':
    sys.exit(main())

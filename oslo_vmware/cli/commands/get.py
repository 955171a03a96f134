"""Read properties of one object: name, summary.runtime.powerState, config.hardware.

Without properties all are read. What is not set on the server is said to be so, and null in JSON.
What may not be read is left out, with a warning that says why, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import difflib
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware.cli import failures, inventory, lookup, values
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import CommandError

EXAMPLES = """\
oslo-vmware get web-01 summary.runtime.powerState config.hardware
oslo-vmware get host-12 config.product --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('object', help=lookup.HELP)
    parser.add_argument('property', nargs='*', help='path of a property, such as config.hardware')


def run(context: Context) -> int:
    session, paths = context.session, context.options.property
    ref = lookup.find(session, context.options.object)
    try:
        found, missing = inventory.read_object(session, ref, paths)
    except exceptions.InvalidPropertyException as error:
        raise _no_property(context, ref, str((error.details or {}).get('name', ''))) from error
    data: dict[str, Any] = {
        path: values.plain(found.get(path))
        for path in paths or sorted(found)
        if path not in missing
    }
    context.out.data(data)
    for line in values.lines(data):
        context.out.line(line)
    for reason in dict.fromkeys(missing.values()):
        those = ', '.join(path for path in missing if missing[path] == reason)
        context.out.warning(f'{those} could not be read: {reason}')
    return failures.FAILED if missing else failures.DONE


def _no_property(context: Context, ref: Any, path: str) -> CommandError:
    close = []
    if '.' not in path:
        found, missing = inventory.read_object(context.session, ref)
        close = difflib.get_close_matches(path, [*found, *missing], 1)
    hint = f' Do you mean {close[0]}?' if close else ''
    return CommandError(f'A {ref._type} has no property {path}.{hint}')

"""Read properties of one object: name, summary.runtime.powerState, config.hardware.

Without properties all are read. What is not set on the server is said to be so, and null in JSON.
"""

from __future__ import annotations

import argparse
from typing import Any

from oslo_vmware import exceptions, vim_util
from oslo_vmware.cli import failures, lookup, values
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import NoSuchObjectError

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
    contents = session.invoke_api(vim_util, 'get_object_properties', session.vim, ref, paths)
    if not contents:
        raise NoSuchObjectError(f'There is no {context.options.object}.')
    found = vim_util.propset_dict(getattr(contents[0], 'propSet', None))
    data: dict[str, Any] = {path: values.plain(found.get(path)) for path in paths or sorted(found)}
    context.out.data(data)
    for line in values.lines(data):
        context.out.line(line)
    refused = getattr(contents[0], 'missingSet', [])
    for one in refused:
        reason = exceptions.translate_fault(one.fault)
        context.out.warning(f'{one.path} could not be read: {reason}')
    return failures.FAILED if refused else failures.DONE

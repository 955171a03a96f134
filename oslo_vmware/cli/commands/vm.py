"""Look at virtual machines, and switch them on and off.

Their snapshots are in ``snapshot``.
"""

from __future__ import annotations

import argparse
from typing import Any

from oslo_vmware.cli import inventory, lookup, rows, snapshots, values
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import NoSuchObjectError
from oslo_vmware.cli.output import Styled, size

# Word of the command line to operation, and what is said then. What ends in _Task is waited for.
# A name that is not written where it is used tells checkers of types nothing.
_POWER: dict[str, tuple[Any, str]] = {
    'on': ('PowerOnVM_Task', 'is on'),
    'off': ('PowerOffVM_Task', 'is off'),
    'reset': ('ResetVM_Task', 'has been reset'),
    'suspend': ('SuspendVM_Task', 'is suspended'),
    'shutdown': ('ShutdownGuest', 'was asked to shut down'),
}
_STEPS = (('VirtualMachine', 'datastore'), ('VirtualMachine', 'network'))
_PATHS = (
    *('name', 'summary.config', 'summary.storage', 'runtime.powerState', 'runtime.bootTime'),
    *('runtime.host', 'runtime.connectionState', 'snapshot'),
    *('guest.hostName', 'guest.ipAddress', 'guest.toolsRunningStatus'),
)
_LABELS = {
    'guest_name': 'Name in guest',
    'cpus': 'CPUs',
    'committed': 'On disk',
    'instance_uuid': 'Instance UUID',
}


EXAMPLES = """\
oslo-vmware vm list
oslo-vmware vm info web-01
oslo-vmware vm power shutdown web-01
oslo-vmware vm snapshot create web-01 before-upgrade --quiesce
oslo-vmware vm snapshot revert web-01 before-upgrade
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    actions.add_parser('list', help='all machines', description='List all machines.')
    info = actions.add_parser(
        'info', help='about one', description='Tell what there is to a machine.'
    )
    info.add_argument('machine', help=lookup.HELP)
    power = actions.add_parser(
        'power',
        help='on, off, reset, suspend, shutdown',
        description='Switch a machine on or off, or have its guest shut down.',
    )
    power.add_argument('how', choices=_POWER, help='shutdown asks the guest; off just does it')
    power.add_argument('machine', help=lookup.HELP)
    snapshots.add_arguments(actions)


def run(context: Context) -> None:
    _ACTIONS[context.options.action](context)


def _list(context: Context) -> None:
    machines = rows.read_machines(context.session)
    context.out.data([one.as_dict() for one in machines])
    rows.show_machines(context.out, machines)


def _info(context: Context) -> None:
    session = context.session
    ref = lookup.find(session, context.options.machine, 'VirtualMachine')
    properties = {
        'VirtualMachine': _PATHS,
        'Datastore': ['name'],
        'Network': ['name'],
    }
    found: dict[str, Any] = {}
    names: dict[str, list[str]] = {'datastores': [], 'networks': []}
    for one, properties_of in inventory.retrieve(session, properties, ref, _STEPS):
        if one.value == ref.value:
            found = properties_of
        else:
            kind = 'datastores' if one._type == 'Datastore' else 'networks'
            names[kind].append(inventory.entity(one, properties_of).title)
    if not found:
        raise NoSuchObjectError(f'There is no machine {context.options.machine}.')
    config, storage = found.get('summary.config'), found.get('summary.storage')
    word = rows.power(found.get('runtime.powerState'))
    mebibytes = getattr(config, 'memorySizeMB', None)
    memory = None if mebibytes is None else int(mebibytes) * 1024**2
    connection = str(found.get('runtime.connectionState', 'unknown'))
    data: dict[str, Any] = {
        'name': inventory.entity(ref, found).title,
        'reference': inventory.reference(ref),
        'power': word,
        'connection': connection,
        'template': bool(getattr(config, 'template', False)),
        'host': _host(context, found.get('runtime.host')),
        'guest': _text(config, 'guestFullName'),
        'guest_name': _str(found.get('guest.hostName')),
        'address': _str(found.get('guest.ipAddress')),
        'tools': _str(found.get('guest.toolsRunningStatus')),
        'cpus': getattr(config, 'numCpu', None),
        'memory': memory,
        'committed': getattr(storage, 'committed', None),
        'datastores': sorted(names['datastores']),
        'networks': sorted(names['networks']),
        'snapshots': len(snapshots.flat(snapshots.read(found.get('snapshot')))),
        'file': _text(config, 'vmPathName'),
        'instance_uuid': _text(config, 'instanceUuid'),
        'booted': found.get('runtime.bootTime'),
    }
    context.out.data(data)
    shown = {
        'connection': Styled(connection, '' if connection == 'connected' else 'warn'),
        'power': 'template' if data['template'] else rows.power_cell(word),
        'memory': size(memory),
        'committed': size(data['committed']),
        'datastores': ', '.join(data['datastores']),
        'networks': ', '.join(data['networks']),
        'booted': values.when(data['booted']),
    }
    data.pop('template')
    context.out.facts(
        [
            (
                _LABELS.get(name, name.capitalize()),
                shown.get(name, '' if value is None else str(value)),
            )
            for name, value in data.items()
        ]
    )


def _host(context: Context, ref: Any) -> str | None:
    if ref is None:
        return None
    # Who may see a machine need not be let see its host.
    found, _ = inventory.read_object(context.session, ref, ['name'])
    return _str(found.get('name'))


def _power(context: Context) -> None:
    session = context.session
    operation, said = _POWER[context.options.how]
    ref = lookup.find(session, context.options.machine, 'VirtualMachine')
    answer = session.invoke_api(session.vim, operation, ref)
    if operation.endswith('_Task'):
        context.wait(answer, f'{context.options.machine}: {context.options.how}')
    context.out.data({'reference': inventory.reference(ref), 'done': context.options.how})
    context.out.success(f'{context.options.machine} {said}.')


def _text(holder: Any, name: str) -> str | None:
    return _str(getattr(holder, name, None))


def _str(found: Any) -> str | None:
    return None if found is None else str(found)


_ACTIONS = {'list': _list, 'info': _info, 'power': _power, 'snapshot': snapshots.run}

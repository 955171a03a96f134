"""Finds the object that somebody names: by inventory path, by reference, or by a unique name."""

from __future__ import annotations

import difflib
import re
from typing import Any

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware.cli import inventory
from oslo_vmware.cli.failures import NoSuchObjectError, UsageError
from oslo_vmware.cli.inventory import Entity

HELP = 'inventory path (/DC/vm/web-01), reference (vm-12, VirtualMachine:vm-12) or unique name'

# What the ids of a vCenter begin with. Those of folders have a letter for what is in them.
_PREFIXES = {
    'datacenter': 'Datacenter',
    'domain-c': 'ClusterComputeResource',
    'domain-s': 'ComputeResource',
    'host': 'HostSystem',
    'resgroup': 'ResourcePool',
    'resgroup-v': 'VirtualApp',
    'vm': 'VirtualMachine',
    'group-p': 'StoragePod',
    'group-d': 'Folder',
    'group-h': 'Folder',
    'group-v': 'Folder',
    'group-s': 'Folder',
    'group-n': 'Folder',
    'datastore': 'Datastore',
    'network': 'Network',
    'dvs': 'VmwareDistributedVirtualSwitch',
    'dvportgroup': 'DistributedVirtualPortgroup',
    'task': 'Task',
}
_TYPED = re.compile(r'([A-Z]\w*):(\S.*)')
_BARE = re.compile(rf'({"|".join(sorted(_PREFIXES, key=len, reverse=True))})-?\d+')


def find(session: api.VMwareAPISession, text: str, kind: str = 'ManagedEntity') -> Any:
    """The reference of the object that a text names.

    :param text: as :data:`HELP` says; ``/`` is the root folder
    :param kind: type that it has to have if it is named by its name
    :raises NoSuchObjectError: there is none
    :raises UsageError: there are several of that name
    """
    if text.startswith('/'):
        return by_path(session, text)
    typed = _TYPED.fullmatch(text)
    if typed:
        ref = vim_util.get_moref(typed[2], typed[1])
        # A machine may be called Web:01, too.
        if typed[1] in _PREFIXES.values() or _exists(session, ref):
            return ref
    bare = _BARE.fullmatch(text)
    if bare:
        ref = vim_util.get_moref(text, _PREFIXES[bare[1]])
        # A machine may be called vm-12, too.
        if _exists(session, ref):
            return ref
    return _by_name(session, text, kind)


def _exists(session: api.VMwareAPISession, ref: Any) -> bool:
    path = 'info.key' if ref._type == 'Task' else 'name'
    try:
        session.invoke_api(vim_util, 'get_object_property', session.vim, ref, path)
    except exceptions.InvalidPropertyException:
        # It has no name, but is there.
        return True
    except exceptions.ManagedObjectNotFoundException:
        return False
    except exceptions.VimFaultException as error:
        # There is no such type.
        if 'InvalidArgument' not in error.fault_list:
            raise
        return False
    return True


def by_path(session: api.VMwareAPISession, path: str) -> Any:
    """The object of an inventory path, asked for with one call.

    :raises NoSuchObjectError: there is none; the text says from where on
    """
    found = session.invoke_api(vim_util, 'find_by_inventory_path', session.vim, path)
    if found is not None:
        return found
    names = [name for name in path.split('/') if name]
    return _walk(session, session.vim.service_content.rootFolder, names)


def _walk(session: api.VMwareAPISession, start: Any, names: list[str]) -> Any:
    """Go down a path step by step: some objects have no path that the server knows.

    :raises NoSuchObjectError: a step leads nowhere
    """
    for number, name in enumerate(names):
        below = inventory.children(session, start)
        start = next((one.ref for one in below if name in (one.name, one.title)), None)
        if start is None:
            place = '/' + '/'.join(names[:number])
            raise NoSuchObjectError(f'There is no {name} in {place}.{_hint(name, below)}')
    return start


def _by_name(session: api.VMwareAPISession, name: str, kind: str) -> Any:
    every = inventory.entities(session)
    of_kind = [one for one in every.values() if inventory.is_a(one.kind, kind)]
    found = [one for one in of_kind if name in (one.name, one.title)]
    if not found:
        what = 'object' if kind == 'ManagedEntity' else kind
        raise NoSuchObjectError(f'There is no {what} {name}.{_hint(name, of_kind)}')
    if len(found) > 1:
        root = session.vim.service_content.rootFolder.value
        places = ''.join(f'\n{inventory.path_of(one, every, root)}' for one in found[:10])
        raise UsageError(f'There are {len(found)} of the name {name}; say which:{places}')
    return found[0].ref


def _hint(name: str, among: list[Entity]) -> str:
    close = difflib.get_close_matches(name, [one.title for one in among], 1)
    return f' Do you mean {close[0]}?' if close else ''

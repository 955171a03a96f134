"""Finds the object that somebody names: by inventory path, by reference, or by a unique name."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Sequence
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
# So many of the same name are told.
_SHOWN = 10
_TYPED = re.compile(r'([A-Z]\w*):(\S.*)')
_BARE = re.compile(rf'({"|".join(sorted(_PREFIXES, key=len, reverse=True))})-?\d+')


# What an object of the inventory has to be, in words; else its type.
_NOUNS = {
    'ManagedEntity': 'object',
    'VirtualMachine': 'machine',
    'Datastore': 'datastore',
    'StoragePod': 'datastore cluster',
    'ComputeResource': 'cluster',
    'HostSystem': 'host',
}


def find(session: api.VMwareAPISession, text: str, *kinds: str) -> Any:
    """The reference of the object that a text names.

    :param text: as :data:`HELP` says; ``/`` is the root folder
    :param kinds: types of which it has to be one; anything by default
    :raises NoSuchObjectError: there is none, or it is something else
    :raises UsageError: there are several of that name
    """
    (ref,) = find_each(session, [text], *kinds)
    return ref


def find_each(session: api.VMwareAPISession, texts: Iterable[str], *kinds: str) -> list[Any]:
    """The references of several, as :func:`find`; the inventory is read once at most."""
    every = functools.cache(lambda: inventory.entities(session))
    refs = []
    for text in texts:
        ref = _named(session, text, kinds, every)
        if kinds and not _is_one_of(ref._type, kinds):
            raise _something_else(text, ref._type, kinds)
        refs.append(ref)
    return refs


def _is_one_of(type_: str, kinds: Iterable[str]) -> bool:
    return any(inventory.is_a(type_, kind) for kind in kinds)


def _nouns(kinds: Iterable[str]) -> str:
    return ' or '.join(_NOUNS.get(kind, kind) for kind in kinds)


def _something_else(text: str, type_: str, kinds: Iterable[str]) -> NoSuchObjectError:
    return NoSuchObjectError(f'{text} is no {_nouns(kinds)}: it is a {type_}.')


def _named(
    session: api.VMwareAPISession,
    text: str,
    kinds: Sequence[str],
    every: Callable[[], dict[str, Entity]],
) -> Any:
    if text.startswith('/'):
        return by_path(session, text)
    typed = _TYPED.fullmatch(text)
    if typed:
        ref = vim_util.get_moref(typed[2], typed[1])
        # A machine may be called Web:01, too.
        if _exists(session, ref):
            return ref
    bare = _BARE.fullmatch(text)
    if bare:
        ref = vim_util.get_moref(text, _PREFIXES[bare[1]])
        # A machine may be called vm-12, too, or host-12.
        if (not kinds or _is_one_of(ref._type, kinds)) and _exists(session, ref):
            return ref
    return _by_name(session, text, kinds or ('ManagedEntity',), every())


def _exists(session: api.VMwareAPISession, ref: Any) -> bool:
    path = 'info.key' if ref._type == 'Task' else 'name'
    try:
        inventory.read_object(session, ref, [path])
    except exceptions.InvalidPropertyException:
        # It has no name, but is there.
        return True
    except (exceptions.ManagedObjectNotFoundException, NoSuchObjectError):
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


def _by_name(
    session: api.VMwareAPISession, name: str, kinds: Sequence[str], every: dict[str, Entity]
) -> Any:
    named = [one for one in every.values() if name in (one.name, one.title)]
    # An ESXi host has ids of other forms: ha-host, and numbers for machines.
    if not named and name in every:
        named = [every[name]]
    found = [one for one in named if _is_one_of(one.kind, kinds)]
    if 'HostSystem' in kinds:
        # A host outside of clusters has a compute resource of its own, which has its name.
        parents = {one.parent for one in found if one.kind == 'HostSystem'}
        found = [one for one in found if one.id not in parents]
    if len(found) == 1:
        return found[0].ref
    if found:
        root = session.vim.service_content.rootFolder.value
        places = ''.join(
            f'\n{one.id}  {inventory.path_of(one, every, root)}' for one in found[:_SHOWN]
        )
        raise UsageError(f'There are {len(found)} of the name {name}; say which:{places}')
    if named:
        raise _something_else(name, named[0].kind, kinds)
    of_kind = [one for one in every.values() if _is_one_of(one.kind, kinds)]
    raise NoSuchObjectError(f'There is no {_nouns(kinds)} {name}.{_hint(name, of_kind)}')


def _hint(name: str, among: list[Entity]) -> str:
    close = difflib.get_close_matches(name, [one.title for one in among], 1)
    return f' Do you mean {close[0]}?' if close else ''

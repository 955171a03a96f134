"""Whether the account has the privileges of :mod:`oslo_vmware.cli.check.needs`.

One call for each kind of entity asks for all of them: HasUserPrivilegeOnEntities (vSphere API 6.5),
or where that is not known HasPrivilegeOnEntities (vSphere API 5.5).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from oslo_vmware import exceptions, vim_util
from oslo_vmware.cli.check.findings import Finding, Outcome, counted, few
from oslo_vmware.cli.check.inventory import Inventory
from oslo_vmware.cli.check.needs import DOCUMENTED, EXTENSIONS, NEEDS, Kind, Need

_THEME = 'privileges'


def look(session: Any, inventory: Inventory, consumers: Collection[str]) -> Iterator[Finding]:
    """Look at the privileges that some consumers need, everywhere in an inventory.

    :returns: one finding for each privilege that is missing somewhere, and one for each consumer
    :raises VMwareDriverException: the server does not say
    """
    needs = [need for need in NEEDS if set(need.consumers) & set(consumers)]
    granted: dict[str, int] = defaultdict(int)
    lacking: dict[str, int] = defaultdict(int)
    for kind in Kind:
        wanted = [need for need in needs if need.kind is kind]
        entities = inventory.named(kind)
        if not wanted or not entities:
            continue
        missing = _missing(session, inventory, entities, {need.privilege for need in wanted})
        for need in wanted:
            where = missing[need.privilege]
            for consumer in need.consumers:
                (lacking if where else granted)[consumer] += 1
            if where:
                yield _finding(session, inventory, need, where, len(entities), consumers)
    for consumer in consumers:
        total = granted[consumer] + lacking[consumer]
        if total:
            yield Finding(
                _THEME,
                consumer,
                Outcome.FINE,
                f'{granted[consumer]} of {counted(total, "privilege")} everywhere'
                if lacking[consumer]
                else f'all {counted(total, "privilege")} that it needs',
                data={'granted': granted[consumer], 'asked': total},
            )


def _finding(
    session: Any,
    inventory: Inventory,
    need: Need,
    where: list[tuple[Any, str]],
    asked: int,
    consumers: Collection[str],
) -> Finding:
    """What it means that a privilege is missing somewhere."""
    concerned = tuple(one for one in need.consumers if one in consumers)
    everywhere = len(where) == asked
    is_bad = need.must and everywhere
    if need.privilege == 'Extension.Register':
        # Once they are there, nobody registers them again.
        concerned = tuple(one for one in concerned if not _is_registered(session, one))
        is_bad = is_bad and bool(concerned)
    names = [name for _, name in where]
    place = few(names)
    if everywhere and asked > 1:
        place = f'all {counted(asked, need.kind.value)}: {place}'
    elif asked > 1:
        place = f'{len(where)} of {counted(asked, need.kind.value)}: {place}'
    who = ' and '.join(concerned or need.consumers)
    is_one = len(concerned or need.consumers) == 1
    advice = f'{who} {"needs" if is_one else "need"} it {need.why}.'
    if need.why == DOCUMENTED:
        advice = f'It is {need.why}.'
    elif not concerned:
        advice = 'It is needed no more: the extension is registered.'
    else:
        advice += f' Add it to a role of {_account(inventory)} there, or above with propagation.'
    return Finding(
        _THEME,
        need.privilege,
        Outcome.FAILED if is_bad else Outcome.WARNING if concerned else Outcome.FINE,
        f'missing on {place}',
        advice,
        concerned,
        {
            'privilege': need.privilege,
            'required': need.must,
            'entities': [{'type': ref._type, 'id': ref.value, 'name': name} for ref, name in where],
        },
    )


def _account(inventory: Inventory) -> str:
    return str(getattr(inventory.session, 'userName', None) or 'the account')


def _is_registered(session: Any, consumer: str) -> bool:
    key = EXTENSIONS.get(consumer)
    try:
        return bool(key and session.invoke_api(vim_util, 'find_extension', session.vim, key))
    except exceptions.VMwareDriverException:
        return False


def _missing(
    session: Any, inventory: Inventory, entities: dict[str, tuple[Any, str]], privileges: set[str]
) -> dict[str, list[tuple[Any, str]]]:
    """On which entities privileges are missing."""
    missing: dict[str, list[tuple[Any, str]]] = {privilege: [] for privilege in privileges}
    refs = [ref for ref, _ in entities.values()]
    for answer in _asked(session, inventory, refs, sorted(privileges)):
        for one in answer.privAvailability:
            if not one.isGranted:
                missing[one.privId].append(entities[answer.entity.value])
    return missing


def _asked(session: Any, inventory: Inventory, refs: list[Any], privileges: list[str]) -> Any:
    manager, current = session.vim.service_content.authorizationManager, inventory.session
    try:
        return session.invoke_api(
            session.vim,
            'HasUserPrivilegeOnEntities',
            manager,
            entities=refs,
            userName=current.userName,
            privId=privileges,
        )
    except exceptions.VMwareDriverException:
        # Older servers do not know it, and it takes none that belongs to another domain's user.
        return session.invoke_api(
            session.vim,
            'HasPrivilegeOnEntities',
            manager,
            entity=refs,
            sessionId=current.key,
            privId=privileges,
        )

"""The server itself: versions, clock, latency, sessions, storage policies."""

import datetime
import statistics
import time
from collections.abc import Iterator
from typing import Any

from oslo_vmware import exceptions, pbm, vim_util, wsdl
from oslo_vmware.cli.check.findings import (
    CINDER,
    CONSUMERS,
    NOVA,
    Finding,
    Outcome,
    counted,
    few,
    words,
)
from oslo_vmware.cli.check.inventory import Inventory
from oslo_vmware.soap import versions

#: What Nova's driver starts with (MIN_VC_VERSION), and what its guide supports (34.0.0).
_MIN_VERSION, _SUPPORTED_VERSION = '5.1.0', '5.5.0'

#: ``apiType`` of a vCenter, and who works with nothing else.
VCENTER = 'VirtualCenter'
NEED_A_VCENTER = (NOVA, CINDER)

_CALLS = 9
_SLOW_SECONDS, _VERY_SLOW_SECONDS = 0.1, 1.0
_CLOCK_SECONDS, _NO_TIME_SECONDS = 30.0, 0.1
_MANY_SESSIONS = 100

# Where vpxd and hostd have the settings of their sessions.
_SESSION_NODES = {
    VCENTER: 'config.vmacore.soap.',
    'HostAgent': 'Config.HostAgent.vmacore.soap.',
}


def look_at_versions(session: Any) -> Iterator[Finding]:
    """The server's product and API, against what consumers and this package know."""
    about = session.vim.service_content.about
    data = {
        'product': about.fullName,
        'version': about.version,
        'build': getattr(about, 'build', None),
        'api_type': about.apiType,
        'api_version': about.apiVersion,
        'instance_uuid': getattr(about, 'instanceUuid', None),
    }
    if about.apiType != VCENTER:
        yield Finding(
            'versions',
            'product',
            Outcome.FAILED,
            f'{about.fullName} is no vCenter',
            'Nova and Cinder work with a vCenter only: connect to the one that manages this host.',
            NEED_A_VCENTER,
            data,
        )
    elif versions.is_newer(_MIN_VERSION, about.version):
        yield Finding(
            'versions',
            'product',
            Outcome.FAILED,
            f'{about.fullName} is too old',
            f'Nova does not start with a vCenter before {_MIN_VERSION}: upgrade it.',
            (NOVA, CINDER),
            data,
        )
    elif versions.is_newer(_SUPPORTED_VERSION, about.version):
        yield Finding(
            'versions',
            'product',
            Outcome.WARNING,
            f'{about.fullName} is older than what Nova supports',
            f'Upgrade it to {_SUPPORTED_VERSION} or later; before that there are no storage '
            'policies either.',
            (NOVA, CINDER),
            data,
        )
    else:
        yield Finding('versions', 'product', Outcome.FINE, about.fullName, data=data)
    ours = wsdl.vim_api_version()
    if versions.is_newer(about.apiVersion, ours):
        found = f'{about.apiVersion}, newer than ours ({ours})'
        advice = (
            "The server's own description is used, which takes longer to open. A newer release "
            'of this package may know it.'
        )
    else:
        found, advice = f'{about.apiVersion}, which is known here (up to {ours})', ''
    yield Finding(
        'versions',
        'API',
        Outcome.FINE,
        found,
        advice,
        data={'server': about.apiVersion, 'we': ours},
    )


def look_at_pulse(session: Any) -> Iterator[Finding]:
    """How long a call takes, and what the server's clock says, by CurrentTime (VI API 2.0)."""
    session.vim.CurrentTime('ServiceInstance')  # the first one opens the connection
    times: list[float] = []
    skews: list[tuple[float, float]] = []
    for _ in range(_CALLS):
        before, started = time.time(), time.perf_counter()
        answer = session.vim.CurrentTime('ServiceInstance')
        took = time.perf_counter() - started
        times.append(took)
        theirs = answer if answer.tzinfo else answer.replace(tzinfo=datetime.UTC)
        skews.append((took, theirs.timestamp() - (before + took / 2)))
    median, worst = statistics.median(times), max(times)
    is_slow = median > _SLOW_SECONDS or worst > _VERY_SLOW_SECONDS
    yield Finding(
        'server',
        'latency',
        Outcome.WARNING if is_slow else Outcome.FINE,
        f'a call takes {median * 1000:.1f} ms, at worst {worst * 1000:.1f} ms (of {_CALLS})',
        'Drivers make dozens of calls for one machine: look at the network, and at the load of the '
        'server.'
        if is_slow
        else '',
        CONSUMERS,
        {'median_seconds': median, 'worst_seconds': worst, 'calls': _CALLS},
    )
    # The quickest answer says most about the time.
    took, skew = min(skews)
    apart = abs(skew) > _CLOCK_SECONDS + took / 2
    compared = f'{abs(skew):.1f} s {"ahead of" if skew > 0 else "behind"} ours'
    if abs(skew) < _NO_TIME_SECONDS:
        compared = 'the same as ours'
    yield Finding(
        'server',
        'clock',
        Outcome.WARNING if apart else Outcome.FINE,
        f'{compared} (± {took / 2 * 1000:.1f} ms)',
        'Let both follow the same time (NTP): certificates and tokens are valid by it, and logs '
        'are laid side by side by it.'
        if apart
        else '',
        CONSUMERS,
        {'ahead_seconds': skew, 'uncertainty_seconds': took / 2},
    )


def look_at_sessions(session: Any, inventory: Inventory) -> Iterator[Finding]:
    """How many sessions there are, and how long they last."""
    content = session.vim.service_content
    account = getattr(inventory.session, 'userName', '')
    try:
        found = session.invoke_api(
            vim_util, 'get_object_property', session.vim, content.sessionManager, 'sessionList'
        )
    except exceptions.VMwareDriverException:
        yield Finding(
            'server',
            'sessions',
            Outcome.UNSEEN,
            'the account may not list the sessions (Sessions.TerminateSession)',
        )
    else:
        listed = list(getattr(found, 'UserSession', ()))
        own = sum(one.userName == account for one in listed)
        many = own > _MANY_SESSIONS
        yield Finding(
            'server',
            'sessions',
            Outcome.WARNING if many else Outcome.FINE,
            f'{counted(len(listed), "session")}, {own} of {account}',
            'Something logs in again and again without logging out; a server takes some 2000, a '
            'host some 500.'
            if many
            else '',
            CONSUMERS,
            {'sessions': len(listed), 'own': own},
        )
    yield from _session_settings(session)


def _session_settings(session: Any) -> Iterator[Finding]:
    content = session.vim.service_content
    node = _SESSION_NODES.get(content.about.apiType, '')
    try:
        options = session.invoke_api(session.vim, 'QueryOptions', content.setting, name=node)
    except exceptions.VMwareDriverException as exc:
        reason = 'not set' if 'InvalidName' in _names(exc) else 'not readable'
        yield Finding(
            'server',
            'session settings',
            Outcome.UNSEEN,
            f'{node}* is {reason}: the defaults hold (30 minutes of silence end a session)',
        )
        return
    values = {option.key.removeprefix(node): option.value for option in options or ()}
    yield Finding(
        'server',
        'session settings',
        Outcome.FINE,
        ', '.join(f'{name} {value}' for name, value in sorted(values.items())) or 'none set',
        data={name: str(value) for name, value in values.items()},
    )


def _names(exc: Exception) -> list[str]:
    """The names of the faults that an error stands for."""
    return [*getattr(exc, 'fault_list', ()), type(exc).__name__.removesuffix('Exception')]


def look_at_policies(session: Any) -> Iterator[Finding]:
    """Whether storage policies can be used: PBM (vSphere 5.5) and what it has."""
    about = session.vim.service_content.about
    location = pbm.get_pbm_wsdl_location(about.version)
    if about.apiType != VCENTER or location is None:
        yield Finding(
            'storage policies', 'PBM', Outcome.UNSEEN, f'{about.fullName} has no storage policies'
        )
        return
    session.pbm_wsdl_loc_set(location)
    described = location.rpartition('/pbm/')[2].partition('/')[0]
    try:
        theirs = session.pbm.service_content.aboutInfo
        yield Finding(
            'storage policies',
            'PBM',
            Outcome.FINE,
            f'{theirs.name} {theirs.version}, described here as {described}',
            data={'server': theirs.version, 'we': described},
        )
        profiles = pbm.get_all_profiles(session)
    except exceptions.VMwareDriverException as exc:
        yield Finding(
            'storage policies',
            'PBM',
            Outcome.WARNING,
            f'policies cannot be used: {words(exc)}',
            'Nova needs them with pbm_enabled only, Cinder with vmware:storage_profile. Give the '
            'account StorageProfile.View on the root folder, and look whether the service '
            'vmware-sps runs.',
            (NOVA, CINDER),
        )
        return
    names = [
        profile.name
        for profile in profiles
        if getattr(profile, 'profileCategory', None) == 'REQUIREMENT'
    ]
    yield Finding(
        'storage policies',
        'policies',
        Outcome.FINE,
        f'{counted(len(names), "policy")}: {few(names)}' if names else 'none',
        data={'policies': names},
    )

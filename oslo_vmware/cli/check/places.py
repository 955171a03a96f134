"""Where machines and files are to live: clusters, hosts and datastores."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oslo_vmware.cli.check.findings import (
    CINDER,
    GLANCE,
    NOVA,
    Finding,
    Outcome,
    counted,
    few,
)
from oslo_vmware.cli.check.inventory import Entity, Inventory

_GIB = 2**30
_TIB = 2**40
# Below both a datastore is nearly full.
_LITTLE_FREE, _LITTLE_SHARE = 50 * _GIB, 0.05

_FILES = (NOVA, CINDER, GLANCE)
_MACHINES = (NOVA, CINDER)


def look_at_hosts(inventory: Inventory) -> Iterator[Finding]:
    """Whether there are hosts, and the server reaches them."""
    hosts = inventory.hosts
    if not hosts:
        yield Finding(
            'places',
            'hosts',
            Outcome.FAILED,
            'the account sees no host',
            'Give it a role on the datacenter, with propagation.',
            _MACHINES,
        )
        return
    troubles = [(host, trouble) for host in hosts if (trouble := _trouble_of_host(host))]
    yield from _all_or_some('host', hosts, troubles, _MACHINES)


def _trouble_of_host(host: Entity) -> str:
    state = host.properties.get('runtime.connectionState')
    if state is None:
        return 'cannot be read (System.Read is missing)'
    if state != 'connected':
        return 'does not answer' if state == 'notResponding' else f'is {state}'
    return 'is in maintenance' if host.properties.get('runtime.inMaintenanceMode') else ''


def _all_or_some(
    noun: str,
    entities: Sequence[Entity],
    troubles: Sequence[tuple[Entity, str]],
    consumers: tuple[str, ...],
) -> Iterator[Finding]:
    """One finding for all, and one for each that cannot be used; it is bad if none can be."""
    usable = len(entities) - len(troubles)
    for one, trouble in troubles:
        yield Finding(
            'places', f'{noun} {one.name}', Outcome.WARNING, trouble, 'It is not used.', consumers
        )
    yield Finding(
        'places',
        f'{noun}s',
        Outcome.FINE if usable else Outcome.FAILED,
        f'{usable} of {counted(len(entities), noun)} can be used',
        '' if usable else f'Nothing works without: look at the {noun}s above.',
        consumers,
        {'usable': usable, 'all': len(entities)},
    )


def look_at_clusters(inventory: Inventory) -> Iterator[Finding]:
    """Whether clusters of several hosts place machines by themselves, as Nova's guide wants."""
    for cluster in inventory.clusters:
        hosts = len(cluster.references('host'))
        drs = cluster.properties.get('configuration.drsConfig')
        if drs is None or hosts < 2:
            continue
        enabled = bool(getattr(drs, 'enabled', False))
        behavior = getattr(drs, 'defaultVmBehavior', None)
        is_fine = enabled and behavior == 'fullyAutomated'
        yield Finding(
            'places',
            f'cluster {cluster.name}',
            Outcome.FINE if is_fine else Outcome.WARNING,
            f'{counted(hosts, "host")}, DRS {behavior if enabled else "off"}',
            ''
            if is_fine
            else 'Nova wants DRS, fully automated, where there are several hosts: without it all '
            'machines start on hosts that somebody has to choose.',
            (NOVA,),
            {'hosts': hosts, 'drs': enabled, 'behavior': behavior},
        )


def look_at_datastores(inventory: Inventory) -> Iterator[Finding]:
    """Whether there are datastores that can be used, with room, and shared by the hosts."""
    datastores = inventory.datastores
    if not datastores:
        yield Finding(
            'places',
            'datastores',
            Outcome.FAILED,
            'the account sees no datastore',
            'Give it a role on the datacenter, with propagation.',
            _FILES,
        )
        return
    troubles = [(one, trouble) for one in datastores if (trouble := _trouble(one))]
    yield from _all_or_some('datastore', datastores, troubles, _FILES)
    unusable = {one.id for one, _ in troubles}
    usable = [one for one in datastores if one.id not in unusable]
    names = {host.id: host.name for host in inventory.hosts}
    for one in usable:
        yield from _room(one)
        yield from _lost_by_some(one, names)
    for cluster in inventory.clusters:
        yield from _shared(cluster, usable)


def _shared(cluster: Entity, datastores: Sequence[Entity]) -> Iterator[Finding]:
    """Datastores that only some hosts of a cluster have."""
    hosts = {ref.value for ref in cluster.references('host')}
    own = {ref.value for ref in cluster.references('datastore')}
    partial = {}
    for datastore in datastores:
        having = hosts & {mount.key.value for mount in _mounts(datastore)}
        if datastore.id in own and having and having != hosts:
            partial[datastore.name] = len(having)
    if partial:
        yield Finding(
            'places',
            f'shared storage of {cluster.name}',
            Outcome.WARNING,
            few(f'{name} is on {n} of {len(hosts)} hosts' for name, n in partial.items()),
            'Nova wants datastores that all hosts of its cluster have: leave these out by '
            'datastore_regex.',
            (NOVA,),
            {'hosts': len(hosts), 'datastores': partial},
        )


def _mounts(datastore: Entity) -> Sequence[Any]:
    return getattr(datastore.properties.get('host'), 'DatastoreHostMount', ())


def _trouble(datastore: Entity) -> str:
    summary: Any = datastore.properties.get('summary')
    if summary is None:
        return 'cannot be read (System.Read is missing)'
    if not summary.accessible:
        return 'cannot be reached by any host'
    mode = getattr(summary, 'maintenanceMode', 'normal')
    return '' if mode == 'normal' else 'is in maintenance'


def _room(datastore: Entity) -> Iterator[Finding]:
    summary = datastore.properties['summary']
    free, capacity = int(summary.freeSpace), int(summary.capacity)
    if free < _LITTLE_FREE or free < capacity * _LITTLE_SHARE:
        yield Finding(
            'places',
            f'datastore {datastore.name}',
            Outcome.WARNING,
            f'{_size(free)} free of {_size(capacity)}',
            'Disks that grow, and snapshots, will fill it: make room.',
            _FILES,
            {'free': free, 'capacity': capacity},
        )


def _lost_by_some(datastore: Entity, names: Mapping[str, str]) -> Iterator[Finding]:
    """A datastore that some of its hosts have lost, or may only read."""
    mounts = _mounts(datastore)
    bad = []
    for mount in mounts:
        host, info = names.get(mount.key.value, mount.key.value), mount.mountInfo
        # Absent in servers before 5.0.
        if not getattr(info, 'accessible', True) or not getattr(info, 'mounted', True):
            bad.append(f'{host} does not reach it')
        elif info.accessMode != 'readWrite':
            bad.append(f'{host} may only read it')
    if bad:
        yield Finding(
            'places',
            f'datastore {datastore.name}',
            Outcome.WARNING,
            few(bad),
            'Machines on these hosts cannot use it: look at their storage.',
            (NOVA, CINDER),
            {'mounts': len(mounts), 'bad': len(bad)},
        )


def _size(number: int) -> str:
    return f'{number / _TIB:.1f} TiB' if number >= _TIB else f'{number / _GIB:.1f} GiB'

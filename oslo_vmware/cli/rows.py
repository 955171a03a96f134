"""Hosts, datastores and machines: a row of values for each, and the tables that show them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oslo_vmware import api
from oslo_vmware.cli.inventory import entity, retrieve
from oslo_vmware.cli.output import Bar, Cell, Output, Styled, size

_MIB = 1024**2
_GIB = 1024**3
_MHZ = 1000**2
_GHZ = 1000**3

_POWER = {'poweredOn': 'on', 'poweredOff': 'off', 'suspended': 'suspended'}


@dataclass(frozen=True)
class Host:
    """A host; None is what it does not tell, as when it is not connected.

    :ivar state: ``connected``, ``maintenance``, ``disconnected`` or ``notResponding``
    :ivar cpu: Hz it has, over all cores; memory is in bytes
    :ivar machines: how many it has
    """

    id: str
    name: str
    state: str
    cpu: int | None
    cpu_used: int | None
    memory: int | None
    memory_used: int | None
    machines: int


@dataclass(frozen=True)
class Datastore:
    """A datastore; sizes in bytes, None where no host reaches it.

    :ivar kind: ``VMFS``, ``NFS``, ``vsan`` …
    """

    id: str
    name: str
    kind: str
    capacity: int | None
    free: int | None

    @property
    def used(self) -> int | None:
        """How much is taken."""
        if self.capacity is None or self.free is None:
            return None
        return self.capacity - self.free


@dataclass(frozen=True)
class Machine:
    """A virtual machine.

    :ivar ref: its reference, for calls
    :ivar power: ``on``, ``off`` or ``suspended``
    :ivar host: name of its host
    :ivar memory: in bytes; None where it is not known, as with a machine whose files are lost
    :ivar connection: ``connected``, ``disconnected``, ``inaccessible``, ``invalid``, ``orphaned``
    """

    ref: Any
    name: str
    power: str
    template: bool
    host: str | None
    cpus: int | None
    memory: int | None
    connection: str

    @property
    def running(self) -> bool:
        """Whether it is on."""
        return self.power == 'on'

    def as_dict(self) -> dict[str, Any]:
        """The same as data."""
        found = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        return {'id': str(found.pop('ref').value), **found}


def read_hosts(session: api.VMwareAPISession) -> list[Host]:
    """All hosts, by name; with one retrieval."""
    hardware, now = 'summary.hardware.', 'summary.quickStats.'
    paths = ['name', 'runtime.connectionState', 'runtime.inMaintenanceMode', 'vm']
    paths += [hardware + name for name in ('numCpuCores', 'cpuMhz', 'memorySize')]
    paths += [now + name for name in ('overallCpuUsage', 'overallMemoryUsage')]
    hosts = []
    for ref, found in retrieve(session, {'HostSystem': paths}):
        state = str(found.get('runtime.connectionState', 'unknown'))
        if state == 'connected' and found.get('runtime.inMaintenanceMode'):
            state = 'maintenance'
        hosts.append(
            Host(
                id=str(ref.value),
                name=entity(ref, found).title,
                state=state,
                cpu=_times(found.get(f'{hardware}numCpuCores'), found.get(f'{hardware}cpuMhz'))
                or None,
                cpu_used=_times(found.get(f'{now}overallCpuUsage')),
                memory=_times(found.get(f'{hardware}memorySize'), 1, 1),
                memory_used=_times(found.get(f'{now}overallMemoryUsage'), 1, _MIB),
                machines=len(getattr(found.get('vm'), 'ManagedObjectReference', [])),
            )
        )
    return sorted(hosts, key=lambda host: host.name)


def read_datastores(session: api.VMwareAPISession) -> list[Datastore]:
    """All datastores, by name; with one retrieval."""
    paths = ['name', 'summary.type', 'summary.capacity', 'summary.freeSpace', 'summary.accessible']
    datastores = []
    for ref, found in retrieve(session, {'Datastore': paths}):
        accessible = found.get('summary.accessible', False)
        datastores.append(
            Datastore(
                id=str(ref.value),
                name=entity(ref, found).title,
                kind=str(found.get('summary.type', '?')),
                capacity=_times(found.get('summary.capacity'), 1, 1) if accessible else None,
                free=_times(found.get('summary.freeSpace'), 1, 1) if accessible else None,
            )
        )
    return sorted(datastores, key=lambda datastore: datastore.name)


def read_machines(session: api.VMwareAPISession) -> list[Machine]:
    """All machines and templates, by name; with one retrieval."""
    config = 'summary.config.'
    paths = ['name', 'runtime.host', 'runtime.powerState', 'runtime.connectionState']
    paths += [config + name for name in ('template', 'numCpu', 'memorySizeMB')]
    hosts, rows = {}, []
    for ref, found in retrieve(session, {'VirtualMachine': paths, 'HostSystem': ['name']}):
        if ref._type == 'HostSystem':
            hosts[ref.value] = entity(ref, found).title
        else:
            rows.append((ref, found))
    machines = [
        Machine(
            ref=ref,
            name=entity(ref, found).title,
            power=power(found.get('runtime.powerState')),
            template=bool(found.get(f'{config}template')),
            host=hosts.get(getattr(found.get('runtime.host'), 'value', None)),
            cpus=_times(found.get(f'{config}numCpu'), 1, 1),
            memory=_times(found.get(f'{config}memorySizeMB'), 1, _MIB),
            connection=str(found.get('runtime.connectionState', 'unknown')),
        )
        for ref, found in rows
    ]
    return sorted(machines, key=lambda machine: machine.name)


def power(state: Any) -> str:
    """vSphere's ``poweredOn`` and the others in one word."""
    return _POWER.get(str(state), 'unknown')


def _times(value: Any, factor: Any = 1, unit: int = _MHZ) -> int | None:
    return None if value is None else int(value) * int(factor or 0) * unit


# Tables


def show_hosts(out: Output, hosts: Sequence[Host]) -> None:
    """A table of hosts, with bars of what is used of them."""
    names, domain = without_domain([host.name for host in hosts])
    rows: list[list[Cell]] = [
        [
            connected(name, host.state),
            Bar(host.cpu_used, host.cpu),
            _of(host.cpu_used, host.cpu, _GHZ),
            Bar(host.memory_used, host.memory),
            _of(host.memory_used, host.memory, _GIB),
            str(host.machines),
        ]
        for name, host in zip(names, hosts, strict=True)
    ]
    out.table(['Host', 'CPU', '>GHz', 'Memory', '>GiB', '>Machines'], rows)
    if domain:
        out.line(f'All of them in {domain}.')


def show_datastores(out: Output, datastores: Sequence[Datastore]) -> None:
    """A table of datastores, with bars of how full they are."""
    rows: list[list[Cell]] = [
        [
            one.name,
            one.kind,
            Bar(one.used, one.capacity),
            size(one.used),
            size(one.free),
            size(one.capacity),
        ]
        for one in datastores
    ]
    out.table(['Datastore', 'Type', 'Space', '>Used', '>Free', '>Capacity'], rows)


def show_machines(out: Output, machines: Sequence[Machine]) -> None:
    """A table of machines."""
    rows: list[list[Cell]] = [
        [
            connected(one.name, one.connection),
            Styled('template', 'dim') if one.template else power_cell(one.power),
            '' if one.cpus is None else str(one.cpus),
            size(one.memory),
            one.host or '',
        ]
        for one in machines
    ]
    out.table(['Machine', 'Power', '>CPUs', '>Memory', 'Host'], rows)


def connected(name: str, state: str) -> Cell:
    """A name, and a state that is not as it should be."""
    return name if state == 'connected' else Styled(f'{name} ({state})', 'warn')


def power_cell(word: str) -> Styled:
    """Whether a machine is on, in its colour."""
    return Styled(word, {'on': 'good', 'off': 'dim'}.get(word, 'warn'))


def without_domain(names: Sequence[str]) -> tuple[list[str], str]:
    """Names without the domain that all of them share, and that domain; ``''`` if they don't."""
    split = [name.partition('.') for name in names]
    domains = {domain for _, _, domain in split}
    if len(domains) != 1 or any(host.isdecimal() for host, _, _ in split):
        return list(names), ''
    return [host for host, _, _ in split], domains.pop()


def _of(used: float | None, total: float | None, unit: float) -> str:
    """``12 of 768``, in a unit."""
    if used is None or not total:
        return ''
    return f'{used / unit:,.0f} of {total / unit:,.0f}'

"""What there is to be measured of machines and hosts: figures by counter and instance.

They are as steady as the quick statistics, and derived from the same numbers.
"""

from __future__ import annotations

import zlib

from oslo_vmware.simulator.objects.host.system import HostSystem
from oslo_vmware.simulator.objects.vm import backings, devices
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import DataObject

KIB = 1024


def machine_figures(vm: Machine) -> dict[tuple[str, str], int]:
    """What a machine does, by counter and instance; nothing unless it runs."""
    if not vm.running:
        return {}
    cpu_mhz, memory_kb = vm.cpu_usage, vm.memory_usage * KIB
    found = {
        ('cpu.usage.average', ''): cpu_mhz * 10000 // (vm.num_cpu * vm.host.model.mhz),
        ('cpu.usagemhz.average', ''): cpu_mhz,
        ('cpu.ready.summation', ''): _own(vm, 'ready', 10, 200),
        ('mem.usage.average', ''): memory_kb * 10000 // (vm.memory_mb * KIB),
        ('mem.active.average', ''): memory_kb // 2,
        ('mem.vmmemctl.average', ''): 0,
        ('mem.consumed.average', ''): memory_kb,
        ('sys.uptime.latest', ''): int((vm.world.now() - vm.boot_time).total_seconds()),  # type: ignore[operator]
    }
    for number in range(vm.num_cpu):
        found['cpu.usagemhz.average', str(number)] = cpu_mhz // vm.num_cpu
    for card in vm.devices:
        if devices.is_network_card(card):
            received = _own(vm, f'received {card.key}', 1, 900)
            transmitted = _own(vm, f'transmitted {card.key}', 1, 900)
            _put(found, 'net.received.average', str(card.key), received)
            _put(found, 'net.transmitted.average', str(card.key), transmitted)
            _put(found, 'net.usage.average', str(card.key), received + transmitted)
    for disk in vm.disks:
        _add_disk(found, vm, disk)
    return found


def _add_disk(found: dict[tuple[str, str], int], vm: Machine, disk: DataObject) -> None:
    controller = next(one for one in vm.devices if one.key == disk.controllerKey)
    slot = f'{_BUS_NAMES.get(controller.wire_type, "scsi")}{controller.busNumber}:{disk.unitNumber}'
    figures = {
        'numberReadAveraged': _own(vm, f'reads {disk.key}', 1, 60),
        'numberWriteAveraged': _own(vm, f'writes {disk.key}', 1, 60),
        'read': _own(vm, f'read {disk.key}', 16, 4000),
        'write': _own(vm, f'written {disk.key}', 16, 4000),
    }
    for name, value in figures.items():
        found[f'virtualDisk.{name}.average', slot] = value
    place = backings.disk_datastore(vm, disk)
    if place.kind != 'VMFS':
        return  # The group is about LUNs, which only VMFS lies on.
    for name, value in figures.items():
        key = (f'disk.{name}.average', place.disk_name)
        found[key] = found.get(key, 0) + value
    rates = figures['read'] + figures['write']
    for name, value in (('read', figures['read']), ('write', figures['write']), ('usage', rates)):
        key = (f'disk.{name}.average', '')
        found[key] = found.get(key, 0) + value


_BUS_NAMES = {
    'VirtualIDEController': 'ide',
    'VirtualAHCIController': 'sata',
    'VirtualNVMEController': 'nvme',
}


def host_figures(host: HostSystem) -> dict[tuple[str, str], int]:
    """What a host does as a whole; nothing while nobody hears of it."""
    if host.connection != 'connected':
        return {}
    stats = host.summary.quickStats
    return {
        ('cpu.usage.average', ''): stats.overallCpuUsage * 10000 // host.cpu_mhz_total,
        ('cpu.usagemhz.average', ''): stats.overallCpuUsage,
        ('mem.usage.average', ''): stats.overallMemoryUsage * KIB * KIB * 10000 // host.memory,
        ('mem.consumed.average', ''): stats.overallMemoryUsage * KIB,
        ('sys.uptime.latest', ''): stats.uptime,
    }


def _put(found: dict[tuple[str, str], int], name: str, device: str, value: int) -> None:
    """Note a figure of a device, and add it to that of the whole."""
    found[name, device] = value
    found[name, ''] = found.get((name, ''), 0) + value


def _own(vm: Machine, what: str, least: int, most: int) -> int:
    """A number from a range that is the machine's own, today and tomorrow."""
    return least + zlib.crc32(f'{vm.uuid} {what}'.encode()) % (most - least + 1)

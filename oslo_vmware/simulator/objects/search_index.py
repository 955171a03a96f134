"""Look-ups of machines and hosts by uuid, address, name, path or file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.host.system import HostSystem
from oslo_vmware.simulator.objects.vm import views
from oslo_vmware.simulator.objects.vm.virtual_machine import VirtualMachine
from oslo_vmware.simulator.world.data import invalid_argument
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed


@managed('SearchIndex')
class SearchIndex(ManagedObject):
    """Finds objects without walking the inventory; what is not there is ``None`` or ``[]``."""

    def __init__(self, world: World) -> None:
        super().__init__(world, 'SearchIndex')

    def _matches(
        self, call: Call, machine: Callable[[Any], bool], host: Callable[[Any], bool]
    ) -> Iterator[ManagedEntity]:
        kind, matches = (VirtualMachine, machine) if call.vmSearch else (HostSystem, host)
        for found in self.world.of_type(kind):
            if matches(found) and (
                call.datacenter is None or found.datacenter.ref == call.datacenter
            ):
                yield from self.world.guard.visible([found])

    def _by_uuid(self, call: Call) -> Iterator[ManagedEntity]:
        wanted = (call.uuid or '').lower()
        which = 'instance_uuid' if call.instanceUuid else 'uuid'
        return self._matches(
            call,
            lambda machine: getattr(machine, which).lower() == wanted,
            lambda host: host.uuid.lower() == wanted,
        )

    def _by_ip(self, call: Call) -> Iterator[ManagedEntity]:
        return self._matches(
            call,
            lambda machine: views.ip_address(machine) == call.ip,
            lambda host: host.ip == call.ip,
        )

    def _by_dns_name(self, call: Call) -> Iterator[ManagedEntity]:
        wanted = (call.dnsName or '').lower()
        return self._matches(
            call,
            lambda machine: machine.tools_running and views.host_name(machine) == wanted,
            lambda host: host.name.lower() == wanted,
        )

    def FindByUuid(self, call: Call) -> ManagedEntity | None:
        return next(self._by_uuid(call), None)

    def FindAllByUuid(self, call: Call) -> list[ManagedEntity]:
        return list(self._by_uuid(call))

    def FindByIp(self, call: Call) -> ManagedEntity | None:
        return next(self._by_ip(call), None)

    def FindAllByIp(self, call: Call) -> list[ManagedEntity]:
        return list(self._by_ip(call))

    def FindByDnsName(self, call: Call) -> ManagedEntity | None:
        return next(self._by_dns_name(call), None)

    def FindAllByDnsName(self, call: Call) -> list[ManagedEntity]:
        return list(self._by_dns_name(call))

    def FindByDatastorePath(self, call: Call) -> ManagedEntity | None:
        datacenter: Any = self.world.get(call.datacenter)
        for machine in self.world.of_type(VirtualMachine):
            if views.vmx_path(machine) == call.path and machine.datacenter is datacenter:
                return self._visible(machine)
        return None

    def FindByInventoryPath(self, call: Call) -> ManagedEntity | None:
        """The object of a path ``datacenter/vm/folder/name``; an empty one is the root folder."""
        found: Any = self.world.root_folder
        for name in (call.inventoryPath or '').strip('/').split('/'):
            if name:
                found = found.child(name)
            if found is None:
                return None
        return self._visible(found)

    def FindChild(self, call: Call) -> ManagedEntity | None:
        entity = self.world.get(call.entity)
        if not isinstance(entity, ManagedEntity):
            raise invalid_argument('entity')
        return self._visible(entity.child(call.name))

    def _visible(self, found: Any) -> ManagedEntity | None:
        """What was found, if whoever asks may know of it."""
        return next(iter(self.world.guard.visible([found])), None) if found is not None else None

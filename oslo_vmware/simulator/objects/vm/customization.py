"""What a guest is told to call itself: a CustomizationSpec, which it takes over when it starts.

The simulated guest shows the host name and the addresses that it was given; of all else in a
specification nothing can be seen from outside.
"""

from __future__ import annotations

from oslo_vmware.simulator.objects.vm import devices, guests
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import DataObject, Fault


def check(vm: Machine, spec: DataObject) -> None:
    """Refuse a CustomizationSpec that does not fit a machine.

    :raises Fault: UncustomizableGuest, NicSettingMismatch, NoDisksToCustomize or
        CustomizationPending
    """
    guest = guests.guest(vm.guest_id)
    if guest.family == 'otherGuestFamily':
        raise Fault(
            'UncustomizableGuest',
            f"Customization of the guest operating system '{guest.id}' is not supported.",
            uncustomizableGuestOS=guest.full_name,
        )
    cards = [device for device in vm.devices if devices.is_network_card(device)]
    settings = spec.nicSettingMap or []
    if settings and len(settings) != len(cards):
        raise Fault(
            'NicSettingMismatch',
            f"The specification is for {len(settings)} network cards, '{vm.name}' has "
            f'{len(cards)}.',
            numberOfNicsInSpec=len(settings),
            numberOfNicsInVM=len(cards),
        )
    if not vm.disks:
        raise Fault('NoDisksToCustomize', f"'{vm.name}' has no disk to customize.")
    if vm.guest_will is not None:
        raise Fault('CustomizationPending', f"'{vm.name}' has not started since the last one.")


def request(vm: Machine, spec: DataObject) -> None:
    """Have a machine's guest take over a specification when it starts next."""
    check(vm, spec)
    vm.update(guest_will=spec)


def take_over(vm: Machine) -> None:
    """What the guest does when it starts, if it has VMware Tools to do it."""
    spec = vm.guest_will
    if spec is None or not vm.tools:
        return
    addresses = (one.adapter.ip.ipAddress for one in spec.nicSettingMap or ())
    vm.update(
        guest_will=None,
        guest_names=(_host_name(vm, spec.identity), [one for one in addresses if one is not None]),
    )


def _host_name(vm: Machine, identity: DataObject) -> str | None:
    wanted = identity.hostName
    if wanted is None and identity.userData is not None:
        wanted = identity.userData.computerName
    if wanted is None:
        return None
    # Names that are not fixed are made of the machine's.
    name = wanted.name or vm.name if wanted.wire_type == 'CustomizationFixedName' else vm.name
    return f'{name}.{identity.domain}' if identity.domain else str(name)

"""Tickets for the console of a machine; nobody answers where they are shown."""

from __future__ import annotations

from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.objects.vm.views import vmx_path
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types

_KINDS = frozenset(
    {
        *('mks', 'device', 'guestControl', 'dnd', 'webmks', 'guestIntegrity'),
        'webRemoteDevice',
    }
)
# Those that a browser shows over a web socket.
_WEB = frozenset({'webmks', 'webRemoteDevice'})

_MKS_PORT = 902
_WEB_PORT = 443


def ticket(vm: Machine, kind: str) -> DataObject:
    """A VirtualMachineTicket.

    :raises Fault: InvalidArgument for an unknown kind, InvalidPowerState
    """
    if kind not in _KINDS:
        raise invalid_argument('ticketType')
    made = vm.world.new_uuid()
    port = _WEB_PORT if kind in _WEB else _MKS_PORT
    return types.VirtualMachineTicket(
        ticket=made,
        url=f'wss://{_host(vm)}:{port}/ticket/{made}' if kind in _WEB else None,
        port=port,
        **_place(vm),
    )


def mks_ticket(vm: Machine) -> DataObject:
    """A VirtualMachineMksTicket, which only servers before 8.0 know as the way to the console.

    :raises Fault: InvalidPowerState
    """
    return types.VirtualMachineMksTicket(ticket=vm.world.new_uuid(), port=_MKS_PORT, **_place(vm))


def _place(vm: Machine) -> dict[str, str]:
    if not vm.running:
        raise Fault(
            'InvalidPowerState',
            f'The attempted operation cannot be performed in the current state ({vm.power_state}).',
            requestedState='poweredOn',
            existingState=vm.power_state,
        )
    return {
        'cfgFile': vmx_path(vm),
        'host': _host(vm),
        'sslThumbprint': vm.host.thumbprint,
    }


def _host(vm: Machine) -> str:
    name: str = vm.host.name
    return name

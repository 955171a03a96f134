"""How OVF calls what vSphere knows by other names: guests, controllers and cards."""

from oslo_vmware.simulator.objects.vm.guests import KNOWN, guest

# CIM numbers of operating systems, by vSphere's names.
_GUESTS = {
    'otherGuest': 1, 'otherLinuxGuest': 36, 'rhel7_64Guest': 80, 'rhel8_64Guest': 80,
    'rhel9_64Guest': 80, 'sles12_64Guest': 85, 'sles15_64Guest': 85, 'ubuntuGuest': 93,
    'ubuntu64Guest': 94, 'debian11_64Guest': 96, 'debian12_64Guest': 96, 'otherLinux64Guest': 101,
    'other5xLinux64Guest': 101, 'otherGuest64': 102, 'windows7Server64Guest': 103,
    'centos7_64Guest': 107, 'centos8_64Guest': 107, 'oracleLinux9_64Guest': 109,
    'windows9Server64Guest': 117, 'windows9_64Guest': 119, 'windows2019srv_64Guest': 120,
    'windows2019srvNext_64Guest': 121,
}  # fmt: skip
_BY_NUMBER = {number: name for name, number in _GUESTS.items()}
_LINUX, _OTHER = 101, 1

#: Types of controllers and cards by their subtypes in small letters, by CIM resource type.
SUBTYPES = {
    5: {'': 'VirtualIDEController'},
    6: {
        '': 'VirtualLsiLogicController',
        'lsilogic': 'VirtualLsiLogicController',
        'buslogic': 'VirtualBusLogicController',
        'lsilogicsas': 'VirtualLsiLogicSASController',
        'virtualscsi': 'ParaVirtualSCSIController',
    },
    10: {
        '': 'VirtualE1000',
        'e1000': 'VirtualE1000',
        'e1000e': 'VirtualE1000e',
        'pcnet32': 'VirtualPCNet32',
        'vmxnet': 'VirtualVmxnet',
        'vmxnet2': 'VirtualVmxnet2',
        'vmxnet3': 'VirtualVmxnet3',
    },
    20: {
        'vmware.sata.ahci': 'VirtualAHCIController',
        'ahci': 'VirtualAHCIController',
        'vmware.nvme.controller': 'VirtualNVMEController',
    },
    23: {'vmware.usb.ehci': 'VirtualUSBController', 'vmware.usb.xhci': 'VirtualUSBXHCIController'},
}
_WRITTEN = {
    'VirtualLsiLogicController': 'lsilogic',
    'VirtualBusLogicController': 'buslogic',
    'VirtualLsiLogicSASController': 'lsilogicsas',
    'ParaVirtualSCSIController': 'VirtualSCSI',
    'VirtualE1000': 'E1000',
    'VirtualE1000e': 'E1000e',
    'VirtualPCNet32': 'PCNet32',
    'VirtualVmxnet': 'Vmxnet',
    'VirtualVmxnet2': 'Vmxnet2',
    'VirtualVmxnet3': 'VmxNet3',
}


def number_of(guest_id: str) -> int:
    """The CIM number of a guest."""
    linux = guest(guest_id).family == 'linuxGuest'
    return _GUESTS.get(guest_id, _LINUX if linux else _OTHER)


def guest_of(number: int) -> str:
    """The guest of a CIM number."""
    return _BY_NUMBER.get(number, 'otherGuest')


def is_known(guest_id: str) -> bool:
    return any(one.id == guest_id for one in KNOWN)


def subtype(wire_type: str) -> tuple[int, str] | None:
    """The CIM resource type and the subtype, as they are written, of a controller or card."""
    for kind, names in SUBTYPES.items():
        for name, found in names.items():
            if found == wire_type:
                return kind, _WRITTEN.get(wire_type, name)
    return None

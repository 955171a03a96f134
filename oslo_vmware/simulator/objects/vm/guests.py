"""What runs in the simulated machines."""

from typing import NamedTuple


class Guest(NamedTuple):
    """An operating system as vSphere knows it."""

    id: str
    full_name: str
    family: str


GUESTS = (
    Guest('ubuntu64Guest', 'Ubuntu Linux (64-bit)', 'linuxGuest'),
    Guest('rhel9_64Guest', 'Red Hat Enterprise Linux 9 (64-bit)', 'linuxGuest'),
    Guest('debian12_64Guest', 'Debian GNU/Linux 12 (64-bit)', 'linuxGuest'),
    Guest('windows2019srvNext_64Guest', 'Microsoft Windows Server 2022 (64-bit)', 'windowsGuest'),
    Guest('sles15_64Guest', 'SUSE Linux Enterprise 15 (64-bit)', 'linuxGuest'),
)

# What machines are also made for; none of the inventory runs it.
_MORE = (
    Guest('otherGuest', 'Other (32-bit)', 'otherGuestFamily'),
    Guest('otherGuest64', 'Other (64-bit)', 'otherGuestFamily'),
    Guest('otherLinuxGuest', 'Other Linux (32-bit)', 'linuxGuest'),
    Guest('otherLinux64Guest', 'Other Linux (64-bit)', 'linuxGuest'),
    Guest('other5xLinux64Guest', 'Other 5.x or later Linux (64-bit)', 'linuxGuest'),
    Guest('ubuntuGuest', 'Ubuntu Linux (32-bit)', 'linuxGuest'),
    Guest('debian11_64Guest', 'Debian GNU/Linux 11 (64-bit)', 'linuxGuest'),
    Guest('rhel7_64Guest', 'Red Hat Enterprise Linux 7 (64-bit)', 'linuxGuest'),
    Guest('rhel8_64Guest', 'Red Hat Enterprise Linux 8 (64-bit)', 'linuxGuest'),
    Guest('centos7_64Guest', 'CentOS 7 (64-bit)', 'linuxGuest'),
    Guest('centos8_64Guest', 'CentOS 8 (64-bit)', 'linuxGuest'),
    Guest('rockylinux_64Guest', 'Rocky Linux (64-bit)', 'linuxGuest'),
    Guest('almalinux_64Guest', 'AlmaLinux (64-bit)', 'linuxGuest'),
    Guest('oracleLinux9_64Guest', 'Oracle Linux 9 (64-bit)', 'linuxGuest'),
    Guest('fedora64Guest', 'Red Hat Fedora (64-bit)', 'linuxGuest'),
    Guest('opensuse64Guest', 'SUSE openSUSE (64-bit)', 'linuxGuest'),
    Guest('sles12_64Guest', 'SUSE Linux Enterprise 12 (64-bit)', 'linuxGuest'),
    Guest('coreos64Guest', 'CoreOS Linux (64-bit)', 'linuxGuest'),
    Guest('vmwarePhoton64Guest', 'VMware Photon OS (64-bit)', 'linuxGuest'),
    Guest('freebsd13_64Guest', 'FreeBSD 13 (64-bit)', 'otherGuestFamily'),
    Guest('windows7Server64Guest', 'Microsoft Windows Server 2008 R2 (64-bit)', 'windowsGuest'),
    Guest('windows9Server64Guest', 'Microsoft Windows Server 2016 (64-bit)', 'windowsGuest'),
    Guest('windows2019srv_64Guest', 'Microsoft Windows Server 2019 (64-bit)', 'windowsGuest'),
    Guest('windows9_64Guest', 'Microsoft Windows 10 (64-bit)', 'windowsGuest'),
    Guest('windows11_64Guest', 'Microsoft Windows 11 (64-bit)', 'windowsGuest'),
)
KNOWN = (*GUESTS, *_MORE)

_OTHER = Guest('otherGuest', 'Other (32-bit)', 'otherGuestFamily')
_BY_ID = {guest.id: guest for guest in KNOWN}


def guest(guest_id: str | None) -> Guest:
    """The operating system of an id; one that is not listed is described by its id."""
    if guest_id is None:
        return _OTHER
    return _BY_ID.get(guest_id, _OTHER._replace(id=guest_id, full_name=guest_id))

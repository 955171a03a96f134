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

_OTHER = Guest('otherGuest', 'Other (32-bit)', 'otherGuestFamily')
_BY_ID = {guest.id: guest for guest in GUESTS}


def guest(guest_id: str | None) -> Guest:
    """The operating system of an id; one that is not listed is described by its id."""
    if guest_id is None:
        return _OTHER
    return _BY_ID.get(guest_id, _OTHER._replace(id=guest_id, full_name=guest_id))

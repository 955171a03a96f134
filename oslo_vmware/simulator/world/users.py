"""Who may log in, and which groups they belong to.

There is one administrator, and whoever else the simulator is given; these may do only what
permissions grant them. Names ignore case, and come as ``name@domain`` or ``DOMAIN\\name``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

DOMAIN = 'VSPHERE.LOCAL'
ADMINISTRATORS = f'{DOMAIN}\\Administrators'
_EVERYBODY = (f'{DOMAIN}\\Everyone', f'{DOMAIN}\\Users')
_OTHER_GROUPS = tuple(
    f'{DOMAIN}\\{name}'
    for name in (
        'ActAsUsers',
        'CAAdmins',
        'DCAdmins',
        'LicenseService.Administrators',
        'ReadOnlyUsers',
        'SolutionUsers',
        'SystemConfiguration.Administrators',
        'TrustedAdmins',
    )
)
# Is there without being able to log in here: the appliance's own.
_ROOT = 'root'


def server_spelling(user_name: str) -> str:
    """How the server writes a user: ``administrator@vsphere.local`` is
    ``VSPHERE.LOCAL\\Administrator``.
    """
    user, at, domain = user_name.partition('@')
    return f'{domain.upper()}\\{user.capitalize()}' if at else user_name


class Principal(NamedTuple):
    """A user or a group.

    :ivar name: as the server spells it
    """

    name: str
    group: bool

    @property
    def domain(self) -> str:
        return self.name.rpartition('\\')[0]


class Users:
    """The users and groups of a server.

    :param administrator: who may do everything
    :param others: further users with their passwords
    :ivar password: of the administrator, as the next login needs it
    """

    def __init__(self, administrator: str, password: str, others: Mapping[str, str]) -> None:
        self.administrator = server_spelling(administrator)
        self.password = password
        self._others = {server_spelling(name): secret for name, secret in others.items()}

    def __iter__(self) -> Iterator[Principal]:
        for name in dict.fromkeys((self.administrator, *self._others, _ROOT)):
            yield Principal(name, group=False)
        for name in (ADMINISTRATORS, *_EVERYBODY, *_OTHER_GROUPS):
            yield Principal(name, group=True)

    def find(self, name: str, group: bool) -> Principal | None:
        """The user or group that somebody means."""
        wanted = {name.lower(), server_spelling(name).lower()}
        return next(
            (one for one in self if one.group == group and one.name.lower() in wanted), None
        )

    def authenticate(self, name: str, password: str) -> str | None:
        """How the server spells a user; None when name or password is wrong."""
        found = self.find(name, group=False)
        if found is None:
            return None
        if found.name == self.administrator:
            return found.name if password == self.password else None
        return found.name if self._others.get(found.name) == password else None

    def groups_of(self, user: str) -> tuple[str, ...]:
        """The groups that a user, as the server spells it, belongs to."""
        return (*_EVERYBODY, ADMINISTRATORS) if user == self.administrator else _EVERYBODY

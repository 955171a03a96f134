"""The guests of machines: who may do something in one, and what is kept of it.

A guest is made when somebody first looks into it, and goes with its machine.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from oslo_vmware.simulator.objects.guest.file_system import FileSystem
from oslo_vmware.simulator.objects.guest.processes import Processes
from oslo_vmware.simulator.objects.vm import guests, views
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument
from oslo_vmware.simulator.world.registry import ManagedObject, World

_SUPERUSERS = ('root', 'administrator')


@dataclasses.dataclass
class Guest:
    """What is in one guest.

    :ivar booted: when the processes began to run
    """

    files: FileSystem
    processes: Processes
    booted: datetime.datetime | None


@dataclasses.dataclass
class Login:
    """Somebody at work in a guest."""

    guest: Guest
    user: str

    @property
    def home(self) -> str:
        if self.guest.files.windows:
            return f'C:/Users/{self.user}'
        return '/root' if self.user == 'root' else f'/home/{self.user}'

    @property
    def is_superuser(self) -> bool:
        return self.user.lower() in _SUPERUSERS

    def check_change(self, path: str) -> None:
        """Refuse to change what is not the user's.

        :raises Fault: GuestPermissionDenied
        """
        files = self.guest.files
        own = (files.temporary, '/var/tmp', self.home)
        found = files.find(path)
        mine = found is not None and found.owner == self.user
        if (
            not self.is_superuser
            and not mine
            and not path.startswith(tuple(f'{one}/' for one in own))
        ):
            raise Fault(
                'GuestPermissionDenied',
                f"The user '{self.user}' may not change '{files.shown(path)}'.",
            )


class Guests:
    """All guests.

    :ivar passwords: of users in the guests. As long as nobody has set any, each user may have any
        password but an empty one
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.passwords: dict[str, str] = {}

    def login(self, vm: Ref, auth: DataObject) -> Login:
        """Log in to the guest of a machine.

        :raises Fault: InvalidPowerState, GuestOperationsUnavailable, InvalidGuestLogin,
            OperationNotSupportedByGuest
        """
        machine: Any = self._world.get(vm)
        if not machine.running:
            raise Fault(
                'InvalidPowerState',
                'The attempted operation cannot be performed in the current state '
                f'({machine.power_state}).',
                requestedState='poweredOn',
                existingState=machine.power_state,
            )
        if not machine.tools_running:
            raise Fault(
                'GuestOperationsUnavailable', 'The guest operations agent could not be contacted.'
            )
        if auth.wire_type != 'NamePasswordAuthentication':
            raise Fault('OperationNotSupportedByGuest', 'Only names and passwords are known.')
        if not self._may(auth.username, auth.password):
            raise Fault(
                'InvalidGuestLogin', 'Failed to authenticate with the guest operating system.'
            )
        return Login(self._of(machine), auth.username)

    def _may(self, user: str | None, password: str | None) -> bool:
        if not user or not password:
            return False
        return not self.passwords or self.passwords.get(user) == password

    def _of(self, vm: Machine) -> Guest:
        guest: Guest | None = vm.inside
        if guest is None:
            windows = guests.guest(vm.guest_id).family == 'windowsGuest'
            files = FileSystem(windows, views.host_name(vm), vm.created)
            guest = vm.inside = Guest(files, Processes(self._world, windows), None)
        if guest.booted != vm.boot_time:
            # Nothing that ran has lived through the boot.
            guest.booted = vm.boot_time
            guest.processes = Processes(self._world, guest.files.windows)
        return guest


class InGuests(ManagedObject):
    """What the managers of guests share."""

    def __init__(self, world: World, moid: str, guests: Guests) -> None:
        self.guests = guests
        super().__init__(world, moid)

    def login(self, call: Any) -> Login:
        if call.auth is None:
            raise invalid_argument('auth')
        return self.guests.login(call.vm, call.auth)

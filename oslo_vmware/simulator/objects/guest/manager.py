"""The managers of guests: of logins and processes, and the one that leads to all."""

from __future__ import annotations

from oslo_vmware.simulator.objects.guest.file_manager import GuestFileManager
from oslo_vmware.simulator.objects.guest.guests import Guests, InGuests, Login
from oslo_vmware.simulator.world.data import DataObject, Fault
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed


@managed('GuestAuthManager')
class GuestAuthManager(InGuests):
    """Says whether a login is good."""

    def ValidateCredentialsInGuest(self, call: Call) -> None:
        self.login(call)


@managed('GuestProcessManager')
class GuestProcessManager(InGuests):
    """Starts, lists and ends processes."""

    def StartProgramInGuest(self, call: Call) -> int:
        login = self.login(call)
        files, spec = login.guest.files, call.spec
        program = files.path(spec.programPath, 'spec.programPath')
        if files.file(program).read_only and not login.is_superuser:
            raise Fault('GuestPermissionDenied', f"'{spec.programPath}' may not be started.")
        if spec.workingDirectory:
            files.directory(files.path(spec.workingDirectory, 'spec.workingDirectory'))
        return login.guest.processes.start(spec.programPath, spec.arguments or '', login.user)

    def ListProcessesInGuest(self, call: Call) -> list[DataObject]:
        return self.login(call).guest.processes.listed(call.pids or [])

    def TerminateProcessInGuest(self, call: Call) -> None:
        login = self.login(call)
        process = login.guest.processes.running(call.pid)
        if process.owner != login.user and not login.is_superuser:
            raise Fault('GuestPermissionDenied', f"The user '{login.user}' may not end {call.pid}.")
        login.guest.processes.terminate(process)

    def ReadEnvironmentVariableInGuest(self, call: Call) -> list[str]:
        variables = _environment(self.login(call))
        names = call.names or list(variables)
        return [f'{name}={variables[name]}' for name in names if name in variables]


def _environment(login: Login) -> dict[str, str]:
    files = login.guest.files
    if files.windows:
        return {
            'OS': 'Windows_NT',
            'PATH': 'C:\\Windows\\system32;C:\\Windows',
            'TEMP': files.shown(files.temporary),
            'USERNAME': login.user,
            'USERPROFILE': files.shown(login.home),
        }
    return {
        'HOME': login.home,
        'LANG': 'C.UTF-8',
        'PATH': '/usr/bin:/bin',
        'SHELL': '/bin/bash',
        'USER': login.user,
    }


@managed('GuestOperationsManager')
class GuestOperationsManager(ManagedObject):
    """Leads to the managers of logins, files and processes."""

    def __init__(self, world: World, guests: Guests, transfers: GuestFileManager) -> None:
        self.authManager = GuestAuthManager(world, 'guestOperationsAuthManager', guests)
        self.processManager = GuestProcessManager(world, 'guestOperationsProcessManager', guests)
        self.fileManager = transfers
        super().__init__(world, 'guestOperationsManager')

"""Files and processes in guests, as pyVmomi's users work with VMware Tools."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.vsphere import Client, connected, done

GUEST = vim.vm.guest
FAULT = vim.fault
ROOT = GUEST.NamePasswordAuthentication(username='root', password='x', interactiveSession=False)
ALICE = GUEST.NamePasswordAuthentication(username='alice', password='x', interactiveSession=False)
NOTHING = GUEST.FileManager.FileAttributes()
LINUX, WINDOWS = 'ubuntu64Guest', 'windows2019srvNext_64Guest'


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(vms=12)) as made:
        yield made


def running(client: Client, guest: str, tools: bool = True) -> Any:
    """A machine that runs such a guest."""
    config = vim.vm.ConfigSpec(guestId=guest)
    machine = next(
        one
        for one in client.all(vim.VirtualMachine)
        if (one.guest.toolsStatus != 'toolsNotInstalled') is tools and one.config.template is False
    )
    if machine.runtime.powerState == 'poweredOn':
        done(machine.PowerOffVM_Task())
    done(machine.ReconfigVM_Task(config))
    done(machine.PowerOnVM_Task())
    return machine


class Guest:
    """The managers, for one machine and one user."""

    def __init__(self, client: Client, machine: Any, auth: Any = ROOT) -> None:
        self.client = client
        self.machine = machine
        self.auth = auth
        manager = client.content.guestOperationsManager
        self.files, self.processes = manager.fileManager, manager.processManager
        self.validate = manager.authManager.ValidateCredentialsInGuest

    def file(self, operation: str, *arguments: Any) -> Any:
        return getattr(self.files, operation)(self.machine, self.auth, *arguments)

    def process(self, operation: str, *arguments: Any) -> Any:
        return getattr(self.processes, operation)(self.machine, self.auth, *arguments)

    def send(self, method: str, url: str, **options: Any) -> requests.Response:
        assert url.startswith(f'{self.client.vc.url}/guestFile?')
        with requests.Session() as session:
            session.trust_env = False
            verify = self.client.vc.cacert
            return session.request(method, url, verify=verify, timeout=30, **options)

    def put(
        self, path: str, data: bytes, *, overwrite: bool = False, attributes: Any = NOTHING
    ) -> Any:
        url = self.file('InitiateFileTransferToGuest', path, attributes, len(data), overwrite)
        answer = self.send('PUT', url, data=data)
        assert answer.status_code == 200, answer.text
        return url

    def get(self, path: str) -> bytes:
        found = self.file('InitiateFileTransferFromGuest', path)
        content = self.send('GET', found.url).content
        assert len(content) == found.size
        return content

    def names(self, path: str, *more: Any) -> list[str]:
        return [one.path for one in self.file('ListFilesInGuest', path, *more).files]

    def start(self, path: str, arguments: str = '', **more: Any) -> int:
        spec = GUEST.ProcessManager.ProgramSpec(programPath=path, arguments=arguments, **more)
        return int(self.process('StartProgramInGuest', spec))

    def ended(self, pid: int) -> Any:
        """What is told of a process once it has ended."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            (found,) = self.process('ListProcessesInGuest', [pid])
            if found.endTime is not None:
                return found
            time.sleep(0.005)
        raise AssertionError(f'{pid} runs for ever')


@pytest.fixture(scope='module')
def linux(client: Client) -> Guest:
    return Guest(client, running(client, LINUX))


@pytest.fixture
def alice(linux: Guest) -> Guest:
    return Guest(linux.client, linux.machine, ALICE)


def test_a_file_goes_in_and_out(linux: Guest) -> None:
    """What is put into a guest by the URL of a transfer comes out again by another."""
    attributes = GUEST.FileManager.PosixFileAttributes(permissions=0o600, ownerId=7)
    url = linux.put('/tmp/in.bin', b'\0data', attributes=attributes)
    assert linux.get('/tmp/in.bin') == b'\0data'
    found = linux.file('InitiateFileTransferFromGuest', '/tmp/in.bin')
    assert (found.size, found.attributes.permissions, found.attributes.ownerId) == (5, 0o600, 7)
    # A URL is for one transfer, in one direction.
    assert linux.send('PUT', url, data=b'again').status_code == 404
    assert linux.send('PUT', found.url, data=b'other').status_code == 405
    with pytest.raises(FAULT.FileAlreadyExists):
        linux.put('/tmp/in.bin', b'more')
    linux.put('/tmp/in.bin', b'more', overwrite=True)
    assert linux.get('/tmp/in.bin') == b'more'
    wrong = linux.file('InitiateFileTransferToGuest', '/tmp/short', NOTHING, 10, False)
    assert linux.send('PUT', wrong, data=b'short').status_code == 400
    linux.file('DeleteFileInGuest', '/tmp/in.bin')
    with pytest.raises(FAULT.FileNotFound):
        linux.get('/tmp/in.bin')


def test_directories_come_and_go(linux: Guest) -> None:
    """Directories are made with those above, moved with all in them, and removed."""
    with pytest.raises(FAULT.FileNotFound):
        linux.file('MakeDirectoryInGuest', '/tmp/a/b', False)
    linux.file('MakeDirectoryInGuest', '/tmp/a/b', True)
    with pytest.raises(FAULT.FileAlreadyExists):
        linux.file('MakeDirectoryInGuest', '/tmp/a/b', True)
    linux.put('/tmp/a/b/c', b'c')
    with pytest.raises(FAULT.DirectoryNotEmpty):
        linux.file('DeleteDirectoryInGuest', '/tmp/a', False)
    with pytest.raises(vmodl.fault.InvalidArgument):
        linux.file('MoveDirectoryInGuest', '/tmp/a', '/tmp/a/b/d')
    linux.file('MoveDirectoryInGuest', '/tmp/a', '/tmp/z')
    assert linux.get('/tmp/z/b/c') == b'c'
    linux.file('DeleteDirectoryInGuest', '/tmp/z', True)
    assert 'z' not in linux.names('/tmp')


def test_files_are_moved(linux: Guest) -> None:
    """A file moves to a name or into a directory, over another one only if that is wanted."""
    linux.put('/tmp/one', b'1')
    linux.put('/tmp/two', b'2')
    with pytest.raises(FAULT.FileAlreadyExists):
        linux.file('MoveFileInGuest', '/tmp/one', '/tmp/two', False)
    linux.file('MoveFileInGuest', '/tmp/one', '/tmp/two', True)
    assert linux.get('/tmp/two') == b'1'
    linux.file('MoveFileInGuest', '/tmp/two', '/var/tmp', False)
    assert linux.get('/var/tmp/two') == b'1'
    with pytest.raises(FAULT.NotAFile):
        linux.file('MoveFileInGuest', '/var/tmp', '/tmp/x', False)
    linux.file('DeleteFileInGuest', '/var/tmp/two')


def test_listing(linux: Guest) -> None:
    """A directory is listed by pages and by pattern, a file alone."""
    assert linux.names('/')[:2] == ['.', '..']
    assert {'etc', 'tmp', 'usr'} <= set(linux.names('/'))
    assert linux.names('/etc', 0, 50, 'host') == ['hostname', 'hosts']
    page = linux.file('ListFilesInGuest', '/bin', 2, 3)
    assert [one.path for one in page.files] == ['bash', 'cat', 'chmod']
    assert page.remaining == len(linux.names('/bin')) - 5
    (single,) = linux.file('ListFilesInGuest', '/etc/hostname').files
    assert (single.path, single.type, single.size > 1) == ('/etc/hostname', 'file', True)
    assert linux.get('/etc/hostname').decode().strip() == linux.machine.guest.hostName
    for wrong in (('etc',), ('/etc', 0, 5, '('), ('/etc', -1)):
        with pytest.raises(vmodl.fault.InvalidArgument):
            linux.names(*wrong)


def test_temporary_files(linux: Guest) -> None:
    """They have names that nothing else has, where the guest or the client wants them."""
    first = linux.file('CreateTemporaryFileInGuest', 'a', '.txt', None)
    second = linux.file('CreateTemporaryFileInGuest', 'a', '.txt', None)
    assert first != second
    assert re.fullmatch(r'/tmp/a\d+\.txt', first)
    there = linux.file('CreateTemporaryDirectoryInGuest', 'd', '', '/var/tmp')
    assert there.startswith('/var/tmp/d')
    assert linux.file('CreateTemporaryFileInGuest', '', '', there).startswith(f'{there}/')


def test_attributes_change(linux: Guest) -> None:
    """What is set of a file's attributes changes, the rest stays."""
    linux.put('/tmp/attributes', b'')
    wanted = GUEST.FileManager.PosixFileAttributes(permissions=0o4755)
    linux.file('ChangeFileAttributesInGuest', '/tmp/attributes', wanted)
    (found,) = linux.file('ListFilesInGuest', '/tmp/attributes').files
    assert (found.attributes.permissions, found.attributes.ownerId) == (0o4755, 0)


def test_users_have_their_places(linux: Guest, alice: Guest) -> None:
    """Who is no administrator changes nothing but their own."""
    alice.put('/tmp/alice', b'a')
    linux.put('/tmp/root', b'r')
    for change in (
        lambda: alice.put('/etc/passwd', b'a'),
        lambda: alice.file('DeleteFileInGuest', '/etc/hosts'),
        lambda: alice.file('MakeDirectoryInGuest', '/opt', False),
        lambda: alice.process('TerminateProcessInGuest', 1),
    ):
        with pytest.raises(FAULT.GuestPermissionDenied):
            change()
    linux.file('DeleteFileInGuest', '/tmp/alice')


@pytest.mark.parametrize(
    ('program', 'arguments', 'code'),
    [
        ('/bin/true', '', 0),
        ('/bin/false', '', 1),
        ('/bin/bash', '-c "exit 7"', 7),
        ('/bin/sh', '-c "/bin/false --loudly"', 1),
        ('/usr/bin/python3', '-c "print(1)"', 0),
        ('/bin/sleep', 'long', 2),
    ],
)
def test_programs_end(linux: Guest, program: str, arguments: str, code: int) -> None:
    """A program runs for a moment, and its end and exit code are seen afterwards."""
    found = linux.ended(linux.start(program, arguments, workingDirectory='/tmp'))
    assert (found.exitCode, found.owner) == (code, 'root')
    assert found.cmdLine == f'"{program}" {arguments}'.strip()
    assert found.endTime >= found.startTime


def test_processes_are_ended(linux: Guest) -> None:
    """What runs is listed and can be ended, once."""
    names = [one.name for one in linux.process('ListProcessesInGuest')]
    assert {'systemd', 'vmtoolsd'} <= set(names)
    pid = linux.start('/bin/sleep', '1000')
    (found,) = linux.process('ListProcessesInGuest', [pid])
    assert (found.name, found.endTime, found.exitCode) == ('sleep', None, None)
    linux.process('TerminateProcessInGuest', pid)
    assert linux.ended(pid).exitCode == -1
    with pytest.raises(FAULT.GuestProcessNotFound) as raised:
        linux.process('TerminateProcessInGuest', pid)
    assert raised.value.pid == pid
    with pytest.raises(FAULT.FileNotFound):
        linux.start('/bin/nothing')
    with pytest.raises(FAULT.NotADirectory):
        linux.start('/bin/true', workingDirectory='/etc/hosts')


def test_the_environment_is_read(linux: Guest, alice: Guest) -> None:
    """By name, or all; a name that is not there is left out."""
    assert linux.process('ReadEnvironmentVariableInGuest', ['HOME', 'NO']) == ['HOME=/root']
    assert 'HOME=/home/alice' in alice.process('ReadEnvironmentVariableInGuest')


def test_who_may_log_in(client: Client, linux: Guest) -> None:
    """An empty password is wrong, and where passwords were set, so is every other one."""
    linux.validate(linux.machine, ROOT)
    empty = GUEST.NamePasswordAuthentication(username='root', password='', interactiveSession=False)
    with pytest.raises(FAULT.InvalidGuestLogin):
        linux.validate(linux.machine, empty)
    client.vc.guests.passwords['root'] = 'secret'
    try:
        with pytest.raises(FAULT.InvalidGuestLogin):
            linux.names('/')
        good = GUEST.NamePasswordAuthentication(
            username='root', password='secret', interactiveSession=False
        )
        assert Guest(client, linux.machine, good).names('/')
    finally:
        client.vc.guests.passwords.clear()
    ticket = GUEST.TicketedSessionAuthentication(ticket='t', interactiveSession=False)
    with pytest.raises(FAULT.OperationNotSupportedByGuest):
        linux.validate(linux.machine, ticket)


def test_windows_writes_paths_its_way() -> None:
    """Its paths begin with a drive, have backslashes, and their case does not matter."""
    with connected(Inventory(vms=12)) as client:
        guest = Guest(client, running(client, WINDOWS))
        guest.put('C:\\Temp\\A.txt', b'a')
        assert guest.get('c:/temp/a.TXT') == b'a'
        assert guest.names('C:\\Temp') == ['.', '..', 'A.txt']
        assert {'Windows', 'Users', 'Temp'} <= set(guest.names('C:\\'))
        (found,) = guest.file('ListFilesInGuest', 'C:\\Temp\\A.txt').files
        assert (found.path, found.attributes.hidden) == ('C:\\Temp\\A.txt', False)
        made = guest.file('CreateTemporaryFileInGuest', 'x', '', None)
        assert made.startswith('C:\\Windows\\Temp\\x')
        guest.ended(guest.start('C:\\Windows\\System32\\cmd.exe', '/c dir'))
        assert 'OS=Windows_NT' in guest.process('ReadEnvironmentVariableInGuest')
        with pytest.raises(vmodl.fault.InvalidArgument):
            guest.names('/tmp')


def test_guests_that_cannot_be_reached(client: Client) -> None:
    """Without Tools there is nobody to ask; what was put in is there after the machine was off."""
    silent = Guest(client, running(client, LINUX, tools=False))
    with pytest.raises(FAULT.GuestOperationsUnavailable):
        silent.names('/')
    guest = Guest(client, running(client, LINUX))
    guest.put('/tmp/stays', b's')
    pid = guest.start('/bin/sleep', '1000')
    done(guest.machine.PowerOffVM_Task())
    with pytest.raises(FAULT.InvalidPowerState):
        guest.names('/')
    done(guest.machine.PowerOnVM_Task())
    assert guest.get('/tmp/stays') == b's'
    assert not guest.process('ListProcessesInGuest', [pid])

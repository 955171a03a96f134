"""``put``, ``cp`` and ``fetch``: files on datastores, whole or not there."""

from __future__ import annotations

import errno
import hashlib
import os
import pathlib
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from oslo_vmware.cli.files import interruption, local, places
from oslo_vmware.simulator import Inventory, VCenterSimulator

from .conftest import Ran, Run, environment_of, run_command

DATA = bytes(range(256)) * 4001
DIGEST = hashlib.sha256(DATA).hexdigest()
WRONG = '0' * 64


@pytest.fixture(scope='module')
def vc() -> Iterator[VCenterSimulator]:
    """A vCenter whose files the tests of this module make and break."""
    with VCenterSimulator(task_seconds=0.0, inventory=Inventory(datacenters=2)) as simulator:
        yield simulator
    assert simulator.errors == []


class Stores:
    """The datastores of the first datacenter, by the back door."""

    def __init__(self, vc: VCenterSimulator) -> None:
        objects = vc.world.objects.values()
        self.vc = vc
        self.datacenter: Any = next(one for one in objects if one.wire_type == 'Datacenter')
        self.names = [one.name for one in self.datacenter.datastore]
        self._volumes = [vc.world.files.of(one) for one in self.datacenter.datastore]

    def text(self, path: str, number: int = 0) -> str:
        return f'[{self.names[number]}] {path}'

    def write(self, path: str, data: bytes = DATA, number: int = 0) -> str:
        self._volumes[number].write(path, data)
        return self.text(path, number)

    def read(self, path: str, number: int = 0) -> bytes:
        return pathlib.Path(self._volumes[number].real(path)).read_bytes()

    def names_in(self, folder: str, number: int = 0) -> list[str]:
        volume = self._volumes[number]
        return sorted(volume.names(folder)) if volume.is_directory(folder) else []

    def make(self, folder: str, number: int = 0) -> str:
        self._volumes[number].make_directory(folder, parents=True)
        return folder


@pytest.fixture(scope='module')
def stores(vc: VCenterSimulator) -> Stores:
    return Stores(vc)


@pytest.fixture
def folder(stores: Stores, request: pytest.FixtureRequest) -> str:
    """A folder of the test's own on the first two datastores."""
    name = ''.join(char if char.isalnum() else '-' for char in request.node.name)
    stores.make(name, 1)
    return stores.make(name)


@pytest.fixture
def image(tmp_path: pathlib.Path) -> str:
    path = tmp_path / 'image.iso'
    path.write_bytes(DATA)
    return str(path)


@pytest.fixture(autouse=True)
def no_faults(vc: VCenterSimulator) -> Iterator[None]:
    yield
    vc.faults.clear()


# put


@pytest.mark.parametrize('more', [[], ['--verify'], ['--sha256', DIGEST.upper()]])
@pytest.mark.parametrize('is_one_word', [True, False])
def test_put(
    run: Run, stores: Stores, folder: str, image: str, more: list[str], is_one_word: bool
) -> None:
    """The file is there with all of its bytes, and nothing else is; its SHA-256 is told."""
    place = stores.text(f'{folder}/a b%20c.iso')
    words = [place] if is_one_word else place.split(' ', 1)
    ran = run('put', image, *words, *more)
    assert (ran.code, ran.err) == (0, '')
    assert DIGEST in ran.out
    assert place in ran.out
    assert stores.names_in(folder) == ['a b%20c.iso']
    assert stores.read(f'{folder}/a b%20c.iso') == DATA


def test_put_as_data(run: Run, stores: Stores, folder: str, image: str) -> None:
    """For programs, in one document."""
    place = stores.text(f'{folder}/x')
    found = run('put', image, place, '--json').data
    assert found.pop('seconds') > 0
    assert found == {'file': image, 'place': place, 'bytes': len(DATA), 'sha256': DIGEST}


def test_an_empty_file(run: Run, stores: Stores, folder: str, tmp_path: pathlib.Path) -> None:
    """Goes there and back as any other."""
    (tmp_path / 'empty').touch()
    place = stores.text(f'{folder}/empty')
    assert run('put', str(tmp_path / 'empty'), place, '--verify').code == 0
    assert run('fetch', place, str(tmp_path / 'back')).code == 0
    assert (tmp_path / 'back').read_bytes() == b''


def test_put_replaces_nothing_unless_told(
    run: Run, stores: Stores, folder: str, image: str
) -> None:
    """Without --force what is there stays, and not a byte is sent."""
    place = stores.write(f'{folder}/x', b'old')
    sent = len(stores.vc.transfers)
    ran = run('put', image, place)
    assert (ran.code, 'is a file' in ran.err, '--force' in ran.err) == (1, True, True)
    assert len(stores.vc.transfers) == sent
    assert stores.read(f'{folder}/x') == b'old'
    assert run('put', image, place, '--force').code == 0
    assert stores.read(f'{folder}/x') == DATA
    assert stores.names_in(folder) == ['x']


def test_a_file_that_comes_up_meanwhile(
    run: Run, stores: Stores, folder: str, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not replaced either, and ours is cleared away."""
    upload = places.Files._upload

    def and_somebody_else(self: Any, *args: Any) -> None:
        upload(self, *args)
        stores.write(f'{folder}/x', b'theirs')

    monkeypatch.setattr(places.Files, '_upload', and_somebody_else)
    assert run('put', image, stores.text(f'{folder}/x')).code == 1
    assert stores.names_in(folder) == ['x']
    assert stores.read(f'{folder}/x') == b'theirs'


def test_put_makes_folders_if_told(run: Run, stores: Stores, folder: str, image: str) -> None:
    """With --parents, whether they are there or not."""
    place = stores.text(f'{folder}/new/er/x')
    ran = run('put', image, place)
    assert (ran.code, '--parents' in ran.err) == (4, True)
    for _each in range(2):
        assert run('put', image, place, '--parents', '--force').code == 0
    assert stores.read(f'{folder}/new/er/x') == DATA


FAULTS = {
    'cut': lambda vc: vc.faults.drop('PUT /folder/*', after_bytes=300_000),
    'full': lambda vc: vc.faults.http('PUT /folder/*', status=507),
    'answer lost': lambda vc: vc.faults.drop('PUT /folder/*', after=True),
    'half of it': lambda vc: vc.faults.end_early('PUT /folder/*', after_bytes=300_000),
    'cannot be renamed': lambda vc: vc.faults.fail_task('MoveDatastoreFile_Task', 'FileFault'),
    'no session': lambda vc: vc.faults.on('MoveDatastoreFile_Task', 'NoPermission'),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_put_that_fails(run: Run, stores: Stores, folder: str, image: str, fault: str) -> None:
    """The command says so, and nothing of it is left on the datastore."""
    FAULTS[fault](stores.vc)
    ran = run('put', image, stores.text(f'{folder}/x'), '--verify')
    assert ran.code in (1, 3)
    assert ran.err
    assert DIGEST not in ran.out
    assert stores.names_in(folder) == []


@pytest.mark.parametrize('is_done', [True, False])
def test_a_lost_answer_to_the_last_call(
    run: Run, stores: Stores, folder: str, image: str, is_done: bool
) -> None:
    """It is looked whether the file was renamed: it is there, or there is nothing."""
    stores.vc.faults.drop('MoveDatastoreFile_Task', after=is_done)
    ran = run('put', image, stores.text(f'{folder}/x'))
    assert (ran.code, stores.names_in(folder)) == ((0, ['x']) if is_done else (1, [])), ran.err


def test_what_cannot_be_cleared_away_is_told(
    run: Run, stores: Stores, folder: str, image: str
) -> None:
    """By name, so that somebody else can."""
    stores.vc.faults.fail_task('MoveDatastoreFile_Task', 'FileFault')
    stores.vc.faults.fail_task('DeleteDatastoreFile_Task', 'FileFault')
    ran = run('put', image, stores.text(f'{folder}/x'))
    (left,) = stores.names_in(folder)
    assert ran.code == 1
    assert f'{left} may have been left behind' in ran.err


def test_put_compares_before_and_after(
    run: Run, stores: Stores, folder: str, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file than was meant is not sent; what arrived as something else is not kept."""
    sent = len(stores.vc.transfers)
    ran = run('put', image, stores.text(f'{folder}/x'), '--sha256', WRONG)
    assert (ran.code, DIGEST in ran.err) == (1, True)
    assert len(stores.vc.transfers) == sent
    download = places.Files._download

    def spoiled(self: Any, place: Any, write: Any, progress: Any) -> None:
        download(self, place, lambda data: write(data[:-1]), progress)

    monkeypatch.setattr(places.Files, '_download', spoiled)
    ran = run('put', image, stores.text(f'{folder}/x'), '--verify')
    assert (ran.code, 'what arrived' in ran.err) == (1, True)
    assert stores.names_in(folder) == []


def test_a_file_that_changes_while_it_is_put(
    run: Run, stores: Stores, folder: str, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and there is nothing; a checksum that is told is that of what was sent."""
    read = local.Source.read

    def after_somebody_else(self: Any, size: int) -> bytes:
        os.utime(image, ns=(0, 0))
        return read(self, size)

    monkeypatch.setattr(local.Source, 'read', after_somebody_else)
    ran = run('put', image, stores.text(f'{folder}/x'))
    assert (ran.code, ran.out, 'has changed while it was read' in ran.err) == (1, '', True)
    assert stores.names_in(folder) == []


@pytest.mark.parametrize('at', ['_upload', '_download', '_perform'])
def test_ctrl_c_leaves_nothing(
    run: Run, stores: Stores, folder: str, image: str, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Wherever it comes: while data moves, while it is compared, before it is renamed."""
    original = getattr(places.Files, at)

    def interrupted(self: Any, *args: Any, **kwargs: Any) -> Any:
        if at == '_perform' and args[0] != 'MoveDatastoreFile_Task':
            return original(self, *args, **kwargs)
        if at == '_upload':
            moved: list[int] = []

            def press(done: int, total: int | None) -> None:
                moved.append(done)
                raise KeyboardInterrupt

            return original(self, args[0], args[1], press)
        raise KeyboardInterrupt

    monkeypatch.setattr(places.Files, at, interrupted)
    ran = run('put', image, stores.text(f'{folder}/x'), '--verify')
    assert (ran.code, ran.out) == (130, '')
    assert stores.names_in(folder) == []


@pytest.fixture
def signals() -> Iterator[None]:
    """Have them do what they usually do, also where whoever runs the tests does not."""
    usual = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    after = {number: signal.signal(number, handler) for number, handler in before.items()}
    assert after == usual


@pytest.mark.usefixtures('signals')
@pytest.mark.parametrize(('times', 'left'), [(1, 0), (2, 1)])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_ctrl_c(
    run: Run, stores: Stores, folder: str, image: str, monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals, times: int, left: int,
) -> None:  # fmt: skip
    """While the first is answered by clearing away, tells so; a third ends it, and what is left is
    named. Whoever ends the process otherwise is heard as well.
    """
    call = places.Files._call

    def pressed(self: Any, operation: str, *args: Any, **kwargs: Any) -> Any:
        for _each in range(
            {'MoveDatastoreFile_Task': 1, 'DeleteDatastoreFile_Task': times}.get(operation, 0)
        ):
            signal.raise_signal(number)
        return call(self, operation, *args, **kwargs)

    monkeypatch.setattr(places.Files, '_call', pressed)
    ran = run('put', image, stores.text(f'{folder}/x'))
    assert (ran.code, 'is being cleared away' in ran.err) == (130, True)
    assert len(stores.names_in(folder)) == left
    assert ('may have been left behind: interrupted' in ran.err) == bool(left)


@pytest.mark.usefixtures('signals')
def test_a_signal_that_is_ignored() -> None:
    """As nohup has it, still is."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption.orderly(pytest.fail):
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        assert signal.signal(signal.SIGHUP, signal.SIG_DFL) == signal.SIG_IGN


# fetch


def test_fetch(run: Run, stores: Stores, folder: str, tmp_path: pathlib.Path) -> None:
    """All bytes, under the usual permissions, and nothing beside them."""
    place = stores.write(f'{folder}/x%41.iso')
    ran = run('fetch', place, str(tmp_path / 'x'), '--sha256', DIGEST)
    assert (ran.code, DIGEST in ran.out) == (0, True)
    assert (tmp_path / 'x').read_bytes() == DATA
    assert os.listdir(tmp_path) == ['x']
    reference = tmp_path / 'reference'
    reference.touch()
    assert (tmp_path / 'x').stat().st_mode == reference.stat().st_mode


def test_names_as_long_as_they_can_be(
    run: Run, stores: Stores, folder: str, image: str, tmp_path: pathlib.Path
) -> None:
    """Here and there; what a file is called before it is whole is no longer. One that cannot be is
    refused before anything moves.
    """
    name = 'x' + '\N{CJK UNIFIED IDEOGRAPH-65E5}' * 84
    place = stores.text(f'{folder}/{name}')
    assert run('put', image, place).code == 0
    assert run('fetch', place, str(tmp_path / name)).code == 0
    assert (tmp_path / name).read_bytes() == DATA
    sent = len(stores.vc.transfers)
    ran = run('fetch', place, str(tmp_path / f'{name}xyz'))
    assert (ran.code, 'too long' in ran.err, len(stores.vc.transfers)) == (1, True, sent)


@pytest.mark.parametrize(
    ('fault', 'more', 'code'),
    [
        (lambda vc: vc.faults.drop('GET /folder/*', after_bytes=300_000), [], 3),
        (lambda vc: vc.faults.end_early('GET /folder/*', after_bytes=300_000), [], 1),
        (lambda vc: vc.faults.http('GET /folder/*', status=500), [], 1),
        (lambda vc: None, ['--sha256', WRONG], 1),
    ],
)
def test_fetch_that_fails(
    run: Run, stores: Stores, folder: str, tmp_path: pathlib.Path, fault: Any, more: Any, code: int
) -> None:
    """There is no file, not even a part of one."""
    place = stores.write(f'{folder}/x')
    fault(stores.vc)
    ran = run('fetch', place, str(tmp_path / 'x'), *more)
    assert ran.code == code
    assert ran.err
    assert os.listdir(tmp_path) == []


def test_fetch_replaces_nothing_unless_told(
    run: Run, stores: Stores, folder: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what is there, nor what comes up meanwhile, links or no links."""
    place, target = stores.write(f'{folder}/x'), tmp_path / 'x'
    target.write_bytes(b'old')
    ran = run('fetch', place, str(target))
    assert (ran.code, '--force' in ran.err) == (2, True)
    assert run('fetch', place, str(target), '--force').code == 0
    assert target.read_bytes() == DATA

    def no_links(*args: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(local.os, 'link', no_links)
    assert run('fetch', place, str(tmp_path / 'y')).code == 0
    monkeypatch.undo()
    download = places.Files._download

    def and_somebody_else(self: Any, *args: Any) -> None:
        download(self, *args)
        (tmp_path / 'z').write_bytes(b'theirs')

    monkeypatch.setattr(places.Files, '_download', and_somebody_else)
    assert run('fetch', place, str(tmp_path / 'z')).code == 2
    assert (tmp_path / 'z').read_bytes() == b'theirs'
    assert sorted(os.listdir(tmp_path)) == ['x', 'y', 'z']


def test_a_folder_that_cannot_be_synchronised(
    run: Run, stores: Stores, folder: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network file systems: the file is there, so the command has not failed."""
    fsync = os.fsync

    def of_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, 'Invalid argument')
        fsync(descriptor)

    monkeypatch.setattr(local.os, 'fsync', of_files)
    ran = run('fetch', stores.write(f'{folder}/x'), str(tmp_path / 'x'))
    assert (ran.code, (tmp_path / 'x').read_bytes()) == (0, DATA), ran.err


@pytest.mark.parametrize('is_link', [False, True])
def test_what_is_replaced_keeps_its_permissions(
    run: Run, stores: Stores, folder: str, tmp_path: pathlib.Path, is_link: bool
) -> None:
    """What was for its owner only still is. A link has none, and is not followed."""
    place, target, other = stores.write(f'{folder}/x'), tmp_path / 'x', tmp_path / 'other'
    other.touch()
    if is_link:
        target.symlink_to(other)
    else:
        target.touch(0o600)
    assert run('fetch', place, str(target), '--force').code == 0
    assert (target.read_bytes(), target.is_symlink(), other.read_bytes()) == (DATA, False, b'')
    mode = other.stat().st_mode if is_link else stat.S_IFREG | 0o600
    assert target.stat().st_mode == mode


def test_a_device_is_not_replaced(
    run: Run, stores: Stores, folder: str, tmp_path: pathlib.Path
) -> None:
    """Such as /dev/null, which the superuser could replace; here it is a pipe."""
    place, target = stores.write(f'{folder}/x'), tmp_path / 'x'
    os.mkfifo(target)
    assert run('fetch', place, str(target), '--force').code == 2
    assert target.is_fifo()
    assert os.listdir(tmp_path) == ['x']


def test_a_disk_that_is_full_at_the_last_bytes(tmp_path: pathlib.Path) -> None:
    """Those that are still in a buffer: the file goes away nevertheless."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        with local.NewFile(str(tmp_path / 'x')) as file:
            file.write(bytes(99_000))
            file.write(bytes(2_000))
            file.keep()

    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
        with pytest.raises(OSError, match='too large'):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert os.listdir(tmp_path) == []


def test_ctrl_c_while_fetching(
    run: Run, stores: Stores, folder: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaves nothing here."""

    def press(self: Any, data: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(local.NewFile, 'write', press)
    place = stores.write(f'{folder}/x')
    assert run('fetch', place, str(tmp_path / 'x')).code == 130
    assert os.listdir(tmp_path) == []


# cp


def test_cp(run: Run, stores: Stores, folder: str) -> None:
    """From one datastore to another, and nothing passes through here."""
    source = stores.write(f'{folder}/x')
    sent = len(stores.vc.transfers)
    ran = run('cp', source, *stores.text(f'{folder}/y z', 1).split(' ', 1))
    assert (ran.code, ran.err) == (0, '')
    assert len(stores.vc.transfers) == sent
    assert stores.read(f'{folder}/y z', 1) == DATA
    assert stores.names_in(folder, 1) == ['y z']
    found = run('cp', source, stores.text(f'{folder}/n/x', 1), '--parents', '--json').data
    assert (found['from'], found['bytes']) == (source, len(DATA))


def test_cp_replaces_nothing_unless_told(run: Run, stores: Stores, folder: str) -> None:
    """As the others."""
    source, target = stores.write(f'{folder}/x'), stores.write(f'{folder}/y', b'old')
    assert run('cp', source, target).code == 1
    assert stores.read(f'{folder}/y') == b'old'
    assert run('cp', source, target, '--force').code == 0
    assert stores.read(f'{folder}/y') == DATA
    assert run('cp', source, source, '--force').code == 2
    assert stores.names_in(folder) == ['x', 'y']


def test_cp_compares_if_told(
    run: Run, stores: Stores, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both files are read; a copy of the same length that is another one is not kept."""
    source, target = stores.write(f'{folder}/x'), stores.text(f'{folder}/y', 1)
    found = run('cp', source, target, '--verify', '--json').data
    assert (found['sha256'], stores.read(f'{folder}/y', 1)) == (DIGEST, DATA)
    assert run('cp', source, target, '--force', '--json').data['sha256'] is None
    copy = places.Files._perform

    def spoiled(self: Any, operation: str, *args: Any, **kwargs: Any) -> Any:
        done = copy(self, operation, *args, **kwargs)
        if operation == 'CopyDatastoreFile_Task':
            stores.write(kwargs['destinationName'].partition('] ')[2], DATA[::-1])
        return done

    monkeypatch.setattr(places.Files, '_perform', spoiled)
    ran = run('cp', source, stores.text(f'{folder}/z'), '--verify')
    assert (ran.code, 'what arrived as' in ran.err) == (1, True)
    assert stores.names_in(folder) == ['x']


def test_a_virtual_disk(run: Run, stores: Stores, folder: str, tmp_path: pathlib.Path) -> None:
    """Is copied with all that belongs to it: the server has an operation of its own for that. Who
    fetches it is told of what that is.
    """
    with connected(stores.vc) as session:
        create = session.vim.client.factory.create
        spec = create('ns0:FileBackedVirtualDiskSpec')
        spec.diskType, spec.adapterType, spec.capacityKb = 'thin', 'lsiLogic', 1024
        task = session.vim.CreateVirtualDisk_Task(
            session.vim.service_content.virtualDiskManager,
            name=stores.text(f'{folder}/a.vmdk'), spec=spec,
            datacenter=places.find(session, stores.text('x')).datacenter,
        )  # fmt: skip
        session.wait_for_task(task)
    ran = run('cp', stores.text(f'{folder}/a.vmdk'), stores.text(f'{folder}/b.vmdk'), '--verify')
    assert (ran.code, '--verify compares files' in ran.err) == (2, True)
    assert run('cp', stores.text(f'{folder}/a.vmdk'), stores.text(f'{folder}/b.vmdk')).code == 0
    assert stores.names_in(folder) == ['a-flat.vmdk', 'a.vmdk', 'b-flat.vmdk', 'b.vmdk']
    assert b'b-flat.vmdk' in stores.read(f'{folder}/b.vmdk')
    ran = run('fetch', stores.text(f'{folder}/b.vmdk'), str(tmp_path / 'b'))
    assert (ran.code, 'this is its description' in ran.err) == (0, True)
    assert (tmp_path / 'b').read_bytes() == stores.read(f'{folder}/b.vmdk')
    stores.vc.faults.fail_task('MoveVirtualDisk_Task', 'FileFault')
    assert run('cp', stores.text(f'{folder}/a.vmdk'), stores.text(f'{folder}/c.vmdk')).code == 1
    assert len(stores.names_in(folder)) == 4


def connected(vc: VCenterSimulator) -> Any:
    import argparse

    from oslo_vmware.cli import connection

    options = argparse.Namespace(host=None, user=None, port=None, cacert=None, insecure=False)
    return connection.connected(connection.find(options, environment_of(vc)))


def test_cp_that_fails(run: Run, stores: Stores, folder: str) -> None:
    """Nothing is left of it."""
    source = stores.write(f'{folder}/x')
    stores.vc.faults.fail_task('CopyDatastoreFile_Task', 'NoDiskSpace')
    assert run('cp', source, stores.text(f'{folder}/y')).code == 1
    assert stores.names_in(folder) == ['x']


@pytest.mark.parametrize(('data', 'code'), [(DATA + b'more', 0), (DATA[:-1], 1)])
@pytest.mark.parametrize('command', ['cp', 'fetch'])
def test_a_file_that_somebody_writes(
    run: Run, stores: Stores, folder: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch,
    command: str, data: bytes, code: int,
) -> None:  # fmt: skip
    """Such as the log of a machine that is on: it grows after its size was told, and is copied as
    it then is. Of one that has become shorter there is no copy.
    """
    source, target = stores.write(f'{folder}/x'), stores.text(f'{folder}/y')
    search = places.Files._search

    def then_written(self: Any, place: Any) -> Any:
        found = search(self, place)
        if place.path.basename == 'x':
            stores.write(f'{folder}/x', data)
        return found

    monkeypatch.setattr(places.Files, '_search', then_written)
    ran = run(command, source, target if command == 'cp' else str(tmp_path / 'y'), '--json')
    assert ran.code == code, ran.err
    copies = stores.names_in(folder)[1:] + os.listdir(tmp_path)
    assert copies == ([] if code else ['y'])
    if not code:
        copy = stores.read(f'{folder}/y') if command == 'cp' else (tmp_path / 'y').read_bytes()
        assert (copy, ran.data['bytes']) == (data, len(data))


def test_ctrl_c_while_copying(
    run: Run, stores: Stores, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is told to stop, and what it has made is deleted."""
    from oslo_vmware import api

    wait = api.VMwareAPISession.wait_for_task

    def press(self: Any, task: Any, *args: Any, **kwargs: Any) -> Any:
        if 'progress' in kwargs:
            raise KeyboardInterrupt
        return wait(self, task, *args, **kwargs)

    source = stores.write(f'{folder}/x')
    monkeypatch.setattr(api.VMwareAPISession, 'wait_for_task', press)
    before = stores.vc.count('CancelTask')
    assert run('cp', source, stores.text(f'{folder}/y')).code == 130
    assert stores.vc.count('CancelTask') == before + 1
    assert stores.names_in(folder) == ['x']


# From outside


@pytest.mark.parametrize('command', ['put', 'fetch'])
def test_a_real_ctrl_c(
    stores: Stores, folder: str, image: str, tmp_path: pathlib.Path, command: str
) -> None:
    """Of a process whose server takes, or gives, nothing more: it ends at once, and cleanly."""
    place = stores.text(f'{folder}/x')
    (tmp_path / 'in').mkdir()
    arguments = [image, place]
    if command == 'fetch':
        arguments = [stores.write(f'{folder}/x'), str(tmp_path / 'in' / 'x')]
    method = 'PUT' if command == 'put' else 'GET'
    stores.vc.faults.stall(f'{method} /folder/*', after_bytes=300_000)
    begun = len(stores.vc.transfers)
    with subprocess.Popen(
        [sys.executable, '-m', 'oslo_vmware', command, *arguments],
        env=os.environ | environment_of(stores.vc), stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, preexec_fn=interruptible,
    ) as process:  # fmt: skip
        try:
            until = time.monotonic() + 30
            while not any(
                max(one.received, one.sent) >= 300_000 for one in list(stores.vc.transfers)[begun:]
            ):
                assert time.monotonic() < until
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, out, 'interrupted' in err) == (130, '', True), err
    assert os.listdir(tmp_path / 'in') == []
    assert stores.names_in(folder) == (['x'] if command == 'fetch' else [])


def interruptible() -> None:
    """Hear SIGINT also where whoever runs the tests does not, as in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


# What is asked for


@pytest.mark.parametrize(
    ('arguments', 'code', 'told'),
    [
        (['put', '{image}'], 2, 'Where to?'),
        (['put', '{image}', '{ds} x', '--import', 'vm'], 2, 'Where to?'),
        (['put', '{image}', '{ds} x', '{ds} y'], 2, 'one place'),
        (['put', '/none', '{ds} x'], 2, 'is not there'),
        (['put', '/', '{ds} x'], 2, 'is a folder'),
        (['put', '{image}', 'x'], 2, "'[datastore] folder/file'"),
        (['put', '{image}', '{ds} x/'], 2, "'[datastore] folder/file'"),
        (['put', '{image}', '{ds}'], 2, "'[datastore] folder/file'"),
        (['put', '{image}', '{ds} ../x'], 2, "'[datastore] folder/file'"),
        (['put', '{image}', '{ds} x\ny'], 2, "'[datastore] folder/file'"),
        (['put', '/dev/null', '{ds} x'], 2, 'is no file'),
        (['put', '{image}', '[nome] x'], 4, 'no datastore nome'),
        (['put', '{image}', '{ds} x', '--datacenter', 'Paris'], 4, 'no Datacenter Paris'),
        (['put', '{image}', '{ds} {folder}'], 2, 'is a folder'),
        (['fetch', '{ds} none', '/tmp/none/none'], 2, 'no folder /tmp/none'),
        (['fetch', '{ds} {folder}/none', '{tmp}/x'], 4, 'There is no file'),
        (['fetch', '{ds} x', '{tmp}'], 2, 'name the file'),
        (['fetch', '{ds} x', '{tmp}/new/'], 2, 'name the file'),
        (['fetch', '{tmp}/x'], 2, 'What to fetch?'),
        (['fetch', '{ds} x', '{tmp}/x', '--vm', 'vm'], 2, 'What to fetch?'),
        (['put', '-', '{ds} x'], 2, './- is a file'),
        (['put', '{image}', '{ds} x', '--sha256', 'abc'], 2, '64 hexadecimal digits'),
        (['put', '{image}', '{ds} x', '--network', 'n'], 2, '--network: that is for machines'),
        (['put', '{image}', '--import', 'x', '--verify'], 2, '--verify: that is for files'),
        (['fetch', '{ds} x', '-'], 2, './- is a file'),
        (['fetch', '--vm', 'x', '{tmp}/x.ovf'], 2, 'it is an .ova'),
        (['fetch', '--vm', 'x', '{tmp}/x', '--datacenter', 'x'], 2, 'that is for datastores'),
        (['cp', '{ds} x'], 2, 'From where to where?'),
        (['cp', '{ds} x', '{ds} y', '{ds} z'], 2, 'From where to where?'),
        (['cp', '{ds} {folder}/none', '{ds} y'], 4, 'There is no file'),
        (['cp', '{ds} {folder}', '{ds} y'], 2, 'is a folder'),
    ],
)
def test_what_makes_no_sense(
    run: Run, stores: Stores, folder: str, image: str, tmp_path: pathlib.Path,
    arguments: list[str], code: int, told: str,
) -> None:  # fmt: skip
    """It is said, with what to do, and nothing happens."""
    known = {'image': image, 'ds': f'[{stores.names[0]}]', 'folder': folder, 'tmp': tmp_path}
    ran = run(*(one.format(**known) for one in arguments))
    assert (ran.code, told in ran.err) == (code, True), ran.err
    assert os.listdir(tmp_path) == ['image.iso']


def test_a_datastore_that_several_datacenters_have(
    run: Run, stores: Stores, folder: str, image: str
) -> None:
    """One has to say which."""
    other = next(
        one for one in stores.vc.world.objects.values()
        if one.wire_type == 'Datacenter' and one is not stores.datacenter
    )  # fmt: skip
    store = other.datastore[0]
    own = store.name
    store.update(name=stores.names[0])
    try:
        place = stores.text(f'{folder}/x')
        ran = run('put', image, place)
        assert (ran.code, '--datacenter' in ran.err, other.name in ran.err) == (2, True, True)
        for name in (stores.datacenter.name, f'/{stores.datacenter.name}'):
            assert run('put', image, place, '--datacenter', name, '--force').code == 0
        assert stores.read(f'{folder}/x') == DATA
    finally:
        store.update(name=own)


def test_a_bar_is_drawn_at_a_terminal(
    stores: Stores, folder: str, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr: bytes, of how many, how fast, how much longer; and nothing of it on stdout."""
    from oslo_vmware.cli import output

    monkeypatch.setattr(output, 'is_terminal', lambda stream, environ: not hasattr(stream, 'name'))
    monkeypatch.setattr(output, '_REDRAW_SECONDS', 0.0)
    ran: Ran = run_command(
        'put', image, stores.text(f'{folder}/x'), environ=environment_of(stores.vc)
    )
    assert ran.code == 0
    assert 'Putting x' in ran.err
    assert '1.0 MiB' not in ran.err.splitlines()[-1]
    assert '/s' in ran.err
    assert '#' not in ran.out

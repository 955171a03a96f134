"""What users put at either end of a transfer."""

import contextlib
import hashlib
import http.client
import io
import pathlib
import ssl
import tarfile
from typing import Any

import pytest

from oslo_vmware import exceptions, image_transfer, rw_handles
from tests.transfer.disks import stream_of
from tests.transfer.place import Place

DATA = stream_of(bytes(range(256)) * 1024)
DIGEST = hashlib.sha256(DATA).hexdigest()


def stored(place: Place, name: str) -> str:
    return hashlib.sha256(place.content(name)).hexdigest()


def download_file(place: Place, source: Any, name: str) -> None:
    image_transfer.download_file(
        source, place.vc.host, place.vc.port, place.dc.name, place.ds.name,
        place.session.vim.client.cookiejar, name, len(DATA), place.vc.cacert, 30,
    )  # fmt: skip


def archive(path: pathlib.Path) -> pathlib.Path:
    """A tar with a small file before the disk."""
    with tarfile.open(path, 'w') as made:
        for name, data in (('readme', b'x' * 700), ('disk.vmdk', DATA)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize('piece', [1, 511, 512, 10_240, 1_000_000])
def test_an_image_under_a_tarfile(place: Place, tmp_path: pathlib.Path, piece: int) -> None:
    """A streaming ``tarfile`` reads from it, whatever the size of the pieces that come."""
    raw = archive(tmp_path / 'a.tar').read_bytes()
    raw = raw if piece > 1 else raw[: 512 * 4]
    pieces = [raw[start : start + piece] for start in range(0, len(raw), piece)]
    source = rw_handles.ImageReadHandle(iter(pieces))
    with tarfile.open(fileobj=source, mode='r|') as reader:
        first = reader.next()
        assert first is not None
        assert first.name == 'readme'
        if piece == 1:
            return
        disk = reader.next()
        assert disk is not None
        download_file(place, reader.extractfile(disk), 'disk.vmdk')
    assert stored(place, 'disk.vmdk') == DIGEST


@pytest.mark.parametrize('kind', ['file', 'unbuffered file', 'tar member', 'bytes'])
def test_other_sources(place: Place, tmp_path: pathlib.Path, kind: str) -> None:
    """Open binary files and members of archives are read, and closed at the end."""
    path = tmp_path / 'image'
    path.write_bytes(DATA)
    with contextlib.ExitStack() as stack:
        source: Any
        if kind == 'tar member':
            source = stack.enter_context(tarfile.open(archive(path))).extractfile('disk.vmdk')
        elif kind == 'bytes':
            source = io.BytesIO(DATA)
        else:
            source = path.open('rb', buffering=0 if kind == 'unbuffered file' else -1)
        download_file(place, source, 'disk.vmdk')
        assert source.closed
    assert stored(place, 'disk.vmdk') == DIGEST


def test_a_connection_with_a_write(place: Place) -> None:
    """An ``http.client`` connection that was given a ``write`` is written to and closed."""
    context = ssl.create_default_context(cafile=place.vc.cacert)
    connection: Any = http.client.HTTPSConnection(
        place.vc.host, place.vc.port, timeout=30, context=context
    )
    connection.putrequest('PUT', f'/folder/c.vmdk?dcPath={place.dc.name}&dsName={place.ds.name}')
    connection.putheader('Content-Length', str(len(DATA)))
    cookie = place.session.vim.get_http_cookie()
    connection.putheader('Cookie', f'vmware_soap_session={cookie}')
    connection.endheaders()
    connection.write = connection.send
    closed: list[int] = []
    real_close = connection.close

    def close() -> None:
        if not closed:
            closed.append(connection.getresponse().status)
        real_close()

    connection.close = close
    image_transfer._start_transfer(rw_handles.ImageReadHandle([DATA]), connection, 30)
    assert closed == [201]
    assert stored(place, 'c.vmdk') == DIGEST


def upload(place: Place) -> Any:
    return rw_handles.FileWriteHandle(
        place.vc.host, place.vc.port, place.dc.name, place.ds.name,
        place.session.vim.client.cookiejar, 'drive.iso', len(DATA), cacerts=place.vc.cacert,
    )  # fmt: skip


def imported_disk(place: Place) -> Any:
    return rw_handles.VmdkWriteHandle(
        place.session, place.vc.host, place.vc.port, place.first('ResourcePool'),
        place.read(place.dc.ref, 'vmFolder'), place.import_spec('driven'), len(DATA),
    )  # fmt: skip


def test_a_file_opened_as_text(place: Place, tmp_path: pathlib.Path) -> None:
    """What it gives is ``str``: refused with VimException, and nothing is stored under the name."""
    path = tmp_path / 'drive.iso'
    path.write_text('text')
    sink = upload(place)
    with path.open() as drive, pytest.raises(exceptions.VimException):
        sink.write(drive.read())
    sink.close()
    with pytest.raises(exceptions.FileNotFoundException):
        place.content('drive.iso')


def driven_by_nova(sink: Any, path: pathlib.Path) -> bool:
    """Copy as Nova does; returns whether the sink has progress to update."""
    progress = getattr(sink, 'update_progress', None)
    source = path.open('rb')
    while data := source.read(64 * 1024):
        sink.write(data)
        if progress:
            progress()
    source.close()
    sink.close()
    return progress is not None


def test_nova_drives_an_upload(place: Place, tmp_path: pathlib.Path) -> None:
    """64 KiB at a time until nothing comes, both ends closed; a file has no progress."""
    path = tmp_path / 'image'
    path.write_bytes(DATA)
    assert driven_by_nova(upload(place), path) is False
    assert stored(place, 'drive.iso') == DIGEST


def test_nova_drives_an_import(place: Place, tmp_path: pathlib.Path) -> None:
    """A disk under a lease has progress; the lease is completed at the end."""
    path = tmp_path / 'image'
    path.write_bytes(DATA)
    sink = imported_disk(place)
    assert driven_by_nova(sink, path) is True
    assert place.vc.count('HttpNfcLeaseProgress') == 1
    assert place.vc.count('HttpNfcLeaseComplete') == 1
    assert place.read(sink.get_imported_vm(), 'name') == 'driven'

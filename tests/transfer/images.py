"""Images and the ways to move them: what the tests of transfers have in common."""

import io
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

from oslo_vmware import image_transfer, rw_handles, vim_util
from oslo_vmware.objects import datacenter, datastore
from tests.transfer.server import DataServer, thumbprint
from tests.transfer.stand_in import StandIn

DATA = bytes(range(256)) * 1024
SIZE = len(DATA)
COMPLETE = ['HttpNfcLeaseComplete']
ABORT = ['HttpNfcLeaseAbort']
LEASE_PATH = '/nfc/52ab0000-secret/disk-0.vmdk'


def session_for(server: DataServer) -> StandIn:
    return StandIn(server.url + LEASE_PATH, thumbprint(), server.host)


def importer(session: StandIn, size: Any = SIZE, method: str = 'PUT') -> Any:
    return rw_handles.VmdkWriteHandle(session, session._host, 443, 'rp', 'f', 'spec', size, method)


def exporter(session: StandIn, size: Any = 10 * SIZE) -> Any:
    return rw_handles.VmdkReadHandle(session, session._host, 443, 'vm', None, size)


class ImageService:
    def __init__(self, data: Any = b'', container_format: str = 'bare') -> None:
        self.data = data
        self.container_format = container_format
        self.updates: list[Any] = []
        self.enough: int | None = None

    def show(self, context: Any, image_id: str) -> dict[str, Any]:
        return {'container_format': self.container_format}

    def download(self, context: Any, image_id: str) -> Iterator[bytes]:
        for start in range(0, len(self.data), 10007):
            yield self.data[start : start + 10007]

    def update(self, *args: Any, data: Any, **kwargs: Any) -> None:
        self.updates.append((args, kwargs))
        while piece := data.read(1000):
            self.data += piece
            if self.enough and len(self.data) >= self.enough:
                return


def import_image(session: StandIn, service: ImageService, **kwargs: Any) -> Any:
    return image_transfer.download_stream_optimized_image(
        'context',
        10,
        service,
        'image-1',
        session=session,
        host=session._host,
        port=443,
        resource_pool='rp',
        vm_folder='f',
        vm_import_spec='spec',
        **{'image_size': len(service.data), 'http_method': 'POST'} | kwargs,
    )


def export_arguments(session: StandIn) -> dict[str, Any]:
    return {
        'session': session,
        'host': session._host,
        'port': 443,
        'vm': 'vm',
        'vmdk_file_path': None,
        'vmdk_size': 1 << 30,
    }


UPLOADS: list[Callable[..., Any]] = [
    lambda server, session, **more: image_transfer.download_flat_image(
        'context', 10, ImageService(DATA), 'id', image_size=str(len(DATA)), host=server.host,
        port=server.port, data_center_name='dc', datastore_name='ds', file_path='p', cacerts=False,
        **more,
    ),
    lambda server, session, **more: image_transfer.download_file(
        io.BytesIO(DATA), server.host, server.port, 'dc', 'ds', None, 'p', len(DATA), False, 10,
        **more,
    ),
    lambda server, session, **more: import_image(session, ImageService(DATA), **more),
    lambda server, session, **more: image_transfer.download_stream_optimized_data(
        'context', 10, io.BytesIO(DATA), session=session, host=server.host, port=443,
        resource_pool='rp', vm_folder='f', vm_import_spec='spec', image_size=len(DATA),
        **more,
    ),
    lambda server, session, **more: to_datastore(server, session, bypass=False, **more),
    lambda server, session, **more: to_datastore(server, session, bypass=True, **more),
]  # fmt: skip


def to_datastore(
    server: DataServer, session: Any, bypass: bool, seconds: float = 9, **more: Any
) -> None:
    store = datastore.Datastore('ds-1', 'ds', datacenter=datacenter.Datacenter('dc-1', 'dc'))
    if bypass:
        host = vim_util.get_moref('host-1', 'HostSystem')
        store.get_connected_hosts = lambda session: [host]  # type: ignore[method-assign]
        session.properties['name'] = server.netloc
    else:
        session._port = server.port
    session._insecure = True
    meta = {'size': str(len(DATA))}
    image = [DATA[:9], b'', DATA[9:]]
    image_transfer.download_image(image, meta, session, store, 'a b', bypass, seconds, **more)


DISK = b'KDMV' + DATA


def descriptor(name: str = 'my disk-0.vmdk', **attributes: Any) -> bytes:
    extra = ''.join(f' ovf:{key}="{value}"' for key, value in attributes.items())
    return (
        '<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"'
        ' xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"><References>'
        f'<File ovf:href="x.iso" ovf:id="file0"/><File ovf:href="{name}" ovf:id="file1"{extra}/>'
        '</References><DiskSection><Disk ovf:diskId="d" ovf:fileRef="file1"/></DiskSection>'
        '</Envelope>'
    ).encode()


def ova(*members: tuple[str, bytes], format: int = tarfile.DEFAULT_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w', format=format) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def tar_header(name: bytes, kind: bytes = b'0', size: bytes = b'00000000000\0') -> bytes:
    """A header of a tar archive with whatever is given, and the checksum that belongs to it."""
    block = bytearray(512)
    block[: len(name)] = name
    block[124 : 124 + len(size)] = size
    block[156:157] = kind
    block[257:265] = b'ustar\x0000'
    block[148:156] = b' ' * 8
    block[148:156] = b'%06o\0 ' % sum(block)
    return bytes(block)

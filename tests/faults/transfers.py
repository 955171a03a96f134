"""The rows of the matrix that move image data, to and from datastores and under leases."""

import copy
import io
from typing import Any

from oslo_vmware import exceptions, image_transfer, rw_handles
from tests.faults.operation import Kind, Operation
from tests.faults.stand import DISK
from tests.transfer.server import CERTIFICATE, DataServer, serve, thumbprint

FILE = bytes(range(256)) * 300


# Files on a datastore


class Upload(Operation):
    title = 'FileWriteHandle'
    exchange = 'PUT /folder'
    kind = Kind.DATA

    def act(self) -> Any:
        stand = self.stand
        handle = rw_handles.FileWriteHandle(
            stand.proxy.host, stand.proxy.port, stand.place.dc.name, stand.place.ds.name,
            self.session.vim.client.cookiejar, self.name, len(FILE), cacerts=stand.cacert,
        )  # fmt: skip
        try:
            for start in range(0, len(FILE), 16384):
                handle.write(FILE[start : start + 16384])
        finally:
            handle.close()
        return True

    def right(self, value: Any) -> bool:
        return self.stand.file(self.name) == FILE

    def executed(self) -> int:
        return int(self.stand.file(self.name) is not None)


class DownloadImage(Upload):
    title = 'image_transfer.download_image'

    def act(self) -> Any:
        image = (FILE[start : start + 16384] for start in range(0, len(FILE), 16384))
        image_transfer.download_image(
            image, {'size': len(FILE)}, self.session, self.stand.place.ds, self.name,
            bypass=False, timeout_secs=20,
        )  # fmt: skip
        return True


class Download(Operation):
    title = 'FileReadHandle'
    exchange = 'GET /folder'
    kind = Kind.DATA

    def prepare(self) -> None:
        stand = self.stand
        if stand.file('to-read') is None:
            handle = rw_handles.FileWriteHandle(
                stand.vc.host, stand.vc.port, stand.place.dc.name, stand.place.ds.name,
                stand.clean.vim.client.cookiejar, 'to-read', len(FILE), cacerts=stand.vc.cacert,
            )  # fmt: skip
            handle.write(FILE)
            handle.close()

    def act(self) -> Any:
        stand = self.stand
        handle = rw_handles.FileReadHandle(
            stand.proxy.host, stand.proxy.port, stand.place.dc.name, stand.place.ds.name,
            self.session.vim.client.cookiejar, 'to-read', cacerts=stand.cacert,
        )  # fmt: skip
        try:
            return b''.join(iter(lambda: handle.read(16384), b''))
        finally:
            handle.close()

    def right(self, value: Any) -> bool:
        return bool(value == FILE)


# Disks under a lease


class Export(Operation):
    title = 'copy_stream_optimized_disk'
    exchange = 'GET /nfc'
    before = 'RetrievePropertiesEx'
    kind = Kind.DATA

    def act(self) -> Any:
        sink = _Sink()
        image_transfer.copy_stream_optimized_disk(None, 20, sink, **self._source())
        return sink.data

    def _source(self) -> dict[str, Any]:
        proxy = self.stand.proxy
        return {
            'session': self.session,
            'host': proxy.host,
            'port': proxy.port,
            'vm': self.stand.source,
            'vmdk_file_path': None,
            'vmdk_size': len(DISK),
        }

    def right(self, value: Any) -> bool:
        return bool(value == DISK)

    def leftovers(self, error: Exception | None) -> str:
        return f'{len(self.stand.vc.nfc.leases)} leases' if self.stand.vc.nfc.leases else ''


class _Sink:
    """Takes data, as the file of an image service does."""

    def __init__(self) -> None:
        self.data = b''

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        pass


class ExportBegins(Export):
    title = 'copy_stream_optimized_disk: ExportVm'
    exchange = 'ExportVm'
    first = True
    before = None
    kind = Kind.CHANGE

    def leftovers(self, error: Exception | None) -> str:
        # A lease is what may have come of it. Nobody can ask for its name, so that it ends by
        # itself or with the session.
        unknown = isinstance(error, exceptions.VimOutcomeUnknownException)
        return '' if unknown else super().leftovers(error)


class ExportEnds(Export):
    title = 'copy_stream_optimized_disk: HttpNfcLeaseComplete'
    exchange = 'HttpNfcLeaseComplete'
    before = None
    kind = Kind.CONVERGENT


class ExportReports(Export):
    title = 'VmdkReadHandle.update_progress'
    exchange = 'HttpNfcLeaseProgress'
    before = None
    kind = Kind.CONVERGENT

    def act(self) -> Any:
        handle = rw_handles.VmdkReadHandle(*self._source().values())
        try:
            data = handle.read(16384)
            handle.update_progress()
            return data + b''.join(iter(lambda: handle.read(16384), b''))
        finally:
            handle.close()


class UploadImage(Export):
    title = 'upload_image'

    def act(self) -> Any:
        service = _ImageService()
        image_transfer.upload_image(None, 20, service, 'id', 'owner', **self._source())
        return service.data


class _ImageService:
    data = b''

    def update(self, *args: Any, data: Any, **kwargs: Any) -> None:
        self.data = b''.join(iter(lambda: data.read(16384), b''))


class Import(Operation):
    title = 'download_stream_optimized_data'
    exchange = 'POST /nfc'
    before = 'RetrievePropertiesEx'
    kind = Kind.DATA

    def prepare(self) -> None:
        # Of the session's own factory: the engines do not take each other's objects.
        place = copy.copy(self.stand.place)
        place.session = self.session
        self.spec = place.import_spec(self.name)

    def act(self) -> Any:
        proxy = self.stand.proxy
        return image_transfer.download_stream_optimized_data(
            None, 20, io.BytesIO(DISK), session=self.session, host=proxy.host, port=proxy.port,
            resource_pool=self.stand.pool, vm_folder=self.stand.folder, vm_import_spec=self.spec,
            image_size=len(DISK), http_method='POST',
        )  # fmt: skip

    def right(self, value: Any) -> bool:
        (made,) = self.stand.named('VirtualMachine', self.name)
        return bool(value.value == made.ref.value)

    def executed(self) -> int:
        return len(self.stand.named('VirtualMachine', self.name))

    def leftovers(self, error: Exception | None) -> str:
        return f'{len(self.stand.vc.nfc.leases)} leases' if self.stand.vc.nfc.leases else ''


class ImportBegins(Import):
    title = 'download_stream_optimized_data: ImportVApp'
    exchange = 'ImportVApp'
    first = True
    before = None
    kind = Kind.CHANGE


class ImportEnds(Import):
    title = 'download_stream_optimized_data: HttpNfcLeaseComplete'
    exchange = 'HttpNfcLeaseComplete'
    before = None
    kind = Kind.CONVERGENT


class Pull(Import):
    """The host has the disk from elsewhere; what is spoiled is that it is told to."""

    title = 'image_pull_from_url: HttpNfcLeasePullFromUrls_Task'
    exchange = 'HttpNfcLeasePullFromUrls_Task'
    before = None
    kind = Kind.CHANGE

    def act(self) -> Any:
        with DataServer(serve(DISK), CERTIFICATE) as source:
            handle = rw_handles.UrlPullHandle(f'{source.url}/disk', thumbprint=thumbprint())
            return image_transfer.image_pull_from_url(
                handle, session=self.session, resource_pool=self.stand.pool,
                vm_folder=self.stand.folder, vm_import_spec=self.spec, image_size=len(DISK),
                timeout_secs=20,
            )  # fmt: skip

"""What users do with the library: the rows of the matrix, and how the server tells what came of it.

Each class is one public operation, of which one exchange is spoiled. ``act`` does it as users do,
``right`` judges what it gave, and ``executed`` asks the server how often it was done.
"""

import copy
import io
import itertools
from enum import Enum
from typing import Any, ClassVar

from oslo_vmware import exceptions, image_transfer, rw_handles, spbm, vim_util
from tests.faults.stand import DISK, Stand, ref

FILE = bytes(range(256)) * 300
_numbers = itertools.count(1)


class Kind(Enum):
    """What it means that an answer is lost."""

    #: It is asked again.
    READ = 'read'
    #: It is sent again.
    CONVERGENT = 'convergent'
    #: Nobody knows.
    CHANGE = 'change'
    #: Image data is not sent twice by itself.
    DATA = 'data'


class Operation:
    """One row.

    :ivar title: what it is called in reports
    :ivar exchange: what is spoiled: the name of a SOAP operation, or method and place of a transfer
    :ivar change: what may have been executed when it fails
    :ivar first: whether that is the first exchange of all
    :ivar before: the exchange before that, where a new connection can be had in between
    :ivar direct: nothing may be repeated: without ``invoke_api``, or after a change
    :ivar opened: whether the session is open when it begins
    """

    title: ClassVar[str]
    exchange: ClassVar[str]
    first: ClassVar[bool] = False
    before: ClassVar[str | None] = None
    kind: ClassVar[Kind]
    direct: ClassVar[bool] = False
    opened: ClassVar[bool] = True

    @property
    def change(self) -> str:
        return self.exchange

    def __init__(self, stand: Stand, session: Any) -> None:
        self.stand = stand
        self.session = session
        self.name = f'row-{next(_numbers)}'
        self.prepare()

    def prepare(self) -> None:
        """Have on the server what it needs."""

    def act(self) -> Any:
        raise NotImplementedError

    def right(self, value: Any) -> bool:
        """Whether the caller got what there is."""
        raise NotImplementedError

    def executed(self) -> int | None:
        """How often the server did it; None for what leaves nothing behind."""
        return None

    def leftovers(self, error: Exception | None) -> str:
        """What should not be on the server any more, in words."""
        return ''

    # What several need

    def read(self, moref: Any, name: str) -> Any:
        return self.session.invoke_api(
            vim_util, 'get_object_property', self.session.vim, moref, name
        )

    def clean(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Call something straight at the server."""
        session = self.stand.clean
        return session.invoke_api(session.vim, operation, *args, **kwargs)

    def is_task(self, value: Any) -> bool:
        return getattr(value, '_type', None) == 'Task' and self.stand.exists(value)


# Opening and closing


class ServiceContent(Operation):
    title = 'open a session: RetrieveServiceContent'
    exchange = 'RetrieveServiceContent'
    first = True
    kind = Kind.READ
    opened = False

    def act(self) -> Any:
        self.session._create_session()
        return self.read(ref(self.stand.machine), 'name')

    def right(self, value: Any) -> bool:
        return bool(value == self.stand.machine.name)


class Login(ServiceContent):
    title = 'open a session: Login'
    exchange = 'Login'
    first = False
    before = 'RetrieveServiceContent'
    kind = Kind.CONVERGENT


class Logout(Operation):
    title = 'logout'
    exchange = 'Logout'
    first = True
    kind = Kind.CONVERGENT

    def prepare(self) -> None:
        self.id = self.session._session_id

    def act(self) -> Any:
        self.session.logout()

    def right(self, value: Any) -> bool:
        return value is None


class IsActive(Operation):
    title = 'is_current_session_active'
    exchange = 'SessionIsActive'
    first = True
    kind = Kind.READ
    direct = True

    def act(self) -> Any:
        return self.session.is_current_session_active()

    def right(self, value: Any) -> bool:
        alive = {one.key for one in self.stand.vc.sessions}
        return value is (self.session._session_id in alive)


# Reading


class ReadProperty(Operation):
    title = 'read a property'
    exchange = 'RetrievePropertiesEx'
    first = True
    kind = Kind.READ

    def act(self) -> Any:
        return self.read(ref(self.stand.machine), 'name')

    def right(self, value: Any) -> bool:
        return bool(value == self.stand.machine.name)


class ReadPages(Operation):
    title = 'WithRetrieval, the second page'
    exchange = 'ContinueRetrievePropertiesEx'
    before = 'RetrievePropertiesEx'
    kind = Kind.DATA
    direct = True

    def act(self) -> Any:
        first = self.session.invoke_api(
            vim_util, 'get_objects', self.session.vim, 'VirtualMachine', 2
        )
        with vim_util.WithRetrieval(self.session.vim, first) as found:
            return [(one.obj.value, one.propSet[0].val) for one in found]

    def right(self, value: Any) -> bool:
        there = [(one.ref.value, one.name) for one in self.stand.objects('VirtualMachine')]
        return sorted(value) == sorted(there)


class Search(Operation):
    title = 'SearchDatastore_Task'
    exchange = 'SearchDatastore_Task'
    first = True
    kind = Kind.READ

    def prepare(self) -> None:
        stand = self.stand
        self.browser = stand.place.read(stand.place.ds.ref, 'browser')
        self.path = f'[{stand.place.ds.name}] '

    def act(self) -> Any:
        return self.session.invoke_api(
            self.session.vim, self.exchange, self.browser, datastorePath=self.path
        )

    def right(self, value: Any) -> bool:
        return self.is_task(value)


class QueryPolicies(Operation):
    title = 'read the storage policies'
    exchange = 'PbmQueryProfile'
    before = 'PbmRetrieveServiceContent'
    kind = Kind.READ

    def act(self) -> Any:
        pbm = self.session.pbm
        return self.session.invoke_api(
            pbm,
            'PbmQueryProfile',
            pbm.service_content.profileManager,
            resourceType=self._storage(),
            profileCategory='REQUIREMENT',
        )

    def _storage(self) -> Any:
        made = self.session.pbm.client.factory.create('ns0:PbmProfileResourceType')
        made.resourceType = 'STORAGE'
        return made

    def right(self, value: Any) -> bool:
        there = {one.profileId.uniqueId for one in self.stand.vc.policies.all('REQUIREMENT')}
        return {one.uniqueId for one in value} == there


# Waiting


class WaitForTask(Operation):
    title = 'wait_for_task: WaitForUpdatesEx'
    exchange = 'WaitForUpdatesEx'
    before = 'CreateFilter'
    kind = Kind.READ

    def prepare(self) -> None:
        world = self.stand.vc.world
        # Longer than it takes to begin to wait.
        before, world.task_seconds = world.task_seconds, 0.15
        try:
            self.task = self.clean(
                'CreateSnapshot_Task',
                ref(self.stand.machine),
                name=self.name,
                memory=False,
                quiesce=False,
            )
        finally:
            world.task_seconds = before

    def act(self) -> Any:
        return self.session.wait_for_task(self.task)

    def right(self, value: Any) -> bool:
        (made,) = [one for one in self.stand.machine.snapshots if one.name == self.name]
        return value.state == 'success' and value.result.value == made.ref.value


class WaitForTaskRead(WaitForTask):
    title = 'wait_for_task: reading the task'
    exchange = 'RetrievePropertiesEx'
    first = True
    before = None


# Changing


class Snapshot(Operation):
    title = 'CreateSnapshot_Task'
    exchange = 'CreateSnapshot_Task'
    first = True
    kind = Kind.CHANGE

    def act(self) -> Any:
        args, kwargs = self._what()
        return self.session.invoke_api(self.session.vim, self.exchange, *args, **kwargs)

    def _what(self) -> Any:
        return (ref(self.stand.machine),), {'name': self.name, 'memory': False, 'quiesce': False}

    def right(self, value: Any) -> bool:
        return self.is_task(value)

    def executed(self) -> int:
        return sum(one.name == self.name for one in self.stand.machine.snapshots)


class SnapshotDirect(Snapshot):
    title = 'session.vim.CreateSnapshot_Task'
    direct = True

    def act(self) -> Any:
        args, kwargs = self._what()
        return self.session.vim.CreateSnapshot_Task(*args, **kwargs)


class SnapshotAndMore(Snapshot):
    title = 'a function of several calls, after its change'
    exchange = 'RetrievePropertiesEx'
    first = False
    before = 'CreateSnapshot_Task'
    direct = True
    change = 'CreateSnapshot_Task'

    def act(self) -> Any:
        return self.session.invoke_api(self, 'both')

    def both(self) -> Any:
        args, kwargs = self._what()
        task = self.session.vim.CreateSnapshot_Task(*args, **kwargs)
        name = vim_util.get_object_property(self.session.vim, args[0], 'name')
        return task, name

    def right(self, value: Any) -> bool:
        return self.is_task(value[0]) and value[1] == self.stand.machine.name


class CreateFolder(Operation):
    title = 'CreateFolder'
    exchange = 'CreateFolder'
    first = True
    kind = Kind.CONVERGENT

    def act(self) -> Any:
        return self.session.invoke_api(
            self.session.vim, 'CreateFolder', self.stand.folder, name=self.name
        )

    def right(self, value: Any) -> bool:
        (made,) = self.stand.named('Folder', self.name)
        return bool(value.value == made.ref.value)

    def executed(self) -> int:
        return len(self.stand.named('Folder', self.name))


class PowerOff(Operation):
    title = 'PowerOffVM_Task'
    exchange = 'PowerOffVM_Task'
    first = True
    kind = Kind.CONVERGENT

    def prepare(self) -> None:
        self.machine = self.stand.objects('VirtualMachine')[1]
        if self.machine.power_state != 'poweredOn':
            self.clean('PowerOnVM_Task', ref(self.machine))
            self.stand.settle()

    def act(self) -> Any:
        return self.session.invoke_api(self.session.vim, self.exchange, ref(self.machine))

    def right(self, value: Any) -> bool:
        return self.is_task(value)

    def executed(self) -> int:
        return int(self.machine.power_state == 'poweredOff')


class Destroy(Operation):
    title = 'Destroy_Task'
    exchange = 'Destroy_Task'
    first = True
    kind = Kind.CONVERGENT

    def prepare(self) -> None:
        self.made = self.clean('CreateFolder', self.stand.folder, name=self.name)

    def act(self) -> Any:
        return self.session.invoke_api(self.session.vim, self.exchange, self.made)

    def right(self, value: Any) -> bool:
        return self.is_task(value)

    def executed(self) -> int:
        return int(not self.stand.named('Folder', self.name))


class EnsurePolicy(Operation):
    title = 'spbm.ensure_policy: PbmCreate'
    exchange = 'PbmCreate'
    before = 'PbmQueryProfile'
    kind = Kind.CONVERGENT

    def act(self) -> Any:
        rules = spbm.vsan_rule(hostFailuresToTolerate=1)
        return spbm.ensure_policy(self.session, self.name, rules, validate=False)

    def right(self, value: Any) -> bool:
        (made,) = self._made()
        return bool(value.policy.id == made.profileId.uniqueId)

    def executed(self) -> int:
        return len(self._made())

    def _made(self) -> list[Any]:
        return [one for one in self.stand.vc.policies.all() if one.name == self.name]


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


OPERATIONS: tuple[type[Operation], ...] = (
    ServiceContent,
    Login,
    Logout,
    IsActive,
    ReadProperty,
    ReadPages,
    Search,
    QueryPolicies,
    WaitForTask,
    WaitForTaskRead,
    Snapshot,
    SnapshotDirect,
    SnapshotAndMore,
    CreateFolder,
    PowerOff,
    Destroy,
    EnsurePolicy,
    Upload,
    DownloadImage,
    Download,
    Export,
    ExportBegins,
    ExportEnds,
    ExportReports,
    UploadImage,
    Import,
    ImportBegins,
    ImportEnds,
)

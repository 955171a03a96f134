"""The rows of the matrix: what users do with sessions and services, and the table of all rows."""

import itertools
import threading
import time
from typing import Any

from oslo_vmware import spbm, vim_util, watch
from tests.faults import bridged, transfers
from tests.faults.operation import Kind, Operation
from tests.faults.stand import ref

#: Seconds after which a waiter that has not asked for updates reads the task from time to time.
NEVER_ASKED = 1.0
#: The same, as the number of its reads.
READS = 5


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
        # One of an extension, which ends when we say so.
        content = self.session.vim.service_content
        self.task = self.clean(
            'CreateTask', content.taskManager, obj=ref(self.stand.machine), taskTypeId='row',
            initiatedBy='matrix', cancelable=False,
        ).task  # fmt: skip
        self.clean('SetTaskState', self.task, state='running')

    def act(self) -> Any:
        ending = threading.Thread(target=self._end)
        ending.start()
        try:
            return self.session.wait_for_task(self.task)
        finally:
            ending.join()

    def _end(self) -> None:
        """End the task once the server is asked for updates, or is not going to be: the waiter then
        reads the task again and again."""
        seen, deadline = self.stand.proxy.seen, time.monotonic() + NEVER_ASKED
        asked, read = seen['WaitForUpdatesEx'], seen['RetrievePropertiesEx']
        while (
            seen['WaitForUpdatesEx'] == asked
            and seen['RetrievePropertiesEx'] < read + READS
            and time.monotonic() < deadline
        ):
            time.sleep(0.002)
        self.clean('SetTaskState', self.task, state='success')

    def right(self, value: Any) -> bool:
        return bool(value.state == 'success' and value.key == self.task.value)


class WaitForTaskView(WaitForTask):
    title = 'wait_for_task: CreateListView'
    exchange = 'CreateListView'
    before = 'CreatePropertyCollector'


class WaitForTaskAgain(WaitForTask):
    title = 'wait_for_task, the second: ModifyListView'
    exchange = 'ModifyListView'
    first = True
    before = None

    def prepare(self) -> None:
        super().prepare()
        self.act()
        super().prepare()


class WaitForTaskAgainUpdates(WaitForTaskAgain):
    title = 'wait_for_task, the second: WaitForUpdatesEx'
    exchange = 'WaitForUpdatesEx'
    first = False
    before = 'ModifyListView'


class WaitForTaskRead(WaitForTask):
    title = 'wait_for_task: reading the task'
    exchange = 'RetrievePropertiesEx'
    first = True
    before = None

    def prepare(self) -> None:
        super().prepare()
        # Where the last one had ended when it was asked about, the next is read first.
        self.clean('SetTaskState', self.task, state='success')
        self.session.wait_for_task(self.task)
        super().prepare()


class WaitForTaskProgress(WaitForTask):
    title = 'wait_for_task, with progress: WaitForUpdatesEx'

    def act(self) -> Any:
        self.told: list[tuple[int | None, str]] = []
        ending = threading.Thread(target=self._go_on)
        ending.start()
        try:
            return self.session.wait_for_task(
                self.task, progress=lambda *told: self.told.append(told)
            )
        finally:
            ending.join()

    def _go_on(self) -> None:
        self.clean('UpdateProgress', self.task, percentDone=40)
        self._end()

    def right(self, value: Any) -> bool:
        """Each change once, and the end."""
        is_repeated = any(one == after for one, after in itertools.pairwise(self.told))
        return super().right(value) and self.told[-1] == (100, 'success') and not is_repeated


# Following changes


class WatchFirst(Operation):
    title = 'Watch.refresh, the first time'
    exchange = 'WaitForUpdatesEx'
    before = 'CreateFilter'
    kind = Kind.READ

    def prepare(self) -> None:
        self.watch = watch.Watch(self.session, {'VirtualMachine': ['name', 'runtime.powerState']})

    def act(self) -> Any:
        return self.watch.refresh()

    def right(self, value: Any) -> bool:
        return self._knows_all() and len(value.added) == len(self.watch)

    def _knows_all(self) -> bool:
        known = {one.value: values['name'] for one, values in self.watch.items()}
        there = {one.ref.value: one.name for one in self.stand.objects('VirtualMachine')}
        return known == there

    def leftovers(self, error: Exception | None) -> str:
        """What the watch has not told in spite of the error, and what it has not cleared away."""
        self.stand.proxy.be_good()
        problems = []
        if error is not None and not (self.right(self.watch.refresh()) and self._knows_all()):
            problems.append('what was not told')
        self.watch.close()
        # A part whose making nobody heard of ends with the session.
        if self.exchange == 'WaitForUpdatesEx':
            now, rest = self.stand.counts(), self.stand.at_rest
            problems += [what for what in ('views', 'filters') if now[what] != rest[what]]
        return ', '.join(problems)


class WatchMakes(WatchFirst):
    title = 'Watch.refresh: CreateContainerView'
    exchange = 'CreateContainerView'
    before = 'CreatePropertyCollector'
    kind = Kind.CONVERGENT


class WatchRefresh(WatchFirst):
    title = 'Watch.refresh'
    first = True
    before = None

    def prepare(self) -> None:
        super().prepare()
        self.watch.refresh()
        self.machine = self.stand.objects('VirtualMachine')[2]
        self._rename()

    def _rename(self) -> None:
        with self.stand.vc.world.lock:
            self.machine.update(name=self.name)

    def right(self, value: Any) -> bool:
        changed = [one.value for one in value.changed]
        return self._knows_all() and changed == [self.machine.ref.value] and not value.added


class WatchWait(WatchRefresh):
    title = 'Watch.wait'

    def prepare(self) -> None:
        super().prepare()
        self.watch.refresh()
        self.name += '-again'

    def act(self) -> Any:
        changing = threading.Thread(target=self._change)
        changing.start()
        try:
            return self.watch.wait()
        finally:
            changing.join()

    def _change(self) -> None:
        """Change it once the server is asked, or is not going to be."""
        seen, deadline = self.stand.proxy.seen, time.monotonic() + NEVER_ASKED
        asked = seen[self.exchange]
        while seen[self.exchange] == asked and time.monotonic() < deadline:
            time.sleep(0.002)
        self._rename()


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


#: All rows, those of pyVmomi and of transfers included.
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
    WaitForTaskView,
    WaitForTaskAgain,
    WaitForTaskAgainUpdates,
    WaitForTaskRead,
    WaitForTaskProgress,
    WatchFirst,
    WatchMakes,
    WatchRefresh,
    WatchWait,
    Snapshot,
    SnapshotDirect,
    SnapshotAndMore,
    CreateFolder,
    PowerOff,
    Destroy,
    EnsurePolicy,
    bridged.BridgedRead,
    bridged.BridgedSnapshot,
    bridged.BridgedPolicies,
    transfers.Upload,
    transfers.DownloadImage,
    transfers.Download,
    transfers.Export,
    transfers.ExportBegins,
    transfers.ExportEnds,
    transfers.ExportReports,
    transfers.UploadImage,
    transfers.Import,
    transfers.ImportBegins,
    transfers.ImportEnds,
    transfers.Pull,
)

"""What a soak run does with the library, and how each piece of work is judged.

A method of :class:`Work` is one kind of work. It does something through the spoiled wire, and
then asks the server, past the proxy, what came of it. What is not true raises :class:`Wrong`; an
exception of the documented hierarchy is an outcome like any other, as long as the server has not
done anything twice.
"""

import contextlib
import hashlib
import http.client
import io
import json
import os
import random
import select
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from oslo_vmware import api, exceptions, image_transfer, rw_handles, spbm, vim_util, watch
from tests.faults.stand import DESCRIPTION, DISK, PASSWORD, PBM_DESCRIPTION
from tests.transfer.place import Place

#: Seconds that any piece of work may take.
IN_TIME = 60.0

#: Seconds that a client waits for a silent server.
SILENCE = 2.0

#: Seconds for the child of a fork.
CHILD_SECONDS = 30.0

#: How often a child tries to log out.
LOGOUTS = 10

#: How often each kind of work is done, relative to the others.
WEIGHTS = {
    'read': 30,
    'pages': 8,
    'snapshot': 8,
    'snapshot_direct': 4,
    'several_calls': 4,
    'folder': 4,
    'destroy': 4,
    'wait': 8,
    'search': 2,
    'policy': 4,
    'policies': 3,
    'view': 2,
    'watch': 3,
    'upload': 4,
    'download': 6,
    'export': 3,
    'import_': 3,
    'open': 3,
    'fork': 1,
    'expire': 1,
    'cut': 1,
    'refuse': 1,
}


class Wrong(Exception):
    """Something that must not happen has happened."""


class Truth:
    """Questions to the server of the run, past the proxy."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __getattr__(self, question: str) -> Callable[..., Any]:
        def ask(*arguments: Any) -> Any:
            connection = http.client.HTTPConnection('127.0.0.1', self._port, timeout=60)
            try:
                connection.request('POST', f'/{question}', json.dumps(arguments))
                response = connection.getresponse()
                if response.status != 200:
                    raise Wrong(f'the server of the run cannot answer {question}{arguments}')
                return json.loads(response.read())
            finally:
                connection.close()

        return ask


class Work:
    """The work of one thread.

    :param place: where everything is, as the server of the run says
    :param session: shared by all threads
    :param number: of the thread
    """

    def __init__(self, place: dict[str, Any], session: Any, seed: str, number: int) -> None:
        self._place = place
        self._session = session
        self._truth = Truth(place['truth'])
        self._random = random.Random(f'{seed}-{number}')
        self._number = number

    def choose(self) -> str:
        return self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    def _name(self) -> str:
        """One that nobody has had: what is executed when it was given up is never found."""
        return f'soak-{uuid.uuid4()}'

    # Short for what everything is made of

    def _ref(self, what: str, type_: str) -> Any:
        return vim_util.get_moref(self._place[what], type_)

    @property
    def _machine(self) -> Any:
        return self._ref('machine', 'VirtualMachine')

    def _call(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        return self._session.invoke_api(self._session.vim, operation, *args, **kwargs)

    def _read(self, moref: Any, name: str, session: Any = None) -> Any:
        session = session or self._session
        return session.invoke_api(vim_util, 'get_object_property', session.vim, moref, name)

    # Reading

    def read(self) -> None:
        key, there = self._random.choice(list(_that_stay(self._truth.machines()).items()))
        _same(self._read(vim_util.get_moref(key, 'VirtualMachine'), 'name'), there, 'a name')

    def pages(self) -> None:
        first = self._session.invoke_api(
            vim_util, 'get_objects', self._session.vim, 'VirtualMachine', 2
        )
        with vim_util.WithRetrieval(self._session.vim, first) as found:
            names = {one.obj.value: one.propSet[0].val for one in found}
        _same(_that_stay(names), _that_stay(self._truth.machines()), 'pages')

    def search(self) -> None:
        browser = self._read(self._ref('datastore_id', 'Datastore'), 'browser')
        path = f'[{self._place["datastore"]}] '
        task = self._call('SearchDatastore_Task', browser, datastorePath=path)
        info = self._session.wait_for_task(task)
        _same(info.result.folderPath.strip(), path.strip(), 'the folder searched')

    def policies(self) -> None:
        found = spbm.find_policy(self._session, self._place['policy'], fresh=True)
        _same([found.id], self._truth.policies(found.name), 'a policy')

    def watch(self) -> None:
        """What is told adds up to what there is, whatever happens on the way."""
        told: dict[str, str] = {}
        with watch.Watch(self._session, {'VirtualMachine': ['name']}) as machines:
            for number in range(4):
                try:
                    changes = machines.refresh() if number % 2 else machines.wait(0.2)
                except exceptions.VMwareDriverException:
                    continue
                told |= {one.value: values['name'] for one, values in changes.added.items()}
                told |= {one.value: new['name'] for one, (_, new) in changes.changed.items()}
                for one in changes.removed:
                    del told[one.value]
            known = {one.value: values['name'] for one, values in machines.items()}
        _same(told, known, 'what a watch told')
        if known:
            _same(_that_stay(told), _that_stay(self._truth.machines()), 'what a watch knows')

    # Changing

    def snapshot(self, direct: bool = False) -> None:
        name = self._name()
        call = self._session.vim.CreateSnapshot_Task if direct else None
        options = {'name': name, 'memory': False, 'quiesce': False}
        with self._at_most_once('snapshots', name):
            if call is not None:
                call(self._machine, **options)
            else:
                self._call('CreateSnapshot_Task', self._machine, **options)

    def snapshot_direct(self) -> None:
        self.snapshot(direct=True)

    def several_calls(self) -> None:
        name = self._name()

        def both() -> Any:
            vim = self._session.vim
            task = vim.CreateSnapshot_Task(self._machine, name=name, memory=False, quiesce=False)
            return task, vim_util.get_object_property(vim, self._machine, 'name')

        holder = type('holder', (), {'both': staticmethod(both)})
        with self._at_most_once('snapshots', name):
            self._session.invoke_api(holder, 'both')

    def wait(self) -> None:
        name = self._name()
        with self._at_most_once('snapshots', name):
            task = self._call(
                'CreateSnapshot_Task', self._machine, name=name, memory=False, quiesce=False
            )
            info = self._session.wait_for_task(task)
            _same(info.state, 'success', 'the state of a task')

    def folder(self) -> None:
        name = self._name()
        with self._at_most_once('named', 'Folder', name):
            folder = self._call('CreateFolder', self._ref('folder', 'Folder'), name=name)
            _same([folder.value], self._truth.named('Folder', name), 'a folder')

    def destroy(self) -> None:
        name = self._name()
        folder = vim_util.get_moref(self._truth.make_folder(name), 'Folder')
        try:
            self._session.wait_for_task(self._call('Destroy_Task', folder))
        except exceptions.ManagedObjectNotFoundException:
            pass  # by an attempt whose answer was lost
        _same(self._truth.named('Folder', name), [], 'what is left of a folder')

    def policy(self) -> None:
        name = self._name()
        rules = spbm.vsan_rule(hostFailuresToTolerate=1)
        with self._at_most_once('policies', name):
            made = spbm.ensure_policy(self._session, name, rules, validate=False)
            _same([made.policy.id], self._truth.policies(name), 'a policy')

    def view(self) -> None:
        vim = self._session.vim
        manager = vim.service_content.viewManager
        view = self._call(
            'CreateContainerView', manager, container=self._ref('folder', 'Folder'),
            type=['VirtualMachine'], recursive=True,
        )  # fmt: skip
        self._call('DestroyView', view)

    # Moving data

    def _file(self, handle: Any, path: str, *size: int) -> Any:
        place = self._place
        return handle(
            place['host'], place['port'], place['datacenter'], place['datastore'],
            self._session.vim.client.cookiejar, path, *size, cacerts=place['cacert'],
        )  # fmt: skip

    def upload(self) -> None:
        # A few paths, so that the datastore does not grow.
        path = f'soak-file-{os.getpid()}-{self._number}'
        data = self._random.randbytes(self._random.randrange(1, 300_000))
        handle = self._file(rw_handles.FileWriteHandle, path, len(data))
        try:
            for start in range(0, len(data), 65536):
                handle.write(data[start : start + 65536])
        finally:
            handle.close()
        _same(self._truth.digest(path), hashlib.sha256(data).hexdigest(), 'an uploaded file')

    def download(self) -> None:
        path = f'soak-file-{os.getpid()}-{self._number}'
        there = self._truth.digest(path)
        if there is None:
            return
        handle = self._file(rw_handles.FileReadHandle, path)
        try:
            data = b''.join(iter(lambda: handle.read(65536), b''))
        finally:
            handle.close()
        _same(hashlib.sha256(data).hexdigest(), there, 'a downloaded file')

    def _lease(self) -> dict[str, Any]:
        return {
            'session': self._session,
            'host': self._place['host'],
            'port': self._place['port'],
        }

    def export(self) -> None:
        sink = _Sink()
        image_transfer.copy_stream_optimized_disk(
            None, 30, sink, **self._lease(), vm=self._ref('source', 'VirtualMachine'),
            vmdk_file_path=None, vmdk_size=len(DISK),
        )  # fmt: skip
        _same(hashlib.sha256(sink.data).digest(), hashlib.sha256(DISK).digest(), 'an export')

    def import_(self) -> None:
        name = self._name()
        spec = Place.import_spec(self._as_place(), name)  # type: ignore[arg-type]
        with self._at_most_once('named', 'VirtualMachine', name):
            made = image_transfer.download_stream_optimized_data(
                None, 30, io.BytesIO(DISK), **self._lease(),
                resource_pool=self._ref('pool', 'ResourcePool'),
                vm_folder=self._ref('folder', 'Folder'), vm_import_spec=spec,
                image_size=len(DISK), http_method='POST',
            )  # fmt: skip
            _same([made.value], self._truth.named('VirtualMachine', name), 'a machine')

    def _as_place(self) -> Any:
        made = type('place', (), {})()
        made.session, made.ds = self._session, f'[{self._place["datastore"]}]'
        return made

    # Sessions, processes and outages

    def open(self) -> None:
        with connect(self._place, self._random.choice(['compiled', 'reference'])) as session:
            name = self._read(self._machine, 'name', session)
            _same(name, self._truth.machines()[self._place['machine']], 'a name')

    def fork(self) -> None:
        """Have a child read with the session that it was given, while others go on here."""
        there = _that_stay(self._truth.machines())
        mouth, ear = os.pipe()[::-1]
        child = os.fork()
        if child == 0:
            try:
                os.close(ear)
                os.write(mouth, f'{self._in_child(there)}\n'.encode())
            finally:
                os._exit(0)
        os.close(mouth)
        try:
            ready, _, _ = select.select([ear], [], [], CHILD_SECONDS)
            words = os.read(ear, 65536).decode() if ready else ''
            if not words:
                os.kill(child, signal.SIGKILL)
                raise Wrong('a forked child did not come to its end')
        finally:
            os.close(ear)
            os.waitpid(child, 0)
        if words.startswith('wrong'):
            raise Wrong(f'in a child: {words.strip()}')

    def _in_child(self, there: dict[str, str]) -> str:
        _new_hub()
        inherited = self._session._session_id
        try:
            for key, name in there.items():
                try:
                    found = self._read(vim_util.get_moref(key, 'VirtualMachine'), 'name')
                except exceptions.VMwareDriverException:
                    continue
                if found != name:
                    return f'wrong: {found!r} is not {name!r}'
            name = self._name()
            with self._at_most_once('snapshots', name):
                task = self._call(
                    'CreateSnapshot_Task', self._machine, name=name, memory=False, quiesce=False
                )
                self._session.wait_for_task(task)
        except exceptions.VMwareDriverException as exc:
            return f'an exception: {type(exc).__name__}'
        except BaseException as exc:  # noqa: BLE001 - the parent is told
            return f'wrong: {exc!r}'
        finally:
            # One that it has opened itself, because the one that it was given had ended, is known
            # to nobody else.
            if self._session._session_id != inherited:
                self._log_out()
        return 'right'

    def _log_out(self) -> None:
        """Until it is done, which others make noise about again meanwhile."""
        for _ in range(LOGOUTS):
            self._truth.noise(0)
            self._session.logout()
            self._truth.noise(1)
            if self._session._session_id is None:
                return

    def expire(self) -> None:
        self._truth.expire()

    def cut(self) -> None:
        self._truth.cut()

    def refuse(self) -> None:
        self._truth.refuse(0.2)

    @contextlib.contextmanager
    def _at_most_once(self, question: str, *arguments: str) -> Iterator[None]:
        """Judge a change: after success it is there once, after an exception once at most.

        Then it is taken away, so that the server stays as it is.
        """
        error: Exception | None = None
        try:
            yield
        except exceptions.VMwareDriverException as exc:
            error = exc
        there = getattr(self._truth, question)(*arguments)
        self._truth.remove(there)
        if len(there) > 1 or (error is None and len(there) != 1):
            raise Wrong(f'executed {len(there)} times, and {error!r} came of it')
        if error is not None:
            raise error


class _Sink:
    def __init__(self) -> None:
        self.data = b''

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        pass


def _same(found: Any, wanted: Any, what: str) -> None:
    if found != wanted:
        raise Wrong(f'{what}: {str(found)[:200]!r} is not {str(wanted)[:200]!r}')


def _that_stay(machines: dict[str, str]) -> dict[str, str]:
    """Without those of imports, which come and go."""
    return {key: name for key, name in machines.items() if not name.startswith('soak-')}


def _new_hub() -> None:
    """What a service under eventlet does in a child: the parent's hub is the parent's."""
    eventlet = sys.modules.get('eventlet')
    if eventlet is not None and eventlet.patcher.is_monkey_patched('socket'):
        eventlet.hubs.use_hub()


def connect(place: dict[str, Any], engine: str = 'compiled') -> api.VMwareAPISession:
    """A session through the proxy, not logged in yet."""
    return api.VMwareAPISession(
        place['host'], place['username'], PASSWORD, 3, 0.05, create_session=False,
        port=place['port'], cacert=place['cacert'], wsdl_loc=DESCRIPTION,
        pbm_wsdl_loc=PBM_DESCRIPTION, connection_timeout=SILENCE, soap_engine=engine,
    )  # fmt: skip


def do(work: Work, kind: str) -> str:
    """Do one piece of work; returns the class of the outcome.

    :raises Wrong: see there
    """
    began = time.monotonic()
    try:
        getattr(work, kind)()
        outcome = 'right'
    except exceptions.VMwareDriverException as exc:
        if type(exc).__name__.startswith('_'):
            raise Wrong(f'an exception of a private class: {exc!r}') from exc
        if PASSWORD in str(exc):
            raise Wrong('the password is in an exception') from exc
        outcome = type(exc).__name__
    if time.monotonic() - began > IN_TIME:
        raise Wrong(f'took {time.monotonic() - began:.0f} s')
    return outcome

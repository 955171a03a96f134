"""A change is executed once, and who asked for it is told when nobody knows whether it was."""

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util, wsdl
from oslo_vmware.soap import wire as _connections
from oslo_vmware.soap.exchange import NO_CONNECTION_MADE
from oslo_vmware.vim import Vim
from tests.transfer.between import Listener
from tests.wire import ENVELOPE, Answer, Request, ScriptedServer, fault, reply

DESCRIPTION = wsdl.file_url(wsdl.vim_wsdl_path())
VM = vim_util.get_moref('vm-1', 'VirtualMachine')
FOLDER = vim_util.get_moref('group-v3', 'Folder')
COLLECTOR = vim_util.get_moref('propertyCollector', 'PropertyCollector')

TASK = '<returnval type="Task">task-1</returnval>'
TIME = '<returnval>2026-01-02T12:00:00Z</returnval>'
PAGE = '<html><body>Service Unavailable</body></html>'

#: What came back in place of an answer, after the whole request was read.
AFTER_SENDING = {
    'nothing': Answer(drop=True),
    'a 503 of a service that died': Answer(
        'upstream connect error or disconnect/reset before headers. reset reason: '
        'connection termination',
        503,
        'text/plain',
    ),
    'a 503 after a repetition of the proxy': Answer(
        'upstream connect error or disconnect/reset before headers. retried and the latest '
        'reset reason: remote connection failure',
        503,
        'text/plain',
    ),
    'a 503 without reason': Answer(PAGE, 503, 'text/html'),
    "a proxy's 502": Answer('Bad Gateway', 502, 'text/plain'),
    'the text of no connection with another status': Answer(NO_CONNECTION_MADE[0], 502),
    'a page': Answer(PAGE, 200, 'text/html'),
    'an error without a fault': Answer(b'', 500),
    'an empty reply': Answer(b''),
    'no content': Answer(b'', 204),
    'accepted': Answer(b'', 202),
    'an empty envelope': Answer(ENVELOPE.format('')),
    "another operation's reply": reply('RetrievePropertiesEx', '<returnval/>'),
    'half an envelope': Answer(ENVELOPE[:150]),
    'a redirect': Answer(b'', 302, headers={'Location': 'http://127.0.0.1:9/sdk'}),
    'a refusal without a fault': Answer('no', 401, 'text/plain'),
}

#: The same, where nothing was asked for but to do it.
VOID = ('an empty reply', 'no content', 'accepted', 'an empty envelope')


class Server(ScriptedServer):
    """Answers the first request for an operation as told, and all else as a vCenter would."""

    ANSWERS = {
        'CreateSnapshot_Task': reply('CreateSnapshot_Task', TASK),
        'ReconfigVM_Task': reply('ReconfigVM_Task', TASK),
        'CurrentTime': reply('CurrentTime', TIME),
        'CreateFolder': reply('CreateFolder', '<returnval type="Folder">group-v9</returnval>'),
        'MarkAsTemplate': reply('MarkAsTemplate'),
        'ContinueRetrievePropertiesEx': reply(
            'ContinueRetrievePropertiesEx',
            '<returnval><objects><obj type="Folder">group-v1</obj></objects></returnval>',
        ),
        'RetrievePropertiesEx': reply(
            'RetrievePropertiesEx',
            '<returnval><token>1</token><objects><obj type="Folder">group-v3</obj></objects>'
            '</returnval>',
        ),
        'RetrieveServiceContent': reply(
            'RetrieveServiceContent',
            '<returnval><rootFolder type="Folder">group-d1</rootFolder>'
            '<propertyCollector type="PropertyCollector">pc</propertyCollector>'
            '<sessionManager type="SessionManager">sm</sessionManager></returnval>',
        ),
        'SessionIsActive': reply('SessionIsActive', '<returnval>true</returnval>'),
    }

    def __init__(self, operation: str = '', answer: Answer | None = None) -> None:
        super().__init__(self.answer)
        self.faulty = {operation: answer} if answer is not None else {}

    def answer(self, request: Request) -> Answer:
        operation = self.operation(request)
        return self.faulty.pop(operation, None) or self.ANSWERS[operation]

    @staticmethod
    def operation(request: Request) -> str:
        return next(
            name
            for name in Server.ANSWERS
            if f'{name} ' in f'{request.text} ' or f':{name}>' in request.text
        )

    def count(self, operation: str) -> int:
        return sum(self.operation(request) == operation for request in self.requests)

    @property
    def vim(self) -> Vim:
        return Vim('http', '127.0.0.1', self.port, wsdl_url=DESCRIPTION)

    def session(self, retries: int = 3, **options: Any) -> api.VMwareAPISession:
        session = api.VMwareAPISession(
            *('127.0.0.1', 'user', 'secret-1', retries, 0.05, 'http'),
            create_session=False,
            wsdl_loc=DESCRIPTION,
            port=self.port,
            **options,
        )
        # As after a login.
        session._session_id, session._session_username = 'session-1', 'user'
        return session


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, noted in place of slept."""
    noted: list[float] = []
    monkeypatch.setattr(api.time, 'sleep', noted.append)
    return noted


# Changes


@pytest.mark.parametrize('answer', AFTER_SENDING.values(), ids=AFTER_SENDING)
def test_a_change_whose_answer_is_lost(answer: Answer, pauses: list[float]) -> None:
    """Sent once, however often calls are repeated; and the caller learns which operation it was."""
    with Server('CreateSnapshot_Task', answer) as server:
        session = server.session()
        with pytest.raises(exceptions.VimOutcomeUnknownException) as raised:
            session.invoke_api(session.vim, 'CreateSnapshot_Task', VM, name='s')
        assert server.count('CreateSnapshot_Task') == 1
        assert len(server.requests) == 1
    assert pauses == []
    assert isinstance(raised.value, exceptions.VimConnectionException)
    assert raised.value.operation == 'CreateSnapshot_Task'
    assert f'>{raised.value.op_id}<' in server.requests[0].text
    assert f'CreateSnapshot_Task (opID {raised.value.op_id}) may have been exec' in str(
        raised.value
    )


@pytest.mark.parametrize('name', VOID)
def test_a_change_without_result(name: str) -> None:
    """What has no result has an answer all the same; without it nobody knows."""
    with Server('MarkAsTemplate', AFTER_SENDING[name]) as server:
        with pytest.raises(exceptions.VimOutcomeUnknownException):
            server.vim.MarkAsTemplate(VM)
        assert server.vim.MarkAsTemplate(VM) is None


def test_without_an_operation_id() -> None:
    """A call that has none says so, by saying nothing of it."""
    with Server('CreateSnapshot_Task', Answer(drop=True)) as server:
        with pytest.raises(exceptions.VimOutcomeUnknownException, match='Task may have') as raised:
            server.vim.CreateSnapshot_Task(VM, name='s', skip_op_id=True)
        assert raised.value.op_id is None


def test_a_direct_call_on_a_used_connection() -> None:
    """A connection that breaks under the request is not taken for one that died idle."""
    with Server('CreateSnapshot_Task', Answer(drop=True)) as server:
        vim = server.vim
        vim.CurrentTime('ServiceInstance')
        with pytest.raises(exceptions.VimOutcomeUnknownException):
            vim.CreateSnapshot_Task(VM, name='s')
        assert server.connections == 1
        assert server.count('CreateSnapshot_Task') == 1


@pytest.mark.parametrize('text', NO_CONNECTION_MADE, ids=lambda text: text.decode())
def test_a_503_that_says_that_no_connection_was_made(text: bytes, pauses: list[float]) -> None:
    """The proxy had the request and nobody to give it to: it is repeated, after a pause."""
    page = b'<html><body>503 Service Unavailable (upstream connect error or disconnect/reset %s'
    with Server('CreateSnapshot_Task', Answer(page % text, 503, 'text/html')) as server:
        session = server.session()
        task = session.invoke_api(session.vim, 'CreateSnapshot_Task', VM, name='s')
        assert task.value == 'task-1'
        assert server.count('CreateSnapshot_Task') == 2
    assert len(pauses) == 1


def test_a_fault_is_an_answer() -> None:
    """It says what became of the change, so it is raised as ever."""
    busy = fault(
        '<TaskInProgressFault xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/'
        'XMLSchema-instance" xsi:type="TaskInProgress"/>'
    )
    with Server('CreateSnapshot_Task', busy) as server:
        session = server.session()
        with pytest.raises(exceptions.TaskInProgress):
            session.invoke_api(session.vim, 'CreateSnapshot_Task', VM, name='s')


class Reset(Listener):
    """Resets the first connection after some bytes, and hands the rest on to a server.

    :param port: of the server
    :param after: bytes that are read before; 0 for a connection that is closed at once
    """

    def __init__(self, port: int, after: int) -> None:
        super().__init__()
        self._server_port, self._after = port, after

    def serve(self, client: socket.socket) -> None:
        if self.connections > 1:
            self.join(client, self.host, self._server_port)
            return
        read = 0
        while read < self._after:
            read += len(client.recv(min(65536, self._after - read)))
        # Closed with this, it is reset.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def test_a_request_of_which_not_all_has_left(pauses: list[float]) -> None:
    """Half a request is executed by nobody: it is repeated."""
    with Server() as server, Reset(server.port, 65536) as between:
        session = server.session()
        session._port = between.port
        spec = session.vim.client.factory.create('ns0:VirtualMachineConfigSpec')
        # More than all the buffers on the way hold.
        spec.annotation = 'x' * 32_000_000
        task = session.invoke_api(session.vim, 'ReconfigVM_Task', VM, spec=spec)
        assert task.value == 'task-1'
        assert server.count('ReconfigVM_Task') == 1
    assert len(pauses) == 1


def test_a_connection_that_is_refused(pauses: list[float]) -> None:
    """Nothing left: a change is repeated as everything else is."""
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
    with Server() as server:
        session = server.session(2)
        session._port = port
        with pytest.raises(exceptions.VimConnectionException) as raised:
            session.invoke_api(session.vim, 'CreateSnapshot_Task', VM, name='s')
    assert not isinstance(raised.value, exceptions.VimOutcomeUnknownException)
    assert len(pauses) == 2


# Connections


@pytest.mark.parametrize(
    ('operation', 'connections'),
    [
        ('CreateSnapshot_Task', 2),
        ('CreateFolder', 2),
        ('CurrentTime', 1),
    ],
)
def test_after_an_idle_hour(
    operation: str, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only reads tries the old connection; all else leaves on a new one."""
    with Server() as server:
        vim = server.vim
        vim.CurrentTime('ServiceInstance')
        real = _connections.time.monotonic
        monkeypatch.setattr(_connections.time, 'monotonic', lambda: real() + 3600)
        getattr(vim, operation)(FOLDER)
        assert server.connections == connections


def test_a_moment_later() -> None:
    """A connection that was used just now is used again, by changes as well."""
    with Server() as server:
        vim = server.vim
        vim.CurrentTime('ServiceInstance')
        vim.CreateSnapshot_Task(VM, name='s')
        assert server.connections == 1


def test_a_connection_that_the_server_has_closed() -> None:
    """What the server closed a moment ago costs a change no error."""
    closing = reply('CurrentTime', TIME)
    closing.close_after = True
    with Server('CurrentTime', closing) as server:
        vim = server.vim
        vim.CurrentTime('ServiceInstance')
        # The farewell is on its way through the loopback.
        connection = next(iter(_pooled(vim)))
        connection.sock.settimeout(5)
        assert connection.sock.recv(1, socket.MSG_PEEK) == b''
        vim.CreateSnapshot_Task(VM, name='s')
        assert server.connections == 2
        assert server.count('CreateSnapshot_Task') == 1


def _pooled(vim: Vim) -> Iterator[Any]:
    """The connections that lie idle in the pool of a service."""
    for pool in vim._transport._here.get().pools.values():
        yield from pool


# Reads and what converges


@pytest.mark.parametrize('operation', ['CurrentTime', 'CreateFolder'])
@pytest.mark.parametrize('name', AFTER_SENDING)
def test_what_can_be_done_twice_is_repeated(operation: str, name: str) -> None:
    """Whatever came in place of an answer."""
    with Server(operation, AFTER_SENDING[name]) as server:
        session = server.session()
        assert session.invoke_api(session.vim, operation, FOLDER) is not None
        assert server.count(operation) == 2


@pytest.mark.parametrize('name', VOID)
def test_nothing_is_no_empty_page(name: str) -> None:
    """A property read that was not answered is repeated, and not taken for one that found none."""
    with Server('RetrievePropertiesEx', AFTER_SENDING[name]) as server:
        session = server.session()
        found = session.invoke_api(session.vim, 'RetrievePropertiesEx', COLLECTOR)
        assert len(found.objects) == 1
        assert server.count('RetrievePropertiesEx') == 2


def test_the_transport_repeats_only_reads() -> None:
    """What converges is repeated by the session; a direct call tells of the trouble."""
    with Server('CreateFolder', Answer(drop=True)) as server:
        vim = server.vim
        vim.CurrentTime('ServiceInstance')
        with pytest.raises(exceptions.VimConnectionException) as raised:
            vim.CreateFolder(FOLDER, name='f')
        assert server.count('CreateFolder') == 1
    assert not isinstance(raised.value, exceptions.VimOutcomeUnknownException)
    with Server('CurrentTime', Answer(drop=True)) as server:
        vim = server.vim
        vim.CreateFolder(FOLDER, name='f')
        vim.CurrentTime('ServiceInstance')
        assert server.count('CurrentTime') == 2


@pytest.mark.parametrize(
    'answer',
    [
        reply('SessionIsActive', '<returnval>true</returnval>'),
        reply('RetrievePropertiesEx', '<returnval><objects/></returnval>'),
        Answer(ENVELOPE.format('<CurrentTimeResponse2 xmlns="urn:vim25"/>')),
    ],
)
def test_an_answer_to_another_question(answer: Answer) -> None:
    """It is no value of a read, either."""
    with (
        Server('CurrentTime', answer) as server,
        pytest.raises(exceptions.VimConnectionException, match='answer to another question'),
    ):
        server.vim.CurrentTime('ServiceInstance')


# Functions of several calls


def snapshot_and_read(session: api.VMwareAPISession) -> Any:
    session.vim.CreateSnapshot_Task(VM, name='s')
    return session.vim.CurrentTime('ServiceInstance')


def test_a_function_that_has_changed_something_is_not_repeated() -> None:
    """The read that fails after its change could be repeated, the function cannot."""
    with Server('CurrentTime', Answer(PAGE, 503, 'text/html')) as server:
        session = server.session()
        helpers = _Helpers(run=snapshot_and_read)
        with pytest.raises(exceptions.VimOutcomeUnknownException, match='run is not repeated') as e:
            session.invoke_api(helpers, 'run', session)
        assert (e.value.operation, server.count('CreateSnapshot_Task')) == (
            'CreateSnapshot_Task',
            1,
        )
        assert str(e.value.op_id) in str(e.value)


def test_overload_after_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that has changed something is not repeated for overload either."""

    def run(session: api.VMwareAPISession) -> None:
        session.vim.CreateSnapshot_Task(VM, name='s')
        raise exceptions.VimSessionOverLoadException('busy')

    with Server() as server:
        session = server.session()
        with pytest.raises(exceptions.VimOutcomeUnknownException) as raised:
            session.invoke_api(_Helpers(run=run), 'run', session)
        assert server.count('CreateSnapshot_Task') == 1
    assert isinstance(raised.value.cause, exceptions.VimSessionOverLoadException)


def test_calls_inside_a_function_count() -> None:
    """A change that an inner call of invoke_api has made is one of the outer function."""

    def run(session: api.VMwareAPISession) -> Any:
        session.invoke_api(session.vim, 'CreateSnapshot_Task', VM, name='s')
        return session.vim.CurrentTime('ServiceInstance')

    with Server('CurrentTime', Answer(PAGE, 503, 'text/html')) as server:
        session = server.session()
        with pytest.raises(exceptions.VimOutcomeUnknownException):
            session.invoke_api(_Helpers(run=run), 'run', session)
        assert server.count('CreateSnapshot_Task') == 1


def test_a_change_before_the_function_does_not_count() -> None:
    """What an earlier call has changed keeps no later one from being repeated."""
    with Server('CurrentTime', Answer(PAGE, 503, 'text/html')) as server:
        session = server.session()
        session.invoke_api(session.vim, 'CreateSnapshot_Task', VM, name='s')
        session.invoke_api(session.vim, 'CurrentTime', 'ServiceInstance')
        assert server.count('CurrentTime') == 2


def test_a_refused_change_is_not_repeated_with_its_function() -> None:
    """The function may go on after a fault; that one was refused once is no leave to send it."""

    def run(session: api.VMwareAPISession) -> Any:
        with contextlib.suppress(exceptions.VimFaultException):
            session.vim.CreateSnapshot_Task(VM, name='s')
        return session.vim.CurrentTime('ServiceInstance')

    with Server('CreateSnapshot_Task', fault('<a/>')) as server:
        server.faulty['CurrentTime'] = Answer(PAGE, 503, 'text/html')
        session = server.session()
        with pytest.raises(exceptions.VimOutcomeUnknownException):
            session.invoke_api(_Helpers(run=run), 'run', session)
        assert server.count('CreateSnapshot_Task') == 1


class _Helpers:
    """A module of a user's."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        vars(self).update(functions)


# Cursors


def test_a_page_is_not_asked_for_twice() -> None:
    """The token is spent: the second question would get the page after, or a fault."""
    with Server('ContinueRetrievePropertiesEx', Answer(drop=True)) as server:
        session = server.session()
        with pytest.raises(exceptions.VimOutcomeUnknownException, match='ContinueRetrieveProp'):
            session.invoke_api(session.vim, 'ContinueRetrievePropertiesEx', COLLECTOR, token='1')
        assert server.count('ContinueRetrievePropertiesEx') == 1


def read_all(session: api.VMwareAPISession) -> Any:
    session.vim.RetrievePropertiesEx(COLLECTOR)
    session.vim.ContinueRetrievePropertiesEx(COLLECTOR, token='1')
    return session.vim.CurrentTime('ServiceInstance')


def test_a_function_that_opens_its_own_cursor_is_repeated() -> None:
    """It begins with the first page again; unless it is the very page that got lost."""
    with Server('CurrentTime', Answer(PAGE, 503, 'text/html')) as server:
        session = server.session()
        session.invoke_api(_Helpers(run=read_all), 'run', session)
        assert server.count('RetrievePropertiesEx') == 2


# The way of older releases, and users' stand-ins


@pytest.mark.parametrize(
    ('argument', 'environment', 'sent'),
    [
        (True, None, 2),
        (None, '1', 2),
        (None, ' 1 ', 2),
        (None, '0', 1),
        (None, '', 1),
        (None, None, 1),
        (False, '1', 1),
    ],
)
def test_the_old_way(
    argument: bool | None, environment: str | None, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One switch brings it back, for calls and for functions; the argument has the last word."""
    if environment is not None:
        monkeypatch.setenv('OSLO_VMWARE_REPEAT_CHANGES', environment)
    for module, faulty in (
        (None, 'CreateSnapshot_Task'),
        (_Helpers(run=snapshot_and_read), 'CurrentTime'),
    ):
        with Server(faulty, Answer(PAGE, 503, 'text/html')) as server:
            session = server.session(repeat_changes=argument)
            refused = pytest.raises(exceptions.VimOutcomeUnknownException)
            with contextlib.nullcontext() if sent == 2 else refused:
                if module is None:
                    session.invoke_api(session.vim, 'CreateSnapshot_Task', VM, name='s')
                else:
                    session.invoke_api(module, 'run', session)
            assert server.count('CreateSnapshot_Task') == sent


def test_stand_ins_are_repeated_as_ever(pauses: list[float]) -> None:
    """What only pretends to be a service, and raises the library's exception by itself."""
    calls: list[str] = []

    class Fake:
        def CreateVM_Task(self, folder: Any) -> str:
            calls.append(folder)
            if len(calls) < 3:
                raise exceptions.VimConnectionException('nobody there')
            return 'task'

    with Server() as server:
        session = server.session()
        assert session.invoke_api(Fake(), 'CreateVM_Task', 'folder') == 'task'
    assert calls == ['folder'] * 3
    assert len(pauses) == 2

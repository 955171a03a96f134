"""Right after a fork: parent and children go on with one session, each for itself."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, Self

import pytest
import trustme

from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests import forks
from tests.transfer.server import CERTIFICATE, DataServer, Exchange

pytestmark = pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')


class Relay:
    """Passes bytes to a server and back, and counts connections; TLS goes through it untouched.

    :param port: of the server
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _spawn(self, function: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                self.connections += 1
                server = socket.create_connection(('127.0.0.1', self._server))
                self._spawn(self._pass, client, server)
                self._spawn(self._pass, server, client)

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError), source:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


def outcome(vc: VCenterSimulator, scenario: str, *more: str, **overrides: Any) -> Any:
    """What a program that forks made of it."""
    arguments = {
        'host': vc.host,
        'port': vc.port,
        'server_username': vc.username,
        'server_password': vc.password,
        'cacert': vc.cacert,
    } | overrides
    run = subprocess.run(
        [sys.executable, '-m', 'tests.forks', scenario, json.dumps(arguments), *more],
        stdout=subprocess.PIPE,
        timeout=100,
        check=True,
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize('method', list(forks.FORKS))
def test_workers_and_their_parent(vc: VCenterSimulator, method: str) -> None:
    """Each reads what it asked for: 4 workers, 25 rounds, 100 of 100 values right over TLS."""
    result = outcome(vc, 'workers', method)
    assert result == {'children': [25] * 4, 'parent': 25}
    assert vc.count('Login') == 1


def test_connections_of_its_own(vc: VCenterSimulator) -> None:
    """No socket is in two processes, once each has used the session."""
    result = outcome(vc, 'descriptors')
    assert result['child']
    assert result['parent']
    assert not set(result['child']) & set(result['parent'])


def test_descriptors_of_others_stay_open(vc: VCenterSimulator) -> None:
    """A daemon closed all it inherited, and the numbers are those of its own files."""
    assert outcome(vc, 'closed_by_others') == 25


def test_locks_are_free(vc: VCenterSimulator, pbm_description: str) -> None:
    """Whatever the parent's threads held at the fork, a child works, waits, logs in, and ends."""
    result = outcome(vc, 'locks', pbm_wsdl_loc=pbm_description)
    assert result['children'] == [['success', 25, 25], 'ended']
    assert result['locks'] >= 5


def test_a_child_is_silent_on_connections_of_its_parent() -> None:
    """Not a byte, not even TLS's goodbye, however it ends; the parent uses them on."""
    with VCenterSimulator() as vc, Relay(vc.port) as relay:
        result = outcome(vc, 'silence', port=relay.port)
        assert result == {'children': [7, 7, 7, 7], 'parent': 25}
        # One of the parent, for all it did, and one of each child that did something.
        assert relay.connections == 3
        assert vc.count('Login') == 1


def test_a_collector_of_its_own(vc: VCenterSimulator) -> None:
    """Parent and child wait at the same time, and each is told of its own task."""
    assert outcome(vc, 'waiting') == ['success', 'success']
    assert vc.count('CreatePropertyCollector') == 2
    assert vc.count('DestroyPropertyCollector') == 0


@pytest.mark.parametrize('has_views', [True, False], ids=['views', 'no views'])
def test_a_child_leaves_the_waiters_of_its_parent_alone(has_views: bool) -> None:
    """Green threads are forked along; what one of them clears away in the child is not its own."""
    with VCenterSimulator(task_seconds=2, inventory=Inventory(vms=30)) as vc:
        if not has_views:
            vc.faults.on('CreateListView', fault='NotSupported', times=None)
        assert outcome(vc, 'forked_while_waiting') == [25, ['success'] * 2]
        assert vc.count('CreatePropertyCollector') == 1
        assert vc.count('DestroyPropertyCollector') == vc.count('DestroyView') == 0
        assert vc.count('CreateFilter') == (1 if has_views else 2)
        assert vc.count('DestroyPropertyFilter') == (0 if has_views else 2)


def test_logging_out_in_one_process(vc: VCenterSimulator) -> None:
    """It ends the session of all, and each that goes on logs in anew by itself."""
    assert outcome(vc, 'logged_out') == [25, 25]
    assert vc.count('Logout') == 1
    assert vc.count('Login') == 3


@pytest.mark.parametrize('ending', ['close', 'abort'])
def test_transfers_of_the_parent_go_on(vc: VCenterSimulator, ending: str) -> None:
    """A child can only drop them: no byte is lost, and no lease ends before its time."""
    result = outcome(vc, 'transfers', ending)
    assert result['whole'] == [True, True]
    assert len(result['problems']) >= 4
    assert all('belongs to the process' in problem for problem in result['problems'])
    ends = [call.operation for call in vc.calls if 'Lease' in call.operation]
    assert ends.count('HttpNfcLeaseComplete') == 2
    assert 'HttpNfcLeaseAbort' not in ends


@pytest.mark.parametrize('certificate', [None, CERTIFICATE], ids=['http', 'https'])
def test_a_transfer_that_is_called_off(certificate: trustme.LeafCert | None) -> None:
    """Its server notices, though a child has the descriptors as well."""

    def serve(exchange: Exchange) -> None:
        if exchange.method == 'GET':
            exchange.socket.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx')
        exchange.stream.read(2)

    with DataServer(serve, certificate) as server:
        arguments = {'scheme': server.scheme, 'host': server.host, 'port': server.port}
        program = [sys.executable, '-m', 'tests.forks', 'called_off', json.dumps(arguments)]
        with subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as run:
            assert run.stdout is not None
            assert run.stdout.readline() == 'called off\n'
            assert server.all_closed(2)
            assert run.communicate('x', timeout=30)[0] == '"lived on"\n'

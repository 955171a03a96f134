"""A socket of a transfer waits for so long, natively in the kernel and otherwise in its hub."""

import os
import socket
import sys
import threading

import pytest

from oslo_vmware._transfer.patience import RECEIVING, SENDING, wait_at_most

GREEN = 'OSLO_VMWARE_TEST_EVENTLET' in os.environ


def send_on(sock: socket.socket) -> None:
    while True:
        sock.send(bytes(65536))


@pytest.mark.parametrize('seconds', [0.0, 0.05, 0.2])
@pytest.mark.parametrize('what', [RECEIVING, SENDING])
def test_a_socket_that_waits(what: int, seconds: float) -> None:
    """It comes back with an error, however little time there is, and others go on meanwhile."""
    ended = threading.Event()
    turns: list[int] = []

    def go_on() -> None:
        while not ended.wait(0.01):
            turns.append(1)

    others = threading.Thread(target=go_on)
    near, far = socket.socketpair()
    with near, far:
        wait_at_most(near, what, seconds)
        assert os.get_blocking(near.fileno()) == (sys.platform == 'linux' and not GREEN)
        others.start()
        with pytest.raises((BlockingIOError, TimeoutError)):
            near.recv(1) if what == RECEIVING else send_on(near)
    ended.set()
    others.join()
    assert turns or seconds < 0.1


def test_what_is_there_is_not_waited_for() -> None:
    """Some bytes, and the end, come at once."""
    near, far = socket.socketpair()
    with near:
        wait_at_most(near, RECEIVING, 10)
        far.sendall(b'abc')
        assert near.recv(10) == b'abc'
        far.close()
        assert near.recv(10) == b''

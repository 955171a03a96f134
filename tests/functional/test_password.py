"""A password that changes while services run: they are asked for it at each login."""

import logging
import threading

import pytest

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import Crowd, SessionMaker


def works(session: api.VMwareAPISession) -> bool:
    return bool(session.invoke_api(vim_util, 'get_objects', session.vim, 'Datacenter', 10))


class Vault:
    """Where a password is kept; counts who asks for it."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return self.password


def test_a_rotated_password(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """The next login has the new one; in between nobody asks, and no restart is needed."""
    vault = Vault(vc.password)
    session = connect(vc, server_password=vault)
    assert works(session)
    assert works(session)
    assert vault.asked == 1
    vault.password = vc.sessions.password = 'another one'
    vc.expire_sessions()
    assert works(session)
    assert vault.asked == 2


def test_nobody_is_asked_before_the_login(vc: VCenterSimulator) -> None:
    """A session that is not opened needs no password."""
    vault = Vault(vc.password)
    api.VMwareAPISession(
        vc.host, vc.username, vault, 1, 0.1, create_session=False, port=vc.port, cacert=vc.cacert
    )
    assert vault.asked == 0


def test_a_crowd_asks_once(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """One login of many threads that find the session expired, one question."""
    vault = Vault(vc.password)
    session = connect(vc, server_password=vault)
    vc.expire_sessions()
    assert all(Crowd(16, lambda number: works(session)).join())
    assert vault.asked == 2


def test_what_goes_wrong_surfaces(
    vc: VCenterSimulator, connect: SessionMaker, pauses: list[float]
) -> None:
    """An error of the function is the caller's to see, as it is, and the session goes on after."""
    secret = threading.Event()

    def ask() -> str:
        if not secret.is_set():
            raise KeyError('the vault is sealed')
        return vc.password

    with pytest.raises(KeyError, match='the vault is sealed'):
        connect(vc, server_password=ask)
    secret.set()
    session = connect(vc, server_password=ask)
    secret.clear()
    vc.expire_sessions()
    with pytest.raises(KeyError, match='the vault is sealed'):
        works(session)
    secret.set()
    assert works(session)
    assert pauses == []


def test_a_wrong_one_is_refused_unseen(
    vc: VCenterSimulator, connect: SessionMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """As a wrong string is; neither is it logged."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(exceptions.VimFaultException) as raised:
        connect(vc, server_password=lambda: 'wrong-secret')
    assert raised.value.fault_list == ['InvalidLogin']
    connect(vc, server_password=lambda: vc.password)
    for text in (caplog.text, str(raised.value), repr(raised.value)):
        assert 'wrong-secret' not in text
        assert vc.password not in text

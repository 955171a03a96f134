"""Closing a session closes its connections at once, whoever still holds an error of theirs."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from oslo_vmware import exceptions
from oslo_vmware._transfer import imports
from tests.faults.matrix import hurried
from tests.faults.operations import ReadProperty, SnapshotDirect
from tests.faults.proxy import Exchange
from tests.faults.stand import Stand
from tests.faults.transfers import ImportBegins


@pytest.fixture
def stand() -> Iterator[Stand]:
    with Stand() as made, hurried():
        yield made


def cut(exchange: Exchange) -> None:
    exchange.forward()
    exchange.close()


def all_closed(stand: Stand) -> bool:
    """Whether the proxy has seen the end of every connection, shortly after."""
    stand.proxy.ended.wait(0.1)
    return stand.proxy.open_connections == 0


@pytest.mark.parametrize('engine', ['compiled', 'reference'])
def test_after_a_call_that_was_repeated(engine: str, stand: Stand) -> None:
    """The error of the first attempt holds its pool in a circle of references."""
    session = stand.connect(engine)
    row = ReadProperty(stand, session)
    stand.proxy.spoil(row.exchange, cut)
    assert row.right(row.act())
    assert stand.proxy.open_connections == 1
    session.close()
    assert all_closed(stand)
    assert row.right(row.act())
    session.close()
    assert all_closed(stand)


def test_while_an_error_is_kept(stand: Stand) -> None:
    """As a log with tracebacks keeps it."""
    session = stand.connect('compiled')
    row = SnapshotDirect(stand, session)
    session._create_session()
    stand.proxy.spoil(row.exchange, cut)
    with pytest.raises(exceptions.VimConnectionException) as raised:
        row.act()
    assert ReadProperty(stand, session).act() == stand.machine.name
    session.close()
    assert all_closed(stand)
    assert raised.value.__traceback__ is not None


def test_while_a_lost_import_is_searched_for(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search in the background does not log in again: with the session the lease has ended."""
    monkeypatch.setattr(imports, '_WAIT_SECONDS', 0.1)
    monkeypatch.setattr(imports, '_SEARCH_PAUSE_SECONDS', 0.2)
    session = stand.connect('compiled')
    session._create_session()
    row = ImportBegins(stand, session)
    stand.proxy.spoil(row.exchange, lambda exchange: exchange.close())
    with pytest.raises(exceptions.VimOutcomeUnknownException):
        row.act()
    session.close()
    (search,) = [one for one in threading.enumerate() if one.name == 'oslo.vmware-import']
    search.join(5)
    assert not search.is_alive()
    assert stand.counts() == stand.at_rest
    assert all_closed(stand)

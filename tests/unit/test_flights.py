"""One asks, the others wait for the answer."""

import threading
from typing import Any

import pytest

from oslo_vmware import exceptions
from oslo_vmware._flights import Flights


def start(*functions: Any) -> list[threading.Thread]:
    threads = [threading.Thread(target=function, daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    return threads


def test_a_value_is_shared_and_not_kept() -> None:
    """Who comes while it is asked for gets it too; who comes later asks anew."""
    flights, asked, go = Flights(), threading.Event(), threading.Event()
    found: list[Any] = []

    def ask() -> object:
        asked.set()
        assert go.wait(30)
        return object()

    def look() -> None:
        found.append(flights.join('key', ask))

    first = start(look)
    assert asked.wait(30)
    others = start(look, look)
    # Another question waits for nobody.
    assert flights.join('other', lambda: 1) == 1
    go.set()
    for thread in first + others:
        thread.join(30)
    assert len(found) == 3
    assert flights.join('key', lambda: 2) == 2


def test_nothing_is_a_value() -> None:
    """None and what is false are answers like any other."""
    flights = Flights()
    for value in (None, 0, ()):
        assert flights.join('key', lambda value=value: value) == value


def test_a_pilot_that_is_stopped() -> None:
    """What stops a thread is no answer for others: the next one asks."""
    flights, asked, go = Flights(), threading.Event(), threading.Event()
    stopped: list[BaseException] = []
    found: list[Any] = []

    def stop() -> None:
        asked.set()
        assert go.wait(30)
        raise SystemExit

    def first() -> None:
        try:
            flights.join('key', stop)
        except SystemExit as exc:
            stopped.append(exc)

    threads = start(first)
    assert asked.wait(30)
    threads += start(lambda: found.append(flights.join('key', lambda: 'mine')))
    go.set()
    for thread in threads:
        thread.join(30)
    assert (len(stopped), found) == (1, ['mine'])


def test_asking_while_asking() -> None:
    """A thread does not wait for itself."""
    flights = Flights()
    assert flights.join('key', lambda: flights.join('key', lambda: 'inner')) == 'inner'


def test_a_failure_lands() -> None:
    """Whoever raises what, the question can be asked again."""
    flights = Flights()

    def fail(exc: BaseException) -> Any:
        raise exc

    for exc in (exceptions.VimException('no'), ValueError('no'), KeyboardInterrupt()):
        with pytest.raises(type(exc)) as caught:
            flights.join('key', lambda exc=exc: fail(exc))
        assert caught.value is exc
    assert flights.join('key', lambda: 1) == 1

"""Work that nobody wants any more begins no session."""

import threading

from oslo_vmware import _wanted


def test_usually_work_is_wanted() -> None:
    """Nobody has to say so."""
    assert _wanted.is_wanted()


def test_it_is_wanted_while_all_conditions_hold() -> None:
    """Those around count as well, and all are asked anew each time."""
    outer, inner = threading.Event(), threading.Event()
    with _wanted.only_while(lambda: not outer.is_set()):
        with _wanted.only_while(lambda: not inner.is_set()):
            assert _wanted.is_wanted()
            inner.set()
            assert not _wanted.is_wanted()
        assert _wanted.is_wanted()
        outer.set()
        with _wanted.only_while(lambda: True):
            assert not _wanted.is_wanted()
    assert _wanted.is_wanted()


def test_another_thread_has_conditions_of_its_own() -> None:
    """Of what one thread does the others know nothing."""
    seen: list[bool] = []
    with _wanted.only_while(lambda: False):
        other = threading.Thread(target=lambda: seen.append(_wanted.is_wanted()))
        other.start()
        other.join(10)
    assert seen == [True]

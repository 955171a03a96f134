"""Follows what changes on the server: ``WaitForUpdatesEx`` (vSphere API 4.1), never by polling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware._clearing import clear_away
from oslo_vmware.watch.reading import is_fault

T = TypeVar('T')

# So long one request waits; short of the time after which silence is taken for a failure.
_WAIT_SECONDS = 20

# What becomes of the collectors of a session that ends: a request that waits is cancelled, and
# after a new login they are gone.
_LOST = ('RequestCanceled', exceptions.MANAGED_OBJECT_NOT_FOUND, 'InvalidCollectorVersion')
# What is lost so often before it gives anything is lost for another reason.
_ATTEMPTS = 3


def again(make: Callable[[], Iterator[T]]) -> Iterator[T]:
    """Follow, and begin anew when what is followed with is lost with the session.

    :param make: begins to follow
    """
    attempts = 0
    while True:
        attempts += 1
        try:
            for one in make():
                attempts = 0
                yield one
        except exceptions.VimException as error:
            if attempts >= _ATTEMPTS or not any(is_fault(error, name) for name in _LOST):
                raise


def changes(session: api.VMwareAPISession, spec: Any) -> Iterator[Any]:
    """All that there is, and then all that changes, without end.

    It has a property collector of its own, which goes with the generator.

    :param spec: PropertyFilterSpec
    :returns: ObjectUpdate objects, and None where nothing has changed for a while
    :raises VimException: the session has been renewed, and this went with it: see :func:`again`
    """
    collector = session.invoke_api(
        session.vim, 'CreatePropertyCollector', session.vim.service_content.propertyCollector
    )
    try:
        session.invoke_api(session.vim, 'CreateFilter', collector, spec=spec, partialUpdates=False)
        yield from _updates(session, collector)
    finally:
        clear_away(session.vim, ('DestroyPropertyCollector', collector))


def _updates(session: api.VMwareAPISession, collector: Any) -> Iterator[Any]:
    options = session.vim.client.factory.create('ns0:WaitOptions')
    options.maxWaitSeconds = _WAIT_SECONDS
    version = ''
    while True:
        found = session.invoke_api(
            session.vim, 'WaitForUpdatesEx', collector, version=version, options=options
        )
        if not found:
            yield None
            continue
        version = found.version
        for update in getattr(found, 'filterSet', []):
            yield from getattr(update, 'objectSet', [])


def value(update: Any, path: str) -> Any:
    """What an update says that a property is now; None where it says nothing of it."""
    for change in getattr(update, 'changeSet', []):
        if change.name == path:
            return getattr(change, 'val', None)
    return None


def filter_spec(
    session: api.VMwareAPISession, type_: str, path: str, start: Any, steps: Any = None
) -> Any:
    """A PropertyFilterSpec for one property of the objects of one type."""
    factory = session.vim.client.factory
    return vim_util.build_property_filter_spec(
        factory,
        [vim_util.build_property_spec(factory, type_, [path])],
        [vim_util.build_object_spec(factory, start, steps or [])],
    )

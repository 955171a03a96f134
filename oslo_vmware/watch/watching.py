"""The watch: objects of some types and their properties, and what became of them.

What it knows is an immutable snapshot, replaced by another one when all is learned that the server
had to tell. Each process has a reading of its own on the server, and finds the snapshot that it was
forked off with; what it reads anew is compared with that.
"""

import difflib
import logging
import math
import time
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self

from oslo_vmware import _clearing, _deadline, exceptions, vim_util
from oslo_vmware._i18n import _
from oslo_vmware._process import PerProcess
from oslo_vmware.watch.inventory import ByReference, Change, Changes, Values
from oslo_vmware.watch.reading import Again, Entry, Reading
from oslo_vmware.watch.turns import Turns

LOG = logging.getLogger(__name__)

#: Seconds for which one request waits for a change.
MAX_WAIT_SECONDS = 60

#: Seconds that a server waits, if it waits at all; who was answered sooner pauses for as long.
SHORTEST_WAIT_SECONDS = 0.5

#: How often it is begun anew, or asked again because somebody has cancelled it, before an answer is
#: complete.
ATTEMPTS = 3

#: Types that a container view can have.
TYPES = frozenset(
    {
        *('ClusterComputeResource', 'ComputeResource', 'Datacenter', 'Datastore'),
        *('DistributedVirtualPortgroup', 'DistributedVirtualSwitch', 'Folder', 'HostSystem'),
        *('ManagedEntity', 'Network', 'OpaqueNetwork', 'ResourcePool', 'StoragePod', 'VirtualApp'),
        *('VirtualMachine', 'VmwareDistributedVirtualSwitch'),
    }
)

_NOTHING: ByReference[Any] = ByReference({})
_NO_CHANGES = Changes(_NOTHING, _NOTHING, _NOTHING)


class WatchClosedException(exceptions.VimException):
    """The watch was closed, before the call or while it waited."""

    msg_fmt = _('The watch is closed.')


class _Own:
    """What one process has of a watch."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.reading: Reading | None = None


class Watch(Mapping[Any, Values]):
    """Objects of some types by reference, as they were when the server was last asked.

    It makes no call until :meth:`refresh` or :meth:`wait`; what it knew last can be read when it is
    closed, too. Keys and look-ups are those of :class:`~oslo_vmware.watch.ByReference`; an object
    has the same reference as long as it is there. Use it as a context manager, or :meth:`close` it:
    a view, a property collector and its filter are on the server until then, or until the session
    ends.

    Any thread may read it, and iterating goes over what there was when it began. Each change is
    told once, to the thread that asked; so one thread asks, as a rule. After an exception, an
    interruption by ``KeyboardInterrupt`` or by a green thread's time-out included, nothing is lost:
    the next call goes on and tells what was not told.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param properties: by type, the paths of its properties, ``{'VirtualMachine': ['name',
                       'runtime.powerState']}``. Types are those of the inventory: machines, hosts,
                       clusters, datastores, networks, folders …, not tasks. An object of a derived
                       type counts as well. The server gives the whole value of a path of which a
                       part changes: watch what you need (``runtime.powerState``, not ``runtime``)
    :param container: reference, or ``'<type>:<id>'``, of a folder, datacenter, cluster, resource
                      pool or host: only what is beneath it; None for all
    :raises ValueError: there is no such type, or paths are not a list of texts
    """

    def __init__(
        self, session: Any, properties: Mapping[str, Iterable[str]], *, container: Any = None
    ) -> None:
        self._session = session
        self._properties = {type_: _checked(type_, paths) for type_, paths in properties.items()}
        if not properties:
            raise ValueError(_('Say of which types which properties are to be watched.'))
        if isinstance(container, str):
            type_, id_ = container.partition(':')[::2]
            if not (type_ and id_):
                raise ValueError(_('container=%r: a text is <type>:<id>.') % container)
            container = vim_util.get_moref(id_, type_)
        self._container = container
        self._snapshot: ByReference[Values] = _NOTHING
        self._own = PerProcess(_Own)
        self._closed = False

    # What is known; no calls

    @property
    def snapshot(self) -> ByReference[Values]:
        """All objects and values as they are known now; it does not follow later changes."""
        return self._snapshot

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def __getitem__(self, key: Any) -> Values:
        return self._snapshot[key]

    def __contains__(self, key: object) -> bool:
        return key in self._snapshot

    def __iter__(self) -> Iterator[Any]:
        return iter(self._snapshot)

    def __len__(self) -> int:
        return len(self._snapshot)

    def keys(self) -> KeysView[Any]:
        """The references there are now."""
        return self._snapshot.keys()

    def values(self) -> ValuesView[Values]:
        """The values there are now."""
        return self._snapshot.values()

    def items(self) -> ItemsView[Any, Values]:
        """The references there are now, and the values of each."""
        return self._snapshot.items()

    def __repr__(self) -> str:
        return f'<Watch of {", ".join(self._properties)}: {len(self)} objects>'

    # Asking

    def refresh(self) -> Changes:
        """Ask what is different, without waiting.

        One call, and one more for each thousand objects of which there is something to tell; the
        first time three more, and everything is added. A thread that waits meanwhile is
        interrupted, and goes on waiting.

        :returns: what is different since one was last told
        :raises InvalidPropertyException: a path leads nowhere
        :raises ManagedObjectNotFoundException: there is no such container
        :raises WatchClosedException: it is closed
        :raises VMwareDriverException: as ``invoke_api``
        """
        own = self._own.get()
        with own.turns.in_a_hurry(lambda: self._interrupt(own)) as has_turn:
            if not has_turn:
                raise exceptions.VimWaitTimeoutException(
                    _('Another thread was still asking when the time was over.')
                )
            return self._ask_in_turn(own) or _NO_CHANGES

    def wait(self, timeout: float | None = None) -> Changes:
        """Wait until something is different.

        :param timeout: seconds to wait at most; None for no limit
        :returns: what is different since one was last told; nothing when the time is over
        :raises WatchClosedException: it is closed, or was while it waited
        :raises VMwareDriverException: as :meth:`refresh`
        """
        own = self._own.get()
        limit = math.inf if timeout is None else timeout
        end = time.monotonic() + limit
        # The answer to a request that ends with the time is still to be had.
        with _deadline.within(limit + _deadline.LAST_REQUEST_SECONDS):
            while True:
                with own.turns.patient(end - time.monotonic()) as has_turn:
                    changes = self._ask_in_turn(own, end) if has_turn else _NO_CHANGES
                if changes is not None:
                    return changes

    def close(self) -> None:
        """End it, also for threads that wait, and clear away what is on the server.

        Never raises: what cannot be cleared away is left to the end of the session.
        """
        if self._closed:
            return
        self._closed = True
        own = self._own.get()
        with (
            _deadline.within(_clearing.CLEARING_SECONDS),
            own.turns.in_a_hurry(lambda: self._interrupt(own)) as has_turn,
        ):
            # Otherwise who has it does so.
            if has_turn:
                self._clear(own)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _interrupt(self, own: _Own) -> None:
        if own.reading is not None:
            own.reading.interrupt()

    def _clear(self, own: _Own) -> None:
        reading, own.reading = own.reading, None
        if reading is not None:
            reading.clear()

    def _ask_in_turn(self, own: _Own, end: float | None = None) -> Changes | None:
        """Ask until all is learned, and until something is different if there is time.

        :param end: when to wait no longer; None to wait for nothing
        :returns: None if somebody is in a hurry, and goes first
        """
        try:
            attempts = ATTEMPTS
            while True:
                if self._closed:
                    raise WatchClosedException
                if end is not None and own.turns.hurried:
                    return None
                if own.reading is None:
                    own.reading = Reading(self._session, self._properties, self._container)
                began, seconds = time.monotonic(), self._patience(own, own.reading, end)
                failure = self._ask(own, own.reading, seconds)
                if failure is not None:
                    attempts -= 1
                    if not attempts and not self._closed:
                        raise failure
                elif not own.reading.has_more:
                    attempts = ATTEMPTS
                    changes = self._publish(own.reading)
                    left = 0.0 if end is None else end - time.monotonic()
                    if changes or left <= 0:
                        return changes
                    if seconds and time.monotonic() < began + SHORTEST_WAIT_SECONDS:
                        own.turns.pause(min(left, SHORTEST_WAIT_SECONDS))
        finally:
            if self._closed:
                self._clear(own)

    def _patience(self, own: _Own, reading: Reading, end: float | None) -> int:
        """For how many seconds the server may wait for a change."""
        left = 0.0 if end is None else end - time.monotonic()
        if left <= 0 or not reading.whole or reading.has_more:
            return 0
        # What it took to come here is not to cost a whole second.
        longest = self._longest_wait()
        seconds = int(min(left + 0.1, longest))
        if seconds < 1:
            # No server waits for a part of a second.
            own.turns.pause(min(left, longest))
        return seconds

    def _longest_wait(self) -> float:
        # A request must end before its connection times out.
        silence = getattr(self._session, '_connection_timeout', None)
        return min(MAX_WAIT_SECONDS, (silence or math.inf) / 2)

    def _ask(self, own: _Own, reading: Reading, seconds: int) -> exceptions.VimException | None:
        """Ask once; gives what went wrong if that is cured by asking again."""
        try:
            reading.ask(seconds, self._snapshot)
        except Again as again:
            if again.anew:
                LOG.info('%r is read anew: %s', self, again.failure)
                self._clear(own)
            return again.failure
        return None

    def _publish(self, reading: Reading) -> Changes:
        """Replace the snapshot by what was learned, and tell the differences."""
        told, learned = self._snapshot, reading.learned
        if not reading.whole:
            # What did not come is not there any more.
            learned = dict.fromkeys(told.ids()) | learned
        added: dict[str, Entry] = {}
        changed: dict[str, tuple[Any, Change]] = {}
        removed: dict[str, Entry] = {}
        for id_, entry in learned.items():
            before = told.by_id(id_)
            if before is None:
                if entry is not None:
                    added[id_] = entry
            elif entry is None:
                removed[id_] = before
            else:
                change = Change(before[1], entry[1])
                if change.paths:
                    changed[id_] = (before[0], change)
        if added or changed or removed:
            after = {id_: (reference, change.after) for id_, (reference, change) in changed.items()}
            self._snapshot = told.updated(added | after, removed)
        reading.whole, reading.learned = True, {}
        return Changes(ByReference(added), ByReference(changed), ByReference(removed))


def _checked(type_: str, paths: Iterable[str]) -> list[str]:
    """The property paths of a type.

    :raises ValueError: there is no such type, or they are not a list of texts
    """
    if type_ not in TYPES:
        close = difflib.get_close_matches(str(type_), TYPES, 1)
        raise ValueError(
            _('%(type)r is no type of the inventory%(instead)s.')
            % {'type': type_, 'instead': _(': did you mean %r?') % close[0] if close else ''}
        )
    listed: list[Any] = [None] if isinstance(paths, str) else list(paths)
    if not all(isinstance(path, str) and path for path in listed):
        raise ValueError(_('%s: give a list of property paths.') % type_)
    return list(dict.fromkeys(listed))

"""What a watch has on the server, and what it learns from there.

A view, a property collector and a filter are made one after the other, and each is known as soon
as it is there: who is interrupted goes on where it was. A reply counts when all of it has been
learned; until then the server is asked with the version before, and says the same again. So it
makes no difference where in the middle of it a reading is interrupted.

All of it belongs to the session and dies with it at the latest. That is why a request to make or to
destroy a part of it may be sent twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oslo_vmware import _deadline, exceptions, vim_util
from oslo_vmware._clearing import clear_away
from oslo_vmware._i18n import _
from oslo_vmware.watch.inventory import ByReference, Values

#: Objects that one reply tells of, at most.
PAGE_OBJECTS = 1000

#: Seconds that the server may answer later than it was asked to.
MARGIN_SECONDS = 30.0

Entry = tuple[Any, Values]


class Again(Exception):
    """It is to be asked once more.

    :ivar failure: what went wrong
    :ivar anew: what there is on the server is of no use any more: all is to be read anew
    """

    def __init__(self, failure: exceptions.VimException, anew: bool = True) -> None:
        super().__init__()
        self.failure = failure
        self.anew = anew


class Reading:
    """One property collector of a watch, and how far its updates have been read.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param properties: property paths by type
    :param container: reference of the object beneath which the objects are; None for all
    :ivar whole: whether everything has been read and told once
    :ivar has_more: whether there is more than was last told
    :ivar learned: by id what is not told yet; None for an object that is gone
    """

    def __init__(
        self, session: Any, properties: Mapping[str, Sequence[str]], container: Any
    ) -> None:
        self._session = session
        self._properties = properties
        self._paths = frozenset(path for paths in properties.values() for path in paths)
        self._container = container
        self._view: Any = None
        self._collector: Any = None
        self._filter: Any = None
        self._version = ''
        self._waits = False
        self.whole = False
        self.has_more = True
        self.learned: dict[str, Entry | None] = {}

    def ask(self, seconds: int, told: ByReference[Values]) -> None:
        """Ask once for updates, and learn them.

        :param seconds: for which the server may wait for one
        :param told: what was told before, if this reading is whole
        :raises Again: it is to be asked once more
        """
        try:
            self._make()
            self._waits = bool(seconds)
            update = self._session.invoke_api(self, 'wait_for_updates', seconds)
        except exceptions.VimException as exc:
            self._explain(exc)
            raise
        finally:
            self._waits = False
        if update is not None:
            self._learn(update, told)
            # Not before all of it is learned, see above.
            self._version = update.version
        self.has_more = bool(getattr(update, 'truncated', False))

    def wait_for_updates(self, seconds: int) -> Any:
        """Send the request; for ``invoke_api``, whose every attempt has this time."""
        vim = self._session.vim
        options = vim.client.factory.create('ns0:WaitOptions')
        options.maxWaitSeconds = seconds
        options.maxObjectUpdates = PAGE_OBJECTS
        # Who does not wait has the time that any read has.
        with _deadline.within(seconds + MARGIN_SECONDS if seconds else None):
            return vim.WaitForUpdatesEx(self._collector, version=self._version, options=options)

    def interrupt(self) -> None:
        """Let a request end that waits for a change; another thread does this."""
        if self._waits:
            clear_away(self._session.vim, ('CancelWaitForUpdates', self._collector))

    def clear(self) -> None:
        """Destroy what is on the server."""
        clear_away(
            self._session.vim,
            ('DestroyPropertyCollector', self._collector),
            ('DestroyView', self._view),
        )
        self._collector = self._view = self._filter = None

    # What is on the server

    def _make(self) -> None:
        """Make what is not there yet."""
        if self._filter is not None:
            return
        session, content = self._session, self._session.vim.service_content
        if self._collector is None:
            self._collector = session.invoke_api(
                session.vim, 'CreatePropertyCollector', content.propertyCollector
            )
        if self._view is None:
            self._view = session.invoke_api(
                session.vim,
                'CreateContainerView',
                content.viewManager,
                container=content.rootFolder if self._container is None else self._container,
                type=list(self._properties),
                recursive=True,
            )
        self._filter = session.invoke_api(
            session.vim, 'CreateFilter', self._collector, spec=self._spec(), partialUpdates=False
        )

    def _spec(self) -> Any:
        factory = self._session.vim.client.factory
        properties = []
        for type_, paths in self._properties.items():
            one = vim_util.get_prop_spec(factory, type_, paths)
            one.all = False
            properties.append(one)
        members = vim_util.build_traversal_spec(
            factory, 'members', 'ContainerView', 'view', False, None
        )
        start = vim_util.get_obj_spec(factory, self._view, members)
        start.skip = True
        return vim_util.build_property_filter_spec(factory, properties, start)

    def _explain(self, exc: exceptions.VimException) -> None:
        """Raise something better than a fault, where there is.

        :raises Again: the collector is gone or does not know the version, or somebody has
                       cancelled the request
        :raises InvalidPropertyException: there is no such property
        """
        named = (exc.details or {}).get
        container = self._container and vim_util.get_moref_value(self._container)
        if is_fault(exc, 'RequestCanceled'):
            raise Again(exc, anew=False) from exc
        if is_fault(exc, 'InvalidCollectorVersion') or (
            is_fault(exc, exceptions.MANAGED_OBJECT_NOT_FOUND)
            and (container is None or named('obj') != container)
        ):
            raise Again(exc) from exc
        if is_fault(exc, exceptions.INVALID_PROPERTY):
            raise exceptions.InvalidPropertyException(
                _('The server knows no property %(path)s of %(types)s.')
                % {'path': named('name', ''), 'types': self._asked_for(named('name', ''))},
                exc,
                exc.details,
            ) from exc

    def _asked_for(self, path: str) -> str:
        """The types of which a property was asked for, as a text."""
        types = [type_ for type_, paths in self._properties.items() if path in paths]
        return ', '.join(types or self._properties)

    # What it tells

    def _learn(self, update: Any, told: ByReference[Values]) -> None:
        for filter_update in getattr(update, 'filterSet', ()):
            for changed in getattr(filter_update, 'objectSet', ()):
                id_ = changed.obj.value
                if changed.kind == 'leave':
                    self.learned[id_] = None
                    continue
                before = None
                if changed.kind != 'enter':
                    before = self.learned.get(id_) or (told.by_id(id_) if self.whole else None)
                reference, values = before or (changed.obj, None)
                self.learned[id_] = (reference, self._values(changed, values))

    def _values(self, changed: Any, before: Values | None) -> Values:
        """The values of an object after an update of it."""
        values: dict[str, Any] = dict(before or ())
        missing = dict(before.missing) if before is not None else {}
        for change in getattr(changed, 'changeSet', ()):
            path, value = change.name, getattr(change, 'val', None)
            if path not in self._paths and self._is_part(path):
                told = _('The server tells of %s, a part of what is watched.') % path
                raise Again(exceptions.VimException(told))
            missing.pop(path, None)
            if value is None or change.op not in ('assign', 'add'):
                values.pop(path, None)
            else:
                values[path] = value
        for one in getattr(changed, 'missingSet', ()):
            values.pop(one.path, None)
            missing[one.path] = exceptions.translate_fault(one.fault)
        return Values(values, missing) if missing else Values(values)

    def _is_part(self, path: str) -> bool:
        """Whether a path leads into the value of a watched one: whole values were asked for."""
        return any(path.startswith((f'{one}.', f'{one}[')) for one in self._paths)


def is_fault(exc: exceptions.VimException, name: str) -> bool:
    """Whether an exception, of whatever class, stands for a fault."""
    return (
        isinstance(exc, exceptions.get_fault_class(name) or ())
        or name in getattr(exc, 'fault_list', ())
        or exceptions.find_fault(exc, name) is not None
    )

"""A property collector of the session's own: what it watches, and what it tells.

Tasks are members of a list view (ViewManager and ListView, vSphere API 2.5) with one filter over
it: to watch some more and others no longer takes one call for all of them together. What else is
waited for has a filter of its own, and so have tasks where the server has no such view.

A filter watches the parts of a property rather than the whole, because progress would change the
whole again and again, and hardly anybody waits for that. The state comes first among the parts, so
that what the server looks up after it is no older.
"""

import logging
from collections.abc import Iterable
from typing import Any

from oslo_vmware import exceptions, vim_util
from oslo_vmware._clearing import clear_away
from oslo_vmware._session.wait import TASK, Wait

LOG = logging.getLogger(__name__)


class Collector:
    """A property collector on the server.

    :param vim: the session's Vim service
    :param task: what is told of tasks
    :ivar is_new: whether the server has not told anything yet
    :ivar has_view: whether tasks can be members of a view
    """

    def __init__(self, vim: Any, task: Wait = TASK) -> None:
        self._vim = vim
        self._task = task
        self._version = ''
        self._view: Any = None
        self._manager = getattr(vim.service_content, 'viewManager', None)
        self.has_view = self._manager is not None
        self._moref = vim.CreatePropertyCollector(
            vim.service_content.propertyCollector, skip_op_id=True
        )

    @property
    def is_new(self) -> bool:
        return not self._version

    def change_view(self, add: list[Any], remove: list[Any]) -> set[str]:
        """Watch some tasks, and others no longer.

        :param add: references of the ones
        :param remove: and of the others
        :returns: ids of those that may not be watched, because the server does not know one
        """
        try:
            if self._view is not None:
                unknown = self._vim.ModifyListView(
                    self._view, add=add, remove=remove, skip_op_id=True
                )
                return {one.value for one in unknown or ()}
            self._view = self._vim.CreateListView(self._manager, obj=add, skip_op_id=True)
        except exceptions.VimFaultException as fault:
            # Some servers take none when there is one that they do not know.
            ids = {one.value for one in add}
            if (fault.details or {}).get('obj') in ids:
                if remove:
                    # Nothing was done of the rest, either.
                    self._vim.ModifyListView(self._view, add=[], remove=remove, skip_op_id=True)
                return ids
            if self._view is not None or exceptions.NOT_AUTHENTICATED in fault.fault_list:
                raise
            self._refused(fault)
        except exceptions.VimAttributeException as exc:
            self._refused(exc)
        else:
            self._create_filter(self._task, self._in_view())
        return set()

    def _refused(self, reason: Exception) -> None:
        LOG.debug('Tasks are watched one by one, because there is no list view: %s', reason)
        self.has_view = False

    def _in_view(self) -> Any:
        factory = self._vim.client.factory
        members = vim_util.build_traversal_spec(factory, 'members', 'ListView', 'view', False, [])
        spec = vim_util.build_object_spec(factory, self._view, [members])
        spec.skip = True
        return spec

    def watch(self, wait: Wait, moref: Any) -> Any:
        """Watch one object.

        :returns: reference of its filter, whose end is the end of watching
        """
        spec = vim_util.build_object_spec(self._vim.client.factory, moref, [])
        return self._create_filter(wait, spec)

    def _create_filter(self, wait: Wait, objects: Any) -> Any:
        factory = self._vim.client.factory
        properties = vim_util.build_property_spec(factory, wait.type_name, list(wait.paths))
        return self._vim.CreateFilter(
            self._moref,
            spec=vim_util.build_property_filter_spec(factory, [properties], [objects]),
            partialUpdates=False,
            skip_op_id=True,
        )

    def ask(self, seconds: int) -> Any:
        """Wait for changes.

        :param seconds: to wait at most
        :returns: the UpdateSet; None where nothing has changed
        """
        options = self._vim.client.factory.create('ns0:WaitOptions')
        options.maxWaitSeconds = seconds
        update = self._vim.WaitForUpdatesEx(
            self._moref, version=self._version, options=options, skip_op_id=True
        )
        if update is not None:
            self._version = update.version
        return update

    def destroy(self) -> None:
        """Clear it away, with all it watches."""
        view = [] if self._view is None else [('DestroyView', self._view)]
        clear_away(self._vim, ('DestroyPropertyCollector', self._moref), *view)


def changes(update: Any) -> Iterable[Any]:
    """The ObjectUpdates of an UpdateSet, which may be None."""
    for filter_update in getattr(update, 'filterSet', ()):
        yield from getattr(filter_update, 'objectSet', ())

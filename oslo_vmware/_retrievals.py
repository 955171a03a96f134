"""Retrievals of properties that go on when their session, or a page of theirs, was lost.

The server gives the first page of a large answer, and a token for the next. A token is spent when
it was used, and dies with its session; in another session it may be that of another retrieval. So
a service remembers of each page that has a token what was asked for and which objects came. When
the token is lost, the same is asked once more, from the beginning, and what came already is left
out: every object comes once. What was created in the meantime comes too, and what is gone does
not.
"""

import functools
import itertools
import logging
import operator
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from oslo_vmware import exceptions

LOG = logging.getLogger(__name__)

#: Between ids; no text of XML has it.
_SEPARATOR = '\0'

#: How often a retrieval is begun anew before it gets any further.
RESUMPTIONS = 2


class Paging(Protocol):
    """What a service has for this."""

    @property
    def service_content(self) -> Any:
        """Where the property collector is."""

    def renew_session(self) -> bool:
        """Log in if the session is gone; tells whether there is somebody to do so."""

    def get_http_cookie(self) -> str | None:
        """The cookie of the session."""

    def __getattr__(self, operation: str) -> Callable[..., Any]: ...


class _Retrieval:
    """A retrieval that has pages left.

    :param arguments: of RetrievePropertiesEx
    :ivar cookie: of the session that its token belongs to
    """

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self.cookie: str | None = None
        # Types and the ids of objects of each. Hardly ever looked into, and there may be a hundred
        # thousand objects: a text is a twentieth of a set.
        self._came: list[tuple[str, str]] = []

    def came(self, page: Any) -> None:
        """Note the objects of a page."""
        keys = map(_key, _contents(page))
        for type_, of_type in itertools.groupby(keys, operator.itemgetter(0)):
            self._came.append((type_, _SEPARATOR.join(id_ for _, id_ in of_type)))

    def delivered(self) -> set[tuple[str, str]]:
        """Type and id of the objects that came."""
        return {(type_, id_) for type_, ids in self._came for id_ in ids.split(_SEPARATOR)}


class Retrievals:
    """The retrievals of a service that have pages left, by the last page that came."""

    def __init__(self, service: Paging) -> None:
        self._service = service
        self._open: weakref.WeakKeyDictionary[Any, _Retrieval] = weakref.WeakKeyDictionary()

    def begin(self, arguments: dict[str, Any], page: Any) -> None:
        """Remember a retrieval, if this is not all of it.

        :param arguments: of RetrievePropertiesEx
        :param page: its reply
        """
        if getattr(page, 'token', None):
            self._add(_Retrieval(arguments), page)

    def _add(self, retrieval: _Retrieval, page: Any) -> None:
        retrieval.came(page)
        retrieval.cookie = self._service.get_http_cookie()
        self._open[page] = retrieval

    def next_page(self, page: Any) -> Any:
        """The page after one that has a token.

        :returns: None if there is nothing left when the token was lost
        """
        retrieval = self._open.get(page)
        if retrieval is None:
            return self._continued(page)
        step = functools.partial(self._next, page, retrieval)
        for left in reversed(range(RESUMPTIONS + 1)):
            try:
                return step()
            except (exceptions.VimFaultException, exceptions.VimConnectionException) as exc:
                if not left or not self._can_resume(retrieval, exc):
                    raise
                LOG.info(
                    'A retrieval is begun anew, for what comes after %d objects: %s',
                    *(len(retrieval.delivered()), exc),
                )
            step = functools.partial(self._resumed, retrieval)
        raise AssertionError('the last step returns or raises')

    def _can_resume(self, retrieval: _Retrieval, problem: Any) -> bool:
        if isinstance(problem, exceptions.VimConnectionException):
            # Whether the page was on its way or not, its token is not to be used again.
            lost = isinstance(problem, exceptions.VimOutcomeUnknownException)
            return lost or problem.worth_repeating
        if exceptions.NOT_AUTHENTICATED in problem.fault_list:
            return self._service.renew_session()
        return self._is_of_another_session(retrieval)

    def _is_of_another_session(self, retrieval: _Retrieval) -> bool:
        return retrieval.cookie != self._service.get_http_cookie()

    def _continued(self, page: Any) -> Any:
        collector = self._service.service_content.propertyCollector
        return self._service.ContinueRetrievePropertiesEx(collector, token=page.token)

    def _next(self, page: Any, retrieval: _Retrieval) -> Any:
        if self._is_of_another_session(retrieval):
            return self._resumed(retrieval)
        following = self._continued(page)
        if getattr(following, 'token', None):
            self._add(retrieval, following)
        return following

    def _resumed(self, retrieval: _Retrieval) -> Any:
        """The first page of the same retrieval on which there is anything new."""
        page = self._service.RetrievePropertiesEx(
            self._service.service_content.propertyCollector, **retrieval.arguments
        )
        delivered = retrieval.delivered()
        while True:
            contents = [one for one in _contents(page) if _key(one) not in delivered]
            has_more = getattr(page, 'token', None)
            if contents:
                page.objects = contents
                if has_more:
                    self._add(retrieval, page)
                return page
            if not has_more:
                return None
            page = self._continued(page)


def _contents(page: Any) -> Iterator[Any]:
    yield from getattr(page, 'objects', None) or ()


def _key(content: Any) -> tuple[str, str]:
    return str(content.obj._type), str(content.obj.value)

"""Tickets for one HTTP request each, in place of a session's cookie.

``AcquireGenericServiceTicket`` gives one for a method and a URL; whoever shows it in the cookie
``vmware_cgi_ticket`` may make that request, once. Host and port of the URL do not count: a name
and an address of the server are the same server. A ticket ends with its session.
"""

from __future__ import annotations

import urllib.parse
from typing import NamedTuple

from oslo_vmware.simulator.wire.httpd import Request
from oslo_vmware.simulator.world.registry import World
from oslo_vmware.simulator.world.sessions import Session, cookie_value

COOKIE = 'vmware_cgi_ticket'


class _Purpose(NamedTuple):
    """What a ticket is good for."""

    method: str
    path: str
    query: dict[str, list[str]]


class Tickets:
    """The tickets that are out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tickets: dict[str, _Purpose] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def issue(self, session: Session, method: str | None, url: str) -> str:
        """A ticket for one request.

        :param method: ``PUT``, or as the vSphere API spells it, ``httpPut``; GET if not given
        """
        ticket = str(self._world.new_uuid())
        address = urllib.parse.urlsplit(url)
        verb = (method or 'GET').removeprefix('http').upper()
        path = urllib.parse.unquote(address.path)
        self._tickets[ticket] = _Purpose(verb, path, urllib.parse.parse_qs(address.query))
        session.at_end(lambda: self._revoke(ticket))
        return ticket

    def _revoke(self, ticket: str) -> None:
        self._tickets.pop(ticket, None)

    def use(self, cookies: str | None, request: Request) -> bool:
        """Whether a request shows a ticket for itself; the ticket is gone then."""
        ticket = (cookie_value(cookies, COOKIE) or '').strip('"')
        wanted = _Purpose(request.method, request.path, dict(request.query))
        if self._tickets.get(ticket) != wanted:
            return False
        del self._tickets[ticket]
        return True

"""Reads requests of the REST API, and writes the answers.

It has two spellings. ``/rest/com/vmware/cis/tagging/tag/id:X?~action=A`` wraps what a creation is
made of in ``create_spec`` and every result in ``value``; ``/api/cis/tagging/tag/X?action=A`` wraps
nothing. Who may call is shown by the id of a session, in a header or a cookie.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from oslo_vmware.simulator.wire.httpd import Request, Response
from oslo_vmware.simulator.wire.rest.routes import RestCall, Routes
from oslo_vmware.simulator.world.data import Fault
from oslo_vmware.simulator.world.refusals import Refusal
from oslo_vmware.simulator.world.registry import World
from oslo_vmware.simulator.world.sessions import Session, Sessions, cookie_value

PREFIXES = ('/rest/', '/api/')

_SESSION_ID = 'vmware-api-session-id'
_SESSION = 'cis/session'
_WRAPPERS = ('create_spec', 'update_spec', 'file_spec', 'spec')

_STATUS = {'unauthenticated': 401, 'unauthorized': 403, 'not_found': 404, 'error': 500}

# Resources below an item or a session in the spelling of /api, by what stands before and after
# the id, and the actions that it leaves out.
_BELOW = {
    ('content/library/item', 'file'): 'content/library/item/file',
    ('content/library/item', 'storage'): 'content/library/item/storage',
    ('content/library/item/update-session', 'file'): 'content/library/item/updatesession/file',
    ('content/library/item/download-session', 'file'): 'content/library/item/downloadsession/file',
}
_LEFT_OUT = {('POST', 'content/library/item/updatesession/file/id'): 'add'}


class _Place(NamedTuple):
    """What a request is about: a resource, an id, an action."""

    wrapped: bool
    resource: str
    key: str
    action: str


class RestServer:
    """Serves ``/rest`` and ``/api``.

    :param routes: of all services
    """

    def __init__(self, world: World, sessions: Sessions, routes: Routes) -> None:
        self._world = world
        self._sessions = sessions
        self._routes = routes
        self._resources = {
            resource.removesuffix('/id') for _method, resource, _action in routes
        } | {_SESSION}
        self._by_id: dict[str, Session] = {}

    def serve(self, request: Request) -> Response:
        """Answer one request."""
        place = self._place(request)
        try:
            # Before the lock is taken: a body comes when the client sends it.
            fields = _fields(request)
            with self._world.lock:
                return self._answer(request, place, fields)
        except Refusal as refusal:
            return _refused(place, refusal)
        except Fault as fault:
            return _refused(place, Refusal('error', fault.message))

    def _place(self, request: Request) -> _Place:
        wrapped = request.path.startswith('/rest/')
        path = request.path.partition('/')[2].partition('/')[2].strip('/')
        path = path.removeprefix('com/vmware/')
        action = request.query.get('~action' if wrapped else 'action', [''])[0]
        # The session stands a step higher in the new spelling.
        path = _SESSION if path == 'session' else path
        known = [one for one in self._resources if path == one or path.startswith(f'{one}/')]
        resource = max(known, key=len, default=path)
        key, _, below = path[len(resource) :].strip('/').partition('/')
        if below:
            resource = _BELOW.get((resource, below), f'{resource}/{below}')
        return _Place(wrapped, resource, key.removeprefix('id:'), action)

    def _answer(self, request: Request, place: _Place, fields: Mapping[str, Any]) -> Response:
        if place.resource == _SESSION:
            return self._about_session(request, place)
        session = self._session(request)
        resource = f'{place.resource}/id' if place.key else place.resource
        action = place.action or _LEFT_OUT.get((request.method, resource), '')
        handler = self._routes.get((request.method, resource, action))
        if handler is None:
            words = f'{request.method} {request.path}' + (f' ({action})' if action else '')
            raise Refusal('not_found', f'There is nothing at {words}.')
        query = {name: values[0] for name, values in request.query.items()}
        self._world.session = session
        try:
            result = handler(RestCall(place.key, fields, query, session))
        finally:
            self._world.session = None
        created = request.method == 'POST' and not action
        return _answered(place, result, created=created)

    # Sessions

    def _about_session(self, request: Request, place: _Place) -> Response:
        if request.method == 'POST' and not place.action:
            return self._login(request, place)
        session = self._session(request)
        if request.method == 'DELETE':
            self._sessions.end(session)
            return _answered(place, None)
        if request.method == 'GET' or place.action == 'get':
            return _answered(
                place,
                {
                    'user': session.user_name,
                    'created_time': session.login_time.isoformat(),
                    'last_accessed_time': session.last_active_time.isoformat(),
                },
            )
        raise Refusal('not_found', f'There is nothing at {request.method} {request.path}.')

    def _login(self, request: Request, place: _Place) -> Response:
        user, password = request.credentials()
        agent = request.headers.get('User-Agent', '')
        session = self._sessions.login(user, password, 'en', agent)
        if session is None:
            raise Refusal('unauthenticated', 'Authentication required.')
        key = uuid.UUID(int=self._world.random.getrandbits(128), version=4).hex
        self._by_id[key] = session
        session.at_end(lambda: self._forget(key))
        response = _answered(place, key, created=True)
        if 'vmware-use-header-authn' in request.headers:
            return response
        cookie = f'{_SESSION_ID}={key}; Path=/; Secure; HttpOnly'
        return Response(
            response.status, response.content_type, response.body, (('Set-Cookie', cookie),)
        )

    def _forget(self, key: str) -> None:
        self._by_id.pop(key, None)

    def _session(self, request: Request) -> Session:
        key = request.headers.get(_SESSION_ID) or cookie_value(
            request.headers.get('Cookie'), _SESSION_ID
        )
        session = self._by_id.get(key or '')
        # Asking for the session that the cookie of SOAP names ends those that were idle for long.
        if session is None or self._sessions.of_cookie(session.cookie) is None:
            raise Refusal('unauthenticated', 'Authentication required.')
        return session


def _fields(request: Request) -> Mapping[str, Any]:
    """The fields of a body, without what the older spelling wraps them in."""
    data = request.body()
    if not data:
        return {}
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        raise Refusal('invalid_argument', 'The body is no JSON.') from None
    if read is None:  # govmomi says so where there are no fields
        return {}
    if not isinstance(read, dict):
        raise Refusal('invalid_argument', 'The body is no object.')
    for wrapper in _WRAPPERS:
        if isinstance(read.get(wrapper), dict):
            read = {**read, **read.pop(wrapper)}
    return read


def _answered(place: _Place, result: Any, *, created: bool = False) -> Response:
    if place.wrapped:
        body = b'' if result is None else json.dumps({'value': result}).encode()
        return Response(200, 'application/json', body)
    if result is None:
        return Response(204)
    return Response(201 if created else 200, 'application/json', json.dumps(result).encode())


def _refused(place: _Place, refusal: Refusal) -> Response:
    told = [{'id': f'simulator.{refusal.name}', 'default_message': refusal.message, 'args': []}]
    body: dict[str, Any] = {'error_type': refusal.name.upper(), 'messages': told}
    if place.wrapped:
        body = {
            'type': f'com.vmware.vapi.std.errors.{refusal.name}',
            'value': {'messages': told},
        }
    return Response(_STATUS.get(refusal.name, 400), 'application/json', json.dumps(body).encode())

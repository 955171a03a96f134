"""``/folder``: the files of datastores over HTTP.

``GET``, ``HEAD``, ``PUT`` and ``DELETE`` of ``/folder/<path>?dcPath=<datacenter>&dsName=<name>``
with the cookie of a session, with user and password (basic authentication), or with a ticket that
was acquired for just this request and works once. ``GET`` of a directory, or without a datastore,
is a page of links. As on a real server a ``PUT`` makes the directories that are missing. A ``GET``
may ask for a part of a file (RFC 9110, section 14), one at a time.
"""

from __future__ import annotations

import dataclasses
import email.utils
import html
import os
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any, BinaryIO

from oslo_vmware.simulator.storage.files import Volume, normal
from oslo_vmware.simulator.wire.httpd import Request, Response
from oslo_vmware.simulator.wire.tickets import Tickets
from oslo_vmware.simulator.wire.transfers import CHUNK
from oslo_vmware.simulator.world.data import Fault
from oslo_vmware.simulator.world.registry import World
from oslo_vmware.simulator.world.sessions import Sessions, cookie_value

_STATUS = {
    'FileNotFound': 404,
    'InvalidDatastorePath': 404,
    'InvalidDatastore': 404,
    'FileAlreadyExists': 409,
    'CannotCreateFile': 409,
    'FileLocked': 423,
    'NoDiskSpace': 507,
}

# One range of bytes: from and to, from, or so many at the end. Whoever asks for more than one
# gets all, as one may.
_RANGE = re.compile(r'\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*', re.ASCII | re.IGNORECASE)

_CHALLENGE = (('WWW-Authenticate', 'Basic realm="VMware HTTP server"'),)

_READING = ('GET', 'HEAD')
_METHODS = (*_READING, 'PUT', 'DELETE')

# How an ESX host calls its only datacenter; a transfer that is sent straight to a host names it.
_HOST_DATACENTER = 'ha-datacenter'


class FolderServer:
    """Serves the files of a world."""

    def __init__(self, world: World, sessions: Sessions, tickets: Tickets) -> None:
        self._world = world
        self._sessions = sessions
        self._tickets = tickets

    def serve(self, request: Request) -> Response:
        """Answer one request."""
        if not self._allowed(request):
            refused = page(401, 'The request needs the cookie of a session, or a ticket.')
            return dataclasses.replace(refused, headers=_CHALLENGE)
        try:
            return self._answer(request)
        except Fault as fault:
            return page(_STATUS.get(fault.name, 500), fault.message)

    def _allowed(self, request: Request) -> bool:
        header = request.headers.get('Cookie')
        with self._world.lock:
            if self._sessions.of_cookie(cookie_value(header)) is not None:
                return True
            if self._tickets.use(header, request):
                return True
            return 'Authorization' in request.headers and self._sessions.knows(
                *request.credentials()
            )

    def _answer(self, request: Request) -> Response:
        path = normal(request.path.removeprefix('/folder'))
        if request.method not in _METHODS:
            return page(405, f'{request.method} does nothing here.')
        if 'dsName' not in request.query:
            if path or request.method not in _READING:
                return page(400, 'The request names no datastore: ?dcPath=…&dsName=…')
            return self._overview(request)
        with self._world.lock:
            volume = self._volume(request)
        if request.method == 'PUT':
            return _put(request, volume, path)
        with self._world.lock:
            if request.method not in _READING:
                volume.remove(path)
                return Response(204)
            if volume.is_directory(path):
                return _index(volume, path, request)
            return download(request, volume.check_file(path))

    def _volume(self, request: Request) -> Volume:
        name = request.query['dsName'][0]
        for datacenter in self._datacenters(request):
            for datastore in datacenter.datastore:
                if datastore.name == name and datastore.accessible:
                    volume: Volume = self._world.files.of(datastore)
                    return volume
        raise Fault('InvalidDatastore', f"There is no datastore '{name}' in this datacenter.")

    def _datacenters(self, request: Request) -> list[Any]:
        """The datacenters that a request can mean."""
        wanted = request.query.get('dcPath', [_HOST_DATACENTER])[0].strip('/')
        found = [one for one in self._world.objects.values() if one.is_a('Datacenter')]
        if wanted == _HOST_DATACENTER:
            return found
        return [one for one in found if inventory_path(one) == wanted]

    def _overview(self, request: Request) -> Response:
        with self._world.lock:
            if 'dcPath' not in request.query:
                paths = [inventory_path(one) for one in self._datacenters(request)]
                links = {path: {'dcPath': path} for path in paths}
            else:
                links = {
                    datastore.name: {'dcPath': inventory_path(one), 'dsName': datastore.name}
                    for one in self._datacenters(request)
                    for datastore in one.datastore
                }
        return _links(
            'Index', {name: f'/folder?{urllib.parse.urlencode(to)}' for name, to in links.items()}
        )


def inventory_path(entity: Any) -> str:
    """Where an object is in the inventory: names from below the root folder on."""
    above = list(entity.ancestors())[:-1]
    return '/'.join(one.name for one in [*reversed(above), entity])


def page(status: int, text: str) -> Response:
    """A page that says what went wrong."""
    body = f'<html><head><title>{status}</title></head><body>{html.escape(text)}</body></html>'
    return Response(status, 'text/html', body.encode())


def _put(request: Request, volume: Volume, path: str) -> Response:
    if 'Content-Length' not in request.headers and 'Transfer-Encoding' not in request.headers:
        return page(411, 'The request says neither how long its body is nor that it is chunked.')
    length = request.headers.get('Content-Length')
    with volume.datastore.world.lock:
        existed = volume.is_file(path)
        upload = volume.upload(path, int(length) if length else None)
    try:
        while part := request.stream.read(CHUNK):
            upload.write(part)
        upload.finish()
    finally:
        upload.close()
    return Response(200 if existed else 201)


def download(request: Request, real: str) -> Response:
    """A file, or the part of it that a request asks for."""
    file = open(real, 'rb')  # noqa: SIM115 - the stream closes it
    status = os.fstat(file.fileno())
    size = status.st_size
    modified = email.utils.formatdate(status.st_mtime, usegmt=True)
    headers = [('Last-Modified', modified), ('Accept-Ranges', 'bytes')]
    wanted = _wanted(request, size, modified)
    if request.method == 'HEAD' or (wanted is not None and not wanted):
        file.close()
    if wanted is None:
        wanted, answer = range(size), 200
    elif wanted:
        headers.append(('Content-Range', f'bytes {wanted[0]}-{wanted[-1]}/{size}'))
        answer = 206
        file.seek(wanted[0])
    else:
        nothing = page(416, f'The file has {size} bytes.')
        return dataclasses.replace(nothing, headers=(('Content-Range', f'bytes */{size}'),))
    return Response(
        answer,
        'application/octet-stream',
        headers=tuple(headers),
        length=len(wanted),
        stream=parts(file, len(wanted)),
    )


def _wanted(request: Request, size: int, modified: str) -> range | None:
    """The bytes that a request asks for, an empty range if they are not there.

    :returns: None for the whole file
    """
    found = _RANGE.fullmatch(request.headers.get('Range', ''))
    if found is None or request.method != 'GET':
        return None
    if request.headers.get('If-Range', modified) != modified:
        return None
    first, last = found.groups()
    if not first:
        return range(max(0, size - int(last)), size) if last else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def parts(file: BinaryIO, size: int) -> Iterator[bytes]:
    """A file in parts; closes it."""
    with file:
        left = size
        while left and (part := file.read(min(CHUNK, left))):
            left -= len(part)
            yield part


def _index(volume: Volume, path: str, request: Request) -> Response:
    query = urllib.parse.urlencode({name: value[0] for name, value in request.query.items()})
    links = {}
    for name in volume.names(path):
        below = f'{path}/{name}'.strip('/')
        shown = f'{name}/' if volume.is_directory(below) else name
        links[shown] = f'/folder/{urllib.parse.quote(below)}?{query}'
    return _links(f'Index of {volume.name(path)}', links)


def _links(title: str, links: dict[str, str]) -> Response:
    rows = ''.join(
        f'<li><a href="{html.escape(to)}">{html.escape(name)}</a></li>'
        for name, to in links.items()
    )
    text = (
        f'<html><head><title>{html.escape(title)}</title></head><body><ul>{rows}</ul></body></html>'
    )
    return Response(200, 'text/html; charset=utf-8', text.encode())

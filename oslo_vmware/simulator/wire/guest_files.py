"""``/guestFile``: files on their way into guests and out of them.

The token in the URL is all the permission that is needed, and works once.
"""

from __future__ import annotations

from oslo_vmware.simulator.objects.guest.file_manager import GuestFileManager
from oslo_vmware.simulator.wire.folder import page
from oslo_vmware.simulator.wire.httpd import Request, Response
from oslo_vmware.simulator.world.data import Fault
from oslo_vmware.simulator.world.registry import World


class GuestFiles:
    """Serves the transfers that the manager of files has begun."""

    def __init__(self, world: World, manager: GuestFileManager) -> None:
        self._world = world
        self._manager = manager

    def serve(self, request: Request) -> Response:
        """Answer one request."""
        token = request.query.get('token', [''])[-1]
        with self._world.lock:
            transfer = self._manager.take(token)
        if transfer is None:
            return page(404, 'There is no such transfer, or it is over.')
        if request.method != ('PUT' if transfer.uploads else 'GET'):
            return page(405, f'{request.method} is not what this URL is for.')
        try:
            if not transfer.uploads:
                with self._world.lock:
                    return Response(200, 'application/octet-stream', transfer.read())
            data = request.stream.read((transfer.size or 0) + 1)
            if len(data) != transfer.size:
                return page(400, f'{transfer.size} bytes were announced.')
            with self._world.lock:
                transfer.written(data)
        except Fault as fault:
            return page(500, fault.message)
        return Response(200)

"""The VSLM service at ``/vslm/sdk``: who calls shows the cookie of the VIM session.

It may come as a cookie of HTTP or, as for PBM, as the SOAP header ``vcSessionCookie``.
"""

from typing import Any

from oslo_vmware.simulator.objects.vslm.service import Service
from oslo_vmware.simulator.wire.endpoint import Endpoint, ServedCall
from oslo_vmware.simulator.wire.httpd import Response
from oslo_vmware.simulator.world.data import Fault, Ref
from oslo_vmware.simulator.world.descriptions import Descriptions
from oslo_vmware.simulator.world.registry import Call, World
from oslo_vmware.simulator.world.sessions import Session, cookie_value
from oslo_vmware.soap.schema import Schema

_COOKIE_HEADER = 'vcSessionCookie'


class VslmEndpoint(Endpoint):
    """Serves first class disks."""

    def __init__(
        self, schema: Schema, descriptions: Descriptions, world: World, *common: Any
    ) -> None:
        super().__init__(schema, descriptions, world, *common)
        self._service = Service(world, descriptions.versions[0])

    def _session(self, served: ServedCall) -> Session | None:
        shown = served.soap_headers.get(_COOKIE_HEADER)
        return self._sessions.of_cookie(shown or cookie_value(served.cookie))

    def _target(self, ref: Ref) -> Any:
        return self._service.find(ref)

    def _rejection(self, call: Call) -> Response:
        raise Fault(
            'NotAuthenticated',
            'The session is not authenticated.',
            object=call.target,
            privilegeId='System.View',
        )

"""The PBM service at ``/pbm``: who calls shows the VIM session's cookie in a SOAP header.

The header holds the bare value. Cookies of HTTP count for nothing, and no call is open to those
without a session but PbmRetrieveServiceContent, which hides the mistake of having sent none.
"""

from typing import Any

from oslo_vmware.simulator.data import Fault, Ref
from oslo_vmware.simulator.descriptions import Descriptions
from oslo_vmware.simulator.endpoint import Endpoint, ServedCall
from oslo_vmware.simulator.httpd import Response
from oslo_vmware.simulator.pbm.managers import (
    OTHERS,
    PbmObject,
    PlacementSolver,
    ProfileManager,
    ServiceInstance,
)
from oslo_vmware.simulator.pbm.policies import Policies
from oslo_vmware.simulator.registry import Call, World
from oslo_vmware.simulator.sessions import Session
from oslo_vmware.soap.schema import Schema

_COOKIE_HEADER = 'vcSessionCookie'

# Versions of PBM before vSphere 6.5, which know no NotAuthenticated.
_WITH_SECURITY_ERROR = ('1.0', '2.0')


class PbmEndpoint(Endpoint):
    """Serves storage policies.

    :param policies: what there is to serve
    """

    def __init__(
        self,
        schema: Schema,
        descriptions: Descriptions,
        world: World,
        *common: Any,
        policies: Policies,
    ) -> None:
        super().__init__(schema, descriptions, world, *common, strict_types=True)
        self._version = descriptions.versions[0]
        instance = ServiceInstance(world, policies)
        instance.version = self._version
        objects: list[PbmObject] = [
            instance,
            ProfileManager(world, policies),
            PlacementSolver(world, policies),
        ]
        self._objects: dict[Ref, Any] = {obj.ref: obj for obj in objects}
        self._objects.update(dict.fromkeys(OTHERS.values(), object()))

    def _session(self, served: ServedCall) -> Session | None:
        cookie = served.soap_headers.get(_COOKIE_HEADER)
        if cookie is None or '"' in cookie:
            return None
        return self._sessions.of_cookie(cookie)

    def _target(self, ref: Ref) -> Any:
        return self._objects.get(ref)

    def _existing(self, ref: Ref) -> Any:
        found = self._objects.get(ref)
        if found is None:
            raise Fault(
                'ManagedObjectNotFound',
                f"The object 'pbm.{ref.type}:{ref.value}' has already been deleted or has not "
                'been completely created',
                obj=ref,
            )
        return found

    def _rejection(self, call: Call) -> Response:
        if self._version in _WITH_SECURITY_ERROR:
            raise Fault('SecurityError', 'The caller is not authenticated.')
        raise Fault(
            'NotAuthenticated',
            'The session is not authenticated.',
            object=call.target,
            privilegeId='StorageProfile.View',
        )

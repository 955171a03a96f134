"""The PBM service at ``/pbm``: who calls shows the VIM session's cookie in a SOAP header.

The header holds the bare value. Cookies of HTTP count for nothing, and no call is open to those
without a session but PbmRetrieveServiceContent, which hides the mistake of having sent none.

The SOAPAction says which version of PBM the client speaks. It gets an answer in that version,
unless a test wants to see how it takes what it does not know (see ``Policies``).
"""

from typing import Any

from lxml import etree

from oslo_vmware.simulator.pbm import versions
from oslo_vmware.simulator.pbm.managers import managed_objects
from oslo_vmware.simulator.pbm.policies import Policies
from oslo_vmware.simulator.wire.endpoint import Endpoint, Headers, ServedCall
from oslo_vmware.simulator.wire.httpd import Response
from oslo_vmware.simulator.world import registry
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.world.descriptions import Descriptions
from oslo_vmware.simulator.world.registry import Call, World
from oslo_vmware.simulator.world.sessions import Session
from oslo_vmware.soap.schema import Operation, Schema

_COOKIE_HEADER = 'vcSessionCookie'

# Versions of PBM before vSphere 6.5, which know no NotAuthenticated.
_WITH_SECURITY_ERROR = ('1.0', '2.0')

_XSI = 'http://www.w3.org/2001/XMLSchema-instance'
# What no client's description has: a field of text, one with members, one with a type of its own.
_UNKNOWN = (
    '<addedLater>text</addedLater>'
    '<addedLaterInParts><name>n</name><size>1</size></addedLaterInParts>'
    f'<addedLaterTyped xmlns:xsi="{_XSI}" xsi:type="PbmAddedLater"><name>n</name></addedLaterTyped>'
)


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
        super().__init__(schema, descriptions, world, *common)
        self._policies = policies
        self._version = descriptions.versions[0]
        objects = managed_objects(world, policies, self._version)
        self._objects: dict[Ref, Any] = {obj.ref: obj for obj in objects}

    def _session(self, served: ServedCall) -> Session | None:
        cookie = served.soap_headers.get(_COOKIE_HEADER)
        if cookie is None or '"' in cookie:
            return None
        return self._sessions.of_cookie(cookie)

    def _target(self, ref: Ref) -> Any:
        return self._objects.get(ref)

    def _rejection(self, call: Call) -> Response:
        if self._version in _WITH_SECURITY_ERROR:
            raise Fault('SecurityError', 'The caller is not authenticated.')
        raise Fault(
            'NotAuthenticated',
            'The session is not authenticated.',
            object=call.target,
            privilegeId=versions.privilege(call.target.type, call.operation),
        )

    # --- versions

    def _spoken(self, soap_action: str) -> versions.Version:
        """The version that a client speaks.

        Who names none speaks the newest: govmomi never does, and has what came with 6.5.
        """
        name = soap_action.strip().strip('"').partition('/')[2]
        return versions.version(name or self._version)

    def _dispatch(self, served: ServedCall, body: etree._Element) -> Response:
        try:
            return super()._dispatch(served, body)
        except Fault as fault:
            raise self._spoken(served.soap_action).fault(fault) from None

    def _operation(self, served: ServedCall) -> Operation | None:
        wire_type = served.target.type if served.target is not None else ''
        if not self._spoken(served.soap_action).has_operation(wire_type, served.operation):
            return None
        return super()._operation(served)

    def _perform(self, call: Call, operation: Operation) -> Response:
        if call.session is not None:
            self._check_privilege(call)
        return super()._perform(call, operation)

    def _returned(self, call: Call, operation: Operation, result: Any) -> Response:
        if not self._policies.ignore_versions:
            result = self._spoken(call.soap_action).shown(result)
        return super()._returned(call, operation, result)

    def _reply(self, element: str, content: str, headers: Headers = ()) -> Response:
        if self._policies.unknown_fields and content:
            content = _with_unknown(content, self._schema.namespace)
        return super()._reply(element, content, headers)

    # --- permissions

    def _check_privilege(self, call: Call) -> None:
        """See that nothing a call needs was denied.

        :raises Fault: PbmFaultNoPermission, before vSphere 8.0.2 NoPermission
        """
        if registry.is_anonymous(self._method_named(call)):
            return
        wanted = versions.privilege(call.target.type, call.operation)
        denied = self._policies.denied(wanted, list(_profile_ids(call.args)))
        if not denied:
            return
        message = 'Permission to perform this operation was denied.'
        if not versions.version(self._version).has('pbm.version.v8_0_2_0'):
            raise Fault('NoPermission', message, object=call.target, privilegeId=wanted)
        raise Fault(
            'PbmFaultNoPermission',
            message,
            missingPrivileges=[
                types.PbmFaultNoPermissionEntityPrivileges(
                    profileId=profile_id and types.PbmProfileId(uniqueId=profile_id),
                    privilegeIds=[wanted],
                )
                for profile_id in denied
            ],
        )

    def _method_named(self, call: Call) -> Any:
        return getattr(type(self._target(call.target)), call.operation, None)


def _profile_ids(value: Any) -> Any:
    """The ids of all policies that arguments name."""
    if isinstance(value, list):
        for item in value:
            yield from _profile_ids(item)
    elif isinstance(value, DataObject):
        if value.wire_type == 'PbmProfileId':
            yield value.uniqueId
        else:
            for item in value.__dict__.values():
                yield from _profile_ids(item)


def _with_unknown(content: str, namespace: str) -> str:
    """A reply with fields in all its objects that no description has."""
    root = etree.fromstring(
        f'<r xmlns="{namespace}" xmlns:xsi="{_XSI}" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
        f'{content}</r>'
    )
    objects = [element for element in root.iterdescendants('*') if len(element)]
    for element in objects:
        added = etree.fromstring(f'<r xmlns="{namespace}">{_UNKNOWN}</r>')
        element.extend(list(added))
    return ''.join(etree.tostring(child, encoding='unicode', with_tail=False) for child in root)

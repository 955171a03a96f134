"""The VIM service at ``/sdk``: who calls shows a cookie, and every object answers ``Fetch``."""

from collections.abc import Callable
from typing import Any

from oslo_vmware.simulator.objects.property_collector import Kit, fetch_operation
from oslo_vmware.simulator.wire.endpoint import Endpoint, Headers, ServedCall
from oslo_vmware.simulator.wire.httpd import Response
from oslo_vmware.simulator.world.data import Fault, Ref
from oslo_vmware.simulator.world.registry import Call
from oslo_vmware.simulator.world.sessions import COOKIE, Session, cookie_value
from oslo_vmware.soap.schema import Operation, Schema


class VimEndpoint(Endpoint):
    """Serves the managed objects of the world.

    :param kit: what reads properties
    :param secure: whether the cookie is for HTTPS only
    :param expired_reply: see :class:`~oslo_vmware.simulator.server.VCenterSimulator`
    """

    def __init__(
        self, schema: Schema, *common: Any, kit: Kit, secure: bool, expired_reply: str
    ) -> None:
        super().__init__(schema, *common)
        self._kit = kit
        self._universal = {'Fetch': fetch_operation(schema)}
        self._cookie_flags = 'Path=/; HttpOnly; Secure' if secure else 'Path=/; HttpOnly'
        self.expired_reply = expired_reply

    def _session(self, served: ServedCall) -> Session | None:
        return self._sessions.of_cookie(cookie_value(served.cookie))

    def _target(self, ref: Ref) -> Any:
        return self._world.find(ref)

    def _existing(self, ref: Ref) -> Any:
        return self._world.get(ref)

    def _operation(self, served: ServedCall) -> Operation | None:
        return super()._operation(served) or self._universal.get(served.operation)

    def _method(self, target: Any, operation: Operation) -> Callable[[Any, Call], Any] | None:
        if operation is self._universal.get(operation.name):
            return self._kit.fetch
        return super()._method(target, operation)

    def _rejection(self, call: Call) -> Response:
        if self.expired_reply == 'empty' and call.operation == 'RetrievePropertiesEx':
            return self._reply(f'{call.operation}Response', '')
        raise Fault(
            'NotAuthenticated',
            'The session is not authenticated.',
            object=call.target,
            privilegeId='System.View',
        )

    def _reply_headers(self, call: Call) -> Headers:
        if call.new_session is None:
            return ()
        return (('Set-Cookie', f'{COOKIE}={call.new_session.cookie}; {self._cookie_flags}'),)

"""A request out and its reply in, as either engine has it done; and what became of the request."""

from oslo_vmware.soap.call import Call
from oslo_vmware.soap.errors import NotSoapError, UnreadableReplyError
from oslo_vmware.soap.transport import HttpTransport, Reply

#: What a proxy says, with HTTP 503, of a request that it had no connection to pass on over. It
#: answers 503 also when the service dies in the middle: then the reset reason is another one, or
#: the text says that it had tried before ("retried and the latest reset reason").
NO_CONNECTION_MADE = (
    # The reverse proxy of vCenter and ESX, up to 7.0.
    b'Failed to connect to endpoint',
    # Envoy, which has taken its place: response flags UH, UF and UO.
    b'no healthy upstream',
    b'before headers. reset reason: connection failure',
    b'before headers. reset reason: connection timeout',
    b'before headers. reset reason: local connection failure',
    b'before headers. reset reason: remote connection failure',
    b'before headers. reset reason: overflow',
)

_OK = 200
_UNAVAILABLE = 503
_NO_CONTENT = (202, 204)


def exchanged(
    transport: HttpTransport, call: Call, url: str, body: bytes, soap_action: str
) -> Reply:
    """Send the request of an operation, and read the reply, whatever its HTTP status.

    :param soap_action: with the quotation marks that SOAP wants around it
    :raises NotSoapError: the reply is too large
    :raises requests.RequestException: no reply arrived
    """
    headers = {'Content-Type': 'text/xml; charset=utf-8', 'SOAPAction': soap_action}
    try:
        return transport.post(url, body, headers, call)
    except OSError as exc:
        # Not imported before there is an error: requests takes long.
        from oslo_vmware.soap.http_errors import OversizedReplyError

        if not isinstance(exc, OversizedReplyError):
            raise
        # A page in place of the service is no reply of it, however large it is.
        is_reply = exc.reply.status == _OK
        kind = UnreadableReplyError if is_reply else NotSoapError
        raise kind(call.operation, exc.reply, str(exc)) from exc


def may_have_been_executed(call: Call, problem: BaseException) -> bool:
    """Whether the server may have executed a call that failed on the way.

    :param problem: what the engine raised, no SOAP fault
    """
    if not call.has_left:
        return False
    if isinstance(problem, NotSoapError):
        reply = problem.reply
        return reply.status != _UNAVAILABLE or not any(
            text in reply.body for text in NO_CONNECTION_MADE
        )
    return True


def is_answer_without_body(call: Call, reply: Reply, has_result: bool) -> bool:
    """Whether a reply without a body says that all is well.

    Where there is a result, nothing would be taken for one: that nothing was found. Of a change it
    would say that it was executed; servers answer those with a message.
    """
    if has_result or not call.effect.is_repeatable:
        return False
    return reply.status in (_OK, *_NO_CONTENT)

"""A request out and its reply in, as either engine has it done."""

from oslo_vmware.soap.errors import NotSoapError
from oslo_vmware.soap.transport import HttpTransport, OversizedReplyError, Reply


def exchanged(
    transport: HttpTransport, operation: str, url: str, body: bytes, soap_action: str
) -> Reply:
    """Send the request of an operation, and read the reply, whatever its HTTP status.

    :param soap_action: with the quotation marks that SOAP wants around it
    :raises NotSoapError: the reply is too large
    :raises requests.RequestException: no reply arrived
    """
    headers = {'Content-Type': 'text/xml; charset=utf-8', 'SOAPAction': soap_action}
    try:
        return transport.post(url, body, headers, renews_cookies=operation.startswith('Login'))
    except OversizedReplyError as exc:
        raise NotSoapError(operation, exc.reply, str(exc)) from exc

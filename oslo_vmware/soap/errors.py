"""What an engine raises beside suds' own ``WebFault``, ``MethodNotFound`` and ``TypeNotFound``."""

import re

from oslo_vmware.soap.transport import Reply

#: How much of an unexpected reply is worth showing.
EXCERPT_LENGTH = 200

#: How much of it is looked through for what must not be shown: more than any page of a proxy has.
PAGE_LENGTH = 65536

#: A page in which one of these stands may quote our own request.
_QUOTED = ('Envelope', 'password', 'userName', 'sessionID')


_OK = 200

_BYTE_ORDER_MARK = b'\xef\xbb\xbf'
_ENVELOPE_ENDS = re.compile(rb'</[^\s<>]*Envelope\s*>$')

#: How many bytes the end tag of an envelope has at most.
_END_LENGTH = 200


class NotSoapError(Exception):
    """The server answered, but not with a SOAP envelope.

    A proxy's error page, the page a vCenter shows while it starts, an empty body and broken XML
    all end here.

    :ivar operation: the operation that was asked for
    :ivar reply: what came instead, with the beginning of its body
    """

    def __init__(self, operation: str, reply: Reply, problem: str) -> None:
        self.operation = operation
        self.reply = reply._replace(body=reply.body[:PAGE_LENGTH])
        text = (
            f'{operation}: {problem} (HTTP status {reply.status} {reply.reason}, '
            f'content type {reply.content_type or "not given"}'
        )
        super().__init__(f'{text}, body {self.excerpt()!r})')

    def excerpt(self) -> str:
        """The beginning of the body; nothing of one that may quote what was sent."""
        # Only here, where something went wrong anyway: it takes a while to import.
        from oslo_utils import strutils

        # Without zeros, so that words are seen in UTF-16 too.
        text = self.reply.body[:PAGE_LENGTH].decode('utf-8', 'replace').replace('\0', '')
        if any(word in text for word in _QUOTED):
            return ''
        masked: str = strutils.mask_password(text[:EXCERPT_LENGTH])
        return masked


class UnreadableReplyError(NotSoapError):
    """The reply came whole, from the service itself, and cannot be read.

    The server is not down, and would say the same again.
    """


def unreadable(operation: str, reply: Reply, problem: str) -> NotSoapError:
    """The error for a reply that is no well-formed XML.

    Pages of HTML, and what any other status than 200 comes with, are said in place of the service
    while it is down. So is an envelope without its end: what it was cut off by may pass.
    """
    body = reply.body.strip()
    is_markup = body.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b'<')
    is_whole = not is_markup or _ENVELOPE_ENDS.search(body, max(0, len(body) - _END_LENGTH))
    if reply.status == _OK and reply.content_type != 'text/html' and is_whole:
        return UnreadableReplyError(operation, reply, problem)
    return NotSoapError(operation, reply, problem)


class DescriptionError(Exception):
    """An interface description could not be had.

    :ivar url: where it was looked for
    """

    def __init__(self, url: str, problem: str) -> None:
        self.url = url
        super().__init__(f'The interface description {url} cannot be read: {problem}')

"""What went wrong in an exchange, as the exception of requests that stands for it.

Users know these, as the ``cause`` of what the library raises. Imported when there is one: requests
takes longer to import than a session takes to open.
"""

import ssl

import requests
from requests import exceptions

from oslo_vmware.soap.answers import BrokenAnswerError
from oslo_vmware.soap.inflating import BrokenDataError
from oslo_vmware.soap.replies import Reply
from oslo_vmware.soap.wire import Step


class OversizedReplyError(requests.RequestException):
    """An answer is larger than :data:`MAX_REPLY_BYTES`, or could be; its connection is closed.

    :ivar reply: the answer, with the beginning of its body
    """

    def __init__(self, problem: str, reply: Reply) -> None:
        super().__init__(problem)
        self.reply = reply


#: The steps at which a time-out is one of requests' own, and which.
_TIMEOUTS = {
    Step.CONNECT: exceptions.ConnectTimeout,
    Step.SECURE: exceptions.ReadTimeout,
    Step.WAIT: exceptions.ReadTimeout,
}


def requests_error(problem: Exception, step: Step, server: str) -> Exception:
    """The exception to raise from a problem; the problem itself if it is none of an exchange.

    :param step: at which it came up
    :param server: where, as ``host:port``
    """
    if isinstance(problem, requests.RequestException):
        return problem
    text = f'{step.value.format(server)}: {problem}'
    if isinstance(problem, ssl.SSLError):
        return exceptions.SSLError(text)
    if step is Step.TRUST:
        # As requests lets it through: a bundle that is not there.
        return problem
    if isinstance(problem, TimeoutError):
        return _TIMEOUTS.get(step, exceptions.ConnectionError)(text)
    if isinstance(problem, BrokenDataError):
        return exceptions.ContentDecodingError(str(problem))
    if isinstance(problem, UnicodeError):
        return exceptions.InvalidURL(text)
    if isinstance(problem, OSError | BrokenAnswerError):
        if step is Step.READ:
            return exceptions.ChunkedEncodingError(text)
        return exceptions.ConnectionError(text)
    return problem

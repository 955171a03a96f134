"""The request that a service is at work on, as oslo.context knows it.

Services name each request, and their log records carry the name. Where it is in the operation id of
a call as well, the vCenter's log can be laid beside the service's. oslo.context keeps the request
for each thread, or green thread; a thread that works for another takes the request along.

The library neither needs nor imports oslo.context: where nobody has, there is no request.
"""

import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar('T')

#: Characters of a request's name in an operation id; services give 40, ``req-`` and a UUID.
MAX_LENGTH = 64

# A name may come from outside, and goes into another system's log.
_UNSAFE = re.compile(r'[^A-Za-z0-9._-]')


def current() -> Any:
    """The context of the request at hand; None without one."""
    module = sys.modules.get('oslo_context.context')
    # One thread may be at its import while another comes here.
    get_current = getattr(module, 'get_current', None)
    return get_current() if get_current is not None else None


def suffix() -> str:
    """What an operation id ends with: ``-`` and the request's id; empty without a request."""
    context = current()
    if context is None:
        return ''
    name = getattr(context, 'request_id', None)
    return '-' + _UNSAFE.sub('_', name[:MAX_LENGTH]) if name and isinstance(name, str) else ''


def carried(function: Callable[[], T]) -> Callable[[], T]:
    """A function for another thread that is at work on the same request."""
    context = current()
    if context is None:
        return function

    def run() -> T:
        context.update_store()
        return function()

    return run

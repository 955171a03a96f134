"""Whether anybody still wants what a thread does: a session must not be begun for nobody.

Some work goes on when its caller has gone: a call that was left behind, a lease that is given up in
the background. It may use the session that there is. When that has been ended, by its owner or by
the server, nothing is left that it could do any good to; and a session that it began would stay on
the server, because its owner believes that there is none.

``with only_while(condition):`` holds for what is done inside by this thread, or green thread.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_wanted: ContextVar[Callable[[], bool]] = ContextVar('wanted', default=lambda: True)


@contextlib.contextmanager
def only_while(condition: Callable[[], bool]) -> Iterator[None]:
    """Let what is done inside begin a session only as long as a condition holds."""
    around = _wanted.get()
    token = _wanted.set(lambda: condition() and around())
    try:
        yield
    finally:
        _wanted.reset(token)


def is_wanted() -> bool:
    """Whether what this thread does may begin a session."""
    return _wanted.get()()

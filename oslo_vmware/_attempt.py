"""What has left in one attempt at a call, so that nobody repeats what must not be done twice.

``VMwareAPISession.invoke_api`` repeats functions of which it knows nothing but their name. So it
begins an :class:`Attempt`, and each service notes there what it sent. Attempts nest, as calls of
``invoke_api`` do: what is noted in one counts for all around it. Each thread, and each green
thread, has its own.
"""

from contextvars import ContextVar
from typing import NamedTuple, Self

from oslo_vmware.soap.effects import Effect

_current: ContextVar['Attempt | None'] = ContextVar('attempt', default=None)


class Sent(NamedTuple):
    """An operation that was sent.

    :ivar op_id: operation id, by which the server's log has it; None if it had none
    """

    operation: str
    op_id: str | None

    def __str__(self) -> str:
        return f'{self.operation} (opID {self.op_id})' if self.op_id else self.operation


class Attempt:
    """One attempt, as a context manager: what leaves inside, in this thread, is noted.

    :ivar spent: the first operation that was possibly executed and must not be again; None as
                 long as all can be repeated
    """

    __slots__ = ('_around', '_has_called', '_token', 'spent')

    def __init__(self) -> None:
        self.spent: Sent | None = None
        self._has_called = False
        self._around = _current.get()

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _current.reset(self._token)

    def note(self, effect: Effect, operation: str, op_id: str | None) -> None:
        """Note that an operation was possibly executed."""
        # A cursor that this attempt opened itself is opened anew by the next.
        if effect is Effect.CHANGE or (effect is Effect.CURSOR and not self._has_called):
            self.spent = self.spent or Sent(operation, op_id)
        self._has_called = True
        if self._around is not None:
            self._around.note(effect, operation, op_id)


def note(effect: Effect, operation: str, op_id: str | None) -> None:
    """Note in the attempt that is under way, if one is, that an operation was possibly executed."""
    attempt = _current.get()
    if attempt is not None:
        attempt.note(effect, operation, op_id)

"""One call of an operation, while it is under way: what is allowed to it, and how far it came.

Whoever makes a call makes a :class:`Call` for it and hands it down. The transport goes by it, and
writes into it; so when the call has failed, the caller can tell whether the server may have
executed it. Nothing of it is shared between calls.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeAlias

from oslo_vmware._secrets import Secrets, secrets_of
from oslo_vmware.soap.effects import Effect, effect_of

_Carried: TypeAlias = tuple[Mapping[str, Any], Sequence[tuple[str, str]]]


class Call:
    """A call of an operation.

    :param operation: its name
    :ivar effect: what comes of executing it twice
    :ivar has_left: whether all of the request has left
    """

    __slots__ = ('_carried', 'effect', 'has_left', 'operation')

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.effect = effect_of(operation)
        self.has_left = False
        self._carried: _Carried = ({}, ())

    def carries(self, arguments: Mapping[str, Any], headers: Sequence[tuple[str, str]]) -> None:
        """Say what goes with it, for :meth:`secrets`."""
        self._carried = (arguments, headers)

    def secrets(self, cookies: Iterable[Any]) -> Secrets:
        """What must not be seen in an answer that echoes it, nor in an error."""
        return secrets_of(self.operation, *self._carried, cookies)

    def forget_what_it_carries(self) -> None:
        """Lead from an error to nothing secret."""
        self._carried = ({}, ())

    @property
    def logs_in(self) -> bool:
        """Whether the cookies of the answer are those to keep, whatever came in the meantime."""
        return self.operation.startswith('Login')

    @property
    def may_be_repeated_by_transport(self) -> bool:
        """Whether it may be sent again without anybody being told."""
        return self.effect is Effect.READ


#: The call that a thread is busy with, for what serves many and is not told. No local of threads:
#: imported before eventlet has replaced these, it would be one for all green threads.
under_way: ContextVar[Call | None] = ContextVar('under_way', default=None)

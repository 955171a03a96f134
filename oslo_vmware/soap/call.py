"""One call of an operation, while it is under way: what is allowed to it, and how far it came.

Whoever makes a call makes a :class:`Call` for it and hands it down. The transport goes by it, and
writes into it; so when the call has failed, the caller can tell whether the server may have
executed it. Nothing of it is shared between calls.
"""

from oslo_vmware.soap.effects import Effect, effect_of


class Call:
    """A call of an operation.

    :param operation: its name
    :ivar effect: what comes of executing it twice
    :ivar has_left: whether all of the request has left
    """

    __slots__ = ('effect', 'has_left', 'operation')

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.effect = effect_of(operation)
        self.has_left = False

    @property
    def logs_in(self) -> bool:
        """Whether the cookies of the answer are those to keep, whatever came in the meantime."""
        return self.operation.startswith('Login')

    @property
    def may_be_repeated_by_transport(self) -> bool:
        """Whether it may be sent again without anybody being told."""
        return self.effect is Effect.READ

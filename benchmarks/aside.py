"""A server in a process of its own, so that it takes no time and memory of what is measured."""

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from typing import Any

#: Seconds that it has for ending by itself.
_PATIENCE = 10


@contextlib.contextmanager
def aside(serve: Callable[..., None], *arguments: Any) -> Iterator[Any]:
    """A pipe to a process.

    :param serve: called there with its end of the pipe, and the arguments; is to return when it
                  receives None
    """
    context = multiprocessing.get_context('spawn')
    pipe, end = context.Pipe()
    process = context.Process(target=_run, args=(serve, end, arguments), daemon=True)
    process.start()
    try:
        yield pipe
    finally:
        with contextlib.suppress(OSError):  # it is gone
            pipe.send(None)
        process.join(_PATIENCE)
        process.kill()


def _run(serve: Callable[..., None], pipe: Any, arguments: tuple[Any, ...]) -> None:
    # Ctrl-C on a terminal reaches all processes; this one is told when it is to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(pipe, *arguments)

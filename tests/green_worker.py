"""A process of pytest-xdist whose blocking calls eventlet has replaced before all else.

pytest-xdist starts its processes as ``PYTHON -u -c LINE``. With ``python -u -m tests.green_worker``
for PYTHON the line is run after the patching.
"""

# The order of these lines is the point, see run_eventlet.
import warnings

warnings.filterwarnings('ignore', r'\s*Eventlet is deprecated')

import eventlet  # noqa: E402

eventlet.monkey_patch()

import builtins  # noqa: E402
import os  # noqa: E402
import stat  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

_green = os.fdopen


def _fdopen(fd: int, *args: Any, **options: Any) -> Any:
    """Only of the pipes to the first process: what is open on /dev/null never has to wait."""
    is_pipe = stat.S_ISFIFO(os.fstat(fd).st_mode)
    return (_green if is_pipe else builtins.open)(fd, *args, **options)


if __name__ == '__main__':
    os.fdopen = _fdopen
    # What it defines is its own: it defines io, for one.
    exec(sys.argv[-1], {'__name__': '__main__'})

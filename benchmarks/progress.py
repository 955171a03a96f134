"""What is being measured now, told to who waits.

A terminal has one line that is written over, a pipe a line for each figure. Nothing here has a
thread or a timer, which would disturb what is measured: it speaks when it is spoken to.
"""

import shutil
import sys
import time
from typing import TextIO

#: The least time between two changes of a terminal's line: writing is work, too.
_BETWEEN = 0.1


class Progress:
    """The line of status.

    :param stream: apart from that of the table, which may be kept in a file
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._began = time.monotonic()
        self._shown = 0.0
        self._figure = ''

    def figure(self, name: str, number: int, of: int) -> None:
        """A figure begins."""
        self._figure = f'[{number}/{of}] {name}'
        if self._live:
            self._show(self._figure)
        else:
            print(
                f'{self._figure}: measuring, after {self.seconds:.0f} s',
                file=self._stream,
                flush=True,
            )

    def tell(self, text: str) -> None:
        """Something of it begins."""
        if self._live and time.monotonic() - self._shown >= _BETWEEN:
            self._show(f'{self._figure}: {text}, {self.seconds:.0f} s')

    def clear(self) -> None:
        """Make room for something else."""
        if self._live:
            self._stream.write('\r\033[K')
            self._stream.flush()

    @property
    def seconds(self) -> float:
        """Since it all began."""
        return time.monotonic() - self._began

    def _show(self, text: str) -> None:
        self._shown = time.monotonic()
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f'\r\033[K{text[:width]}')
        self._stream.flush()

"""One cell of the matrix: an operation, a wire fault, and whether it held.

A cell holds if the caller got the right value and the server has done it once, or if the caller
got a documented exception and the server has done it at most once. Besides, in every cell: it is
over in time, no secret is in the exception or in a log, nothing is left on the server, and the next
read on the same session is right.

More is asked where more is possible. An answer that is odd but right is no reason to fail; what
was surely not sent, and what has no effect, is repeated; and of a change whose outcome nobody knows
the exception names the operation.
"""

import contextlib
import dataclasses
import gc
import logging
import os
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware._transfer import imports
from tests.faults.fault import Sort, WireFault
from tests.faults.listed import cannot_be_told
from tests.faults.operation import Kind, Operation
from tests.faults.operations import ReadProperty
from tests.faults.proxy import Proxy
from tests.faults.stand import Stand, no_pauses

LOGGER = logging.getLogger('oslo_vmware')

#: How long a lost import is searched for, where nobody has a minute.
SEARCH = {'_WAIT_SECONDS': 0.5, '_SEARCH_SECONDS': 0.5, '_SEARCH_PAUSE_SECONDS': 0.02}

#: Python's own ssl (3.11.7) loses the socket of a peer that has gone before the handshake begins.
#: Of what the library should have closed, the proxy still sees the other end.
LOST_SOCKETS = 'ignore:unclosed <ssl.SSLSocket:ResourceWarning'

#: The SOAP engine of a run.
ENGINE = os.environ.get('OSLO_VMWARE_SOAP_ENGINE', 'compiled')

#: One in so many rows is run.
SHARE = 1 if os.environ.get('OSLO_VMWARE_TEST_MATRIX') == 'whole' else 3

#: Seconds that a client with a silent server waits. All its calls get them, also on a machine that
#: is busy with other things; a call of the reference engine is more work.
SILENCE = {'compiled': 0.3, 'reference': 1.0}[ENGINE]

#: What a transfer takes as well, because HTTP leaves no doubt about it.
VALID_FOR_DATA = (
    'byte by byte',
    '100 Continue that nobody asked for',
    'answered in chunks',
    'closed after the answer',
    'the answer comes twice',
)

#: Seconds that a cell may take, on a machine that is busy with other things.
IN_TIME = 20.0


@dataclasses.dataclass
class Cell:
    """What came of one.

    :ivar problems: why it did not hold
    :ivar listed: why it cannot
    :ivar said: what the library logged, if it did not hold
    """

    operation: str
    fault: str
    outcome: str
    seconds: float
    problems: list[str]
    listed: str | None = None
    said: list[str] = dataclasses.field(default_factory=list)

    @property
    def held(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        problems = '; '.join(self.problems)
        shown = f'{self.fault}: {problems} [{self.outcome}, {self.seconds:.1f} s]'
        return '\n'.join([shown, *self.said])


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """What a run needs around it: no pauses, and all that is logged goes to :class:`Words` alone.

    A handler that keeps a record of urllib3's with its traceback keeps the connection open.
    """
    loggers = [LOGGER, logging.getLogger('urllib3')]
    usual = {name: getattr(imports, name) for name in SEARCH}
    vars(imports).update(SEARCH)
    LOGGER.setLevel(logging.DEBUG)
    for logger in loggers:
        logger.propagate = False
    try:
        with no_pauses():
            yield
    finally:
        # Here, where :data:`LOST_SOCKETS` holds, and not in whatever test comes next.
        gc.collect()
        vars(imports).update(usual)
        LOGGER.setLevel(logging.NOTSET)
        for logger in loggers:
            logger.propagate = True


def share(number: int, faults: list[WireFault]) -> list[WireFault]:
    """Those of the faults that an operation meets.

    :param number: of the operation: its neighbours meet the faults that are most like these
    """
    return faults[number % SHARE :: SHARE]


def run(stand: Stand, kind: type[Operation], fault: WireFault) -> Cell | None:
    """Spoil an operation; None if there is no way to spoil it so."""
    if not _can_be_spoiled(kind, fault):
        return None
    session = stand.connect(ENGINE, connection_timeout=SILENCE if fault.silent else 10)
    with Words() as words:
        try:
            cell = _run(stand, session, kind, fault, words)
        finally:
            stand.proxy.be_good()
            session.close()
    cell.problems += _left(stand, kind, fault)
    stand.tidy()
    if cell.problems:
        cell.said = words.own
        cell.listed = cannot_be_told(kind.exchange, fault.name)
    return cell


def _run(
    stand: Stand,
    session: Any,
    kind: type[Operation],
    fault: WireFault,
    words: 'Words',
) -> Cell:
    problems: list[str] = []
    if kind.opened:
        session._create_session()
    row = kind(stand, session)
    secrets = stand.secrets()
    _plan(stand.proxy, kind, fault)
    began = time.monotonic()
    value, error = _outcome(row)
    seconds = time.monotonic() - began
    if stand.proxy.pending:
        problems.append('the fault never happened')
    stand.proxy.be_good()
    stand.settle()
    secrets |= stand.secrets()
    problems += _judged(row, fault, value, error)
    if seconds > IN_TIME:
        problems.append(f'took {seconds:.1f} s')
    texts = ''.join(traceback.format_exception(error)) if error else ''
    if any(secret in texts for secret in secrets):
        problems.append('a secret is in the exception')
    if any(secret in words.text for secret in secrets):
        problems.append('a secret is in a log')
    _let_searches_end()
    if left := row.leftovers(error):
        problems.append(f'left behind: {left}')
    problems += _aftermath(stand, session)
    return Cell(kind.title, fault.name, _shown(value, error), seconds, problems)


def _let_searches_end() -> None:
    """Wait for what is done in the background, which other rows have as well."""
    deadline = time.monotonic() + IN_TIME
    while time.monotonic() < deadline and any(
        thread.name == 'oslo.vmware-import' for thread in threading.enumerate()
    ):
        time.sleep(0.005)


def _outcome(row: Operation) -> tuple[Any, Exception | None]:
    """The value or the exception.

    Not in the frame that keeps it: the two would hold each other, and connections with them.
    """
    try:
        return row.act(), None
    except Exception as exc:  # noqa: BLE001 - whatever users get is looked at
        return None, exc


def _left(stand: Stand, kind: type[Operation], fault: WireFault) -> list[str]:
    """What is on the server and on the wire after the session's end, and should not be."""
    counts = stand.counts()
    if kind.exchange in ('Login', 'Logout') and fault.sort is not Sort.VALID:
        # A session that the client never heard of, or could not say goodbye to.
        counts['sessions'] = stand.at_rest['sessions']
    problems = [
        f'{count - stand.at_rest[what]} {what} left after the session'
        for what, count in counts.items()
        if count != stand.at_rest[what]
    ]
    if not _all_closed(stand.proxy):
        problems.append(f'{stand.proxy.open_connections} connections left open')
    return problems


def _all_closed(proxy: Proxy) -> bool:
    for attempt in range(100):
        if proxy.open_connections == 0:
            return True
        if attempt == 20:
            # What only a circle of references holds is closed sooner or later.
            gc.collect()
        time.sleep(0.005)
    return False


def _can_be_spoiled(kind: type[Operation], fault: WireFault) -> bool:
    """Whether there is a way to have a fault hit the exchange."""
    if kind.exchange.startswith(('GET', 'PUT', 'POST')):
        # A transfer has a connection of its own, and only one exchange on it.
        return not fault.fresh or fault.doorman is not None
    return kind.first or kind.before is not None or not (fault.fresh or fault.prepare)


def _plan(proxy: Proxy, kind: type[Operation], fault: WireFault) -> None:
    """Have the fault happen to the exchange, and to no other."""
    if fault.spoiler is not None:
        proxy.spoil(kind.exchange, fault.spoiler)

    def just_before(proxy: Proxy) -> None:
        if fault.doorman is not None:
            proxy.spoil_connection(fault.doorman)
        elif fault.prepare is not None:
            fault.prepare(proxy)

    transfer = kind.exchange.startswith(('GET', 'PUT', 'POST'))
    if (fault.fresh or fault.prepare) and not transfer:
        if not kind.first:
            assert kind.before is not None
            proxy.after(kind.before, just_before)
            return
        proxy.close_idle()
    just_before(proxy)


def _judged(row: Operation, fault: WireFault, value: Any, error: Exception | None) -> list[str]:
    problems = []
    executed = row.executed()
    if error is None:
        try:
            right = row.right(value)
        except Exception as exc:  # noqa: BLE001 - such as there being none of what was made
            right = False
            problems.append(f'cannot be judged: {exc!r}')
        if not right:
            problems.append(f'wrong value {_shown(value, None)}')
        if executed not in (None, 1):
            problems.append(f'success, and executed {executed} times')
        return problems
    name = type(error).__name__
    if not isinstance(error, exceptions.VMwareDriverException) or name.startswith('_'):
        problems.append(f'undocumented exception {name}')
    if executed is not None and executed > 1:
        problems.append(f'executed {executed} times')
    if may_not_fail(row, fault, error, executed):
        problems.append(f'had no reason to fail, and was executed {executed} times')
    lost = fault.sort is Sort.LOST and row.kind is Kind.CHANGE and executed
    if lost and row.change not in str(error):
        problems.append('does not say which operation may have been executed')
    return problems


def may_not_fail(row: Operation, fault: WireFault, error: Exception, executed: int | None) -> bool:
    """Whether the caller should have noticed nothing."""
    if fault.prepare is Proxy.refuse:
        return False  # for good
    if fault.sort is Sort.VALID:
        # Data that comes in an unusual way need not be taken for an image.
        return row.kind is not Kind.DATA or fault.name in VALID_FOR_DATA
    if row.direct or row.kind is Kind.DATA:
        return False
    if fault.sort is Sort.UNSENT:
        return True
    if fault.sort is not Sort.LOST or row.kind is Kind.CHANGE:
        return False
    # Of what was done already a server may say so.
    minded = isinstance(error, exceptions.VimException) and executed == 1
    return not (row.kind is Kind.CONVERGENT and minded)


def _aftermath(stand: Stand, session: Any) -> list[str]:
    """Whether the session still gives the right answers, now that all is well."""
    row = ReadProperty(stand, session)
    try:
        value = row.act()
    except Exception as exc:  # noqa: BLE001 - none is expected
        return [f'the next read failed: {exc!r}']
    return [] if row.right(value) else [f'the next read gave {_shown(value, None)}']


def _shown(value: Any, error: Exception | None) -> str:
    if error is not None:
        return f'{type(error).__name__}: {error}'[:300]
    return ' '.join(repr(value).split())[:60]


class Words(logging.Handler):
    """Keeps what the library logs, debugging included, while it is used as a context manager."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._lines: list[str] = []
        #: What this thread's row has said at least; others are under way at once.
        self.own: list[str] = []
        self._thread = threading.get_ident()

    @property
    def text(self) -> str:
        return '\n'.join(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith('oslo_vmware.simulator'):
            self._lines.append(record.getMessage())
            if record.thread == self._thread and record.levelno >= logging.INFO:
                self.own.append(record.getMessage())

    def __enter__(self) -> 'Words':
        LOGGER.addHandler(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        LOGGER.removeHandler(self)

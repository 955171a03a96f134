"""Every public operation with everything that can happen to it on the wire.

A row is one operation with one fault. :mod:`tests.faults.matrix` says when it holds, and
:mod:`tests.faults.listed` which rows cannot. It runs on one SOAP engine at a time: rows of the
reference engine cost three times as much, and `make test-reference` has them. All rows take
minutes; where a minute counts, each fault meets a third of the operations, and each operation a
third of the faults.
"""

import contextlib
import gc
import queue
from collections.abc import Iterator
from concurrent import futures

import pytest

from oslo_vmware._transfer import connection
from tests.faults import listed, matrix
from tests.faults.fault import WireFault
from tests.faults.operation import Operation
from tests.faults.operations import OPERATIONS
from tests.faults.stand import Stand
from tests.faults.wire_faults import FAULTS

#: Rows that run at once, each with a server of its own: most of them wait.
AT_ONCE = 4

#: Seconds that transfers wait for a server that is silent on purpose.
TRANSFER_SILENCE = 0.5


@pytest.fixture(scope='module')
def stands() -> Iterator[queue.SimpleQueue[Stand]]:
    """Servers that are free."""
    free: queue.SimpleQueue[Stand] = queue.SimpleQueue()
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(Stand()) for _ in range(AT_ONCE)]
        for stand in made:
            free.put(stand)
        # Which read its description now, and not in the time of a row.
        with made[0].connect(matrix.ENGINE) as session:
            session._create_session()
            assert session.pbm.service_content
        # So that each row looks for what it has lost among little.
        gc.collect()
        gc.freeze()
        yield free
        assert [stand.vc.errors for stand in made] == [[]] * AT_ONCE


@pytest.fixture
def hurried() -> Iterator[None]:
    with matrix.hurried():
        yield


@pytest.mark.timeout(600)  # for some eighty rows
@pytest.mark.filterwarnings(matrix.LOST_SOCKETS)
@pytest.mark.parametrize('operation', OPERATIONS, ids=lambda operation: operation.__name__)
@pytest.mark.usefixtures('hurried')
def test_what_comes_of_it(
    operation: type[Operation],
    stands: queue.SimpleQueue[Stand],
    cells: list[matrix.Cell],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Done once with the right value, or an exception that tells the truth; never a third thing."""

    def run(fault: WireFault) -> matrix.Cell | None:
        stand = stands.get()
        try:
            return matrix.run(stand, operation, fault)
        finally:
            stands.put(stand)

    faults = matrix.share(OPERATIONS.index(operation), FAULTS)
    with futures.ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(run, [fault for fault in faults if not fault.silent]))
        monkeypatch.setattr(connection, 'STALL_SECONDS', TRANSFER_SILENCE)
        monkeypatch.setattr(connection, 'CONNECT_SECONDS', TRANSFER_SILENCE)
        done += pool.map(run, [fault for fault in faults if fault.silent])
    made = [cell for cell in done if cell is not None]
    cells += made
    assert [str(cell) for cell in made if not cell.held and not cell.listed] == []
    should_fail = {fault for exchange, fault in listed.LISTED if exchange == operation.exchange}
    assert {cell.fault for cell in made if cell.held} & should_fail == set()


def test_every_fault_meets_operations() -> None:
    """However few rows are run, none of the faults and none of the operations is left out."""
    shares = [matrix.share(number, FAULTS) for number in range(len(OPERATIONS))]
    assert {fault.name for faults in shares for fault in faults} == {fault.name for fault in FAULTS}
    assert min(len(faults) for faults in shares) >= len(FAULTS) // matrix.SHARE


def test_what_is_listed_exists() -> None:
    """A row that was renamed is not listed by its old name."""
    exchanges = {operation.exchange for operation in OPERATIONS}
    faults = {fault.name for fault in FAULTS}
    assert [row for row in listed.LISTED if row[0] not in exchanges or row[1] not in faults] == []
    assert len(faults) == len(FAULTS)

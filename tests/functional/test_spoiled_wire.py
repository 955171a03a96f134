"""A part of the matrix of faults, where eventlet has replaced sockets and threads as well.

The whole of it is in :mod:`tests.faults.test_matrix`, natively. What differs under eventlet is how
connections end, wait and are waited for, for which a few operations stand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults import matrix, operations, transfers
from tests.faults.operation import Operation
from tests.faults.stand import Stand
from tests.faults.wire_faults import FAULTS

OPERATIONS = [
    operations.ReadProperty,
    operations.SnapshotDirect,
    operations.CreateFolder,
    operations.WaitForTask,
    transfers.Upload,
    transfers.Export,
]


@pytest.fixture(scope='module')
def stand() -> Iterator[Stand]:
    with Stand() as made:
        yield made
        assert made.vc.errors == []


@pytest.mark.skipif(
    os.environ.get('OSLO_VMWARE_TEST_EVENTLET') != '1', reason='natively the whole matrix runs'
)
@pytest.mark.timeout(600)  # for some seventy rows
@pytest.mark.filterwarnings(matrix.LOST_SOCKETS)
@pytest.mark.parametrize('operation', OPERATIONS, ids=lambda operation: operation.__name__)
def test_what_comes_of_it(operation: type[Operation], stand: Stand) -> None:
    """Done once with the right value, or an exception that tells the truth; never a third thing."""
    faults = matrix.share(OPERATIONS.index(operation), FAULTS)
    with matrix.hurried():
        cells = [matrix.run(stand, operation, fault) for fault in faults if not fault.silent]
    bad = [str(cell) for cell in cells if cell is not None and not cell.held and not cell.listed]
    assert bad == []
    assert sum(cell is not None for cell in cells) > 50 // matrix.SHARE

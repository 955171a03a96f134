"""Streams do not stay in memory."""

import os

import pytest

from benchmarks import streaming


@pytest.mark.skipif(
    'OSLO_VMWARE_TEST_EVENTLET' in os.environ, reason='the server is a process without eventlet'
)
@pytest.mark.parametrize('move', [streaming.upload, streaming.download])
def test_memory_is_flat(move: streaming.Callable[[str, int], None]) -> None:
    """256 MiB go through a handle, and the process grows by no more than 4 MiB."""
    with streaming.serving() as url:
        grown, _seconds = streaming.growth(move, url, 256 * streaming.MIB)
    assert grown <= 4 * streaming.MIB

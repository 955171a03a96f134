"""Streams do not stay in memory."""

import pytest

from benchmarks import images


@pytest.mark.parametrize(
    'way', ['upload', 'upload_slowly', 'download', 'import_disk', 'export_disk']
)
def test_memory_is_flat(way: str) -> None:
    """256 MiB go through a handle, and the process grows by no more than 4 MiB."""
    with images.serving() as place:
        ways = images.Ways(place, 256 * images.MIB)
        assert images.growth(getattr(ways, way)) <= 4 * images.MIB

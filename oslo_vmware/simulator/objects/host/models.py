"""What the simulated hosts are made of."""

from typing import NamedTuple

GIB = 1024**3


class HostModel(NamedTuple):
    """A server as it is bought.

    :ivar mhz: clock of a core
    :ivar packages: sockets
    :ivar cores: cores of one socket, with two threads each
    :ivar memory: bytes
    """

    vendor: str
    model: str
    cpu_vendor: str
    cpu_model: str
    mhz: int
    packages: int
    cores: int
    memory: int


HOST_MODELS = (
    HostModel(
        'Dell Inc.', 'PowerEdge R750', 'intel',
        'Intel(R) Xeon(R) Gold 6342 CPU @ 2.80GHz', 2793, 2, 24, 768 * GIB,
    ),
    HostModel(
        'HPE', 'ProLiant DL385 Gen10 Plus v2', 'amd',
        'AMD EPYC 7543 32-Core Processor', 2794, 2, 32, 1024 * GIB,
    ),
    HostModel(
        'Lenovo', 'ThinkSystem SR650 V2', 'intel',
        'Intel(R) Xeon(R) Platinum 8360Y CPU @ 2.40GHz', 2394, 2, 36, 1536 * GIB,
    ),
)  # fmt: skip

# Stand-alone hosts are smaller, as in a branch office.
EDGE_MODEL = HostModel(
    'Supermicro', 'SYS-E300-9D', 'intel',
    'Intel(R) Xeon(R) D-2146NT CPU @ 2.30GHz', 2294, 1, 8, 128 * GIB,
)  # fmt: skip

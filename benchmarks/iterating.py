"""All machines of an inventory, one after the other, of which nothing is kept.

Nobody who does so wants to know how many there are: neither growth nor time may depend on it.
"""

from benchmarks import fresh
from benchmarks.bench import Bench, WrongResult
from benchmarks.libraries import OURS, PAGE, load
from benchmarks.memory import MIB
from benchmarks.replay import Replay
from benchmarks.rows import Measured
from oslo_vmware.simulator import Inventory

#: How many machines there are, and a column of the inventory that all others are measured with.
MANY = 50_000
FEW = 'ours of 10,000'


def iterating(bench: Bench) -> Measured:
    """By how much the process grows, and the client's time for each machine."""
    many = 3 * PAGE if bench.size.quick else MANY
    bench.record_inventory()
    bench.progress.tell(f'recording {many} machines')
    with Replay(Inventory.large(many)) as replay:
        found = sum(1 for _ in load(OURS)(replay.server).each())
        if found != many:
            raise WrongResult(f'{found} machines came, and there are {many}')
        replay.freeze()
        servers = {OURS: replay.server, FEW: bench.server}
        with bench.frozen():
            best = bench.in_turns(
                'iterate', lambda name: fresh.measure('iterate', OURS, servers[name]), servers
            )
        if missed := replay.thaw():
            raise WrongResult(f'the server was asked what was never recorded: {missed}')
    return {
        'growth': {name: figures['peak'] * MIB / 1e6 for name, figures in best.items()},
        'time': {name: figures['each'] * 1e6 for name, figures in best.items()},
    }

"""All machines of an inventory, page by page."""

from benchmarks.bench import Bench, WrongResult
from benchmarks.libraries import OURS, PAGE
from benchmarks.rows import Measured

#: Columns that are no libraries.
HALF = 'ours in an inventory of half'
OWN = 'the objects themselves'


def inventory(bench: Bench) -> Measured:
    """Time and memory of reading, of twice as much as well, and what the objects weigh."""
    bench.record_inventory()
    machines = bench.size.machines
    pages = -(-machines // PAGE)
    with bench.frozen():
        whole = bench.fresh('inventory', pages)
        half = bench.fresh('inventory', -(-pages // 2), titles=[OURS])[OURS]
        own = bench.fresh('weight', pages, titles=[OURS], rounds=1)[OURS]['own']
    for title, figures in whole.items():
        if figures['machines'] != machines:
            raise WrongResult(f'{title} read {figures["machines"]:.0f} machines')
    seconds = {title: figures['seconds'] for title, figures in whole.items()}
    # What is left over is noise, not a slope: a quadratic cost would show as twice.
    seconds[HALF] = half['seconds'] * machines / half['machines']
    peaks = {title: figures['peak'] for title, figures in whole.items()}
    return {'time': seconds, 'memory': {**peaks, OWN: own}}

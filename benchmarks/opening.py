"""What a process pays once: imports, a session, and the memory of both."""

from benchmarks import fresh
from benchmarks.bench import Bench
from benchmarks.libraries import OURS
from benchmarks.rows import Measured, Values


def opening(bench: Bench) -> Measured:
    """Time until logged in, with and without imports, and memory then."""
    bench.libraries  # noqa: B018 - the server meets what they ask for
    imported = bench.in_turns('import', lambda title: {'seconds': fresh.import_seconds(title)})

    def import_and_open(title: str) -> dict[str, float]:
        return fresh.import_and_open(title, bench.server)

    with bench.frozen():
        together = bench.in_turns('import and open', import_and_open)
        opened = bench.fresh('open')
    return {
        'together': _only(together, 'seconds'),
        'import': _only(imported, 'seconds'),
        'open': _only(opened, 'seconds'),
        'memory': _only(together, 'memory'),
    }


def described(bench: Bench) -> Measured:
    """The same by a description that the server has."""
    fresh.measure('described', OURS, bench.server)  # the server meets what it asks for
    with bench.frozen():
        return {'open': _only(bench.fresh('described', titles=[OURS]), 'seconds')}


def _only(figures: dict[str, dict[str, float]], name: str) -> Values:
    return {title: one[name] for title, one in figures.items()}

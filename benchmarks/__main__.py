"""This library beside suds, zeep, pyVmomi and govmomi: ``make bench``.

All work on the same bytes, which a server in a process of its own replays; see
:mod:`benchmarks.replay`. A figure is the best of several rounds in which the libraries take turns.
Each row is printed, and kept in a file, when it is known. ``--quick`` makes everything small, which
proves that it runs and measures nothing worth quoting. A target that is missed is shown as missed;
only wrong results make the exit status 1, unless ``--check`` is given.
"""

import argparse
import compileall
import pathlib
import signal
import sys
import traceback
from typing import Any

from benchmarks import results, table
from benchmarks.bench import FULL, QUICK, Bench, WrongResult
from benchmarks.progress import Progress
from benchmarks.registry import FIGURES
from benchmarks.rows import Figure, Row, Values

_ROOT = pathlib.Path(__file__).parents[1]
_RESULTS = _ROOT / '.test-results'
#: Exit status of what was stopped, as shells tell it of Ctrl-C.
_STOPPED = 130


def main() -> int:
    options = _options()
    if options.list:
        for figure in FIGURES:
            rows = '; '.join(row.title.strip() for row in figure.rows.values())
            print(f'{figure.name:12}{rows}')
        return 0
    file = options.results or _RESULTS / ('bench-quick.jsonl' if options.quick else 'bench.jsonl')
    if options.table:
        return _show(file)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wanted = [one for one in FIGURES if not options.names or one.name in options.names]
    return _measure(wanted, file, quick=options.quick, check=options.check)


def _options() -> Any:
    parser = argparse.ArgumentParser(
        prog='make bench', description=(__doc__ or '').partition('\n')[0]
    )
    names = [figure.name for figure in FIGURES]
    parser.add_argument('names', nargs='*', metavar='NAME', help='of what is measured; see --list')
    parser.add_argument('--list', action='store_true', help='tell the names')
    parser.add_argument('--quick', action='store_true', help='only see that it runs')
    parser.add_argument('--check', action='store_true', help='fail when a target is missed')
    parser.add_argument('--results', type=pathlib.Path, metavar='FILE', help='where rows are kept')
    parser.add_argument('--table', action='store_true', help='only show what is kept')
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f'no such figure: {", ".join(sorted(unknown))}; there are {", ".join(names)}')
    return options


def _measure(figures: list[Figure], file: pathlib.Path, *, quick: bool, check: bool) -> int:
    # As the others are since they were installed, whatever the environment says.
    compileall.compile_dir(_ROOT / 'oslo_vmware', quiet=1)
    progress = Progress()
    run = results.this_run()
    known: list[tuple[Row, Values]] = []
    status = 0
    if quick:
        _say('Everything is small: these figures mean nothing.')
    _say(run, '', table.heading())
    try:
        with Bench(QUICK if quick else FULL, progress) as bench:
            for number, figure in enumerate(figures):
                progress.figure(figure.name, number + 1, len(figures))
                try:
                    measured = figure.measure(bench)
                except Exception as error:  # noqa: BLE001 - the others can still be measured
                    status = 1
                    progress.clear()
                    wrong = isinstance(error, WrongResult)
                    print(error if wrong else traceback.format_exc(), file=sys.stderr)
                    _say(f'{figure.name}: could not be measured')
                    continue
                results.keep(file, run, figure, measured)
                progress.clear()
                for key, row in figure.rows.items():
                    known.append((row, measured[key]))
                    _say(*table.lines(row, measured[key]))
    except KeyboardInterrupt:
        progress.clear()
        print(f'\nStopped. What was known is in {file}.', file=sys.stderr)
        status = _STOPPED
    _say('', *table.summary(known))
    print(f'{progress.seconds:.0f} seconds; rows are in {file}', file=sys.stderr)
    if check and any(
        target.met(values) is False for row, values in known for target in row.targets
    ):
        status = status or 1
    return status


def _show(file: pathlib.Path) -> int:
    """Print the table of what is kept."""
    kept = results.read(file)
    found = [
        (figure, key, row, *kept[figure.name, key])
        for figure in FIGURES
        for key, row in figure.rows.items()
        if (figure.name, key) in kept
    ]
    runs = [run for *_, run, _values in found]
    _say(*dict.fromkeys(line for run in runs for line in run.splitlines()))
    _say('', table.heading())
    for _figure, _key, row, _run, values in found:
        _say(*table.lines(row, values))
    _say('', *table.summary((row, values) for _figure, _key, row, _run, values in found))
    return 0


def _say(*lines: str) -> None:
    for line in lines:
        print(line.rstrip())
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())

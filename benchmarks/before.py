"""What a property read costs beside another build: ``python -m benchmarks.before CHECKOUT``.

The checkout is another work tree of this project, such as ``git worktree add ../before COMMIT``
makes. A process for each build reads the same property from the same server, a few hundred times
at each turn, and they take turns; the best turn counts, because whatever else a machine does makes
something slower, never faster. Printed are the time by the clock, the processor time of the
client, and how many times that of the other build ours are.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any, Self

HERE = pathlib.Path(__file__).parents[1]

#: Reads before the first turn, which make what is made once.
WARM_UP = 200


class Build:
    """The process of one build.

    :param checkout: directory of the project
    """

    def __init__(self, checkout: pathlib.Path, server: tuple[Any, ...]) -> None:
        environment = os.environ | {'PYTHONPATH': str(checkout)}
        self._process = subprocess.Popen(
            # Not with the directory of this file in the path: other things are called like ours.
            [sys.executable, '-P', '-W', 'ignore', __file__, '--client', json.dumps(server)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        found = pathlib.Path(self._answer())
        if checkout.resolve() not in found.resolve().parents:
            self.close()
            raise SystemExit(f'{checkout} has no oslo_vmware; {found} was imported instead')

    def turn(self, reads: int) -> dict[str, float]:
        """Microseconds of one read, by the clock and of the processor."""
        assert self._process.stdin is not None
        print(reads, file=self._process.stdin, flush=True)
        figures: dict[str, float] = json.loads(self._answer())
        return figures

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def client(server: list[Any]) -> None:
    """What a process does: read as often as each line of its input says."""
    import oslo_vmware
    from oslo_vmware import api, vim_util

    print(oslo_vmware.__file__, flush=True)
    host, port, user, password, cacert = server
    session = api.VMwareAPISession(host, user, password, 3, 0.1, port=port, cacert=cacert)
    # Not with a page of one, which is what reading a property asks for: the server would replay it.
    found = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    machine = found.objects[0].obj

    def read(times: int) -> None:
        for _ in range(times):
            session.invoke_api(vim_util, 'get_object_property', session.vim, machine, 'name')

    read(WARM_UP)
    for line in sys.stdin:
        reads = int(line)
        began, worked = time.perf_counter(), time.process_time()
        read(reads)
        seconds = (time.perf_counter() - began, time.process_time() - worked)
        clock, processor = (second / reads * 1e6 for second in seconds)
        print(json.dumps({'clock': clock, 'processor': processor}), flush=True)


def compare(checkout: pathlib.Path, turns: int, reads: int) -> dict[str, dict[str, float]]:
    """The best turn of each build: ``{'clock': {'before': 800.0, 'now': 790.0}, …}``."""
    from benchmarks.replay import Replay
    from oslo_vmware.simulator import Inventory

    best: dict[str, dict[str, float]] = {'clock': {}, 'processor': {}}
    with Replay(Inventory(vms=2)) as replay:
        server = tuple(replay.server)
        with Build(checkout, server) as before, Build(HERE, server) as now:
            for number in range(turns):
                # Neither always comes after the other.
                builds = [('before', before), ('now', now)][:: -1 if number % 2 else 1]
                for name, build in builds:
                    for figure, value in build.turn(reads).items():
                        known = best[figure].get(name, value)
                        best[figure][name] = min(known, value)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('checkout', nargs='?', type=pathlib.Path, help='the other build')
    parser.add_argument('--turns', type=int, default=20)
    parser.add_argument('--reads', type=int, default=300, help='of each turn')
    parser.add_argument('--client', type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        client(options.client)
        return 0
    if options.checkout is None:
        parser.error('which other build?')
    for figure, values in compare(options.checkout, options.turns, options.reads).items():
        print(
            f'{figure:10} {values["before"]:8.1f} µs before, {values["now"]:8.1f} µs now, '
            f'{values["now"] / values["before"]:.3f} times'
        )
    return 0


if __name__ == '__main__':
    sys.exit(main())

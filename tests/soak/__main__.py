"""Soak: for an hour everything goes wrong, and nothing is lost, done twice or left behind.

``make soak`` or ``python -m tests.soak [--seconds N] [--seed S]``. Two processes work at once, one
natively and one under eventlet, each with a server of its own behind a proxy that spoils exchanges
and connections at random, while sessions expire, connections are cut and processes are forked off.
The exit status is 0 only if nothing was wrong.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import threading
from typing import Any

#: Seconds that a run may take beyond its time.
GRACE_SECONDS = 300

FLAVOURS = {'natively': (), 'under eventlet': ('--eventlet',)}


def run(seed: str, seconds: float, options: tuple[str, ...]) -> dict[str, Any]:
    """One half; its result, or why there is none."""
    command = [sys.executable, '-m', 'tests.soak.client', seed, str(seconds), *options]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, timeout=seconds + GRACE_SECONDS, check=True, text=True
        )
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError) as problem:
        return {'wrong': [f'it came to no end: {problem}']}
    return result


def table(counts: dict[str, Any]) -> str:
    return ', '.join(f'{name} {count}' for name, count in sorted(counts.items()))


def show(flavour: str, result: dict[str, Any]) -> None:
    print(f'\n{flavour}')
    if 'done' in result:
        total, faults = sum(result['done'].values()), sum(result['faults'].values())
        print(f'  {total} pieces of work in {result["seconds"]} s: {table(result["done"])}')
        print(f'  {faults} faults in {result["exchanges"]} exchanges: {table(result["faults"])}')
        print(f'  outcomes: {table(result["outcomes"])}')
        print(f'  sessions of logins whose answer was lost, at the end: {result["orphans"]}')
        print(f'  memory MiB from time to time: {", ".join(map(str, result["memory"]))}')
        for name, count in result['before'].items():
            print(f'  {name}: {count} before, {result["after"][name]} after')
    print(f'  wrong: {len(result["wrong"])}')
    for problem in result['wrong'][:50]:
        print(f'    {problem}')


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--seconds', type=float, default=os.environ.get('SOAK_SECONDS', '3600'))
    parser.add_argument('--seed', default=None)
    arguments = parser.parse_args()
    seed = arguments.seed or f'{random.SystemRandom().getrandbits(32):08x}'
    print(f'soak: {arguments.seconds:.0f} s, seed {seed}', flush=True)
    results: dict[str, dict[str, Any]] = {}

    def work(flavour: str, options: tuple[str, ...]) -> None:
        results[flavour] = run(seed, arguments.seconds, options)

    threads = [threading.Thread(target=work, args=item) for item in FLAVOURS.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for flavour in FLAVOURS:
        show(flavour, results[flavour])
    wrong = sum(len(result['wrong']) for result in results.values())
    print(f'\nsoak: seed {seed}, {wrong} wrong')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())

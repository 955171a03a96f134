"""Broken replies that atheris chooses: ``python -m tests.differential.guided [RUNS] [SEED]``.

libFuzzer keeps the inputs that reach code which none has reached before, and breaks those
further, with the mutations of :mod:`~tests.differential.fuzz` or its own. What may come out is
the same. ``make fuzz FUZZER=guided`` runs it; atheris, which there is for a few Pythons only, has
to be installed for that: ``.venv/bin/python -m pip install atheris``.
"""

import random
import sys
from collections import Counter

try:
    import atheris
except ImportError:
    sys.exit('atheris is not installed: python -m pip install atheris')

with atheris.instrument_imports(include=['oslo_vmware.soap']):
    from tests.differential import fuzz, record

#: Of libFuzzer: bytes of an input, MiB of the process.
_LONGEST = 64 * 1024
_MOST_MEMORY = 512


class Target:
    """What libFuzzer calls.

    :param runs: how many times it will
    """

    def __init__(self, runs: int) -> None:
        self._reader = fuzz.Reader()
        self._runs = runs
        self._outcomes: Counter[str] = Counter()

    def read(self, data: bytes) -> None:
        """Read an input, of which the first byte chooses the HTTP status."""
        status = fuzz.STATUSES[data[0] % len(fuzz.STATUSES)] if data else 200
        number = self._outcomes.total()
        self._outcomes[self._reader.outcome(data[1:], status, f'input {number}')] += 1
        if self._outcomes.total() == self._runs:
            # libFuzzer ends the process itself.
            print(self._runs, 'inputs:', dict(self._outcomes), flush=True)


class Mutator:
    """Makes the next input of one that libFuzzer has kept, or of a reply that is whole."""

    def __init__(self) -> None:
        _, calls = record.load()
        replies = [one['reply'] for one in calls if one['operation'] == 'RetrievePropertiesEx']
        self._whole = [fuzz.REPLY, fuzz.FAULT, *(one.encode() for one in replies if one)]

    def mutate(self, data: bytes, longest: int, seed: int) -> bytes:
        """Break an input further, by its structure or anywhere."""
        source = random.Random(seed)
        if len(data) < 2 or source.random() < 0.5:
            data = source.randbytes(1) + source.choice(self._whole)
        elif source.random() < 0.3:
            mutated: bytes = atheris.Mutate(data, longest)
            return mutated
        return (data[:1] + fuzz.mutated(source, data[1:]))[:longest]


def main(runs: int, seed: int) -> None:
    options = [
        *(f'-runs={runs}', f'-seed={seed}', f'-max_len={_LONGEST}'),
        *(f'-timeout={fuzz.SLOWEST:.0f}', f'-rss_limit_mb={_MOST_MEMORY}'),
        # What is found is printed, and needs no file.
        '-exact_artifact_path=/dev/null',
    ]
    mutator = Mutator().mutate
    atheris.Setup([sys.argv[0], *options], Target(runs).read, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == '__main__':
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1, 2**31),
    )

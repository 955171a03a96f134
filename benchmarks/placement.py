"""What placing volumes by policy costs: ``python -m benchmarks.placement``.

Places 100 volumes, each with one of 5 policies, on 200 datastores of a simulated vCenter in a
process of its own, twice: with the helpers of :mod:`oslo_vmware.pbm`, call for call as Nova and
Cinder make them for each volume (find the policy by its name, convert, filter, convert back),
and with :mod:`oslo_vmware.spbm`. Counts SOAP calls and takes the time, and prints the ratios.
Both must choose the same datastores, or it fails. Most of the time is the simulated server's,
which makes a reason for each datastore that is refused; what the library itself takes is the
processor time of the client.

The new calls are measured in two ways: asked for each volume, and once for each policy, which is
what a scheduler with many volumes to place would do. With reasons means ``check_compatibility``,
which tells of each refused datastore why; the helpers cannot.

:func:`choosing` is the figure of ``make bench``: one policy and 300 datastores, of which it takes a
fifth.
"""

import argparse
import contextlib
import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.aside import aside
from benchmarks.bench import Bench, WrongResult
from benchmarks.libraries import OURS
from benchmarks.memory import MIB
from benchmarks.rows import Measured
from oslo_vmware import api, pbm, spbm, vim_util
from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.simulator.pbm import rules

POLICIES = 5

#: Column that is no library.
HELPER = 'pbm.filter_hubs_by_profile'

_DATASTORES = 300


def _serve(pipe: Any, datastores: int) -> None:
    inventory = Inventory(
        nfs_datastores=datastores, vmfs_datastores=0, vsan_datastores=0, storage_pods=0
    )
    with VCenterSimulator(inventory=inventory) as vc:
        places = [one for one in vc.world.objects.values() if one.is_a('Datastore')]
        for number, place in enumerate(places):
            vc.policies.tag(place, 'Class', f'class-{number % POLICIES}')
        for number in range(POLICIES):
            vc.policies.create(f'policy-{number}', [rules.tag_rule('Class', f'class-{number}')])
        refs = [(place.ref.value, place.ref.type) for place in places]
        pipe.send((vc.host, vc.port, vc.username, vc.password, str(vc.cacert), refs))
        while pipe.recv():
            pipe.send(sum(vc.calls.counts.values()))


def helpers(session: Any, places: list[Any], policy: str) -> list[str]:
    """As Nova's and Cinder's drivers do it."""
    profile_id = pbm.get_profile_id_by_name(session, policy)
    hubs = pbm.convert_datastores_to_hubs(session.pbm.client.factory, places)
    hubs = pbm.filter_hubs_by_profile(session, hubs, profile_id)
    return [one.value for one in pbm.filter_datastores_by_hubs(hubs, places)]


def yes_or_no(session: Any, places: list[Any], policy: str) -> list[str]:
    """``compatible_datastores``."""
    found = spbm.find_policy(session, policy)
    return [one.value for one in spbm.compatible_datastores(session, found, places)]


def with_reasons(session: Any, places: list[Any], policy: str) -> list[str]:
    """``check_compatibility``."""
    results = spbm.check_compatibility(session, spbm.find_policy(session, policy), places)
    assert all(one.errors for one in results if not one.compatible)
    return [one.datastore for one in results if one.compatible]


Place = Callable[[Any, list[Any], str], list[str]]


def each(place: Place, session: Any, places: list[Any], names: list[str]) -> list[list[str]]:
    """Ask for each volume."""
    return [place(session, places, name) for name in names]


def once(place: Place, session: Any, places: list[Any], names: list[str]) -> list[list[str]]:
    """Ask once for each policy."""
    found = {name: place(session, places, name) for name in dict.fromkeys(names)}
    return [found[name] for name in names]


WAYS: list[tuple[str, Any, Place]] = [
    ('helpers of pbm, for each volume', each, helpers),
    ('helpers of pbm, once for each policy', once, helpers),
    ('spbm, for each volume', each, yes_or_no),
    ('spbm with reasons, for each volume', each, with_reasons),
    ('spbm, once for each policy', once, yes_or_no),
    ('spbm with reasons, once for each policy', once, with_reasons),
]


@contextlib.contextmanager
def _site(datastores: int) -> Iterator[tuple[Any, list[Any], Any]]:
    """A session, references of the datastores, and what the server is asked through."""
    with aside(_serve, datastores) as pipe:
        host, port, user, password, cacert, refs = pipe.recv()
        session = api.VMwareAPISession(host, user, password, 3, 0.1, port=port, cacert=cacert)
        with session:
            yield session, [vim_util.get_moref(*ref) for ref in refs], pipe


def choosing(bench: Bench) -> Measured:
    """Client's time for one policy, hubs made beforehand for the helper, and what is kept."""
    bench.progress.tell('starting a server that has policies')
    with _site(_DATASTORES // 10 if bench.size.quick else _DATASTORES) as (session, places, _):
        policy = spbm.find_policy(session, 'policy-0')
        profile_id = pbm.get_profile_id_by_name(session, 'policy-0')
        hubs = pbm.convert_datastores_to_hubs(session.pbm.client.factory, places)

        def helper() -> list[str]:
            return [hub.hubId for hub in pbm.filter_hubs_by_profile(session, hubs, profile_id)]

        def ours() -> list[str]:
            return [one.value for one in spbm.compatible_datastores(session, policy, places)]

        def reasons() -> list[spbm.Compatibility]:
            return spbm.check_compatibility(session, policy, places)

        fits = [one.datastore for one in reasons() if one.compatible]
        if not helper() == ours() == fits:
            raise WrongResult('other datastores were chosen')
        seconds = bench.fastest({OURS: ours, HELPER: helper})
        bench.progress.tell('keeping the reasons')
        gc.collect()
        tracemalloc.start()
        try:
            kept = reasons()
            gc.collect()
            size = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        del kept
    return {
        'time': {name: value * 1e3 for name, value in seconds.items()},
        'memory': {OURS: size / MIB},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--volumes', type=int, default=100)
    parser.add_argument('--datastores', type=int, default=200)
    options = parser.parse_args()
    with _site(options.datastores) as (session, places, pipe):
        return _measure(session, places, options, pipe)


def _measure(session: Any, places: list[Any], options: Any, pipe: Any) -> int:
    names = [f'policy-{number % POLICIES}' for number in range(options.volumes)]
    # The description is read, and the connections are made, before anything is measured.
    pbm.get_all_profiles(session)
    print(f'{options.volumes} volumes, {POLICIES} policies, {len(places)} datastores')
    print(f'{"":42}{"calls":>8}{"seconds":>10}{"client":>9}{"calls":>9}{"time":>8}{"client":>9}')
    chosen: list[list[str]] | None = None
    base: tuple[int, float, float] | None = None
    for title, how, place in WAYS:
        spbm.policy_cache(session).clear()
        before = _count(pipe)
        began, began_here = time.perf_counter(), time.process_time()
        found = how(place, session, places, names)
        here, seconds = time.process_time() - began_here, time.perf_counter() - began
        calls = _count(pipe) - before
        base = base or (calls, seconds, here)
        chosen = chosen or found
        if found != chosen:
            print(f'{title}: other datastores were chosen', file=sys.stderr)
            return 1
        print(
            f'{title:42}{calls:8}{seconds:10.2f}{here:9.2f}{base[0] / calls:8.1f}x'
            f'{base[1] / seconds:7.1f}x{base[2] / here:8.1f}x'
        )
    return 0


def _count(pipe: Any) -> int:
    pipe.send(True)
    count: int = pipe.recv()
    return count


if __name__ == '__main__':
    sys.exit(main())

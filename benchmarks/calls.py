"""Small calls over the wire: what most calls are."""

import contextlib
import http.client
import ssl
import time
from collections.abc import Iterator

import requests
import urllib3

from benchmarks.bench import Bench, agree
from benchmarks.libraries import OURS, THREADS
from benchmarks.rows import Measured
from benchmarks.timing import Action

#: A column of 16 threads.
ALONE = 'ours with 1 thread'


def reading(bench: Bench) -> Measured:
    """One property, beside the same bytes exchanged without any library for SOAP."""
    reads = bench.reads
    request = bench.ours.retrieve(bench.machines[OURS][:1], ['name'])
    with _bare(bench, request) as bare:
        agree({name: exchange() for name, exchange in bare.items()})
        actions = reads | bare
        with bench.frozen():
            # The best of single calls: a row of them hardly ever goes undisturbed.
            rounds = 20 * bench.size.rounds
            clock = bench.fastest(actions, time.perf_counter, rounds=rounds, block=0)
            worked = bench.fastest(actions)
    return {
        'wall': {name: seconds * 1e3 for name, seconds in clock.items()},
        'processor': {name: seconds * 1e3 for name, seconds in worked.items()},
    }


@contextlib.contextmanager
def _bare(bench: Bench, request: bytes) -> Iterator[dict[str, Action]]:
    """How HTTP libraries exchange the bytes, each on a connection that it keeps."""
    arguments = bench.exchange(request)
    headers = arguments['headers']
    tls = ssl.create_default_context(cafile=bench.server.cacert)
    connection = http.client.HTTPSConnection(bench.server.host, bench.server.port, context=tls)
    pool = urllib3.HTTPSConnectionPool(
        bench.server.host, bench.server.port, ca_certs=bench.server.cacert
    )

    def by_http_client() -> bytes:
        connection.request('POST', '/sdk', request, headers)
        return connection.getresponse().read()

    with contextlib.closing(connection), requests.Session() as session:
        session.trust_env = False
        yield {
            'bare requests': lambda: session.post(**arguments).content,
            "urllib3's pool": lambda: pool.urlopen('POST', '/sdk', request, headers).data,
            'http.client': by_http_client,
        }
    # Not if it was stopped: an interrupted pool may wait for itself for ever.
    pool.close()


def calling(bench: Bench) -> Measured:
    """Reads per second, by threads that share a session, native ones and green ones."""
    bench.reads  # noqa: B018 - the server meets the request
    measured = {}
    with bench.frozen():
        for kind, eventlet in (('native', False), ('green', True)):
            for workers in (1, THREADS):
                figures = bench.fresh('calls', workers, bench.size.calls, eventlet=eventlet)
                rates = {title: 1 / one['seconds'] for title, one in figures.items()}
                measured[f'{kind} {workers}'] = rates
            measured[f'{kind} {THREADS}'][ALONE] = measured[f'{kind} 1'][OURS]
    return measured

"""The server of a soak run: a simulated vCenter behind a proxy that spoils at random.

``python -m tests.soak.server SEED`` prints one line of JSON that says where everything is, and
ends when its standard input does. The truth is asked for at a port of its own, by plain HTTP,
which threads, green threads and forked children can all do.
"""

import argparse
import collections
import contextlib
import hashlib
import http.server
import json
import random
import sys
import threading
import time
from typing import Any

from oslo_vmware import exceptions, spbm
from tests.faults.fault import Sort, WireFault
from tests.faults.listed import cannot_be_told
from tests.faults.proxy import Doorman, Exchange, Spoiler, pass_on
from tests.faults.stand import Stand, ref
from tests.faults.wire_faults import FAULTS

#: Share of the exchanges, and of the connections, that are spoiled.
EXCHANGES_SPOILED = 0.05
CONNECTIONS_SPOILED = 0.05

#: How much rarer a fault is that costs its client a time-out.
RARE = 0.2


class Chance:
    """Which exchanges and connections are spoiled, and how.

    :ivar share: of all, from 0 (none) to 1 (as configured)
    :ivar done: how often each fault happened
    :ivar orphans: cookies of sessions whose login was never answered
    """

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.share = 0.0
        self.done: collections.Counter[str] = collections.Counter()
        self.orphans: set[str] = set()
        self._spoilers = [fault for fault in FAULTS if fault.spoiler is not None]
        self._doormen = [fault for fault in FAULTS if fault.doorman is not None]

    def _drawn(self, faults: list[WireFault], share: float) -> WireFault | None:
        with self._lock:
            if self._random.random() >= share * self.share:
                return None
            weights = [RARE if fault.silent else 1.0 for fault in faults]
            return self._random.choices(faults, weights)[0]

    def spoiler(self, exchange: Exchange) -> Spoiler | None:
        fault = self._drawn(self._spoilers, EXCHANGES_SPOILED)
        if fault is not None and cannot_be_told(exchange.name, fault.name):
            fault = None
        spoil = None
        if fault is not None:
            self.done[fault.name] += 1
            spoil = fault.spoiler
        if exchange.name != 'Login':
            return spoil
        return lambda exchange: self._log_in(exchange, spoil or pass_on, fault)

    def _log_in(self, exchange: Exchange, spoil: Spoiler, fault: WireFault | None) -> None:
        """Remember the session of a login whose answer did not get through, whatever the reason."""
        lost = fault is not None and fault.sort is not Sort.VALID
        try:
            spoil(exchange)
        except OSError:
            lost = True
            raise
        finally:
            if lost and exchange.reply is not None:
                self.orphans |= set(_cookies(exchange.reply.headers))

    def doorman(self) -> Doorman | None:
        fault = self._drawn(self._doormen, CONNECTIONS_SPOILED)
        if fault is None:
            return None
        self.done[fault.name] += 1
        return fault.doorman


def _cookies(headers: list[tuple[str, str]]) -> list[str]:
    values = [value for name, value in headers if name.lower() == 'set-cookie']
    return [value.partition('=')[2].partition(';')[0] for value in values]


class Truth:
    """What clients may ask: each public method is one question."""

    def __init__(self, stand: Stand, chance: Chance) -> None:
        self._stand = stand
        self._chance = chance
        self._refusing = threading.Lock()

    def noise(self, share: float) -> None:
        """Spoil from now on, or no more."""
        self._chance.share = share

    def machines(self) -> dict[str, str]:
        return {one.ref.value: one.name for one in self._stand.objects('VirtualMachine')}

    def snapshots(self, name: str) -> list[str]:
        self._stand.settle()
        return [one.ref.value for one in self._stand.machine.snapshots if one.name == name]

    def named(self, type_: str, name: str) -> list[str]:
        self._stand.settle()
        return [one.ref.value for one in self._stand.named(type_, name)]

    def policies(self, name: str) -> list[str]:
        return [one.profileId.uniqueId for one in self._stand.vc.policies.all() if one.name == name]

    def digest(self, path: str) -> str | None:
        content = self._stand.file(path)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def expire(self) -> int:
        """End all sessions."""
        self._chance.done['all sessions ended'] += 1
        ended = self._stand.vc.expire_sessions()
        self._chance.orphans.clear()
        return ended

    def cut(self) -> None:
        """Cut all connections, whatever is under way on them."""
        self._chance.done['all connections cut'] += 1
        self._stand.proxy.close_connections()

    def refuse(self, seconds: float) -> None:
        """Refuse connections for a while."""
        with self._refusing:
            self._chance.done['all connections refused for a while'] += 1
            self._stand.proxy.refuse()
            time.sleep(seconds)
            self._stand.proxy.be_good()

    def make_folder(self, name: str) -> str:
        try:
            return str(self._call('CreateFolder', self._stand.folder, name=name).value)
        except exceptions.DuplicateName:
            # Ours: a machine that is busy may answer later than it is waited for.
            return self.named('Folder', name)[0]

    def remove(self, ids: list[str]) -> None:
        """Take away what changes have made."""
        for one in ids:
            found = self._stand.vc.world.objects.get(one)
            if found is None:
                self._delete_policy(one)
            elif found.wire_type == 'VirtualMachineSnapshot':
                self._call('RemoveSnapshot_Task', ref(found), removeChildren=False)
            else:
                self._call('Destroy_Task', ref(found))

    def _call(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        session = self._stand.clean
        return session.invoke_api(session.vim, operation, *args, **kwargs)

    def _delete_policy(self, id_: str) -> None:
        with contextlib.suppress(spbm.PolicyNotFoundException):
            spbm.delete_policy(self._stand.clean, id_)

    def state(self) -> dict[str, Any]:
        """What sessions have on the server; our own is not counted."""
        stand = self._stand
        own = stand.clean._session_id
        sessions = [
            one
            for one in stand.vc.sessions
            if one.key != own and one.cookie not in self._chance.orphans
        ]
        return stand.counts() | {'sessions': len(sessions)}

    def report(self) -> dict[str, Any]:
        return {
            'faults': dict(self._chance.done),
            'exchanges': sum(self._stand.proxy.seen.values()),
            'orphans': len(self._chance.orphans),
            'errors': [repr(error) for error in self._stand.vc.errors],
        }


def serve(truth: Truth) -> http.server.ThreadingHTTPServer:
    """Answer questions: the method's name is the path, its arguments the body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arguments = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
            answer = json.dumps(getattr(truth, self.path.strip('/'))(*arguments)).encode()
            self.send_response(200)
            self.send_header('Content-Length', str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    class Listener(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Listener(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('seed')
    chance = Chance(parser.parse_args().seed)
    with Stand(chance.spoiler, chance.doorman, task_seconds=0.05) as stand:
        server = serve(Truth(stand, chance))
        place = {
            'host': stand.proxy.host,
            'port': stand.proxy.port,
            'username': stand.vc.username,
            'cacert': stand.cacert,
            'truth': server.server_address[1],
            'machine': stand.machine.ref.value,
            'source': stand.source.value,
            'pool': stand.pool.value,
            'folder': stand.folder.value,
            'datacenter': stand.place.dc.name,
            'datastore': stand.place.ds.name,
            'policy': stand.vc.policies.all('REQUIREMENT')[0].name,
            'datastore_id': stand.place.ds.ref.value,
        }
        print(json.dumps(place), flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == '__main__':
    main()

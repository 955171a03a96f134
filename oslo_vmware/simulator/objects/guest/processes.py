"""The processes of a guest.

Programs do nothing and end well, a task's time after they began: ``sleep`` sleeps, ``false`` fails,
and a shell does what its command is.
"""

from __future__ import annotations

import dataclasses
import datetime
import shlex

from oslo_vmware.simulator.world.data import DataObject, Fault, types
from oslo_vmware.simulator.world.registry import World

# A process that has ended is told of for so long.
_REMEMBERED = datetime.timedelta(minutes=5)
_FIRST_PID = 1000
_KILLED = -1

_POSIX = (
    (1, 'systemd', '/sbin/init'),
    (412, 'systemd-journald', '/lib/systemd/systemd-journald'),
    (655, 'sshd', '/usr/sbin/sshd -D'),
    (702, 'vmtoolsd', '/usr/bin/vmtoolsd'),
)
_WINDOWS = (
    (4, 'System', ''),
    (388, 'services.exe', 'C:\\Windows\\system32\\services.exe'),
    (904, 'vmtoolsd.exe', '"C:\\Program Files\\VMware\\VMware Tools\\vmtoolsd.exe"'),
)


@dataclasses.dataclass
class Process:
    """A process; ``ends`` is None for one that runs for ever."""

    pid: int
    name: str
    owner: str
    command: str
    started: datetime.datetime
    ends: datetime.datetime | None = None
    code: int = 0

    def info(self, now: datetime.datetime) -> DataObject:
        ended = self.ends is not None and self.ends <= now
        return types.GuestProcessInfo(
            name=self.name,
            pid=self.pid,
            owner=self.owner,
            cmdLine=self.command,
            startTime=self.started,
            endTime=self.ends if ended else None,
            exitCode=self.code if ended else None,
        )


class Processes:
    """The processes of one guest since it booted."""

    def __init__(self, world: World, windows: bool) -> None:
        self._world = world
        self._next = _FIRST_PID
        owner = 'SYSTEM' if windows else 'root'
        now = world.now()
        self._found = {
            pid: Process(pid, name, owner, command, now)
            for pid, name, command in (_WINDOWS if windows else _POSIX)
        }

    def listed(self, pids: list[int]) -> list[DataObject]:
        """Those of some ids, or all."""
        now = self._world.now()
        self._forget(now)
        return [one.info(now) for one in self._found.values() if not pids or one.pid in pids]

    def start(self, path: str, arguments: str, owner: str) -> int:
        now = self._world.now()
        seconds, code = _outcome(path, arguments, self._world.task_seconds)
        pid = self._next
        self._next += 1
        name = path.replace('\\', '/').rpartition('/')[2]
        self._found[pid] = Process(
            pid,
            name,
            owner,
            f'"{path}" {arguments}'.strip(),
            now,
            now + datetime.timedelta(seconds=seconds),
            code,
        )
        return pid

    def running(self, pid: int) -> Process:
        """A process that runs.

        :raises Fault: GuestProcessNotFound
        """
        found = self._found.get(pid)
        if found is None or (found.ends is not None and found.ends <= self._world.now()):
            raise Fault('GuestProcessNotFound', f'There is no process {pid}.', pid=pid)
        return found

    def terminate(self, process: Process) -> None:
        process.ends, process.code = self._world.now(), _KILLED

    def _forget(self, now: datetime.datetime) -> None:
        for one in list(self._found.values()):
            if one.ends is not None and one.ends + _REMEMBERED < now:
                del self._found[one.pid]


def _outcome(path: str, arguments: str, seconds: float) -> tuple[float, int]:
    """For how long a program runs, and with what code it ends."""
    try:
        words = [path.rpartition('/')[2], *shlex.split(arguments)]
        if words[0] in ('sh', 'bash') and words[1:2] == ['-c']:
            words = shlex.split(words[2]) if len(words) > 2 else []
        match words:
            case [program, span, *_] if program.rpartition('/')[2] == 'sleep':
                return min(max(float(span), 0.0), 86400.0), 0
            case ['exit', code, *_]:
                return seconds, int(code) & 255
            case [program, *_] if program.rpartition('/')[2] == 'false':
                return seconds, 1
    except ValueError:
        # No quotes that match, no number: a shell would refuse it.
        return seconds, 2
    return seconds, 0

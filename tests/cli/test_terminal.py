"""At a terminal, in a pipe, and as a process: colours, pages, passwords, and how it ends."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from oslo_vmware.simulator import Inventory, VCenterSimulator

from .conftest import environment_of

COLOUR = re.compile(r'\x1b\[[0-9;]*3[0-9][0-9;]*m')
WITHOUT_RICH = (
    'import sys; sys.modules["rich"] = None; sys.argv[0] = "oslo-vmware"\n'
    'from oslo_vmware.__main__ import run; sys.exit(run())'
)

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope='module')
def vc() -> Iterator[VCenterSimulator]:
    """A vCenter with more machines than a terminal has lines."""
    with VCenterSimulator(task_seconds=0.3, inventory=Inventory(vms=40)) as simulator:
        yield simulator
    assert simulator.errors == []


def environment(vc: VCenterSimulator, **others: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ('PATH', 'PYTHONPATH') if name in os.environ}
    return (
        kept | {'LANG': 'C.UTF-8', 'TERM': 'xterm', 'PYTHONUTF8': '1'} | environment_of(vc) | others
    )


def command(*arguments: str, code: str = '') -> list[str]:
    start = ['-c', code] if code else ['-m', 'oslo_vmware']
    return [sys.executable, *start, *arguments]


class Terminal:
    """A command at a terminal of 80 columns and 24 lines."""

    def __init__(self, arguments: Sequence[str], environ: dict[str, str]) -> None:
        self._fd, far = pty.openpty()
        termios.tcsetwinsize(far, (24, 80))
        self._process = subprocess.Popen(
            arguments, env=environ, stdin=far, stdout=far, stderr=far, start_new_session=True
        )
        os.close(far)
        self.seen = ''

    def until(self, text: str) -> None:
        """Read until a text has come."""
        while text not in self.seen:
            if not self._read():
                pytest.fail(f'it ended before {text!r}: {self.seen!r}')

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def end(self) -> int:
        """Read all that comes; returns the exit code."""
        while self._read():
            pass
        os.close(self._fd)
        return self._process.wait(30)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._fd], [], [], 30)
        if not ready:
            self._process.kill()
            pytest.fail(f'nothing came any more: {self.seen!r}')
        try:
            found = os.read(self._fd, 65536)
        except OSError:
            # That is how Linux tells that nobody has the other end.
            return False
        self.seen += found.decode(errors='replace')
        return bool(found)


def test_the_password_is_asked_for(vc: VCenterSimulator) -> None:
    """Who has not said it is asked, and nobody sees what is typed."""
    environ = environment(vc)
    del environ['VSPHERE_PASSWORD']
    terminal = Terminal(command('about', '--debug'), environ)
    terminal.until(f'Password of {vc.username} at {vc.host}:{vc.port}: ')
    terminal.type(vc.password + '\n')
    assert terminal.end() == 0
    assert 'Instance UUID' in terminal.seen
    assert vc.password not in terminal.seen


@pytest.mark.parametrize('way', ['rich', 'without rich', 'NO_COLOR', 'dumb', 'pipe'])
def test_colours(vc: VCenterSimulator, way: str) -> None:
    """There are colours at a terminal with rich, and nowhere else; the words are the same."""
    others = {'NO_COLOR': {'NO_COLOR': '1'}, 'dumb': {'TERM': 'dumb'}}.get(way, {})
    started = command('hosts', code=WITHOUT_RICH if way == 'without rich' else '')
    if way == 'pipe':
        seen = subprocess.run(
            started, env=environment(vc), capture_output=True, text=True, check=True
        ).stdout
    else:
        terminal = Terminal(started, environment(vc, **others))
        assert terminal.end() == 0
        seen = terminal.seen
    assert bool(COLOUR.search(seen)) == (way == 'rich')
    hosts = [one for one in vc.world.objects.values() if one.wire_type == 'HostSystem']
    assert seen.count('esx-') == len(hosts)
    assert ('pip install rich' in seen) == (way == 'without rich')
    assert seen.count('pip install rich') <= 1


@pytest.mark.parametrize('arguments', [['vm', 'list'], ['datastores']])
def test_long_output_is_paged(vc: VCenterSimulator, tmp_path: Path, arguments: list[str]) -> None:
    """What is longer than the terminal goes to the pager, and nothing else does."""
    pager = tmp_path / 'pager'
    pager.write_text('#!/bin/sh\necho "PAGED"\ncat\n')
    pager.chmod(0o755)
    terminal = Terminal(command(*arguments), environment(vc, PAGER=str(pager)))
    assert terminal.end() == 0
    assert ('PAGED' in terminal.seen) == (arguments == ['vm', 'list'])
    assert 'fra-' in terminal.seen


def test_a_task_has_a_bar(vc: VCenterSimulator) -> None:
    """At a terminal one sees how far a task is, with rich and without; and no trace in a pipe."""
    for code, how in (('', 'suspend'), (WITHOUT_RICH, 'on')):
        terminal = Terminal(command('vm', 'power', how, 'fra-db-0002', code=code), environment(vc))
        assert terminal.end() == 0, terminal.seen
        assert f'fra-db-0002: {how}' in terminal.seen
        assert '%' in terminal.seen
    done = subprocess.run(
        command('vm', 'power', 'suspend', 'fra-db-0002'),
        env=environment(vc),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ''
    assert done.stdout.splitlines() == ['✔ fra-db-0002 is suspended.']


def test_nobody_reads_any_more(vc: VCenterSimulator) -> None:
    """Who has seen enough of it (head) is not told of a broken pipe."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        command('find'), env=environment(vc), stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    os.close(reading)
    _, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (1, b'')
    assert vc.terminate_sessions() == 0


@pytest.mark.parametrize(
    ('number', 'code', 'complaint'),
    [(signal.SIGINT, 130, b'error: interrupted\n'), (signal.SIGTERM, 143, b'')],
)
def test_it_is_ended(vc: VCenterSimulator, number: int, code: int, complaint: bytes) -> None:
    """Ctrl-C and SIGTERM end what has no end by itself, and the session on the server, too."""
    process = subprocess.Popen(
        command('events', '--follow', '--last', '1'),
        env=environment(vc),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (code, complaint)
    assert vc.terminate_sessions() == 0


def _has_ipv6() -> bool:
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize('host', ['127.0.0.1', '::1'])
def test_the_simulator(host: str) -> None:
    """What it prints makes other commands find it, in a shell as it is; it ends well."""
    if ':' in host and not _has_ipv6():
        pytest.skip('there is no IPv6 here')
    kept = {'PATH': os.environ['PATH'], 'PYTHONPATH': os.environ.get('PYTHONPATH', '')}
    process = subprocess.Popen(
        command('simulate', '--vms', '3', '--host', host),
        env=kept,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    exports = ''
    try:
        while '# Ctrl-C' not in exports:
            line = process.stdout.readline()
            assert line, exports
            exports += line
        found = subprocess.run(
            ['sh', '-c', f'{exports}\nexec "$0" -m oslo_vmware find --type vm', sys.executable],
            env=kept,
            capture_output=True,
            text=True,
            check=True,
        )
        assert len(found.stdout.splitlines()) == 3
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        assert process.wait(30) == 0


def test_the_simulator_without_tls() -> None:
    """No environment is printed for commands that speak to no server without TLS."""
    process = subprocess.Popen(
        command('simulate', '--vms', '3', '--no-tls'), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline() + process.stdout.readline()
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        assert process.wait(30) == 0
    assert said.startswith('# A simulated vCenter listens at http://127.0.0.1:')
    assert 'export' not in said


def test_the_simulator_without_its_extra() -> None:
    """Who lacks what it needs is told so in a sentence, and not to fetch the other package."""
    code = WITHOUT_RICH.replace('"rich"', '"pyVmomi"')
    done = subprocess.run(command('simulate', code=code), capture_output=True, text=True)
    assert done.returncode == 1
    assert 'pip install' in done.stderr
    assert 'pip install oslo' not in done.stderr
    assert "pip install 'oslo" not in done.stderr
    assert 'Traceback' not in done.stderr

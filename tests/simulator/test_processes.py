"""The simulator in processes of its own: as a command, under eventlet, large, without its extra."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import types
from collections.abc import Iterator

import pytest

from oslo_vmware.simulator.__main__ import _parser, main
from tests.simulator.conftest import SERVICE_INSTANCE, Soap

ROOT = pathlib.Path(__file__).parents[2]


def run(*arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@contextlib.contextmanager
def command(tmp_path: pathlib.Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, running, with a directory of its own for temporary files."""
    # Whoever runs the tests may have told all to live on without a terminal, which is inherited.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        process = subprocess.Popen(
            [sys.executable, '-W', 'error', '-m', 'oslo_vmware.simulator', *arguments],
            cwd=ROOT,
            env={**os.environ, 'TMPDIR': str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGHUP, before)
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize('end', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_serves_until_a_signal(tmp_path: pathlib.Path, end: signal.Signals) -> None:
    """It prints where it is and how to log in, serves what was asked for, ends with code 0 on a
    signal and leaves no file behind.
    """
    with command(tmp_path, '--vms', '3', '--api-version', '8.0.3.0') as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(4)]
        told = dict(re.split(r'\s{2,}', line.strip()) for line in lines)
        assert re.fullmatch(r'https://127\.0\.0\.1:\d+/sdk', told['URL'])
        assert list(tmp_path.iterdir()) == [pathlib.Path(told['CA file']).parent]
        served = types.SimpleNamespace(
            sdk_url=told['URL'],
            cacert=told['CA file'],
            username=told['Username'],
            password=told['Password'],
        )
        client = Soap(served)  # type: ignore[arg-type]
        answer = client.call('RetrieveServiceContent', SERVICE_INSTANCE)
        assert answer.text('returnval/about/apiVersion') == '8.0.3.0'
        assert client.login().fault is None
        client.http.close()
        process.send_signal(end)
        assert process.wait(10) == 0
        assert process.stderr.read() == ''
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['--vms', '-3'], 'vms'),
        (['--port', '99999'], '0 to 65535'),
        (['--task-seconds', 'nan'], 'task_seconds=nan'),
        (['--session-idle-seconds', '-1'], 'session_idle_seconds=-1'),
        (['--api-version', 'new'], '8.0.3.0'),
        (['--flavour', 'vanilla'], '--flavour'),
    ],
)
def test_the_command_refuses_nonsense(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong arguments end in a usage message, not in a traceback."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_taken_port_is_said_in_a_sentence() -> None:
    """When the port is not free the command says so and fails."""
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run('-m', 'oslo_vmware.simulator', '--port', port)
    assert done.returncode == 1
    assert f'Cannot listen on 127.0.0.1:{port}' in done.stderr
    assert 'Traceback' not in done.stderr


def test_a_host_that_is_none_is_said_in_a_sentence() -> None:
    """What cannot be the name of a host is no traceback."""
    done = run('-m', 'oslo_vmware.simulator', '--host', 'no_host')
    assert done.returncode == 1
    assert done.stderr.startswith('Cannot listen on no_host:0: ')
    assert 'Traceback' not in done.stderr


def test_every_option_says_what_it_is_for() -> None:
    """--help has a text for each option."""
    options = _parser()._actions
    assert len(options) > 20
    assert [one.option_strings for one in options if not (one.help or '').strip()] == []


@pytest.mark.parametrize('how', ['native', 'eventlet'])
def test_the_same_scenario_natively_and_under_eventlet(how: str) -> None:
    """Server and client share a process, also one that eventlet has monkey-patched."""
    done = run('-W', 'error::ResourceWarning', '-m', 'tests.simulator.programs', how)
    assert done.stderr == ''
    assert done.stdout.split() == ['poweredOn', 'dropped']


@pytest.mark.parametrize('package', ['pyVmomi', 'trustme'])
def test_a_missing_extra_is_said_kindly(package: str) -> None:
    """Without what the extra brings, one error says what is missing and how to get it; the command
    says just that.
    """
    without = f'import sys; sys.modules[{package!r}] = None; '
    imported = run('-c', f'{without}from oslo_vmware.simulator import VCenterSimulator')
    assert imported.returncode != 0
    assert imported.stderr.count('Traceback') == 1
    kind, _, sentence = imported.stderr.strip().splitlines()[-1].partition(': ')
    assert kind == 'ImportError'
    assert package.lower() in sentence
    assert sentence.endswith("pip install 'pyvmomi>=9.1.1.0' trustme")
    started = run(
        '-c',
        f'{without}import runpy; runpy.run_module("oslo_vmware.simulator", run_name="__main__")',
    )
    assert started.returncode != 0
    assert (started.stdout, started.stderr.strip()) == ('', sentence)


def test_running_out_of_descriptors_ends_nothing() -> None:
    """Without a file descriptor for a connection the server neither ends nor spins; when there is
    one again it serves.
    """
    done = run('-m', 'tests.simulator.programs', 'descriptors')
    assert (done.stdout.split(), done.stderr) == (['patient', '204'], '')

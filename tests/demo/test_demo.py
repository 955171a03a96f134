"""The demo as people run it: real processes, real output, a real server of our own."""

import hashlib
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from demo import __main__, connection, runner, show, steps, transfer
from oslo_vmware import vim_util
from oslo_vmware.cli.commands import tree
from oslo_vmware.cli.connection import Settings
from oslo_vmware.cli.inventory import Entity, grow
from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.simulator.objects.datastore import Datastore

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, '-m', 'demo']
READ_ONLY = {
    'RetrieveServiceContent',
    'Login',
    'Logout',
    'SessionIsActive',
    'RetrievePropertiesEx',
    'ContinueRetrievePropertiesEx',
    'PbmRetrieveServiceContent',
    'PbmQueryProfile',
    'PbmRetrieveContent',
    'PbmQueryMatchingHub',
    'PbmCheckRequirements',
}


UNWANTED = re.compile('VSPHERE_|PYTHONWARNINGS|COLUMNS|LINES|FORCE_COLOR|NO_COLOR|TTY_|TERM')


@pytest.fixture(autouse=True)
def plain_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in this process looks the same wherever the tests run."""
    for name in filter(UNWANTED.match, list(os.environ)):
        monkeypatch.delenv(name)


def clean_environment(**variables: str) -> dict[str, str]:
    """Our environment without what would change the demo's behaviour or looks."""
    kept = {name: value for name, value in os.environ.items() if not UNWANTED.match(name)}
    return {**kept, 'PYTHONIOENCODING': 'utf-8', **variables}


def run_demo(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=clean_environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding='utf-8',
        timeout=120,
        check=False,
    )


def section(output: str, title: str) -> str:
    """What the demo printed under a heading, with the folds of long lines undone."""
    found = re.search(rf'^(?:\d+/\d+  )?{title} ─+\n(.*?)(?=^\S|\Z)', output, re.M | re.S)
    assert found, f'no section {title!r} in:\n{output}'
    return found.group(1)


def unfolded(text: str) -> str:
    return ' '.join(text.split())


def results(output: str) -> dict[str, str]:
    """The results in the last table, by the titles of the steps."""
    table = section(output, 'How long it took')
    return dict(re.findall(r'^  (\S.*?)  +(done|skipped|failed|not run)\b', table, re.M))


def environment_of(vc: VCenterSimulator, **changes: str) -> dict[str, str]:
    """What a person would export to look at a server."""
    variables = {
        'VSPHERE_HOST': vc.host,
        'VSPHERE_PORT': str(vc.port),
        'VSPHERE_USER': vc.username,
        'VSPHERE_PASSWORD': vc.password,
        'VSPHERE_CACERT': vc.cacert or '',
    }
    return variables | changes


# --- The simulated vCenter


def test_an_image_comes_back_as_it_went(simulated: subprocess.CompletedProcess[str]) -> None:
    """64 MiB go to a datastore and come back with the same checksum, which is the image's own."""
    shown = section(simulated.stdout, 'Move an image')
    own = hashlib.sha256(b''.join(transfer.image())).hexdigest()
    assert '64 MiB go to [' in shown
    assert re.findall(r'SHA-256 (\w+)…', shown) == [own[:16]] * 2
    assert '100%  written' in shown
    assert '100%  read back' in shown


def test_an_image_that_comes_back_different(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The step fails, and leaves no file behind."""
    monkeypatch.setattr(transfer, 'read', lambda *anything: 'another checksum')
    with VCenterSimulator() as vc:
        stage = runner.Stage(show.Show(), connection.simulated(vc), vc)
        with stage.cleanup:
            server = connection.connected(connection.simulated(vc))
            stage.session = stage.cleanup.enter_context(server)
            with pytest.raises(runner.StepFailed, match='not what was written'):
                steps.move_image(stage)
        (upload,) = (one for one in vc.transfers if one.method == 'PUT')
        assert upload.received == transfer.SIZE
        found = [
            path
            for datastore in vc.world.of_type(Datastore)
            for path in pathlib.Path(vc.world.files.of(datastore).directory).rglob('image 1*')
        ]
        assert found == []


@pytest.fixture(scope='module')
def simulated() -> subprocess.CompletedProcess[str]:
    """One run of the whole demo, as in a log."""
    return run_demo()


def test_whole_demo_succeeds(simulated: subprocess.CompletedProcess[str]) -> None:
    """All steps run, the exit code is 0, and nothing is written to stderr."""
    assert (simulated.returncode, simulated.stderr) == (0, ''), simulated.stdout
    assert results(simulated.stdout) == {step.title: 'done' for step in runner.STEPS}


def test_log_is_plain(simulated: subprocess.CompletedProcess[str]) -> None:
    """A log gets lines of at most 100 columns, without control sequences or trailing blanks."""
    assert not re.search(r'[^\n -~\u00b7-\uffff]', simulated.stdout)
    lines = simulated.stdout.splitlines()
    assert max(map(len, lines)) == 100
    assert [line for line in lines if line != line.rstrip()] == []


def test_shows_server_and_refusal(simulated: subprocess.CompletedProcess[str]) -> None:
    """Product, API version and how TLS was verified are shown, and that a stranger is refused."""
    shown = section(simulated.stdout, 'Log in')
    assert re.search(r'Product +VMware vCenter Server \d+\.\d+', shown)
    assert re.search(r'API version +\d+\.\d+\.\d+\.\d+\n', shown)
    assert re.search(r'TLS +verified', shown)
    assert 'Without that authority the certificate is refused.' in shown


def datastores_of_a_site(wanted: Inventory) -> int:
    plain = wanted.nfs_datastores + wanted.vmfs_datastores + wanted.vsan_datastores
    return plain + 2 * wanted.storage_pods


def test_counts_agree_with_inventory(simulated: subprocess.CompletedProcess[str]) -> None:
    """The counts of the tree are those that the simulated inventory was made with."""
    wanted = Inventory(**connection.INVENTORY)
    sites = wanted.datacenters
    expected = {
        'datacenters': sites,
        'clusters': sites * wanted.clusters,
        'hosts': sites * (wanted.clusters * wanted.hosts_per_cluster + wanted.standalone_hosts),
        'resource pools': sites * wanted.clusters * wanted.resource_pools,
        'machines': wanted.vms,
        'datastore clusters': sites * wanted.storage_pods,
        'datastores': sites * datastores_of_a_site(wanted),
        'networks': sites * wanted.networks,
        'switches': sites * wanted.dvs,
        # One more for the uplinks of each switch.
        'port groups': sites * wanted.dvs * (wanted.portgroups_per_dvs + 1),
    }
    tree = section(simulated.stdout, 'The inventory')
    in_words = unfolded(tree).partition(': ')[2].rstrip('.')
    counted = (entry.split(' ', 1) for entry in in_words.split(', '))
    assert {kind: int(number) for number, kind in counted} == expected
    machines_of_sites = re.findall(r'^  [├└]── .* (\d+) machines', tree, re.M)
    assert len(machines_of_sites) == sites
    assert sum(map(int, machines_of_sites)) == wanted.vms
    of_folders = re.findall(r'── vm +(\d+) machines', tree)
    assert sum(map(int, of_folders)) == wanted.vms


def test_hosts_carry_all_machines(simulated: subprocess.CompletedProcess[str]) -> None:
    """Each host has a row with two bars, and their machines add up to the inventory's."""
    wanted = Inventory(**connection.INVENTORY)
    rows = re.findall(r'^  esx-.* (\d+)$', section(simulated.stdout, 'Hosts'), re.M)
    hosts = wanted.clusters * wanted.hosts_per_cluster + wanted.standalone_hosts
    assert len(rows) == wanted.datacenters * hosts
    assert sum(map(int, rows)) == wanted.vms
    assert len(re.findall('[█░]{10} +[0-9]+%', section(simulated.stdout, 'Hosts'))) == 2 * len(rows)


def test_datastores_add_up(simulated: subprocess.CompletedProcess[str]) -> None:
    """Used and free space make the capacity, and the percentage is their ratio."""
    rows = re.findall(
        r'^  \S+ +(?:NFS|VMFS|vsan) +[█░]{10} +(\d+)% +([\d.]+ \w+) +([\d.]+ \w+) +([\d.]+ \w+)$',
        section(simulated.stdout, 'Datastores'),
        re.M,
    )
    wanted = Inventory(**connection.INVENTORY)
    assert len(rows) == wanted.datacenters * datastores_of_a_site(wanted)
    for percent, *sizes in rows:
        used, free, capacity = (
            float(number) / (1 if unit == 'TiB' else 1024)
            for number, _, unit in (size.partition(' ') for size in sizes)
        )
        assert used + free == pytest.approx(capacity, abs=0.11)
        assert int(percent) == pytest.approx(100 * used / capacity, abs=2.0)


def test_progress_comes_from_the_task(simulated: subprocess.CompletedProcess[str]) -> None:
    """In a log the task's own progress becomes lines that grow to success."""
    shown = section(simulated.stdout, 'Power a machine on')
    progress = re.findall(r'[█░]{10} +(\d+)%  (\w+)', shown)
    percents = [int(percent) for percent, _ in progress]
    assert percents == sorted(set(percents))
    assert {20, 40, 60, 80} <= set(percents)
    assert progress[-1] == ('100', 'success')
    machine = re.search(r'(\S+) is off;', shown)
    assert machine
    assert f'{machine[1]} is on; task-1 ended in success.' in shown


def test_one_login_in_place_of_the_lost_one(simulated: subprocess.CompletedProcess[str]) -> None:
    """After the server ended the session the library logs in once more, and the call succeeds."""
    shown = unfolded(section(simulated.stdout, 'Lose the session'))
    assert shown.count('Logged in at') == 1
    assert simulated.stdout.count('in place of') == 1
    vms = connection.INVENTORY['vms']
    assert re.search(
        rf'{vms} machines read in [\d.]+ s, with one new login: '
        'the server counted 1 before and 2 now',
        shown,
    )


def test_policies_and_their_datastores(simulated: subprocess.CompletedProcess[str]) -> None:
    """Each policy is shown with what it asks for, and with the datastores of both sites; one
    datastore that is refused with the reason.
    """
    shown = section(simulated.stdout, 'Storage policies')
    _, _, reason = unfolded(shown).partition('Not for ')
    assert re.match(
        r'Bronze: datastore \S+ offers no tag "Bronze" of category "Tier"; it has "\w+"\.', reason
    )
    shown = shown.partition('Not for ')[0]
    rows = [re.split(r'  +', line.strip()) for line in shown.splitlines() if '-0' in line]
    policies: dict[str, set[str]] = {}
    for row in rows:
        if len(row) > 1:
            policies[row[0]] = set()
        policies[list(policies)[-1]].add(row[-1])
    assert policies == {
        'Bronze': {'dub-nfs-01', 'fra-nfs-01'},
        'Gold': {f'{site}-pod-01-vmfs-{one}' for site in ('dub', 'fra') for one in ('01', '02')},
        'Platinum': {'dub-vsan-01', 'fra-vsan-01'},
        'Silver': {'dub-vmfs-01', 'fra-vmfs-01'},
        'vSAN Default Storage Policy': {'dub-vsan-01', 'fra-vsan-01'},
    }
    assert [row[1] for row in rows if row[0] in ('Gold', 'vSAN Default Storage Policy')] == [
        'Tier: Gold',
        '5 rules of VSAN',
    ]


def test_times_and_requests_add_up(simulated: subprocess.CompletedProcess[str]) -> None:
    """Every step has its time and requests, and the last row is their sum."""
    table = section(simulated.stdout, 'How long it took')
    rows = re.findall(r'done +([\d.]+) s +(\d+)$', table, re.M)
    total = re.search(r'All together +([\d.]+) s +(\d+)$', table, re.M)
    assert total
    assert len(rows) == len(runner.STEPS)
    assert sum(int(requests) for _, requests in rows) == int(total[2])
    seconds = sum(float(seconds) for seconds, _ in rows)
    assert seconds - 0.1 <= float(total[1]) <= seconds + 5


def test_terminal_gets_movement() -> None:
    """On a terminal there are colours and a bar that is drawn over, and all succeeds as well."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        env=clean_environment(TERM='xterm-256color', COLUMNS='80'),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    output = b''
    try:
        while data := os.read(ours, 65536):
            output += data
    except OSError:
        pass  # How Linux says that the other end of a terminal is closed.
    finally:
        os.close(ours)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b'')
    assert b'\x1b[1m' in output
    assert b'\x1b[2K' in output
    plain = re.sub(r'\x1b\[[\d;?]*\w', '', output.decode())
    assert re.search(r'Powering on \S+ ━+ 100 % success', plain)
    assert 'Everything went well.' in plain
    assert max(len(line.split('\r')[-1]) for line in plain.split('\r\n')) <= 80


def test_reader_may_stop() -> None:
    """A reader that goes away, as ``head`` does, ends the demo without a traceback."""
    with subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (1, b'')


def test_termination_leaves_nothing_behind(tmp_path: pathlib.Path) -> None:
    """SIGTERM ends the demo in order: the simulator's certificate file is gone."""
    with subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        env=clean_environment(TMPDIR=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding='utf-8',
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith('2/'):
                break
        assert list(tmp_path.glob('*/ca.pem'))
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (128 + signal.SIGTERM, '')
    assert not list(tmp_path.iterdir())


# --- A server of one's own


@pytest.fixture(scope='module')
def server() -> Iterator[VCenterSimulator]:
    """A server that the demo does not know to be simulated."""
    with VCenterSimulator(password='s3cret-Passw0rd', inventory=Inventory(vms=9)) as vc:
        yield vc


@pytest.fixture
def vc(server: VCenterSimulator) -> Iterator[VCenterSimulator]:
    """The same server, with nothing remembered."""
    server.calls.clear()
    yield server
    server.faults.clear()


def run_here(
    vc: VCenterSimulator, capsys: pytest.CaptureFixture[str], **changes: str
) -> tuple[int, str]:
    """The demo in this process; returns the exit code and the output."""
    code = __main__.main([], environment_of(vc, **changes))
    out, err = capsys.readouterr()
    assert err == ''
    return code, out


def test_own_server_is_only_read(vc: VCenterSimulator) -> None:
    """With VSPHERE_HOST the steps that write are skipped and say so, and the rest works."""
    ran = run_demo(**environment_of(vc))
    assert (ran.returncode, ran.stderr) == (0, ''), ran.stdout
    assert results(ran.stdout) == {
        step.title: 'skipped' if step.changes_something else 'done' for step in runner.STEPS
    }
    assert [step.title for step in runner.STEPS if step.changes_something] == [
        'Power a machine on',
        'Move an image',
        'Lose the session',
    ]
    assert 'Skipped: it changes something' in section(ran.stdout, 'Power a machine on')
    assert ' 9 machines' in section(ran.stdout, 'The inventory')
    assert {call.operation for call in vc.calls} <= READ_ONLY
    assert vc.count('PowerOnVM_Task') == 0
    assert len(vc.transfers) == 0
    assert vc.count('Login') == 1
    assert len(vc.sessions) == 0
    assert vc.password not in ran.stdout


@pytest.mark.parametrize(
    ('changes', 'helpful'),
    [
        ({'VSPHERE_USER': ''}, 'VSPHERE_USER'),
        ({'VSPHERE_PASSWORD': ''}, 'VSPHERE_PASSWORD'),
        ({'VSPHERE_HOST': 'ftp://vc/sdk'}, 'vcenter.example.com'),
        ({'VSPHERE_PORT': 'https'}, 'VSPHERE_PORT'),
        ({'VSPHERE_PORT': '65536'}, '65535'),
        ({'VSPHERE_CACERT': '/no/such/file.pem'}, '/no/such/file.pem'),
        ({'VSPHERE_INSECURE': 'perhaps'}, 'VSPHERE_INSECURE'),
    ],
)
def test_bad_settings_are_explained(
    vc: VCenterSimulator, capsys: pytest.CaptureFixture[str], changes: dict[str, str], helpful: str
) -> None:
    """What is missing or makes no sense is told in a sentence, with exit code 2 and no call."""
    assert __main__.main([], environment_of(vc, **changes)) == 2
    out, err = capsys.readouterr()
    assert out == ''
    assert helpful in err
    assert 'Traceback' not in err
    assert vc.password not in err
    assert not vc.calls


def test_missing_variable_ends_the_process() -> None:
    """The process exits with code 2 when a variable is missing."""
    ran = run_demo(VSPHERE_HOST='127.0.0.1', VSPHERE_USER='somebody')
    assert (ran.returncode, ran.stdout) == (2, '')
    assert 'VSPHERE_PASSWORD' in ran.stderr


def test_wrong_password(vc: VCenterSimulator, capsys: pytest.CaptureFixture[str]) -> None:
    """A refused login ends the demo with exit code 1, and the password is nowhere to be seen."""
    code, out = run_here(vc, capsys, VSPHERE_PASSWORD='wr0ng-Passw0rd')
    assert code == 1
    assert f'{vc.host}:{vc.port} does not let {vc.username} in' in unfolded(out)
    assert 'wr0ng' not in out
    outcome = results(out)
    assert outcome['Log in'] == 'failed'
    assert outcome['The inventory'] == 'not run'


def test_unknown_authority_is_refused(
    vc: VCenterSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without VSPHERE_CACERT a certificate of an unknown authority is not accepted."""
    code, out = run_here(vc, capsys, VSPHERE_CACERT='')
    assert code == 1
    assert 'certificate was refused' in unfolded(out)
    assert not vc.calls


def test_insecure_shows_the_warning(
    vc: VCenterSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """VSPHERE_INSECURE=1 connects without verifying, and the library's warning is shown."""
    code, out = run_here(vc, capsys, VSPHERE_CACERT='', VSPHERE_INSECURE='1')
    assert code == 0
    assert 'Warning: oslo_vmware.api: The certificate of' in out
    assert re.search('TLS +not verified', out)


def test_failing_step_ends_in_order(
    vc: VCenterSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step that fails is named with its reason, the exit code is 1, and no session is left."""
    vc.faults.on('RetrievePropertiesEx', 'NotSupported', skip=1, message='Not for you.')
    code, out = run_here(vc, capsys)
    assert code == 1
    assert 'Failed: Not for you.' in section(out, 'Hosts')
    outcome = results(out)
    assert (outcome['The inventory'], outcome['Hosts'], outcome['Datastores']) == (
        'done',
        'failed',
        'not run',
    )
    assert out.endswith('Failed: Hosts\n')
    assert len(vc.sessions) == 0


# --- Steps that fail on the simulated vCenter


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> VCenterSimulator:
    """The simulator that the demo is going to start."""
    made = VCenterSimulator(task_seconds=0.05, inventory=Inventory(vms=4))
    monkeypatch.setattr(connection, 'make_simulator', lambda: made)
    return made


def test_failing_task(ours: VCenterSimulator, capsys: pytest.CaptureFixture[str]) -> None:
    """A task that ends in an error fails its step with the server's reason."""
    ours.faults.fail_task('PowerOnVM_Task', 'InsufficientResourcesFault', message='All is full.')
    assert __main__.main([], {}) == 1
    out = capsys.readouterr().out
    assert 'Failed: All is full.' in section(out, 'Power a machine on')
    assert 'is on;' not in out
    assert results(out)['Power a machine on'] == 'failed'


def test_relogin_is_counted_by_the_server(
    ours: VCenterSimulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a new login the step that is to show one fails: it shows what the server counted."""
    monkeypatch.setattr(ours, 'terminate_sessions', lambda: 1)
    assert __main__.main([], {}) == 1
    out = capsys.readouterr().out
    assert 'counted 1 logins before, and 1 now' in section(out, 'Lose the session')


def test_mistake_in_a_step_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception that nobody expects is shown with where it came from, and counts as failure."""

    def stumble(stage: runner.Stage) -> None:
        raise ZeroDivisionError('over my own feet')

    server = Settings('vc.invalid', 'somebody', 'a password')
    assert not runner.run([runner.Step('Stumble', stumble)], show.Show(), server)
    out = capsys.readouterr().out
    assert 'over my own feet' in out
    assert 'in stumble' in out
    assert results(out) == {'Stumble': 'failed'}


def test_interrupt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends the demo with a word and the exit code that shells use for it."""

    def interrupt(stage: runner.Stage) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, 'STEPS', [runner.Step('Wait', interrupt)])
    assert __main__.main([], {}) == 130
    assert capsys.readouterr().err == '\nInterrupted.\n'


# --- Parts


def test_steps_say_what_they_need() -> None:
    """A step that runs before its server or session is there says so."""
    stage = runner.Stage(show.Show(), None)
    for step in (steps.show_inventory, steps.log_in, steps.lose_session):
        with pytest.raises(runner.StepFailed):
            step(stage)


def test_server_hides_its_password() -> None:
    """The password is not in the repr of the settings."""
    assert 'pa55' not in repr(Settings('vc', 'somebody', 'pa55'))


def entity(id_: str, kind: str, name: str, parent: str | None) -> Entity:
    return Entity(vim_util.get_moref(id_, kind), name, parent)


def test_tree_of_strange_inventory(capsys: pytest.CaptureFixture[str]) -> None:
    """Orphans hang at the root, long lists are cut, and names are never read as markup."""
    found = [
        entity('root', 'Folder', '[bold]Root', None),
        entity('vm-1', 'VirtualMachine', 'orphan', 'group-hidden'),
        *(entity(f'f{n}', 'Folder', f'folder {n:02}', 'root') for n in range(15)),
        entity('vm-2', 'VirtualMachine', 'child', 'f14'),
    ]
    top = grow({one.id: one for one in found}, found[0])
    show.Show().tree(tree.node(top))
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r'  \[bold\]Root +2 machines', lines[0])
    assert lines[12].startswith('  ├── folder 11  ')
    assert lines[13] == '  └── and 3 more'
    (last,) = (one for one in top.children if one.entity.id == 'f14')
    assert last.counts == {'VirtualMachine': 1}


def test_long_table_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of hundreds of rows shows the first and counts the others."""
    rows = [[f'[{n}]', str(n)] for n in range(300)]
    show.Show().table(rows, lambda out, some: out.table(['Name', '>Number'], some))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 40 + 1
    assert lines[2].split() == ['[0]', '0']
    assert lines[-1].strip() == 'and 260 more'

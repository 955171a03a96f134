"""The frame of all commands: where they connect to, what they exit with, how they fail."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from oslo_vmware import api, vim_util
from oslo_vmware.cli import commands, connection, failures
from oslo_vmware.cli.main import main
from oslo_vmware.simulator import VCenterSimulator

from .conftest import Run, environment_of, run_command

SECRET = 'open sesame'


@pytest.mark.parametrize('arguments', [['--help'], ['--version'], ['frobnicate'], []])
def test_help_is_quick(arguments: list[str]) -> None:
    """Help needs neither the library nor what shows colours."""
    code = (
        'import sys\nfrom oslo_vmware.cli.main import main\n'
        f'main({arguments!r})\n'
        'print(*sorted({"requests", "rich", "suds", "lxml", "oslo_i18n"} & set(sys.modules)),'
        ' file=sys.stderr)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.splitlines()[-1] == ''


def test_help_has_every_command_variable_and_exit_code() -> None:
    """Whoever asks for help finds the commands, the environment, and the exit codes."""
    ran = run_command('--help')
    assert ran.code == 0
    for text in [
        *(f'{one.name:<12} {one.summary}' for one in commands.every_command()),
        *connection.VARIABLES,
        *(f'{code:<5} {meaning}' for code, meaning in failures.EXIT_CODES.items()),
    ]:
        assert text in ran.out


@pytest.mark.parametrize('name', [one.name for one in commands.every_command()])
def test_each_command_has_help(name: str) -> None:
    """Each command says what it does, before and after its name, without a server."""
    for arguments in ([name, '--help'], ['--help', name]):
        ran = run_command(*arguments)
        assert ran.code == 0
        assert ran.out.startswith(f'usage: oslo-vmware {name}')


def test_each_action_has_help() -> None:
    """So have the actions of a command."""
    ran = run_command('vm', 'snapshot', 'create', '--help')
    assert ran.code == 0
    assert ran.out.startswith('usage: oslo-vmware vm snapshot create')
    assert '--quiesce' in ran.out
    assert '--cacert' in ran.out


EVERYTHING = {'VSPHERE_USER': 'operator', 'VSPHERE_PASSWORD': SECRET}
NOBODY_LISTENS = '127.0.0.1:9'


@pytest.mark.parametrize(
    ('arguments', 'environ', 'code', 'told'),
    [
        (['about'], {}, 0, ''),
        ([], {}, 2, ''),
        (['abuot'], {}, 2, 'Do you mean about?'),
        (['about', '--frobnicate'], {}, 2, 'unrecognized arguments: --frobnicate'),
        (['about', '--port', '70000'], {}, 2, 'a number from 1 to 65535'),
        (['find', '--type', 'Task'], {}, 2, 'There is no type Task; there is: datacenter, '),
        (['tree', '--depth', '-3'], {}, 2, 'a number of levels, not -3'),
        (['about', '--host', 'vc'], {}, 2, 'Give --user or set VSPHERE_USER'),
        (['about', '--host', 'vc', '--user', 'me'], {}, 2, 'set VSPHERE_PASSWORD'),
        (
            ['about', '--host', 'b'],
            EVERYTHING | {'VSPHERE_HOST': 'a'},
            2,
            'the one in the environment is for operator at a',
        ),
        (['about', '--host', f'https://me:{SECRET}@vc'], {}, 2, 'not belong on the command line'),
        # Of a variable that is not set: what the environment names is not meant.
        (['about', '--host', ''], EVERYTHING | {'VSPHERE_HOST': 'vc'}, 2, '--host is empty'),
        (['about', '--user', ' '], EVERYTHING | {'VSPHERE_HOST': 'vc'}, 2, '--user is empty'),
        (['about', '--host', 'v c'], EVERYTHING, 2, '--host is a name or an address'),
        (['about', '--host', 'vc:0'], EVERYTHING, 2, '--host is a name or an address'),
        (['about', '--host', 'ftp://vc'], EVERYTHING, 2, '--host is a name or an address'),
        (['about', '--cacert', '/none'], EVERYTHING | {'VSPHERE_HOST': 'vc'}, 2, 'file /none'),
        (['about'], EVERYTHING | {'VSPHERE_HOST': 'vc', 'VSPHERE_PORT': 'x'}, 2, 'VSPHERE_PORT'),
        (['about'], EVERYTHING | {'VSPHERE_HOST': 'vc', 'VSPHERE_INSECURE': 'x'}, 2, 'is 1 or 0'),
        (['about'], EVERYTHING | {'VSPHERE_HOST': NOBODY_LISTENS}, 3, 'Login at'),
        (['about', '--debug'], EVERYTHING | {'VSPHERE_HOST': NOBODY_LISTENS}, 3, 'Login at'),
        (
            ['about'],
            {'GOVC_URL': f'https://me:{SECRET.replace(" ", "%20")}@{NOBODY_LISTENS}/sdk'},
            3,
            'Login at',
        ),
    ],
)
@pytest.mark.parametrize('form', ['text', 'json'])
def test_exit_codes(
    arguments: list[str], environ: dict[str, str], code: int, told: str, form: str
) -> None:
    """Each kind of failure has its exit code, says what is wrong, and never the password."""
    if form == 'json':
        if not arguments:
            pytest.skip('help is for people')
        arguments = ['--json', *arguments]
    ran = run_command(*arguments, environ=environ)
    assert ran.code == code
    assert told in ran.err
    assert SECRET not in ran.out + ran.err
    if form == 'json' and code:
        assert ran.out == ''
        document = json.loads(ran.err.splitlines()[-1])
        assert document['exit_code'] == code
        assert told in document['error']


def test_wrong_password(vc: VCenterSimulator) -> None:
    """A refused login is no connection, and says who was refused, by whom."""
    ran = run_command('about', environ=environment_of(vc) | {'VSPHERE_PASSWORD': SECRET})
    assert ran.code == 3
    assert f'does not let {vc.username} in' in ran.err
    assert SECRET not in ran.err


def test_the_server_is_verified(vc: VCenterSimulator) -> None:
    """A certificate of nobody known is refused, until somebody says that it does not matter."""
    stranger = {**environment_of(vc), 'VSPHERE_CACERT': ''}
    ran = run_command('about', environ=stranger)
    assert ran.code == 3
    assert 'certificate was refused' in ran.err
    assert '--cacert names a file' in ran.err
    # An option comes before the environment, which may have the authority of another server.
    for environ in (stranger, environment_of(vc)):
        ran = run_command('about', '--insecure', environ=environ)
        assert ran.code == 0
        assert 'warning: The certificate of' in ran.err


@pytest.mark.parametrize(
    ('options', 'environ', 'expected'),
    [
        ([], {'VSPHERE_HOST': 'a'}, ('a', 443, 'operator', SECRET, False)),
        ([], {'VSPHERE_HOST': 'a:8443'}, ('a', 8443, 'operator', SECRET, False)),
        ([], {'VSPHERE_HOST': '[::1]:8443'}, ('::1', 8443, 'operator', SECRET, False)),
        ([], {'VSPHERE_HOST': '2001:db8::1'}, ('2001:db8::1', 443, 'operator', SECRET, False)),
        (
            [],
            {'VSPHERE_HOST': 'a', 'VSPHERE_PORT': '1', 'VSPHERE_INSECURE': '1'},
            ('a', 1, 'operator', SECRET, True),
        ),
        (['--port', '2'], {'VSPHERE_HOST': 'a'}, ('a', 2, 'operator', SECRET, False)),
        (['--host', 'a'], {'VSPHERE_HOST': 'a:1'}, ('a', 1, 'operator', SECRET, False)),
        # No server in the environment: the password is for whichever is named.
        (['--host', 'b'], {}, ('b', 443, 'operator', SECRET, False)),
        # It is another server's, or another user's: nobody gets it.
        (['--host', 'b'], {'VSPHERE_HOST': 'a'}, ('b', 443, 'operator', None, False)),
        (['--user', 'you'], {'VSPHERE_HOST': 'a'}, ('a', 443, 'you', None, False)),
        (['--port', '2'], {'VSPHERE_HOST': 'a:1'}, ('a', 2, 'operator', None, False)),
        (
            ['--host', 'a:2'],
            {'VSPHERE_HOST': 'a', 'VSPHERE_PORT': '1', 'VSPHERE_INSECURE': '1'},
            ('a', 2, 'operator', None, False),
        ),
        # How a server is verified has nothing to do with who logs in.
        (
            ['--user', 'you'],
            {'VSPHERE_HOST': 'a', 'VSPHERE_INSECURE': '1'},
            ('a', 443, 'you', None, True),
        ),
        (
            ['--host', 'you@g'],
            {'GOVC_URL': 'me:pw@g', 'GOVC_INSECURE': '1'},
            ('g', 443, 'you', None, True),
        ),
        (
            ['--host', 'b'],
            {'VSPHERE_HOST': 'a', 'VSPHERE_INSECURE': '1'},
            ('b', 443, 'operator', None, False),
        ),
        # govc's family, which the other one hides.
        ([], {'GOVC_URL': 'me:pw@g'}, ('g', 443, 'me', 'pw', False)),
        ([], {'GOVC_URL': 'https://g:8443/sdk', 'GOVC_USERNAME': 'me', 'GOVC_PASSWORD': 'pw',
              'GOVC_INSECURE': 'true'}, ('g', 8443, 'me', 'pw', True)),
        ([], {'GOVC_URL': 'me:pw@g', 'VSPHERE_HOST': 'a'}, ('a', 443, 'operator', SECRET, False)),
    ],
)  # fmt: skip
def test_where_to_connect(
    options: list[str], environ: dict[str, str], expected: tuple[object, ...]
) -> None:
    """Options before VSPHERE_HOST before GOVC_URL; a password goes to nobody but its server."""
    import argparse

    parser = argparse.ArgumentParser()
    connection.add_options(parser)
    found = connection.find(parser.parse_args(options), EVERYTHING | environ)
    assert (found.host, found.port, found.user, found.password, found.insecure) == expected
    assert SECRET not in repr(found)


def test_about_without_a_server() -> None:
    """It tells which package this is, though there is nobody to ask."""
    ran = run_command('about')
    assert ran.code == 0
    assert 'the rebuild' in ran.lines[0]
    assert 'No server is named' in ran.out
    document = run_command('about', '--json').data
    assert document['vcenter'] is None
    assert document['package']['is_rebuild']


def test_about_with_a_server(run: Run, vc: VCenterSimulator) -> None:
    """It tells product, version, build, API version and instance UUID."""
    document = run('about', '--json').data['vcenter']
    assert document['api_version'] == '9.1.1.0'
    assert document['product'].startswith('VMware vCenter Server')
    assert document['instance_uuid']
    ran = run('about')
    for value in document.values():
        assert value in ran.out


def test_part_of_the_inventory() -> None:
    """An account that may see little is shown that little, and told that there is more."""
    user = 'little@vsphere.local'
    with VCenterSimulator(users={user: 'seen'}) as vc:
        with api.VMwareAPISession(
            vc.host, vc.username, vc.password, 0, 0.05, port=vc.port, cacert=vc.cacert
        ) as session:
            vim, factory = session.vim, session.vim.client.factory
            found = session.invoke_api(vim_util, 'get_objects', vim, 'VirtualMachine', 10)
            permission = factory.create('ns0:Permission')
            permission.principal, permission.group = user, False
            # The role that may read.
            permission.roleId, permission.propagate = -2, False
            session.invoke_api(
                vim,
                'SetEntityPermissions',
                vim.service_content.authorizationManager,
                entity=found.objects[0].obj,
                permission=[permission],
            )
        environ = environment_of(vc) | {'VSPHERE_USER': user, 'VSPHERE_PASSWORD': 'seen'}
        wanted = str(found.objects[0].obj.value)
        ran = run_command('vm', 'list', '--json', environ=environ)
        assert [one['id'] for one in ran.data] == [wanted]
        assert 'may not see' in ran.err
        assert run_command('vm', 'info', wanted, '--json', environ=environ).data['host'] is None
        assert run_command('find', '--type', 'vm', environ=environ).code == 0
        assert run_command('tree', environ=environ).code == 0
        assert run_command('hosts', '--json', environ=environ).data == []


def test_nobody_wants_to_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that was closed (>&-) is no reason to fail."""
    monkeypatch.setattr(sys, 'stdout', None)
    monkeypatch.setattr(sys, 'stderr', None)
    assert main(['--version'], {}) == 0
    assert main(['--version', '--json'], {}) == 0
    assert main(['abuot'], {}) == 2


def test_version_is_a_document_with_json() -> None:
    """--version is for programs, too."""
    assert run_command('--version', '--json').data['version']

"""The simulator as a fixture of fixtures and of pytest."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys

import fixtures
import pytest

from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.fixture import VCenterFixture
from tests.simulator.conftest import SERVICE_INSTANCE, Soap

ROOT = pathlib.Path(__file__).parents[2]


def test_the_fixture_runs_while_in_use() -> None:
    """A running vCenter with the given options inside, a stopped one afterwards."""
    with VCenterFixture(api_version='7.0.3.0') as fixture:
        client = Soap(fixture.vcenter)
        answer = client.call('RetrieveServiceContent', SERVICE_INSTANCE)
        assert answer.text('returnval/about/apiVersion') == '7.0.3.0'
        client.http.close()
        cacert = fixture.vcenter.cacert
        assert os.path.exists(cacert)
    assert not os.path.exists(cacert)


def test_a_wrong_option_is_raised_by_the_fixture() -> None:
    """A wrong option is raised when the fixture is used."""
    with pytest.raises(fixtures.MultipleExceptions, match='whatever'):
        VCenterFixture(expired_reply='whatever').setUp()


def test_the_fixture_raises_mistakes_of_the_simulator() -> None:
    """A test during which the simulator itself failed does not pass, and the server is stopped."""
    fixture = VCenterFixture()
    fixture.setUp()
    vc = fixture.vcenter
    vc.errors.append(ZeroDivisionError('a mistake of the simulator'))
    with pytest.raises(ZeroDivisionError, match='a mistake'):
        fixture.cleanUp()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((vc.host, vc.port))


@pytest.mark.vcenter(username='root', password='secret')
def test_the_mark_says_what_the_server_is_like(vcenter: VCenterSimulator, soap: Soap) -> None:
    """Arguments of the mark vcenter are those of the simulator."""
    assert soap.login('root', 'secret').text('returnval/userName') == 'root'


def test_fixtures_is_needed_for_the_fixture_only() -> None:
    """Without the package fixtures the simulator works, and its fixture says what is missing."""
    done = subprocess.run(
        [
            sys.executable,
            '-c',
            (
                'import sys; sys.modules["fixtures"] = None\n'
                'import oslo_vmware.simulator; print("works")\n'
                'import oslo_vmware.simulator.fixture'
            ),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == 'works\n'
    assert 'pip install fixtures' in done.stderr.strip().splitlines()[-1]


PROGRAM = """
import pytest

def test_it(vcenter):
    vcenter.errors.append(ZeroDivisionError('a mistake of the simulator'))

@pytest.mark.vcenter('8.0.3.0', api_verison='7.0.0.0')
def test_another(vcenter):
    pass
"""


def test_what_makes_a_test_fail(tmp_path: pathlib.Path) -> None:
    """A test during which the simulator itself failed does not pass, nor one whose mark is wrong:
    it is told what is wrong with it, and what is allowed.
    """
    (tmp_path / 'conftest.py').write_text(
        "pytest_plugins = ['oslo_vmware.simulator.pytest_plugin']"
    )
    (tmp_path / 'test_it.py').write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '--strict-markers', '-p', 'no:cacheprovider', tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert '1 passed, 2 errors' in done.stdout
    assert 'ZeroDivisionError: a mistake of the simulator' in done.stdout
    assert "the mark vcenter does not take '8.0.3.0', api_verison; it takes" in done.stdout
    assert 'api_version, username' in done.stdout

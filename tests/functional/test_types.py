"""What helps people to write calls, on real sessions: types, operations that say what they take."""

from collections.abc import Iterator
from typing import Any

import pytest

from oslo_vmware import api, types, vim_util
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.types import pbm, vim
from tests.functional.conftest import DESCRIPTION


@pytest.fixture(scope='module')
def server() -> Iterator[VCenterSimulator]:
    """A vCenter for all tests here."""
    with VCenterSimulator(task_seconds=0.01) as simulator:
        yield simulator
    assert simulator.errors == []


@pytest.fixture(scope='module')
def session(server: VCenterSimulator, pbm_description: str) -> Iterator[api.VMwareAPISession]:
    """A session for all tests here."""
    made = api.VMwareAPISession(
        *(server.host, server.username, server.password, 1, 0.05),
        port=server.port,
        cacert=server.cacert,
        wsdl_loc=DESCRIPTION,
        pbm_wsdl_loc=pbm_description,
    )
    yield made
    made.close()


@pytest.fixture
def machine(session: api.VMwareAPISession) -> Any:
    """A machine of the server."""
    found = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 1)
    vim_util.cancel_retrieval(session.vim, found)
    return found.objects[0].obj


def test_a_server_takes_objects_of_the_types(session: api.VMwareAPISession, machine: Any) -> None:
    """Whichever engine sends them, with references and values of enumerations in them."""
    sharing = vim.SharesInfo(level=vim.SharesLevel.high, shares=10)
    spec = vim.VirtualMachineConfigSpec(
        annotation='typed',
        cpuAllocation=vim.ResourceAllocationInfo(shares=sharing),
        extraConfig=[vim.OptionValue(key='one', value='1')],
    )
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', machine, spec=spec))
    config = session.invoke_api(vim_util, 'get_object_property', session.vim, machine, 'config')
    assert config.annotation == 'typed'
    assert config.cpuAllocation.shares.level == vim.SharesLevel.high
    assert isinstance(config, vim.VirtualMachineConfigInfo)
    assert all(isinstance(one, vim.VirtualDevice) for one in config.hardware.device)
    assert isinstance(machine, vim.ManagedObjectReference)


def test_a_server_of_policies_takes_objects_of_the_types(session: api.VMwareAPISession) -> None:
    """Of the newest description, though the session speaks an older version."""
    ids = session.invoke_api(
        *(session.pbm, 'PbmQueryProfile', session.pbm.service_content.profileManager),
        resourceType=pbm.PbmProfileResourceType(
            resourceType=pbm.PbmProfileResourceTypeEnum.STORAGE
        ),
    )
    assert ids
    assert all(isinstance(one, pbm.PbmProfileId) for one in ids)


def test_the_types_of_a_session_are_as_its_server_describes_them(
    session: api.VMwareAPISession,
) -> None:
    """Its factory makes the objects, so that they have the members that the server knows."""
    theirs = types.of(session.pbm)
    made = theirs.PbmPlacementHub(hubType='Datastore', hubId='datastore-1')
    expected = session.pbm.client.factory.create('ns0:PbmPlacementHub')
    assert made.__keylist__ == expected.__keylist__
    assert type(made).__mro__[1:] == type(expected).__mro__[1:]
    assert isinstance(made, theirs.PbmPlacementHub)
    # The session's description is that of 8.0, the shipped one is newer.
    newer = set(dir(pbm)) - set(dir(theirs))
    assert newer
    with pytest.raises(AttributeError, match='has no type'):
        getattr(theirs, newer.pop())

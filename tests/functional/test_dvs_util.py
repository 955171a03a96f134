"""Port groups of a distributed switch, made, listed and deleted over the wire."""

import functools
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import api, dvs_util, exceptions, vim_util
from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.functional.conftest import DESCRIPTION, SessionMaker


class NovasSession(api.VMwareAPISession):
    """A session with the three names that Nova's own class adds."""

    def _is_vim_object(self, module: Any) -> bool:
        return module is self.vim

    def _call_method(self, module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if not self._is_vim_object(module):
            args = (self.vim, *args)
        return self.invoke_api(module, method, *args, **kwargs)

    def _wait_for_task(self, task_ref: Any) -> Any:
        return self.wait_for_task(task_ref)


@pytest.fixture(params=[api.VMwareAPISession, NovasSession])
def session(request: pytest.FixtureRequest, vc: VCenterSimulator) -> Any:
    """A session of the library's own class, and one as Nova derives it."""
    with request.param(
        vc.host,
        vc.username,
        vc.password,
        0,
        0.05,
        port=vc.port,
        cacert=vc.cacert,
        wsdl_loc=DESCRIPTION,
    ) as session:
        yield session


def switch_of(session: api.VMwareAPISession) -> Any:
    result = session.invoke_api(
        vim_util, 'get_objects', session.vim, 'VmwareDistributedVirtualSwitch', 1
    )
    # By its id, as callers who keep nothing but that.
    return dvs_util.get_dvs_moref(result.objects[0].obj.value)


def config_of(session: api.VMwareAPISession, moref: Any) -> Any:
    return session.invoke_api(vim_util, 'get_object_property', session.vim, moref, 'config')


def test_reference_of_a_switch() -> None:
    """It has the id and the type that servers know such a switch by."""
    moref = dvs_util.get_dvs_moref('dvs-7')
    assert (moref.value, moref._type) == ('dvs-7', 'VmwareDistributedVirtualSwitch')


@pytest.mark.parametrize(
    ('arguments', 'kind', 'vlan'),
    [
        ({}, None, None),
        ({'vlan_id': None}, None, None),
        ({'vlan_id': 0}, 'VmwareDistributedVirtualSwitchVlanIdSpec', 0),
        ({'vlan_id': 1021}, 'VmwareDistributedVirtualSwitchVlanIdSpec', 1021),
        (
            {'trunk_mode': True},
            'VmwareDistributedVirtualSwitchTrunkVlanSpec',
            [(0, 4094)],
        ),
        (
            {'vlan_id': 5, 'trunk_mode': True},
            'VmwareDistributedVirtualSwitchTrunkVlanSpec',
            [(0, 4094)],
        ),
    ],
)
def test_port_group_is_as_asked_for(
    session: api.VMwareAPISession, arguments: dict[str, Any], kind: str | None, vlan: Any
) -> None:
    """The server reports the name, ephemeral binding, and the VLANs; those that nobody asked for
    are the switch's.
    """
    switch = switch_of(session)
    moref = dvs_util.add_port_group(session, switch, 'br-int', **arguments)
    config = config_of(session, moref)
    assert (config.name, config.type) == ('br-int', 'ephemeral')
    assert config.distributedVirtualSwitch.value == switch.value
    reported = getattr(config.defaultPortConfig, 'vlan', None)
    if kind is None:
        assert (reported.inherited, reported.vlanId) == (True, 0)
        return
    assert reported.__class__.__name__ == kind
    assert reported.inherited is False
    found = reported.vlanId
    assert (found if kind.endswith('IdSpec') else [(v.start, v.end) for v in found]) == vlan


def test_part_of_the_vlans_as_a_trunk(session: api.VMwareAPISession) -> None:
    """A range of VLANs put into a specification of one's own arrives as that range."""
    spec = dvs_util.get_port_group_spec(session, 'some', None)
    spec.defaultPortConfig.vlan = dvs_util.get_trunk_vlan_spec(session, 100, 199)
    task = session.invoke_api(session.vim, 'CreateDVPortgroup_Task', switch_of(session), spec=spec)
    config = config_of(session, session.wait_for_task(task).result)
    (vlans,) = config.defaultPortConfig.vlan.vlanId
    assert (vlans.start, vlans.end) == (100, 199)


def test_port_groups_are_listed(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """All of them with names and references that fit, the new one among them."""
    switch = switch_of(session)
    before = dict(dvs_util.get_portgroups(session, switch))
    assert len(before) == 1 + Inventory().portgroups_per_dvs
    name = f'tenant/{uuid.uuid4()}'
    made = dvs_util.add_port_group(session, switch, name, 12)
    after = dict(dvs_util.get_portgroups(session, switch))
    assert after.keys() - before.keys() == {name.replace('/', '%2f')}
    assert made.value in {moref.value for moref in after.values()}
    for expected, moref in after.items():
        assert config_of(session, moref).name == expected


def test_listing_costs_two_calls(connect: SessionMaker) -> None:
    """However many port groups there are: one call for the references, one for all names."""
    with VCenterSimulator(inventory=Inventory(portgroups_per_dvs=60)) as vc:
        session = connect(vc)
        switch = switch_of(session)
        vc.calls.clear()
        assert len(dvs_util.get_portgroups(session, switch)) == 61
        assert [call.operation for call in vc.calls] == ['RetrievePropertiesEx'] * 2


def test_server_that_answers_in_pages(
    connect: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost when the names come on several pages, and no page is left on the server."""
    small = functools.partial(vim_util.get_properties_for_a_collection_of_objects, max_objects=3)
    monkeypatch.setattr(vim_util, 'get_properties_for_a_collection_of_objects', small)
    with VCenterSimulator(inventory=Inventory(portgroups_per_dvs=9)) as vc:
        session = connect(vc)
        names = {name for name, _ in dvs_util.get_portgroups(session, switch_of(session))}
        assert len(names) == 10
        assert vc.count('ContinueRetrievePropertiesEx') == 3


def test_switch_without_port_groups(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """It has an empty list, found with one call."""
    switch = switch_of(session)
    simulated = vc.world.objects[switch.value]
    for group in list(simulated.portgroup):
        group.dispose()
    vc.calls.clear()
    assert dvs_util.get_portgroups(session, switch) == []
    assert vc.count('RetrievePropertiesEx') == 1


def test_deleted_port_group_is_gone(session: api.VMwareAPISession) -> None:
    """After the return, not some time later, the list is without it."""
    switch = switch_of(session)
    moref = dvs_util.add_port_group(session, switch, 'short-lived')
    assert dvs_util.delete_port_group(session, moref) is None
    assert 'short-lived' not in dict(dvs_util.get_portgroups(session, switch))


@pytest.mark.parametrize(
    ('action', 'raised'),
    [
        (lambda s, dvs: dvs_util.add_port_group(s, dvs, 'twice'), exceptions.DuplicateName),
        (lambda s, dvs: dvs_util.add_port_group(s, dvs, 'v', 5000), exceptions.VimFaultException),
        (
            lambda s, dvs: dvs_util.get_portgroups(s, dvs_util.get_dvs_moref('dvs-0')),
            exceptions.ManagedObjectNotFoundException,
        ),
        (
            lambda s, dvs: dvs_util.delete_port_group(
                s, vim_util.get_moref('dvportgroup-0', 'DistributedVirtualPortgroup')
            ),
            exceptions.ManagedObjectNotFoundException,
        ),
    ],
)
def test_what_the_server_refuses_is_raised(
    session: api.VMwareAPISession, action: Any, raised: type[Exception]
) -> None:
    """As the class registered for the fault, be it of the call or of the task."""
    switch = switch_of(session)
    dvs_util.add_port_group(session, switch, 'twice')
    with pytest.raises(raised):
        action(session, switch)


def test_a_port_group_that_may_not_be_seen() -> None:
    """It has no name to tell, and is left out."""
    page = SimpleNamespace(
        objects=[
            SimpleNamespace(obj='pg1', propSet=[SimpleNamespace(name='name', val='A')]),
            SimpleNamespace(obj='pg2'),
        ]
    )
    replies = {
        'get_object_property': [['pg1', 'pg2']],
        'get_properties_for_a_collection_of_objects': page,
        'continue_retrieval': None,
    }
    session = SimpleNamespace(
        vim=None, invoke_api=lambda module, method, *args, **kwargs: replies[method]
    )
    assert dvs_util.get_portgroups(session, 'dvs') == [('A', 'pg1')]

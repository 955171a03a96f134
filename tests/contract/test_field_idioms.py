"""How drivers of the field use what they get, as their sources have it.

OpenStack's own consumers run as they are elsewhere in the tests; these do not run on a Python of
today, so what they do with the library is written down here, by consumer.
"""

import atexit
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim, vim_util
from oslo_vmware.simulator import VCenterSimulator

#: What they look for in messages.
CONCURRENT = 'Cannot complete operation due to concurrent modification by another operation.'
LOGIN_PROBLEM = 'Cannot complete login due to an incorrect user name or password'
DELETED = 'has already been deleted or has not been completely created'


@pytest.fixture(scope='module')
def shared() -> Iterator[VCenterSimulator]:
    with VCenterSimulator(task_seconds=0.0) as vc:
        yield vc
    assert vc.errors == []


def connected(vc: VCenterSimulator, **overrides: Any) -> api.VMwareAPISession:
    options = {'port': vc.port, 'cacert': vc.cacert, 'pool_size': 4} | overrides
    password = options.pop('password', vc.password)
    return api.VMwareAPISession(vc.host, vc.username, password, 1, 0.05, **options)


@pytest.fixture(scope='module')
def session(shared: VCenterSimulator) -> Iterator[api.VMwareAPISession]:
    with connected(shared) as session:
        yield session


def objects(session: api.VMwareAPISession, kind: str, *names: str) -> Any:
    return session.invoke_api(vim_util, 'get_objects', session.vim, kind, 100, list(names))


def test_monasca_walks_by_position(session: api.VMwareAPISession) -> None:
    """A result gives pairs, an array its list at 0; a method may be any object's."""
    hosts = [
        mor.value
        for contents in objects(session, 'ClusterComputeResource', 'host')
        for content in contents[1]
        for prop in content.propSet
        for pair in prop.val
        for mor in pair[1]
    ]
    mounts = [
        mount.key.value
        for contents in objects(session, 'Datastore', 'host')
        for content in contents[1]
        for prop in content.propSet
        for mount in prop.val[0]
    ]
    assert hosts
    assert set(hosts) <= set(mounts)

    class Check:
        def _get_properties(self, vim: Any, kind: str) -> Any:
            return vim_util.get_objects(vim, kind, 10)

    found = session.invoke_api(Check(), '_get_properties', session.vim, 'HostSystem')
    assert [one[0] for one in found] == ['objects']


def test_congress_walks_by_name(session: api.VMwareAPISession) -> None:
    """Members and those of references by name in brackets; an array by its attribute."""
    result = objects(session, 'VirtualMachine', 'summary.quickStats', 'runtime.host')
    for content in result['objects']:
        values = {prop.name: prop.val for prop in content['propSet']}
        assert values['runtime.host']['value'].startswith('host-')
        assert values['summary.quickStats']['guestMemoryUsage'] >= 0
    assert result['objects']


def test_networking_vsphere_pages_by_itself(session: api.VMwareAPISession) -> None:
    """It follows tokens through the service, with a class of its own that has these names."""

    class Session(api.VMwareAPISession):
        def __del__(self) -> None:
            # It is theirs to swallow what a session that was never there says.
            with contextlib.suppress(Exception):
                self.logout()

        def _is_vim_object(self, module: Any) -> bool:
            return isinstance(module, vim.Vim)

        def _get_vim(self) -> Any:
            return self.vim

    unborn: Any = Session.__new__(Session)
    assert unborn._is_vim_object(session.vim)
    assert not unborn._is_vim_object(vim_util)
    content = session.vim.retrieve_service_content()
    factory = session.vim.client.factory
    folder = vim_util.build_recursive_traversal_spec(factory)
    spec = vim_util.build_property_filter_spec(
        factory,
        [vim_util.build_property_spec(factory, 'HostSystem', ['name'])],
        [vim_util.build_object_spec(factory, content.rootFolder, [folder])],
    )
    options = factory.create('ns0:RetrieveOptions')
    options.maxObjects = 1
    result = session.vim.RetrievePropertiesEx(
        content.propertyCollector, specSet=[spec], options=options
    )
    pages = [result.objects]
    while hasattr(result, 'token') and result.token:
        result = session.vim.ContinueRetrievePropertiesEx(
            content.propertyCollector, token=result.token
        )
        pages.append(result.objects)
    assert [len(page) for page in pages] == [1, 1, 1]


def test_networking_vsphere_trusts_the_bundle(
    shared: VCenterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passes ``cacert=True``: verified with the bundle that requests has."""
    with pytest.raises(exceptions.VimCertificateException):
        connected(shared, cacert=True)
    assert shared.cacert
    monkeypatch.setenv('REQUESTS_CA_BUNDLE', shared.cacert)
    with connected(shared, cacert=True, insecure=True) as verified:
        assert verified.is_current_session_active()


def switch(session: api.VMwareAPISession) -> Any:
    return objects(session, 'VmwareDistributedVirtualSwitch', 'name').objects[0].obj


def test_dvs_drivers_read_what_the_server_says(
    shared: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """They decide by texts of the server, and wrap ``msg`` and ``cause``."""
    factory = session.vim.client.factory
    shared.faults.fail_task('CreateDVPortgroup_Task', 'ConcurrentAccess', message=CONCURRENT)
    spec = factory.create('ns0:DVPortgroupConfigSpec')
    spec.name, spec.type, spec.numPorts = 'pg', 'earlyBinding', 0
    task = session.invoke_api(session.vim, 'CreateDVPortgroup_Task', switch(session), spec=spec)
    with pytest.raises(exceptions.VimException) as raised:
        session.wait_for_task(task)
    assert CONCURRENT in raised.value.message
    assert CONCURRENT in str(raised.value)
    assert CONCURRENT in raised.value.msg
    assert hasattr(raised.value, 'cause')

    gone = vim_util.get_moref('dvportgroup-999', 'DistributedVirtualPortgroup')
    with pytest.raises(exceptions.VMwareDriverException) as raised_again:
        session.invoke_api(session.vim, 'Destroy_Task', gone)
    assert DELETED in raised_again.value.message

    with pytest.raises(exceptions.VMwareDriverException, match=LOGIN_PROBLEM):
        connected(shared, password='wrong')


def test_dvs_drivers_fill_in_texts(session: api.VMwareAPISession) -> None:
    """Truth values are digits and words; a port group's key is the id of its reference."""
    factory = session.vim.client.factory
    setting = factory.create('ns0:VMwareDVSPortSetting')
    setting.blocked = factory.create('ns0:BoolPolicy')
    setting.blocked.inherited, setting.blocked.value = '0', 'true'
    setting.vlan = factory.create('ns0:VmwareDistributedVirtualSwitchVlanIdSpec')
    setting.vlan.inherited, setting.vlan.vlanId = '0', 7
    spec = factory.create('ns0:DVPortgroupConfigSpec')
    spec.name, spec.type, spec.numPorts = 'texts', 'earlyBinding', 2
    spec.defaultPortConfig = setting
    the_switch = switch(session)
    task = session.invoke_api(session.vim, 'CreateDVPortgroup_Task', the_switch, spec=spec)
    group = session.wait_for_task(task).result
    criteria = factory.create('ns0:DistributedVirtualSwitchPortCriteria')
    criteria.portgroupKey, criteria.inside = group.value, '1'
    keys = session.invoke_api(session.vim, 'FetchDVPortKeys', the_switch, criteria=criteria)
    assert len(set(keys)) == 2
    # vmware-nsx reads with indices, and copies what it has read.
    config = vim_util.get_object_properties(session.vim, group, ['config'])
    assert len(config[0].propSet[0]) == 2
    info = config[0].propSet[0].val
    assert info['defaultPortConfig'].vlan.vlanId == 7
    assert info['defaultPortConfig'].blocked.value is True


def test_networking_dvs_registers_its_faults(
    session: api.VMwareAPISession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault class of its own is raised, and a logout is registered for the end."""

    class RequestCanceled(exceptions.VimException):
        msg_fmt = 'The task was canceled by a user.'
        code = 200

    monkeypatch.setattr(exceptions, '_fault_classes', dict(exceptions._fault_classes))
    exceptions.register_fault_class('RequestCanceled', RequestCanceled)
    fault = exceptions.translate_fault(_fault(session, 'RequestCanceled'))
    assert isinstance(fault, RequestCanceled)
    atexit.unregister(atexit.register(session.logout))


def _fault(session: api.VMwareAPISession, name: str) -> Any:
    made = session.vim.client.factory.create('ns0:LocalizedMethodFault')
    made.fault = session.vim.client.factory.create(f'ns0:{name}')
    made.localizedMessage = 'Somebody did it.'
    return made


def test_nova_of_sap_sends_where_a_machine_goes(session: api.VMwareAPISession) -> None:
    """Where a machine is placed goes to another service as JSON, and is used there."""
    factory = session.vim.client.factory
    credential = factory.create('ns0:ServiceLocatorNamePassword')
    credential.username, credential.password = 'user', 'word'
    service = factory.create('ns0:ServiceLocator')
    service.url, service.instanceUuid, service.credential = 'https://vc', 'uuid', credential
    machine, host = (
        objects(session, kind, 'name').objects[0].obj for kind in ('VirtualMachine', 'HostSystem')
    )
    place = factory.create('ns0:VirtualMachineRelocateSpec')
    place.host = host
    sent = json.loads(
        json.dumps(
            {
                'service': vim_util.serialize_object(service, typed=True),
                'relocate_spec': vim_util.serialize_object(place, typed=True),
            }
        )
    )
    spec = vim_util.deserialize_object(factory, sent['relocate_spec'], 'VirtualMachineRelocateSpec')
    located = vim_util.deserialize_object(factory, sent['service'], 'ServiceLocator')
    assert located.instanceUuid == 'uuid'
    assert vim_util.is_vim_instance(located.credential, 'ServiceLocatorCredential')
    assert located.credential.password == 'word'
    task = session.invoke_api(session.vim, 'RelocateVM_Task', machine, spec=spec)
    assert session.wait_for_task(task).state == 'success'


def test_nova_of_sap_tells_groups_apart(session: api.VMwareAPISession) -> None:
    """The groups of a cluster come in one list, and it wants those of one kind."""
    factory = session.vim.client.factory
    cluster = objects(session, 'ClusterComputeResource', 'host').objects[0]
    specs = []
    for kind, name, member in (
        ('ClusterVmGroup', 'vms', 'vm'),
        ('ClusterHostGroup', 'hosts', 'host'),
    ):
        group = factory.create(f'ns0:{kind}')
        group.name = name
        if member == 'host':
            group.host = list(cluster.propSet[0].val[0])
        spec = factory.create('ns0:ClusterGroupSpec')
        spec.operation, spec.info = 'add', group
        specs.append(spec)
    config = factory.create('ns0:ClusterConfigSpecEx')
    config.groupSpec = specs
    task = session.invoke_api(
        session.vim, 'ReconfigureComputeResource_Task', cluster.obj, spec=config, modify=True
    )
    session.wait_for_task(task)
    groups = vim_util.get_object_property(session.vim, cluster.obj, 'configurationEx').group
    kinds = {
        one.name: [
            vim_util.is_vim_instance(one, kind)
            for kind in ('ClusterVmGroup', 'ClusterHostGroup', 'ClusterGroupInfo')
        ]
        for one in groups
    }
    assert kinds == {'vms': [True, False, True], 'hosts': [False, True, True]}

"""``check``: what is wrong with a vCenter is found, named, and weighed for each consumer."""

import contextlib
import dataclasses
import datetime
import itertools
import json
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oslo_vmware import api, vim_util
from oslo_vmware.cli.check import Report, Wanted, check, server
from oslo_vmware.cli.check.findings import CONSUMERS, Answer, Finding, Outcome
from oslo_vmware.cli.check.needs import NEEDS, Kind
from oslo_vmware.cli.check.reach import Target
from oslo_vmware.cli.failures import NoSuchObjectError, UsageError
from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.soap.effects import Effect, effect_of

USER, PASSWORD = 'openstack@vsphere.local', 'secret'
NAME = 'VSPHERE.LOCAL\\Openstack'
ALL = frozenset(need.privilege for need in NEEDS) - {'System.Read'}
MUST = frozenset(need.privilege for need in NEEDS if need.must) - {'System.Read'}

_NUMBERS = itertools.count()

YES, RESERVED, UNKNOWN, NO = Answer.YES, Answer.RESERVED, Answer.UNKNOWN, Answer.NO


@pytest.fixture(scope='module')
def in_order() -> Iterator[VCenterSimulator]:
    with VCenterSimulator(task_seconds=0, users={USER: PASSWORD}) as simulator:
        yield simulator


@pytest.fixture
def vc(in_order: VCenterSimulator) -> Iterator[VCenterSimulator]:
    """A vCenter with nothing wrong, to which a test may do what it takes back."""
    in_order.calls.clear()
    yield in_order
    in_order.faults.clear()
    assert in_order.errors == []
    assert len(in_order.sessions) == 0


@pytest.fixture
def own() -> Iterator[VCenterSimulator]:
    """A vCenter of the test's own."""
    with VCenterSimulator(task_seconds=0, users={USER: PASSWORD}) as simulator:
        yield simulator
        assert simulator.errors == []


def checked(vc: VCenterSimulator, user: str | None = None, **wanted: Any) -> Report:
    target = Target(
        vc.host,
        user or vc.username,
        lambda: PASSWORD if user else vc.password,
        vc.port,
        vc.cacert,
    )
    return check(target, Wanted(**wanted))


def answers(report: Report) -> dict[str, Answer]:
    return {verdict.consumer: verdict.answer for verdict in report.verdicts}


def finding(report: Report, subject: str, outcome: Outcome | None = None) -> Finding:
    """The finding about a subject, and with an outcome if one is given."""
    found = [
        one for one in report.findings if one.subject == subject and outcome in (None, one.outcome)
    ]
    assert len(found) == 1, [(one.subject, one.outcome, one.found) for one in report.findings]
    return found[0]


@contextlib.contextmanager
def administrator(vc: VCenterSimulator) -> Iterator[api.VMwareAPISession]:
    with api.VMwareAPISession(
        vc.host, vc.username, vc.password, 0, 0.1, port=vc.port, cacert=vc.cacert
    ) as session:
        yield session


def grant(vc: VCenterSimulator, privileges: Any, *entities: Any) -> None:
    """Give the user a role with some privileges on entities, or on the root folder."""
    with administrator(vc) as session:
        content = session.vim.service_content
        manager = content.authorizationManager
        role = session.invoke_api(
            session.vim,
            'AddAuthorizationRole',
            manager,
            name=f'role {next(_NUMBERS)}',
            privIds=sorted(privileges),
        )
        for entity in entities or (content.rootFolder,):
            permission = session.vim.client.factory.create('ns0:Permission')
            permission.principal, permission.group = NAME, False
            permission.roleId, permission.propagate = role, True
            session.invoke_api(
                session.vim, 'SetEntityPermissions', manager, entity=entity, permission=[permission]
            )


def objects(vc: VCenterSimulator, type_: str) -> list[Any]:
    """The simulator's own objects of a type, by name."""
    found = [one for one in vc.world.objects.values() if one.wire_type == type_]
    return sorted(found, key=lambda one: one.name)


# In order


def test_a_vcenter_in_order(vc: VCenterSimulator) -> None:
    """All consumers get a plain yes, and everything was looked at."""
    report = checked(vc)
    assert report.connected
    assert report.is_good
    assert answers(report) == dict.fromkeys(CONSUMERS, YES)
    assert {one.theme for one in report.findings} == {
        *('connection', 'TLS', 'service', 'versions', 'server', 'storage policies', 'places'),
        'privileges',
    }
    assert [one.subject for one in report.findings if one.outcome is not Outcome.FINE] == [
        'session settings'
    ]
    assert 'all ' in finding(report, 'Nova').found


def test_nothing_is_changed(vc: VCenterSimulator) -> None:
    """Beside logging in and out it only reads, whatever it looks at, and it is few calls."""
    assert checked(vc).connected
    made = [call.operation for call in vc.calls]
    assert made[-1] == 'Logout'
    other = {name for name in made if effect_of(name) not in (Effect.READ, Effect.CURSOR)}
    assert other == {'Login', 'Logout'}
    assert vc.transfers == type(vc.transfers)()


def test_calls_do_not_grow_with_the_inventory(vc: VCenterSimulator) -> None:
    """A large site is asked as often as a small one; machines are not read at all."""
    checked(vc)
    few = dict(vc.calls.counts)
    inventory = Inventory(datacenters=3, clusters=2, hosts_per_cluster=6, vms=200)
    with VCenterSimulator(inventory=inventory) as large:
        report = checked(large)
        assert large.calls.counts == few
        assert sum(few.values()) < 35
    assert finding(report, 'hosts').data['all'] == 3 * 13


def test_pages_are_followed(vc: VCenterSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit on one page comes with the next."""
    monkeypatch.setattr('oslo_vmware.cli.check.inventory.PAGE', 3)
    report = checked(vc)
    assert vc.calls.counts['ContinueRetrievePropertiesEx'] > 2
    assert finding(report, 'datastores').data == {'usable': 5, 'all': 5}


def test_the_document(vc: VCenterSimulator) -> None:
    """The JSON document has the same in it, in the shape that the documentation promises."""
    document = json.loads(json.dumps(checked(vc).as_json()))
    assert set(document) == {'connected', 'verdicts', 'findings'}
    assert document['verdicts'][0] == {'consumer': 'Nova', 'verdict': 'yes', 'reasons': []}
    for one in document['findings']:
        assert set(one) == {field.name for field in dataclasses.fields(Finding)}
    assert vc.password not in json.dumps(document)


def test_one_cluster(own: VCenterSimulator) -> None:
    """A cluster can be looked at alone; what belongs to others does not count."""
    for host in objects(own, 'HostSystem'):
        if host.parent.wire_type == 'ComputeResource':
            host._become('notResponding')
    assert answers(checked(own))['Nova'] is RESERVED
    report = checked(own, cluster='fra-cluster-01')
    assert answers(report)['Nova'] is YES
    assert finding(report, 'hosts').data == {'usable': 2, 'all': 2}
    with pytest.raises(NoSuchObjectError, match='no cluster x; there is: fra-cluster-01'):
        checked(own, cluster='x')


# Privileges


def test_what_the_table_asks_for_suffices(own: VCenterSimulator) -> None:
    """With all of it the answer is yes; with what is a must, it is yes with reservations."""
    grant(own, ALL)
    assert answers(checked(own, USER)) == dict.fromkeys(CONSUMERS, YES)
    grant(own, MUST)
    report = checked(own, USER)
    assert answers(report) == dict.fromkeys(CONSUMERS, RESERVED)
    assert 'only' not in finding(report, 'Nova').found


#: The table of the service account in Nova's administration guide (hypervisor-vmware).
GUIDE = {
    f'{group}.{name}'
    for group, names in {
        'Datastore': 'AllocateSpace Browse FileManagement DeleteFile',
        'Extension': 'Register',
        'Folder': 'Create',
        'Host.Config': 'Maintenance Network Storage',
        'Network': 'Assign',
        'Resource': 'AssignVMToPool ColdMigrate HotMigrate',
        'VirtualMachine.Config': 'AddExistingDisk AddNewDisk AddRemoveDevice AdvancedConfig '
        'CPUCount Resource ChangeTracking HostUSBDevice Memory EditDevice RawDevice RemoveDisk '
        'Rename Annotation SwapPlacement',
        'VirtualMachine.Interact': 'SetCDMedia PowerOff PowerOn Reset Suspend',
        'VirtualMachine.Inventory': 'CreateFromExisting Create Move Delete Unregister',
        'VirtualMachine.Provisioning': 'Clone Customize CreateTemplateFromVM',
        'VirtualMachine.State': 'CreateSnapshot RemoveSnapshot',
        'Sessions': 'ValidateSession TerminateSession',
        'VApp': 'Export Import',
    }.items()
    for name in names.split()
}


def test_what_the_guide_lists_suffices(vc: VCenterSimulator) -> None:
    """Nobody who followed the guide is told no; what it forgot are reservations."""
    grant(vc, GUIDE)
    assert answers(checked(vc, USER)) == {
        **dict.fromkeys(('Nova', 'Cinder'), RESERVED),
        **dict.fromkeys(('Glance', 'Ceilometer'), YES),
    }


@pytest.mark.parametrize(
    ('privilege', 'refused', 'where'),
    [
        ('Datastore.FileManagement', {'Nova', 'Cinder', 'Glance'}, 'all 5 datastores: fra-nfs-01'),
        ('Datastore.AllocateSpace', {'Nova', 'Cinder'}, 'all 5 datastores: fra-nfs-01'),
        ('VirtualMachine.Interact.PowerOn', {'Nova'}, 'Frankfurt/vm'),
        ('VirtualMachine.Inventory.Move', {'Cinder'}, 'Frankfurt/vm'),
        ('Resource.AssignVMToPool', {'Nova', 'Cinder'}, 'fra-cluster-01/Resources'),
        ('Network.Assign', {'Nova'}, 'VM Network'),
        ('Extension.Register', {'Nova', 'Cinder'}, 'the root folder'),
        ('Host.Config.Storage', set(), 'all 3 hosts'),
    ],
)
def test_a_missing_privilege_is_named(
    vc: VCenterSimulator, privilege: str, refused: set[str], where: str
) -> None:
    """With where it is missing, who needs it, and for what."""
    grant(vc, ALL - {privilege})
    report = checked(vc, USER)
    assert {one for one, answer in answers(report).items() if answer is NO} == refused
    outcome = Outcome.FAILED if refused else Outcome.WARNING
    found = finding(report, privilege, outcome)
    assert where in found.found
    assert set(found.consumers) >= refused
    assert f'a role of {NAME}' in found.advice
    assert found.data['entities'][0].keys() == {'type', 'id', 'name'}
    verdict = next(one for one in report.verdicts if one.consumer in found.consumers)
    assert any(reason.startswith(privilege) for reason in verdict.reasons)


def test_a_privilege_that_is_missing_somewhere(own: VCenterSimulator) -> None:
    """Where it is there on others, that is no reason for a no; the places are named."""
    grant(own, ALL)
    with administrator(own) as session:
        store = session.invoke_api(vim_util, 'get_objects', session.vim, 'Datastore', 100)
        bad = [one.obj for one in store.objects if one.propSet[0].val == 'fra-vmfs-01']
    grant(own, ALL - {'Datastore.Browse'}, *bad)
    report = checked(own, USER)
    found = finding(report, 'Datastore.Browse')
    assert found.outcome is Outcome.WARNING
    assert found.found == 'missing on 1 of 5 datastores: fra-vmfs-01'
    assert answers(report)['Glance'] is RESERVED
    assert answers(report)['Ceilometer'] is YES


def test_only_some_consumers(own: VCenterSimulator) -> None:
    """Who runs Glance alone is not told what Nova would miss."""
    grant(own, {'Datastore.Browse', 'Datastore.FileManagement', 'Sessions.ValidateSession'})
    assert answers(checked(own, USER, consumers=['Glance'])) == {'Glance': YES}
    report = checked(own, USER)
    assert answers(report)['Nova'] is NO
    assert answers(report)['Ceilometer'] is YES
    assert not report.is_good


def test_an_extension_that_is_registered(own: VCenterSimulator) -> None:
    """Nobody needs the privilege to register what is there."""
    with administrator(own) as session:
        for key in ('org.openstack.compute', 'org.openstack.storage'):
            session.invoke_api(vim_util, 'register_extension', session.vim, key, 'instance')
    grant(own, ALL - {'Extension.Register'})
    report = checked(own, USER)
    assert answers(report) == dict.fromkeys(CONSUMERS, YES)
    assert finding(report, 'Extension.Register').outcome is Outcome.FINE


def test_places_that_may_not_be_read(own: VCenterSimulator) -> None:
    """They are named, and the rest is looked at all the same."""
    grant(own, ALL)
    own.faults.deny('HostSystem', 'runtime')
    report = checked(own, USER)
    assert finding(report, 'hosts').outcome is Outcome.FAILED
    assert 'System.Read' in finding(report, f'host {objects(own, "HostSystem")[0].name}').found
    assert finding(report, 'datastores').outcome is Outcome.FINE


def test_a_server_that_knows_the_older_question_only(vc: VCenterSimulator) -> None:
    """Before vSphere 6.5 privileges are asked by session."""
    vc.faults.on('HasUserPrivilegeOnEntities', 'NotSupported', times=None)
    assert answers(checked(vc)) == dict.fromkeys(CONSUMERS, YES)
    assert vc.calls.counts['HasPrivilegeOnEntities'] == len(Kind)


# Servers


@pytest.mark.parametrize(
    ('version', 'api_type', 'outcome'),
    [
        ('5.0.0', 'VirtualCenter', Outcome.FAILED),
        ('5.1.0', 'VirtualCenter', Outcome.WARNING),
        ('5.5.0', 'VirtualCenter', Outcome.FINE),
        ('10.0.0', 'VirtualCenter', Outcome.FINE),
        ('8.0.3', 'HostAgent', Outcome.FAILED),
    ],
)
def test_versions(version: str, api_type: str, outcome: Outcome) -> None:
    """By what Nova starts with, and what its guide supports."""
    about = types.SimpleNamespace(
        fullName=f'VMware {version}', version=version, apiType=api_type, apiVersion=version
    )
    session = types.SimpleNamespace(
        vim=types.SimpleNamespace(service_content=types.SimpleNamespace(about=about))
    )
    product, interface = server.look_at_versions(session)
    assert product.outcome is outcome
    assert ('newer than ours' in interface.found) == (version == '10.0.0')


def test_a_host_without_a_vcenter(own: VCenterSimulator) -> None:
    """Glance can use it, and Ceilometer; Nova and Cinder are told why they cannot."""
    own.world.about.apiType = 'HostAgent'
    own.world.about.fullName = 'VMware ESXi 8.0.3'
    report = checked(own)
    assert answers(report) == {'Nova': NO, 'Cinder': NO, 'Glance': YES, 'Ceilometer': YES}
    assert 'no vCenter' in finding(report, 'product').found
    assert own.calls.counts['PbmQueryProfile'] == 0
    assert 'Nova' not in [one.subject for one in report.findings if one.theme == 'privileges']


@pytest.mark.parametrize(
    ('seconds', 'outcome', 'words'),
    [
        (0, Outcome.FINE, 'the same'),
        (90, Outcome.WARNING, 'ahead of'),
        (-90, Outcome.WARNING, 'behind'),
    ],
)
def test_the_clock(seconds: float, outcome: Outcome, words: str) -> None:
    """It is compared with ours, the way there and back considered."""
    apart = datetime.timedelta(seconds=seconds)
    vim = types.SimpleNamespace(CurrentTime=lambda ref: datetime.datetime.now(datetime.UTC) + apart)
    clock = list(server.look_at_pulse(types.SimpleNamespace(vim=vim)))[1]
    assert clock.outcome is outcome
    assert words in clock.found
    assert clock.data['ahead_seconds'] == pytest.approx(seconds, abs=1)


def test_sessions_and_their_settings(own: VCenterSimulator) -> None:
    """The sessions are counted, and the settings shown, as far as the account may see them."""
    with administrator(own) as session:
        option = session.vim.client.factory.create('ns0:OptionValue')
        option.key, option.value = 'config.vmacore.soap.sessionTimeout', '120'
        session.invoke_api(
            session.vim,
            'UpdateOptions',
            session.vim.service_content.setting,
            changedValue=[option],
        )
        report = checked(own)
    assert finding(report, 'sessions').data == {'sessions': 2, 'own': 2}
    assert finding(report, 'session settings').found == 'sessionTimeout 120'
    own.faults.deny('SessionManager', 'sessionList', 'Sessions.TerminateSession')
    report = checked(own)
    assert finding(report, 'sessions').outcome is Outcome.UNSEEN
    assert answers(report)['Nova'] is YES


def test_many_sessions(vc: VCenterSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that never logs out is warned."""
    monkeypatch.setattr(server, '_MANY_SESSIONS', 0)
    report = checked(vc)
    assert finding(report, 'sessions').outcome is Outcome.WARNING
    assert answers(report) == dict.fromkeys(CONSUMERS, RESERVED)


@pytest.mark.parametrize(
    ('operations', 'subject', 'expected'),
    [
        (['PbmRetrieveServiceContent'], 'PBM', {'Nova': RESERVED, 'Cinder': RESERVED}),
        (['QueryOptions'], 'session settings', {}),
        (['CurrentTime'], 'latency and clock', {}),
        (
            ['HasUserPrivilegeOnEntities', 'HasPrivilegeOnEntities'],
            'privileges',
            dict.fromkeys(CONSUMERS, UNKNOWN),
        ),
        (['RetrievePropertiesEx'], 'inventory', dict.fromkeys(CONSUMERS, UNKNOWN)),
    ],
)
def test_a_look_that_fails(
    vc: VCenterSimulator, operations: list[str], subject: str, expected: dict[str, Answer]
) -> None:
    """It is a finding, it stops no other look, and counts for those whom it concerns."""
    for operation in operations:
        vc.faults.http(operation, status=500, times=None)
    report = checked(vc)
    bad = (Outcome.WARNING, Outcome.UNSEEN)
    assert [one for one in report.findings if one.subject == subject and one.outcome in bad]
    assert answers(report) == {**dict.fromkeys(CONSUMERS, YES), **expected}
    assert finding(report, 'API').outcome is Outcome.FINE


# Places


def _maintenance(store: Any) -> None:
    store.update(maintenance='inMaintenance')


def _inaccessible(store: Any) -> None:
    store.update(accessible=False)


def _lost(store: Any) -> None:
    store.mount_on(store.hosts[0], accessible=False)


def _read_only(store: Any) -> None:
    store.mount_on(store.hosts[0], writable=False)


def _full(store: Any) -> None:
    store.update(other_used=store.other_used + store.free_space - 2**30)


@pytest.mark.parametrize(
    ('spoil', 'words'),
    [
        (_maintenance, 'is in maintenance'),
        (_inaccessible, 'cannot be reached by any host'),
        (_lost, '.example.net does not reach it'),
        (_read_only, '.example.net may only read it'),
        (_full, '1.0 GiB free of'),
    ],
)
def test_a_datastore_in_trouble(
    own: VCenterSimulator, spoil: Callable[[Any], None], words: str
) -> None:
    """It is named; as there are others, consumers are warned."""
    for store in objects(own, 'Datastore'):
        if store.name == 'fra-nfs-01':
            spoil(store)
    report = checked(own)
    assert words in finding(report, 'datastore fra-nfs-01').found
    assert answers(report)['Nova'] is RESERVED


@pytest.mark.parametrize('name', [None, 'the same in each datacenter'])
def test_no_datastore_is_left(own: VCenterSimulator, name: str | None) -> None:
    """If all are in trouble, the answer is no to all who store something."""
    for store in objects(own, 'Datastore'):
        _inaccessible(store)
        store.update(name=name or store.name)
    if name:
        with pytest.raises(UsageError, match=r'There are 5 of the name the same .*: datastore-'):
            checked(own, write=name)
    assert answers(checked(own)) == {'Nova': NO, 'Cinder': NO, 'Glance': NO, 'Ceilometer': YES}


def test_hosts_and_clusters(own: VCenterSimulator) -> None:
    """Hosts that do not answer are named; clusters without DRS, and storage of one host, too."""
    first, *_ = objects(own, 'HostSystem')
    first._become('notResponding')
    (cluster,) = objects(own, 'ClusterComputeResource')
    with administrator(own) as session:
        create = session.vim.client.factory.create
        spec, drs = create('ns0:ClusterConfigSpecEx'), create('ns0:ClusterDrsConfigInfo')
        drs.enabled, spec.drsConfig = False, drs
        reference = vim_util.get_moref(cluster.ref.value, 'ClusterComputeResource')
        operation = 'ReconfigureComputeResource_Task'
        task = session.invoke_api(session.vim, operation, reference, spec=spec, modify=True)
        session.wait_for_task(task)
    store = next(one for one in objects(own, 'Datastore') if one.name == 'fra-vmfs-01')
    store.update(hosts=store.hosts[:1])
    report = checked(own)
    assert finding(report, f'host {first.name}').found == 'does not answer'
    assert 'DRS off' in finding(report, 'cluster fra-cluster-01').found
    shared = finding(report, 'shared storage of fra-cluster-01')
    assert shared.found == 'fra-vmfs-01 is on 1 of 2 hosts'
    assert answers(report)['Nova'] is RESERVED


def test_an_account_that_sees_machines_only(own: VCenterSimulator) -> None:
    """Without hosts and datastores nothing works, and that is said."""
    grant(own, ALL, vim_util.get_moref(objects(own, 'Datacenter')[0].vmFolder.ref.value, 'Folder'))
    report = checked(own, USER)
    assert answers(report) == {**dict.fromkeys(CONSUMERS, NO), 'Ceilometer': RESERVED}
    assert 'sees no host' in finding(report, 'hosts').found
    assert 'sees no datastore' in finding(report, 'datastores').found


def test_an_empty_site() -> None:
    """The same if there are none."""
    with VCenterSimulator(inventory=Inventory(datacenters=0, vms=0)) as empty:
        report = checked(empty)
    assert answers(report) == {**dict.fromkeys(CONSUMERS, NO), 'Ceilometer': YES}


# The trial


def files(vc: VCenterSimulator) -> list[str]:
    """What lies on the datastore and begins as the trial's file does."""
    store = next(one for one in objects(vc, 'Datastore') if one.name == 'fra-nfs-01')
    return [name for name in vc.world.files.of(store).names('') if name.startswith('oslo-vmware')]


def test_a_trial(vc: VCenterSimulator) -> None:
    """On request a file goes there and back, and is deleted; the answer stays yes."""
    report = checked(vc, write='fra-nfs-01')
    assert finding(report, 'datastore fra-nfs-01').data['bytes'] == 2**20
    assert [one.method for one in vc.transfers] == ['PUT', 'GET']
    assert vc.calls.counts['DeleteDatastoreFile_Task'] == 1
    assert files(vc) == []
    assert [one.reasons for one in report.verdicts] == [()] * len(CONSUMERS)
    vc.transfers.clear()
    with pytest.raises(NoSuchObjectError, match='no datastore x; there is: fra-nfs-01, '):
        checked(vc, write='x')


@pytest.mark.parametrize(
    ('spoil', 'words'),
    [
        (lambda faults: faults.http('PUT /folder/*', status=403), 'could not be moved'),
        (lambda faults: faults.http('GET /folder/*', status=500), 'could not be moved'),
        (lambda faults: faults.end_early('GET /folder/*', after_bytes=5), 'not what was sent'),
        (lambda faults: faults.drop('GET /folder/*', after_bytes=5), 'could not be moved'),
    ],
)
def test_a_trial_that_fails(vc: VCenterSimulator, spoil: Callable[[Any], None], words: str) -> None:
    """Whoever moves images is told no, and nothing is left behind."""
    spoil(vc.faults)
    report = checked(vc, write='fra-nfs-01')
    assert words in finding(report, 'datastore fra-nfs-01').found
    assert answers(report) == {'Nova': NO, 'Cinder': NO, 'Glance': NO, 'Ceilometer': YES}
    assert files(vc) == []
    vc.transfers.clear()


def test_a_trial_that_cannot_be_deleted(own: VCenterSimulator) -> None:
    """The file that is left is named."""
    own.faults.fail_task('DeleteDatastoreFile_Task', 'NoPermission')
    report = checked(own, write='fra-nfs-01')
    (left,) = files(own)
    found = finding(report, 'datastore fra-nfs-01', Outcome.FAILED)
    assert f'[fra-nfs-01] {left} could not be deleted' in found.found

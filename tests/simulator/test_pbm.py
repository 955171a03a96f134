"""The simulator's /pbm, judged by clients that are not ours: pyVmomi, stock suds, raw requests.

pyVmomi brings its own tables of PBM, of all versions; suds reads the description that the server
publishes. Neither shares a line with the simulator's codec.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import suds
import suds.client
import suds.sax.element
from lxml import etree
from pyVmomi import SoapStubAdapter, VmomiSupport, pbm, vim, vmodl

from oslo_vmware.simulator import Ref, VCenterSimulator
from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.pbm.policies import VSAN_DEFAULT_ID

from .conftest import XSI, Answer, Soap
from .test_suds import VerifiedTransport, moref

TAGS = 'http://www.vmware.com/storage/tag'
STORAGE = pbm.profile.ResourceType(resourceType='STORAGE')
SOLVER = Ref('PbmPlacementSolver', 'placementSolver')
PROFILES = Ref('PbmProfileProfileManager', 'ProfileManager')
INSTANCE = Ref('PbmServiceInstance', 'ServiceInstance')


class Client:
    """pyVmomi at /pbm, as its users set it up."""

    def __init__(self, si: Any, vc: VCenterSimulator, version: str = 'pbm.version.version11'):
        self.vc = vc
        cookie = si._stub.cookie.split('"')[1]
        VmomiSupport.GetRequestContext()['vcSessionCookie'] = cookie
        self.stub = SoapStubAdapter(
            host=vc.host,
            port=vc.port,
            path='/pbm',
            version=version,
            sslContext=ssl.create_default_context(cafile=vc.cacert),
        )
        self.instance = pbm.ServiceInstance('ServiceInstance', self.stub)
        self.content = self.instance.RetrieveContent()
        self.profiles: Any = self.content.profileManager
        self.solver: Any = self.content.placementSolver

    def named(self, name: str) -> Any:
        ids = self.profiles.QueryProfile(resourceType=STORAGE)
        found = [one for one in self.profiles.RetrieveContent(profileIds=ids) if one.name == name]
        assert len(found) == 1
        return found[0]

    def hub(self, name: str) -> Any:
        datastore = self.place(name)
        return pbm.placement.PlacementHub(hubType=datastore.type, hubId=datastore.value)

    def place(self, name: str) -> Ref:
        (found,) = [
            obj.ref
            for obj in self.vc.world.objects.values()
            if obj.ref.type in ('Datastore', 'StoragePod') and getattr(obj, 'name', '') == name
        ]
        return found

    def names(self, hubs: list[Any]) -> set[str]:
        objects: Any = self.vc.world.objects
        return {objects[hub.hubId].name for hub in hubs}


@pytest.fixture
def client(si: Any, vcenter: VCenterSimulator) -> Iterator[Client]:
    made = Client(si, vcenter)
    yield made
    made.stub.DropConnections()
    VmomiSupport.GetRequestContext().pop('vcSessionCookie', None)


def rule(
    namespace: str, capability: str, value: Any, *, prop: str = '', operator: str | None = None
) -> Any:
    """A rule, made of pyVmomi's objects."""
    metadata, profile = pbm.capability.CapabilityMetadata, pbm.capability
    return profile.CapabilityInstance(
        id=metadata.UniqueId(namespace=namespace, id=capability),
        constraint=[
            profile.ConstraintInstance(
                propertyInstance=[
                    profile.PropertyInstance(id=prop or capability, operator=operator, value=value)
                ]
            )
        ],
    )


def tags(category: str, *wanted: str, operator: str | None = None) -> Any:
    prop = f'com.vmware.storage.tag.{category}.property'
    value = pbm.capability.types.DiscreteSet(values=list(wanted))
    return rule(TAGS, category, value, prop=prop, operator=operator)


def constraints(*rule_sets: list[Any]) -> Any:
    return pbm.profile.SubProfileCapabilityConstraints(
        subProfiles=[
            pbm.profile.SubProfileCapabilityConstraints.SubProfile(name='set', capability=rules)
            for rules in rule_sets
        ]
    )


def spec(name: str, *rule_sets: list[Any], **more: Any) -> Any:
    return pbm.profile.CapabilityBasedProfileCreateSpec(
        name=name, resourceType=STORAGE, constraints=constraints(*rule_sets), **more
    )


# --- queries, with pyVmomi


def test_service_content(client: Client) -> None:
    """The managers are where clients look for them, and the instance is this vCenter's."""
    about = client.content.aboutInfo
    assert about.instanceUuid == client.vc.world.about.instanceUuid
    assert client.profiles._GetMoId() == 'ProfileManager'
    assert client.content.replicationManager is not None


def test_policies_of_the_start(client: Client) -> None:
    """There is vSAN's own policy with its well-known id, and one for each tier."""
    ids = client.profiles.QueryProfile(resourceType=STORAGE, profileCategory='REQUIREMENT')
    found = client.profiles.RetrieveContent(profileIds=ids)
    assert [one.name for one in found] == [
        'vSAN Default Storage Policy',
        'Platinum',
        'Gold',
        'Silver',
        'Bronze',
    ]
    vsan = found[0]
    assert isinstance(vsan, pbm.profile.CapabilityBasedProfile)
    assert (vsan.profileId.uniqueId, vsan.isDefault) == (VSAN_DEFAULT_ID, True)
    values = {
        one.id.id: one.constraint[0].propertyInstance[0].value
        for one in vsan.constraints.subProfiles[0].capability
    }
    assert values['hostFailuresToTolerate'] == 1
    assert values['forceProvisioning'] is False
    gold = found[2].constraints.subProfiles[0].capability[0]
    assert gold.constraint[0].propertyInstance[0].value.values == ['Gold']
    assert client.profiles.QueryProfile(resourceType=STORAGE, profileCategory='RESOURCE') == []


@pytest.mark.parametrize(
    ('rule_sets', 'allowed'),
    [
        ([[tags('Tier', 'Gold', 'Bronze')]],
         'fra-pod-01 fra-pod-01-vmfs-01 fra-pod-01-vmfs-02 fra-nfs-01'),
        ([[tags('Tier', 'Gold', 'Silver', operator='NOT')]], 'fra-nfs-01 fra-vsan-01'),
        ([[tags('Tier', 'Lead')]], ''),
        ([[tags('Tier', 'Gold'), tags('Tier', 'Silver')]], ''),
        ([[tags('Tier', 'Silver')], [tags('Tier', 'Bronze')]], 'fra-nfs-01 fra-vmfs-01'),
        ([[rule('VSAN', 'stripeWidth', 4)]], 'fra-vsan-01'),
        ([[rule('VSAN', 'hostFailuresToTolerate', 1)]], 'fra-vsan-01'),
        ([[rule('VSAN', 'hostFailuresToTolerate', 2)]], ''),
        ([[rule('VSAN', 'hostFailuresToTolerate', 2), rule('VSAN', 'forceProvisioning', True)]],
         'fra-vsan-01'),
        ([[tags('Tier', 'Silver'), rule('VSAN', 'stripeWidth', 1)]], ''),
    ],
)  # fmt: skip
def test_hubs_are_matched_by_rules(
    client: Client, rule_sets: list[list[Any]], allowed: str
) -> None:
    """Tags and vSAN's capabilities decide, the same for a stored policy and an unsaved one."""
    unsaved = client.solver.QueryMatchingHubWithSpec(createSpec=spec('x', *rule_sets))
    assert client.names(unsaved) == set(allowed.split())
    profile_id = client.profiles.Create(createSpec=spec('x', *rule_sets))
    assert client.names(client.solver.QueryMatchingHub(profile=profile_id)) == set(allowed.split())
    # And the answers with reasons agree with those without.
    for results in (
        client.solver.CheckCompatibility(profile=profile_id),
        client.solver.CheckCompatibilityWithSpec(profileSpec=spec('x', *rule_sets)),
        client.solver.CheckRequirements(
            placementSubjectRequirement=[
                pbm.placement.CapabilityProfileRequirement(profileId=profile_id)
            ]
        ),
        client.solver.CheckRequirements(
            placementSubjectRequirement=[
                pbm.placement.CapabilityConstraintsRequirement(constraints=constraints(*rule_sets))
            ]
        ),
    ):
        compatible = [result.hub for result in results if not result.error]
        assert client.names(compatible) == set(allowed.split())
        assert len(results) == 6


def test_reasons(client: Client) -> None:
    """A refused datastore says which property failed, what was wanted, and what it has."""
    silver = client.named('Silver').profileId
    hubs = [client.hub('fra-nfs-01'), client.hub('fra-vmfs-01')]
    nfs, vmfs = client.solver.CheckCompatibility(hubsToSearch=hubs, profile=silver)
    assert not vmfs.error
    assert nfs.hub.hubId == hubs[0].hubId
    # Within a list of localized faults pyVmomi gives the faults themselves.
    (reason,) = nfs.error
    assert isinstance(reason, pbm.fault.CapabilityProfilePropertyMismatchFault)
    assert reason.capabilityInstanceId.id == 'Tier'
    assert reason.requirementPropertyInstance.value.values == ['Silver']
    assert reason.resourcePropertyInstance.value.values == ['Bronze']
    vsan = client.named('vSAN Default Storage Policy').profileId
    (refused,) = client.solver.CheckCompatibility(hubsToSearch=hubs[:1], profile=vsan)
    assert {type(one) for one in refused.error} == {pbm.fault.PropertyMismatchFault}
    assert len(refused.error) == 5


def test_hubs_that_do_not_exist(client: Client) -> None:
    """A hub that names nothing is a fault which names the hub."""
    gold = client.named('Gold').profileId
    unknown = pbm.placement.PlacementHub(hubType='Datastore', hubId='datastore-9999')
    wrong = client.hub('fra-pod-01')
    wrong.hubType = 'Datastore'
    with pytest.raises(pbm.fault.NonExistentHubs) as caught:
        client.solver.QueryMatchingHub(
            hubsToSearch=[client.hub('fra-nfs-01'), unknown, wrong], profile=gold
        )
    assert [hub.hubId for hub in caught.value.hubs] == [unknown.hubId, wrong.hubId]


@pytest.mark.parametrize(
    ('version', 'ignored', 'newest'),
    [
        ('pbm.version.v8_0_0_0', False, False),
        ('pbm.version.v9_1_0_0', False, True),
        ('pbm.version.v8_0_0_0', True, True),
    ],
)
def test_what_is_newer_than_the_client(
    si: Any, vcenter: VCenterSimulator, version: str, ignored: bool, newest: bool
) -> None:
    """What 9.1 brought is kept from older clients, unless a test wants to see how they take it."""
    vcenter.policies.ignore_versions = ignored
    client = Client(si, vcenter, version)
    assert client.named('Gold').k8sCompliantName == ('gold' if newest else None)
    if not ignored:
        result = client.solver.CheckCompatibility(profile=client.named('Gold').profileId)[0]
        assert (result.hubInfo is not None) is newest
    client.stub.DropConnections()


# --- policies made over the wire


def test_life_of_a_policy(client: Client) -> None:
    """A policy is made, changed and deleted; each answer shows what the step before did."""
    made = client.profiles.Create(
        createSpec=spec('Fast', [tags('Tier', 'Gold')], description='d', category='REQUIREMENT')
    )
    found = client.named('Fast')
    assert found.profileId.uniqueId == made.uniqueId
    assert (found.description, found.generationId) == ('d', 0)
    assert found.createdBy == 'VSPHERE.LOCAL\\Administrator'
    client.profiles.Update(
        profileId=made,
        updateSpec=pbm.profile.CapabilityBasedProfileUpdateSpec(
            name='Faster', constraints=constraints([tags('Tier', 'Platinum')])
        ),
    )
    changed = client.named('Faster')
    assert (changed.description, changed.generationId) == ('d', 1)
    assert changed.lastUpdatedTime > changed.creationTime
    assert client.names(client.solver.QueryMatchingHub(profile=made)) == {'fra-vsan-01'}
    (outcome,) = client.profiles.Delete(profileId=[made])
    assert outcome.fault is None
    with pytest.raises(vmodl.fault.InvalidArgument):
        client.profiles.RetrieveContent(profileIds=[made])


@pytest.mark.parametrize(
    ('create_spec', 'fault'),
    [
        (spec('Gold', [tags('Tier', 'Gold')]), pbm.fault.DuplicateName),
        (spec('n' * 81, [tags('Tier', 'Gold')]), vmodl.fault.InvalidArgument),
        (spec('', [tags('Tier', 'Gold')]), vmodl.fault.InvalidArgument),
        (spec('x', [tags('NoSuchCategory', 'Gold')]), vmodl.fault.InvalidArgument),
        (spec('x', [rule(TAGS, 'Tier', 'Gold')]), vmodl.fault.InvalidArgument),
        (spec('x', [tags('Tier', 'Gold')], category='RESOURCE'), vmodl.fault.InvalidArgument),
        (spec('x', [rule('VSAN', 'noSuchThing', 1)]), vmodl.fault.InvalidArgument),
        (spec('x', [rule('VSAN', 'stripeWidth', '1')]), vmodl.fault.InvalidArgument),
        (spec('x', [rule('VSAN', 'stripeWidth', True)]), vmodl.fault.InvalidArgument),
        (spec('x', [rule('VSAN', 'stripeWidth', 13)]), vmodl.fault.InvalidArgument),
        (spec('x', [rule('VSAN', 'forceProvisioning', 1)]), vmodl.fault.InvalidArgument),
        (spec('x', [rule('Other', 'stripeWidth', 1)]), vmodl.fault.InvalidArgument),
        (spec('x', [tags('Tier', 'Gold', operator='MAYBE')]), vmodl.fault.InvalidArgument),
    ],
)  # fmt: skip
def test_policies_that_make_no_sense_are_refused(
    client: Client, create_spec: Any, fault: type[Exception]
) -> None:
    """Names, categories, capabilities and the types of their values are checked."""
    before = len(client.profiles.QueryProfile(resourceType=STORAGE))
    with pytest.raises(fault):
        client.profiles.Create(createSpec=create_spec)
    with pytest.raises(fault):
        client.profiles.Create(createSpec=create_spec)
    assert len(client.profiles.QueryProfile(resourceType=STORAGE)) == before


def test_deleting_tells_for_each(client: Client) -> None:
    """Used, built-in and unknown policies stay or are missing; the rest is deleted all the same."""
    machine: Any = next(o for o in client.vc.world.objects.values() if o.is_a('VirtualMachine'))
    machine.home_policy = client.named('Gold').profileId.uniqueId
    unknown = pbm.profile.ProfileId(uniqueId='no-such-id')
    outcomes = client.profiles.Delete(
        profileId=[
            client.named('Gold').profileId,
            client.named('vSAN Default Storage Policy').profileId,
            unknown,
            client.named('Silver').profileId,
        ]
    )
    assert [type(outcome.fault) for outcome in outcomes] == [
        pbm.fault.ResourceInUse,
        pbm.fault.ResourceInUse,
        pbm.fault.NotFound,
        type(None),
    ]
    ids = client.profiles.QueryProfile(resourceType=STORAGE)
    assert 'Silver' not in [one.name for one in client.profiles.RetrieveContent(profileIds=ids)]
    assert len(ids) == 4


# --- who has which policy


def wait(task: Any) -> None:
    """Wait with pyVmomi alone until a task has ended, and raise what it ended with."""
    while task.info.state in ('queued', 'running'):
        time.sleep(0.01)
    if task.info.error is not None:
        raise task.info.error


def entity(kind: str, key: str, **more: Any) -> Any:
    return pbm.ServerObjectRef(objectType=kind, key=key, **more)


def defined(policy: Any) -> list[Any]:
    return [vim.vm.DefinedProfileSpec(profileId=policy.profileId.uniqueId)]


def disk_of(vm: Any) -> Any:
    return next(
        device
        for device in vm.config.hardware.device
        if isinstance(device, vim.vm.device.VirtualDisk)
    )


def reconfigure(vm: Any, home: list[Any] | None = None, disk: list[Any] | None = None) -> None:
    config = vim.vm.ConfigSpec()
    if home is not None:
        config.vmProfile = home
    if disk is not None:
        config.deviceChange = [
            vim.vm.device.VirtualDeviceSpec(operation='edit', device=disk_of(vm), profile=disk)
        ]
    wait(vm.ReconfigVM_Task(spec=config))


def ids(found: list[Any]) -> list[str]:
    return [one.uniqueId for one in found]


def test_machines_and_disks_have_policies(client: Client, machines: list[Any]) -> None:
    """ReconfigVM_Task sets the policies of home and disk, and every query tells of them."""
    vm = machines[0]
    key = f'{vm._moId}:{disk_of(vm).key}'
    home, disk = entity('virtualMachine', vm._moId), entity('virtualDiskId', key)
    both = entity('virtualMachineAndDisks', vm._moId)
    query = client.profiles.QueryAssociatedProfile
    gold, silver = client.named('Gold'), client.named('Silver')
    assert [query(entity=one) for one in (home, disk, both)] == [[], [], []]

    reconfigure(vm, defined(gold), defined(silver))
    assert ids(query(entity=home)) == [gold.profileId.uniqueId]
    assert ids(query(entity=disk)) == [silver.profileId.uniqueId]
    assert ids(query(entity=both)) == [gold.profileId.uniqueId, silver.profileId.uniqueId]
    (user,) = client.profiles.QueryAssociatedEntity(profile=silver.profileId)
    assert (user.objectType, user.key) == ('virtualDiskId', key)
    assert user.serverUuid == client.vc.world.about.instanceUuid
    found = client.profiles.QueryAssociatedEntity(
        profile=silver.profileId, entityType='virtualMachine'
    )
    assert found == []
    results = client.profiles.QueryAssociatedEntities(profiles=[gold.profileId, silver.profileId])
    assert {(one.object.key, *ids(one.profileId)) for one in results} == {
        (vm._moId, gold.profileId.uniqueId),
        (key, silver.profileId.uniqueId),
    }

    # A change that speaks of no policy changes none; an empty one takes it away.
    reconfigure(vm, disk=[])
    assert len(query(entity=both)) == 2
    reconfigure(vm, home=[vim.vm.EmptyProfileSpec()])
    assert ids(query(entity=both)) == [silver.profileId.uniqueId]


def test_a_machine_is_created_with_policies(client: Client, si: Any) -> None:
    """CreateVM_Task associates the new machine's home and disk; with the machine it all goes."""
    datacenter = si.content.rootFolder.childEntity[0]
    cluster = datacenter.hostFolder.childEntity[0]
    gold, silver = client.named('Gold'), client.named('Silver')
    scsi = vim.vm.device.VirtualLsiLogicController(key=-1, busNumber=0, sharedBus='noSharing')
    disk = vim.vm.device.VirtualDisk(
        key=-2,
        controllerKey=-1,
        unitNumber=0,
        capacityInKB=1024,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName='', diskMode='persistent'),
    )
    spec_of = vim.vm.device.VirtualDeviceSpec
    config = vim.vm.ConfigSpec(
        name='with-policies',
        files=vim.vm.FileInfo(vmPathName='[fra-pod-01-vmfs-01]'),
        vmProfile=defined(gold),
        deviceChange=[
            spec_of(operation='add', device=scsi),
            spec_of(operation='add', fileOperation='create', device=disk, profile=defined(silver)),
        ],
    )
    task = datacenter.vmFolder.CreateVM_Task(config=config, pool=cluster.resourcePool)
    wait(task)
    vm = task.info.result
    results = client.profiles.QueryAssociatedProfiles(
        entities=[
            entity('virtualMachine', vm._moId),
            entity('virtualDiskId', f'{vm._moId}:{disk_of(vm).key}'),
            entity('virtualDiskId', f'{vm._moId}:9999'),
            entity('virtualMachine', 'vm-9999'),
            entity('virtualMachine', vm._moId, serverUuid='another vCenter'),
        ]
    )
    assert [ids(one.profileId) for one in results] == [
        [gold.profileId.uniqueId],
        [silver.profileId.uniqueId],
        [],
        [],
        [],
    ]
    assert [one.fault is None for one in results] == [True, True, False, False, False]
    wait(vm.Destroy_Task())
    assert client.profiles.QueryAssociatedEntities(profiles=[gold.profileId]) == []


def test_an_unknown_policy_is_refused(client: Client, machines: list[Any]) -> None:
    """A machine cannot have a policy that does not exist; nothing of the change is made."""
    vm = machines[0]
    name = vm.name
    config = vim.vm.ConfigSpec(
        name='renamed', vmProfile=[vim.vm.DefinedProfileSpec(profileId='no-such-policy')]
    )
    with pytest.raises(vmodl.fault.InvalidArgument):
        wait(vm.ReconfigVM_Task(spec=config))
    assert vm.name == name


def test_default_policies(client: Client, si: Any) -> None:
    """vSAN has a default policy, others none; it can be replaced, and machines can ask for it."""
    nfs, vsan = client.hub('fra-nfs-01'), client.hub('fra-vsan-01')
    one = client.profiles.QueryDefaultRequirementProfile
    assert one(hub=nfs) is None
    assert one(hub=vsan).uniqueId == VSAN_DEFAULT_ID
    platinum = client.named('Platinum').profileId
    client.profiles.AssignDefaultRequirementProfile(profile=platinum, datastores=[vsan])
    assert one(hub=vsan).uniqueId == platinum.uniqueId
    infos = client.profiles.QueryDefaultRequirementProfiles(datastores=[nfs, vsan])
    assert [info.defaultProfile and info.defaultProfile.name for info in infos] == [
        None,
        'Platinum',
    ]
    with pytest.raises(pbm.fault.LegacyHubsNotSupported) as caught:
        client.profiles.AssignDefaultRequirementProfile(profile=platinum, datastores=[nfs, vsan])
    assert [hub.hubId for hub in caught.value.hubs] == [nfs.hubId]
    datacenter = si.content.rootFolder.childEntity[0]
    config = vim.vm.ConfigSpec(
        name='by-default',
        files=vim.vm.FileInfo(vmPathName='[fra-vsan-01]'),
        vmProfile=[vim.vm.DefaultProfileSpec()],
    )
    pool = datacenter.hostFolder.childEntity[0].resourcePool
    task = datacenter.vmFolder.CreateVM_Task(config=config, pool=pool)
    wait(task)
    vm = task.info.result
    found = client.profiles.QueryAssociatedProfile(entity=entity('virtualMachine', vm._moId))
    assert ids(found) == [platinum.uniqueId]


def test_tags_given_by_a_test(client: Client) -> None:
    """A test tags datastores as it likes, and policies follow."""
    datastore = next(client.vc.world.of_type(Datastore))
    client.vc.policies.tag(datastore, 'Site', 'north', 'coast')
    found = client.solver.QueryMatchingHubWithSpec(createSpec=spec('x', [tags('Site', 'coast')]))
    assert client.names(found) == {datastore.name}
    client.vc.policies.tag(datastore, 'Site')
    found = client.solver.QueryMatchingHubWithSpec(createSpec=spec('x', [tags('Site', 'coast')]))
    assert found == []


def test_what_is_not_there_is_not_implemented(client: Client) -> None:
    """An operation that this server lacks is refused as such, not as an unknown object."""
    with pytest.raises(vmodl.fault.NotImplemented):
        client.profiles.FetchCapabilityMetadata()
    with pytest.raises(vmodl.fault.NotImplemented):
        client.content.complianceManager.CheckCompliance(
            entities=[entity('virtualMachine', 'vm-1')]
        )


# --- strictness, with raw requests


class RawPbm(Soap):
    """Posts to /pbm what it is told, with the cookie of a session in the header, or another."""

    cookie: str | None = None

    def call(
        self, operation: str, this: Ref, content: str = '', header: str = '', **headers: str
    ) -> Answer:
        if self.cookie is not None:
            header += f'<vcSessionCookie>{self.cookie}</vcSessionCookie>'
        envelope = self.envelope(operation, this, content, header)
        envelope = envelope.replace('xmlns="urn:vim25"', 'xmlns="urn:pbm"')
        sent = {'Content-Type': 'text/xml', 'SOAPAction': '"urn:pbm/2.0"'}
        sent |= headers
        response = self.http.post(self.vc.pbm_url, data=envelope.encode(), headers=sent, timeout=30)
        return Answer(response)


@pytest.fixture
def raw(vcenter: VCenterSimulator) -> Iterator[RawPbm]:
    """A raw client of /pbm with the cookie of a session."""
    made = RawPbm(vcenter)
    login = vcenter.sessions.login(vcenter.username, vcenter.password, 'en', '')
    assert login
    made.cookie = login.cookie.strip('"')
    yield made
    made.http.close()


STORAGE_XML = '<resourceType><resourceType>STORAGE</resourceType></resourceType>'


def query(raw: RawPbm, **headers: str) -> Answer:
    return raw.call('PbmQueryProfile', PROFILES, STORAGE_XML, **headers)


@pytest.mark.parametrize(
    'change',
    [
        lambda cookie: f'"{cookie}"',
        lambda cookie: None,
        lambda cookie: '',
        lambda cookie: cookie[:-1],
        lambda cookie: cookie.upper() + '0',
    ],
    ids=['quoted', 'missing', 'empty', 'short', 'other'],
)
def test_only_the_bare_cookie_opens(raw: RawPbm, change: Callable[[str], str | None]) -> None:
    """The SOAP header must hold the bare value; the HTTP cookie, even a right one, is nothing."""
    assert query(raw).fault is None
    good = raw.cookie
    assert good
    raw.http.cookies.set('vmware_soap_session', f'"{good}"')
    raw.cookie = change(good)
    answer = query(raw)
    assert (answer.fault_type or '').endswith('NotAuthenticated')
    # What hides the mistake: this call is open to everybody.
    assert raw.call('PbmRetrieveServiceContent', INSTANCE).fault is None


@pytest.mark.vcenter(api_version='6.0')
def test_an_old_server_speaks_of_a_security_error(raw: RawPbm) -> None:
    """Before 6.5 PBM says SecurityError to those without a session."""
    raw.cookie = None
    assert (query(raw).fault_type or '').endswith('SecurityError')


def test_a_session_that_ends_ends_here(raw: RawPbm) -> None:
    """There is one session for both services, and its end is the end for both."""
    assert query(raw).fault is None
    raw.vc.expire_sessions()
    assert (query(raw).fault_type or '').endswith('NotAuthenticated')


@pytest.mark.parametrize(
    ('api_version', 'action', 'accepted'),
    [
        ('9.1.1.0', 'urn:pbm/9.1.1.0', True),
        ('9.1.1.0', '"urn:pbm/9.1.0.0"', True),
        ('9.1.1.0', 'urn:pbm/1.0', True),
        ('8.0.3.0', 'urn:pbm/8.0.3.0', True),
        ('8.0.3.0', 'urn:pbm/8.0.3.1', False),
        ('8.0.3.0', 'urn:pbm/9.0.0.0', False),
        ('8.0.3.0', 'urn:pbm/8.0', False),
        ('8.0.3.0', 'urn:vim25/8.0.3.0', False),
        ('8.0.3.0', 'urn:pbm', True),
        ('7.0.0.0', 'urn:pbm/s4765C', False),
        ('6.7', 'urn:pbm/6.7', True),
        ('6.7', 'urn:pbm/6.7.1', False),
        ('6.0', 'urn:pbm/2.0', True),
        ('6.0', 'urn:pbm/6.5', False),
        ('5.5', 'urn:pbm/1.0', True),
        ('5.5', 'urn:pbm/2.0', False),
    ],
)
def test_versions(api_version: str, action: str, accepted: bool) -> None:
    """The SOAPAction may name PBM's version of the server and older ones, no other."""
    with VCenterSimulator(api_version=api_version) as vc:
        raw = RawPbm(vc)
        answer = raw.call('PbmRetrieveServiceContent', INSTANCE, SOAPAction=action)
        raw.http.close()
    if accepted:
        assert answer.fault is None
    else:
        assert (answer.fault_text or '').startswith('Unsupported version URI')


@pytest.mark.parametrize(
    ('value', 'says'),
    [
        ('<value xsi:type="xsd:int">1</value>', None),
        ('<value>1</value>', 'needs an xsi:type'),
        ('<value xsi:type="xs:int">1</value>', 'type xs:int is not known'),
        ('<value xsi:type="int">1</value>', 'type int is not known'),
        ('<value xsi:type="xsd:int">one</value>', "'one' is not a value of type int"),
        ('<value xsi:type="PbmNoSuchType"/>', 'type PbmNoSuchType is not known'),
        ('<value xsi:type="xsd:string">1</value>', 'not correct: createSpec.constraints'),
    ],
)
def test_values_carry_their_type(raw: RawPbm, value: str, says: str | None) -> None:
    """A value of type any needs its type, by a prefix that is declared, and the right one."""
    content = (
        f'<createSpec><name>x</name>{STORAGE_XML}'
        '<constraints xsi:type="PbmCapabilitySubProfileConstraints"><subProfiles><name>r</name>'
        '<capability><id><namespace>VSAN</namespace><id>stripeWidth</id></id><constraint>'
        f'<propertyInstance><id>stripeWidth</id>{value}</propertyInstance>'
        '</constraint></capability></subProfiles></constraints></createSpec>'
    )
    answer = raw.call('PbmCreate', PROFILES, content)
    if says is None:
        assert answer.fault is None
    else:
        assert says in (answer.fault_text or '')


def test_faults_name_their_namespace(raw: RawPbm) -> None:
    """A fault of VIM and one of PBM are each of a type of their own namespace."""
    unknown = '<profileIds><uniqueId>no-such-id</uniqueId></profileIds>'
    answer = raw.call('PbmRetrieveContent', PROFILES, unknown)
    assert answer.response.status_code == 500
    detail = answer.fault.find('detail')[0]
    prefix, _, name = detail.get(f'{{{XSI}}}type').rpartition(':')
    assert (detail.nsmap[prefix or None], name) == ('urn:vim25', 'InvalidArgument')
    assert detail.findtext('{urn:vim25}invalidProperty') == 'profileIds'
    hubs = '<hubsToSearch><hubType>Datastore</hubType><hubId>x</hubId></hubsToSearch>'
    profile = f'<profile><uniqueId>{VSAN_DEFAULT_ID}</uniqueId></profile>'
    detail = raw.call('PbmQueryMatchingHub', SOLVER, hubs + profile).fault.find('detail')[0]
    prefix, _, name = detail.get(f'{{{XSI}}}type').rpartition(':')
    assert (detail.nsmap[prefix or None], name) == ('urn:pbm', 'PbmNonExistentHubs')


def test_objects_of_vim_are_not_here(raw: RawPbm) -> None:
    """The two services have objects of their own, even under the same id."""
    answer = raw.call('PbmRetrieveServiceContent', Ref('ServiceInstance', 'ServiceInstance'))
    assert (answer.fault_type or '').endswith('ManagedObjectNotFound')


# --- what the server publishes


@pytest.mark.vcenter(api_version='8.0.3.0')
def test_published_versions(soap: Soap) -> None:
    """The versions of PBM are published as those of VIM are, newest first."""
    address = f'{soap.vc.pbm_url}/pbmServiceVersions.xml'
    root = etree.fromstring(soap.http.get(address, timeout=30).content)
    assert root.findtext('namespace/name') == 'urn:pbm'
    assert root.findtext('namespace/version') == '8.0.3.0'
    prior = [node.text for node in root.iterfind('namespace/priorVersions/version')]
    assert prior[0] == '8.0.2.0'
    assert prior[-2:] == ['2.0', '1.0']


@pytest.mark.vcenter(api_version='8.0.3.0')
def test_stock_suds(vcenter: VCenterSimulator, soap: Soap) -> None:
    """A stock suds client lives by the published description, and its requests are understood."""
    soap.login()
    client = suds.client.Client(
        f'{vcenter.pbm_url}/pbmService.wsdl',
        transport=VerifiedTransport(vcenter.cacert),
        cache=None,
        timeout=30,
    )
    (session,) = vcenter.sessions
    cookie = suds.sax.element.Element('vcSessionCookie').setText(session.cookie.strip('"'))
    client.set_options(soapheaders=[cookie])
    instance = moref('ServiceInstance', 'PbmServiceInstance')
    content = client.service.PbmRetrieveServiceContent(instance)
    storage = client.factory.create('ns0:PbmProfileResourceType')
    storage.resourceType = 'STORAGE'
    found = client.service.PbmQueryProfile(content.profileManager, storage)
    profiles = client.service.PbmRetrieveContent(content.profileManager, found)
    assert [profile.name for profile in profiles][1:3] == ['Platinum', 'Gold']
    hubs = client.service.PbmQueryMatchingHub(content.placementSolver, None, found[3])
    assert [hub.hubType for hub in hubs] == ['Datastore']
    with pytest.raises(suds.WebFault, match='profileIds'):
        client.service.PbmRetrieveContent(content.profileManager, [{'uniqueId': 'no-such-id'}])
    assert {call.soap_action.strip('"') for call in vcenter.calls if 'Pbm' in call.operation} == {
        'urn:pbm/8.0.3.0'
    }

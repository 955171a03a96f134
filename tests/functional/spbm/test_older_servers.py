"""What an older vSphere lacks is refused before a call, and works from then on."""

import contextlib
import functools
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oslo_vmware import api, exceptions, spbm
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.pbm import capabilities

from .conftest import Site

Use = Callable[[api.VMwareAPISession, Site], Any]

#: A release that brought something -> the API versions of the one before, and of that one.
BORDERS = {
    '6.0': ('5.5', '6.0'),
    '6.5': ('6.0', '6.5'),
    '6.7': ('6.5', '6.7'),
    '8.0': ('7.0.3.0', '8.0.0.0'),
}


def new() -> str:
    """A name that no policy has."""
    return f'New {uuid.uuid4()}'


def vsan(site: Site) -> Any:
    return site.ref('Datastore', 'fra-vsan-01')


def gold(site: Site) -> str:
    return site.policy_id('Gold')


def encryption(site: Site) -> str:
    # A server before 6.5 has no such policy to name; there the rule is refused all the same.
    found = [one for one in site.vc.policies.all() if one.name == 'Default encryption properties']
    return str(found[0].profileId.uniqueId) if found else str(uuid.uuid4())


DISK = spbm.first_class_disk('some-disk')
NOT_BRONZE = spbm.tag_rule('Tier', 'Bronze', exclude=True)
DATA_SERVICE = 'DATA_SERVICE_POLICY'
CRYPT = spbm.Rule('vmwarevmcrypt', 'vmwarevmcrypt@ENCRYPTION', 'AllowCleartextFilters', 'True')

#: What is in the guide's table, and more -> the release that brought it, and a use of it.
FEATURES: dict[str, tuple[str, Use]] = {
    'default policies': ('6.0', lambda s, site: spbm.default_policies(s, [vsan(site)])),
    'no default policies': ('6.0', lambda s, site: spbm.default_policies(s, [])),
    'applicable': ('6.0', lambda s, site: spbm.applicable_default_policies(s, [vsan(site)])),
    'set default': ('6.0', lambda s, site: spbm.set_default_policy(s, gold(site), [vsan(site)])),
    'reset': ('6.0', lambda s, site: spbm.reset_vsan_default_policy(s)),
    'space': ('6.0', lambda s, site: spbm.space_statistics(s, vsan(site))),
    'subject': (
        '6.5',
        lambda s, site: spbm.check_compatibility(
            s, gold(site), subject=spbm.entity(site.ref('VirtualMachine'))
        ),
    ),
    'subject of hosts': (
        '6.5',
        lambda s, site: spbm.check_compatibility(
            s,
            gold(site),
            [site.ref('StoragePod')],
            subject=spbm.entity(site.ref('VirtualMachine')),
            usable_by=site.ref('HostSystem'),
        ),
    ),
    'subject of rules': (
        '6.5',
        lambda s, site: spbm.check_spec_compatibility(
            s,
            spbm.vsan_rule(stripeWidth=1),
            subject=spbm.entity(site.ref('VirtualMachine')),
        ),
    ),
    'lines of service': (
        '6.5',
        lambda s, site: spbm.capability_schema(s, line_of_service='ENCRYPTION'),
    ),
    'rules with NOT': (
        '6.5',
        lambda s, site: spbm.create_policy(s, new(), [NOT_BRONZE, *spbm.vsan_rule(stripeWidth=1)]),
    ),
    'unsaved rules with NOT': (
        '6.5',
        lambda s, site: spbm.check_spec_compatibility(
            s, [*spbm.vsan_rule(stripeWidth=1), NOT_BRONZE]
        ),
    ),
    'other rules with NOT': (
        '6.5',
        lambda s, site: spbm.update_policy(s, gold(site), rule_sets=NOT_BRONZE),
    ),
    'encryption': (
        '6.5',
        lambda s, site: spbm.create_policy(s, new(), spbm.encryption_rule(encryption(site))),
    ),
    'encryption checked': (
        '6.5',
        lambda s, site: spbm.check_rules(s, spbm.encryption_rule(encryption(site))),
    ),
    'policies of data services': (
        '6.5',
        lambda s, site: spbm.create_policy(s, new(), CRYPT, category=DATA_SERVICE),
    ),
    'listing data services': (
        '6.5',
        lambda s, site: spbm.list_policies(s, category=DATA_SERVICE),
    ),
    'finding a data service': (
        '6.5',
        lambda s, site: spbm.find_policy(s, 'Low IO shares allocation', category=DATA_SERVICE),
    ),
    'ensuring a data service': (
        '6.5',
        lambda s, site: spbm.ensure_policy(s, new(), CRYPT, category=DATA_SERVICE),
    ),
    'machines by compliance': ('6.5', lambda s, site: spbm.vms_by_compliance(s, 'compliant')),
    'machines without policies': (
        '6.5',
        lambda s, site: spbm.vms_by_compliance(s, 'notApplicable'),
    ),
    'replication groups': ('6.5', lambda s, site: spbm.replication_groups(s, [])),
    'policies of a disk': ('6.5', lambda s, site: spbm.policies_of(s, [DISK])),
    'compliance of a disk': ('6.5', lambda s, site: spbm.compliance(s, [DISK])),
    'disks of a policy': (
        '6.5',
        lambda s, site: spbm.entities_of(s, gold(site), kind='virtualDiskUUID'),
    ),
    'replication': (
        '6.5',
        lambda s, site: spbm.policy_spec(s, gold(site), replication_group=('d', 'g')),
    ),
    'replicating a machine': (
        '6.5',
        lambda s, site: spbm.set_policies(
            s, site.ref('VirtualMachine'), home=gold(site), replication_group=('d', 'g')
        ),
    ),
    'parameters': ('6.7', lambda s, site: spbm.policy_spec(s, gold(site), params={'a': 'b'})),
    'zones': ('8.0', lambda s, site: spbm.create_policy(s, new(), spbm.zonal_rule())),
    'unsaved zones': ('8.0', lambda s, site: spbm.check_spec_compatibility(s, spbm.zonal_rule())),
}


Servers = Callable[[str], tuple[Site, api.VMwareAPISession]]


@pytest.fixture(scope='module')
def servers() -> Iterator[Servers]:
    """Gives the server of a version, and a session with it; one for all tests."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def server(api_version: str) -> tuple[Site, api.VMwareAPISession]:
            vc = stack.enter_context(VCenterSimulator(api_version=api_version, task_seconds=0.01))
            session = api.VMwareAPISession(
                vc.host, vc.username, vc.password, 0, 0.05, port=vc.port, cacert=vc.cacert
            )
            stack.enter_context(session)
            return Site(vc), session

        yield server


@pytest.mark.parametrize('feature', FEATURES)
def test_a_server_that_is_too_old(servers: Servers, feature: str) -> None:
    """The exception says from which vSphere on there is something, and nothing was sent."""
    since, use = FEATURES[feature]
    site, session = servers(BORDERS[since][0])
    site.vc.calls.clear()
    with pytest.raises(exceptions.PbmNotSupportedException, match=f'needs vSphere {since}'):
        use(session, site)
    assert [call.operation for call in site.vc.calls] == []


@pytest.mark.parametrize('feature', FEATURES)
def test_a_server_that_is_new_enough(servers: Servers, feature: str) -> None:
    """What is said to be missing before is there from then on."""
    since, use = FEATURES[feature]
    site, session = servers(BORDERS[since][1])
    use(session, site)
    assert site.vc.errors == []


FILTERS = {'vmwarevmcrypt', 'spm'}
ZONES = {'com.vmware.storage.consumptiondomain'}


@pytest.mark.parametrize(
    ('api_version', 'hidden'),
    [
        ('5.5', FILTERS | ZONES),
        ('6.0', FILTERS | ZONES),
        ('6.5', ZONES),
        ('7.0.3.0', ZONES),
        ('8.0.0.0', set()),
    ],
)
def test_what_an_older_server_announces(
    servers: Servers, api_version: str, hidden: set[str]
) -> None:
    """Neither its schema nor its vendors have what came later, and it takes no rules about it."""
    _site, session = servers(api_version)
    everything = {one.name for one in capabilities.NAMESPACES}
    assert {one.namespace for one in spbm.vendors(session)} == everything - hidden
    announced = {
        capability.namespace
        for schema in spbm.capability_schema(session)
        for capability in schema.capabilities
    }
    assert announced == everything - hidden
    services = {one.category for one in spbm.list_policies(session, category=None)}
    assert (DATA_SERVICE in services) == hidden.isdisjoint(FILTERS)
    for namespace in hidden:
        found = next(one for one in capabilities.NAMESPACES if one.name == namespace)
        (capability, *_) = found.capabilities
        (prop, *_) = capability.properties
        rule = spbm.Rule(namespace, capability.id, prop.id, prop.allowed[0])
        for validate in (True, False):
            with pytest.raises(exceptions.VimException):
                spbm.create_policy(session, new(), rule, validate=validate)
    name = new()
    assert spbm.create_policy(session, name, spbm.tag_rule('Tier', 'Gold')).name == name

"""Where a list is taken, whatever can be gone through will do, once and in any form."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from oslo_vmware import api, spbm
from oslo_vmware.simulator import VCenterSimulator

from .conftest import Site

FORMS: dict[str, Callable[[list[Any]], Iterable[Any]]] = {
    'list': list,
    'tuple': tuple,
    'generator': lambda items: (one for one in items),
    'view of a dict': lambda items: dict(enumerate(items)).values(),
    'iterator': iter,
}

Form = Callable[[list[Any]], Iterable[Any]]

RULES = [spbm.tag_rule('Tier', 'Gold'), *spbm.vsan_rule(stripeWidth=1)]


def vms(site: Site) -> list[Any]:
    return list(site.refs('VirtualMachine').values())


def ids(site: Site) -> list[str]:
    return [site.policy_id('Gold'), site.policy_id('Silver')]


def hosts(site: Site) -> list[Any]:
    return list(site.refs('HostSystem').values())


def stores(site: Site) -> list[Any]:
    return list(site.refs('Datastore').values())


#: Every function with a parameter that is a list, as it is called with each form of one.
USES: dict[str, Callable[[api.VMwareAPISession, Site, Form], Any]] = {
    'applicable_default_policies': lambda s, site, form: spbm.applicable_default_policies(
        s, form([site.ref('Datastore', 'fra-vsan-01')])
    ),
    'capability_schema': lambda s, site, form: spbm.capability_schema(
        s, line_of_service=form(['ENCRYPTION', 'PERSISTENCE'])
    ),
    'check_compatibility': lambda s, site, form: spbm.check_compatibility(
        s, ids(site)[0], form(stores(site)), usable_by=form(hosts(site))
    ),
    'check_rules': lambda s, site, form: spbm.check_rules(s, form(RULES)),
    'check_spec_compatibility': lambda s, site, form: spbm.check_spec_compatibility(
        s, form(RULES), form(stores(site)), usable_by=form(hosts(site))
    ),
    'compatible_datastores': lambda s, site, form: [
        one.value
        for one in spbm.compatible_datastores(
            s, ids(site)[0], form(stores(site)), usable_by=form(hosts(site))
        )
    ],
    'compliance': lambda s, site, form: spbm.compliance(
        s, form([spbm.entity(one) for one in vms(site)])
    ),
    'create_policy': lambda s, site, form: (
        spbm.create_policy(s, 'New', form([spbm.RuleSet(form(RULES))])).rule_sets[0].rules
    ),
    'default_policies': lambda s, site, form: spbm.default_policies(s, form(stores(site))),
    'delete_policies': lambda s, site, form: spbm.delete_policies(s, form(ids(site))),
    'DiscreteSet': lambda s, site, form: spbm.DiscreteSet(form(['a', 'b'])),
    'ensure_policy': lambda s, site, form: (
        spbm.ensure_policy(s, 'New', form(RULES)).policy.rule_sets[0].rules
    ),
    'entities_of_policies': lambda s, site, form: spbm.entities_of_policies(s, form(ids(site))),
    'policies_by_id': lambda s, site, form: spbm.policies_by_id(s, form(ids(site))),
    'policies_by_name': lambda s, site, form: spbm.policies_by_name(s, form(['Gold', 'Silver'])),
    'policies_of': lambda s, site, form: spbm.policies_of(
        s, form([spbm.entity(one) for one in vms(site)])
    ),
    'replication_groups': lambda s, site, form: list(
        spbm.replication_groups(s, form([spbm.entity(one) for one in vms(site)]))
    ),
    'RuleSet': lambda s, site, form: spbm.RuleSet(form(RULES)),
    'set_default_policy': lambda s, site, form: spbm.set_default_policy(
        s, ids(site)[0], form([site.ref('Datastore', 'fra-vsan-01')])
    ),
    'space_statistics': lambda s, site, form: spbm.space_statistics(
        s, site.ref('Datastore', 'fra-vsan-01'), form(ids(site))
    ),
    'tag_rule': lambda s, site, form: spbm.tag_rule('Tier', form(['Gold', 'Silver'])),
    'update_policy': lambda s, site, form: (
        spbm.update_policy(s, ids(site)[0], rule_sets=form(RULES)).rule_sets[0].rules
    ),
    'vm_compliance': lambda s, site, form: spbm.vm_compliance(s, form(vms(site))),
}


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('use', USES)
def test_any_iterable_will_do(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, use: str, form: str
) -> None:
    """The answer is that to a list."""
    vc.policies.assign(site.object('VirtualMachine'), site.policy_id('Gold'))
    call = USES[use]
    given = call(session, site, FORMS[form])
    if use == 'create_policy':
        assert given == tuple(RULES)
    elif use == 'delete_policies':
        assert len(given) == 2
    else:
        assert given == call(session, site, list)

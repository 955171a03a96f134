"""Make the storage policies of a new tenant, and say where each of them can be satisfied.

usage: tenant_policies.py TENANT PATH-OF-CLUSTER
"""

import os
import sys
from typing import Any

from oslo_vmware import api, spbm, vim_util

# What is sold, and the tags of the category Tier that datastores have for it.
TIERS = {'fast': ['Gold'], 'usual': ['Gold', 'Silver'], 'archive': ['Bronze']}


def connect() -> api.VMwareAPISession:
    """A session with the vCenter that the environment names; its certificate is verified."""
    host, _, port = os.environ['VSPHERE_HOST'].partition(':')
    return api.VMwareAPISession(
        host,
        os.environ['VSPHERE_USER'],
        os.environ['VSPHERE_PASSWORD'],
        api_retry_count=3,
        task_poll_interval=0.5,
        port=int(port or 443),
        cacert=os.environ.get('VSPHERE_CACERT'),
        insecure=False,
    )


def find(session: api.VMwareAPISession, path: str) -> Any:
    """What is at a path of the inventory, such as ``/Frankfurt/vm/Production/fra-web-0001``."""
    found = session.invoke_api(vim_util, 'find_by_inventory_path', session.vim, path)
    if found is None:
        sys.exit(f'There is nothing at {path}.')
    return found


def make_policies(session: api.VMwareAPISession, tenant: str) -> dict[str, spbm.Policy]:
    """Make what is missing and put right what differs; to run it twice does nothing twice."""
    made: dict[str, spbm.Policy] = {}
    for tier, tags in TIERS.items():
        policy, changed = spbm.ensure_policy(
            session,
            f'{tenant}-{tier}',
            [spbm.RuleSet([spbm.tag_rule('Tier', tags)])],
            description=f'Storage of {tenant}: {tier}.',
        )
        made[tier] = policy
        print(f'{policy.name}: {"made" if changed else "was there"}')
    return made


def main() -> None:
    tenant, path = sys.argv[1:]
    nowhere: list[str] = []
    with connect() as session:
        cluster = find(session, path)
        for policy in make_policies(session, tenant).values():
            results = spbm.check_compatibility(session, policy, usable_by=cluster)
            for result in results:
                print(f'  {"fits" if result.compatible else "no"}: {spbm.explain(result)}')
            if not any(result.compatible for result in results):
                nowhere.append(policy.name)
    if nowhere:
        sys.exit(f'{path} has no datastore for {", ".join(nowhere)}.')


if __name__ == '__main__':
    main()

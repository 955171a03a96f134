"""Print how busy the machines that run have been in the last five minutes.

usage: counters.py [COUNTER]       such as mem.active.average; cpu.usage.average by default
"""

import os
import sys
from collections.abc import Iterator
from typing import Any

from oslo_vmware import api, vim_util
from oslo_vmware.types import vim

# Every vCenter has samples of the last hour at this distance.
REAL_TIME_SECONDS = 20
SAMPLES = 300 // REAL_TIME_SECONDS


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


def running(session: api.VMwareAPISession) -> Iterator[tuple[str, Any]]:
    """Names of and references to the machines that run."""
    found = session.invoke_api(
        vim_util,
        'get_objects',
        session.vim,
        'VirtualMachine',
        100,
        ['name', 'runtime.powerState'],
    )
    with vim_util.WithRetrieval(session.vim, found) as machines:
        for machine in machines:
            properties = vim_util.propset_dict(machine.propSet)
            if properties['runtime.powerState'] == 'poweredOn':
                yield properties['name'], machine.obj


def counter(session: api.VMwareAPISession, name: str) -> Any:
    """What the server says of a counter; its number differs from server to server."""
    manager = session.vim.service_content.perfManager
    known = session.invoke_api(vim_util, 'get_object_property', session.vim, manager, 'perfCounter')
    for one in vim_util.as_list(known):
        if f'{one.groupInfo.key}.{one.nameInfo.key}.{one.rollupType}' == name:
            return one
    sys.exit(f'This server does not count {name}.')


def samples(session: api.VMwareAPISession, machines: list[Any], key: int) -> dict[str, list[int]]:
    """What was counted, for all machines in one call.

    :returns: samples by the id of the machine, the newest last; missing if it has none
    """
    specs = [
        vim.PerfQuerySpec(
            entity=machine,
            # The instance without a name is the whole of the machine.
            metricId=[vim.PerfMetricId(counterId=key, instance='')],
            intervalId=REAL_TIME_SECONDS,
            maxSample=SAMPLES,
        )
        for machine in machines
    ]
    manager = session.vim.service_content.perfManager
    answers: list[Any] = session.invoke_api(session.vim, 'QueryPerf', manager, querySpec=specs)
    found: dict[str, list[int]] = {}
    for answer in answers or ():
        # A machine that was started just now has none.
        for series in getattr(answer, 'value', ()):
            # -1 is a sample that was not taken.
            found[answer.entity.value] = [value for value in series.value if value != -1]
    return found


def main() -> None:
    name = sys.argv[1] if sys.argv[1:] else 'cpu.usage.average'
    with connect() as session:
        machines = dict(running(session))
        info = counter(session, name)
        found = samples(session, list(machines.values()), info.key)
        # Percentages are counted in hundredths.
        unit, scale = info.unitInfo.label, 100 if info.unitInfo.key == 'percent' else 1
        for machine, reference in sorted(machines.items()):
            if values := found.get(reference.value):
                mean = sum(values) / len(values) / scale
                print(f'{machine:24} {mean:12,.1f} {unit}, at most {max(values) / scale:,.1f}')


if __name__ == '__main__':
    main()

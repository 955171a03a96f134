"""Small programs that tests run in processes of their own."""

from __future__ import annotations

import sys
from typing import Any


def scenario() -> str:
    """Log in, watch and power a machine on and log out, with a client and server in one process."""
    import requests
    from lxml import etree

    from oslo_vmware.simulator import VCenterSimulator
    from oslo_vmware.simulator.objects.virtual_machine import VirtualMachine
    from tests.simulator.conftest import PROPERTY_COLLECTOR, SESSION_MANAGER, Soap, read_spec

    with VCenterSimulator(task_seconds=0.05) as vc:
        client = Soap(vc)
        assert client.login().fault is None
        machine: Any = next(
            one
            for one in vc.world.of_type(VirtualMachine)
            if one.runtime.powerState == 'poweredOff'
        )
        spec = read_spec(machine.ref, 'runtime.powerState').replace('<options/>', '')
        spec = spec.replace('specSet>', 'spec>') + '<partialUpdates>true</partialUpdates>'
        assert client.call('CreateFilter', PROPERTY_COLLECTOR, spec).fault is None
        version, seen = '', []
        assert client.call('PowerOnVM_Task', machine.ref).fault is None
        while 'poweredOn' not in seen:
            answer = client.call(
                'WaitForUpdatesEx',
                PROPERTY_COLLECTOR,
                f'<version>{version}</version><options><maxWaitSeconds>10</maxWaitSeconds>'
                '</options>',
            )
            version = answer.text('returnval/version') or ''
            assert version, etree.tostring(answer.body)
            seen += answer.texts('returnval/filterSet/objectSet/changeSet/val')
        vc.faults.drop('CurrentTime')
        try:
            client.call('CurrentTime', SESSION_MANAGER)
        except requests.ConnectionError:
            seen.append('dropped')
        assert client.call('Logout', SESSION_MANAGER).fault is None
        client.http.close()
        assert vc.errors == []
    return ' '.join(one or '' for one in seen[-2:])


def eventlet_scenario() -> None:
    """The same where eventlet has replaced all that blocks."""
    import warnings

    # Eventlet says that it is deprecated; those who still need it are whom this is for.
    warnings.filterwarnings('ignore', r'\s*Eventlet is deprecated')
    import eventlet

    eventlet.monkey_patch()
    with eventlet.Timeout(60):
        result = scenario()
    import threading

    assert type(threading.current_thread()).__module__.startswith('eventlet') or (
        eventlet.patcher.is_monkey_patched('thread')
    )
    print(result)


if __name__ == '__main__':
    if sys.argv[1] == 'eventlet':
        eventlet_scenario()
    else:
        print(scenario())

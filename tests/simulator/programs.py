"""Small programs that tests run in processes of their own."""

from __future__ import annotations

import sys
from typing import Any


def scenario() -> str:
    """Log in, watch and power a machine on and log out, with a client and server in one process."""
    import requests
    from lxml import etree

    from oslo_vmware.simulator import VCenterSimulator
    from oslo_vmware.simulator.objects.vm.virtual_machine import VirtualMachine
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


def descriptors_scenario() -> None:
    """A server in a process that has no file descriptors left, and then has again."""
    import logging
    import resource
    import socket
    import time

    from oslo_vmware.simulator.wire.httpd import HttpServer, Response

    warnings: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger('oslo_vmware').addHandler(handler)
    server = HttpServer(lambda request: Response(204), '127.0.0.1', 0, None, [])
    unlucky, lucky = socket.socket(), socket.socket()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    time.sleep(0.1)
    # Linux has a descriptor ready for who waits in accept(): the first connection is accepted and
    # then cannot be served, the next ones are not even accepted.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    unlucky.connect((server.host, server.port))
    while len(warnings) < 3:
        time.sleep(0.01)
    time.sleep(0.2)
    tried = len(warnings)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    lucky.connect((server.host, server.port))
    lucky.settimeout(30)
    lucky.sendall(b'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    status = lucky.recv(1000).split()[1].decode()
    unlucky.close()
    lucky.close()
    server.stop()
    print('patient' if tried < 50 else f'tried {tried} times', status)


if __name__ == '__main__':
    if sys.argv[1] == 'eventlet':
        eventlet_scenario()
    elif sys.argv[1] == 'descriptors':
        descriptors_scenario()
    else:
        print(scenario())

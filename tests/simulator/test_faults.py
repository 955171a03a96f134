"""Trouble on demand, seen by a raw client and by pyVmomi."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from lxml import etree
from pyVim.task import WaitForTask
from pyVmomi import vim

from oslo_vmware.simulator import Fault, Ref, VCenterSimulator
from oslo_vmware.simulator.objects.service_instance import ServiceInstance
from oslo_vmware.simulator.wire.endpoint import Calls, ServedCall
from oslo_vmware.simulator.world.descriptions import vim_schema
from oslo_vmware.simulator.world.encoding import EncodeError
from oslo_vmware.simulator.world.faults import Faults, Rule
from oslo_vmware.simulator.world.registry import Call
from oslo_vmware.soap.schema import split
from tests.simulator.conftest import (
    PROPERTY_COLLECTOR,
    SERVICE_INSTANCE,
    SESSION_MANAGER,
    Soap,
    ends,
    read_spec,
)

ROOT = Ref('Folder', 'group-d1')


@pytest.fixture
def client(soap: Soap) -> Soap:
    """A raw client that is logged in."""
    soap.login()
    return soap


def outcome(client: Soap, operation: str = 'CurrentTime', this: Ref = SERVICE_INSTANCE) -> str:
    """What a call ends in, in a word."""
    try:
        response = client.post(client.envelope(operation, this))
    except requests.exceptions.ChunkedEncodingError:
        return 'cut off'
    except requests.ConnectionError:
        return 'dropped'
    if response.headers['Content-Type'] == 'text/html':
        return f'page {response.status_code}'
    if not response.content:
        return f'empty {response.status_code}'
    try:
        root = etree.fromstring(response.content)
    except etree.XMLSyntaxError:
        return f'broken {response.status_code}'
    fault = root.find('.//detail')
    if fault is not None:
        return etree.QName(fault[0]).localname.removesuffix('Fault')
    return 'nothing' if len(root[0][0]) == 0 else 'answer'


RULES: dict[str, tuple[Callable[[VCenterSimulator], Rule], str]] = {
    'fault': (lambda vc: vc.faults.on('CurrentTime', 'HostNotConnected'), 'HostNotConnected'),
    'made fault': (lambda vc: vc.faults.on('CurrentTime', Fault('Timedout')), 'Timedout'),
    'drop': (lambda vc: vc.faults.drop('CurrentTime'), 'dropped'),
    'drop after': (lambda vc: vc.faults.drop('CurrentTime', after=True), 'dropped'),
    'page': (lambda vc: vc.faults.http('CurrentTime', status=503), 'page 503'),
    'page after': (lambda vc: vc.faults.http('CurrentTime', status=502, after=True), 'page 502'),
    'empty body': (lambda vc: vc.faults.empty_body('CurrentTime'), 'empty 200'),
    'empty 500': (lambda vc: vc.faults.empty_body('CurrentTime', status=500), 'empty 500'),
    'broken': (lambda vc: vc.faults.broken_xml('CurrentTime'), 'broken 200'),
    'cut off': (lambda vc: vc.faults.truncate('CurrentTime'), 'cut off'),
    'empty reply': (lambda vc: vc.faults.empty_reply('CurrentTime'), 'nothing'),
    'wildcard': (lambda vc: vc.faults.on('Current*', 'Timedout'), 'Timedout'),
    'everything': (lambda vc: vc.faults.http('*', status=503), 'page 503'),
}


@pytest.mark.parametrize(('make', 'effect'), RULES.values(), ids=RULES)
def test_a_rule_takes_effect_once(
    vcenter: VCenterSimulator,
    client: Soap,
    make: Callable[[VCenterSimulator], Rule],
    effect: str,
) -> None:
    """Each kind of trouble comes once by default, and then all is well again."""
    rule = make(vcenter)
    assert [outcome(client) for _ in range(3)] == [effect, 'answer', 'answer']
    assert rule.fired == 1


def test_times_and_skip(vcenter: VCenterSimulator, client: Soap) -> None:
    """skip lets calls pass first, times says how often, None until it is cleared."""
    vcenter.faults.on('CurrentTime', 'Timedout', times=2, skip=1)
    assert [outcome(client) for _ in range(4)] == ['answer', 'Timedout', 'Timedout', 'answer']
    vcenter.faults.on('CurrentTime', 'Timedout', times=None)
    assert {outcome(client) for _ in range(5)} == {'Timedout'}
    vcenter.faults.clear()
    assert outcome(client) == 'answer'


def test_rules_take_turns(vcenter: VCenterSimulator, client: Soap) -> None:
    """Of several rules the first counts until it is spent, then the next."""
    vcenter.faults.on('CurrentTime', 'Timedout')
    vcenter.faults.http('*', status=503)
    vcenter.faults.drop('CurrentTime')
    assert [outcome(client) for _ in range(4)] == ['Timedout', 'page 503', 'dropped', 'answer']


def test_rules_know_their_operation_and_target(vcenter: VCenterSimulator, client: Soap) -> None:
    """Other operations, and calls on other objects, are left alone."""
    vcenter.faults.on('Logout', 'Timedout')
    vcenter.faults.on('CurrentTime', 'Timedout', target='vm-1')
    assert outcome(client) == 'answer'
    vcenter.faults.on('CurrentTime', 'Timedout', target='ServiceInstance')
    assert outcome(client) == 'Timedout'
    assert outcome(client, 'Logout', SESSION_MANAGER) == 'Timedout'


def test_the_server_acts_before_it_is_silent(vcenter: VCenterSimulator, client: Soap) -> None:
    """after=True: the call has its effect, though the client never learns of it."""
    vcenter.faults.drop('Logout')
    assert outcome(client, 'Logout', SESSION_MANAGER) == 'dropped'
    assert len(vcenter.sessions) == 1
    vcenter.faults.drop('Logout', after=True)
    assert outcome(client, 'Logout', SESSION_MANAGER) == 'dropped'
    assert len(vcenter.sessions) == 0


def test_delays_add_up_and_combine(vcenter: VCenterSimulator, client: Soap) -> None:
    """A delay comes before whatever else happens, and two delays are one longer delay."""
    delays = [vcenter.faults.delay('CurrentTime', 0.2) for _ in range(2)]
    vcenter.faults.on('CurrentTime', 'Timedout')
    started = time.monotonic()
    assert outcome(client) == 'Timedout'
    assert time.monotonic() - started >= 0.4
    assert outcome(client) == 'answer'
    assert [rule.fired for rule in delays] == [1, 1]


def test_a_delay_does_not_hold_up_others_or_the_end() -> None:
    """While one call is delayed others are served, and stopping does not wait for it."""
    with VCenterSimulator() as vc:
        slow, quick = Soap(vc), Soap(vc)
        vc.faults.delay('Login', 600)
        waiting = threading.Thread(target=lambda: results.append(outcome_of_login(slow)))
        results: list[str] = []
        waiting.start()
        while vc.count('Login') == 0:
            time.sleep(0.005)
        assert quick.login().fault is None
        assert ends(vc.stop)
    waiting.join(10)
    assert results == ['dropped']
    slow.http.close()
    quick.http.close()


def outcome_of_login(client: Soap) -> str:
    try:
        client.login()
    except requests.ConnectionError:
        return 'dropped'
    return 'answered'


def test_downloads_have_trouble_too(vcenter: VCenterSimulator, client: Soap) -> None:
    """A rule for everything, or for a download by its name, hits the description's files."""

    def status() -> int:
        return client.http.get(f'{vcenter.sdk_url}/vimService.wsdl', timeout=30).status_code

    vcenter.faults.http('*', status=503)
    assert [status(), status()] == [503, 200]
    vcenter.faults.http('GET /sdk/vim*.wsdl', status=404)
    assert outcome(client) == 'answer'
    assert [status(), status()] == [404, 200]
    vcenter.faults.drop('GET /sdk/vimService.wsdl')
    with pytest.raises(requests.ConnectionError):
        status()


def test_members_of_injected_faults(vcenter: VCenterSimulator, si: Any) -> None:
    """Members may be given; required ones that are not get a value, so that any client can read
    the fault.
    """
    vcenter.faults.on('CurrentTime', 'FileAlreadyExists', file='[ds] a', message='No room.')
    with pytest.raises(vim.fault.FileAlreadyExists) as caught:
        si.CurrentTime()
    assert (caught.value.file, caught.value.msg) == ('[ds] a', 'No room.')
    vcenter.faults.on('CurrentTime', 'NoPermission', privilegeId='Sessions.ValidateSession')
    with pytest.raises(vim.fault.NoPermission) as denied:
        si.CurrentTime()
    assert denied.value.object == si.content.rootFolder
    assert denied.value.privilegeId == 'Sessions.ValidateSession'
    vcenter.faults.on('CurrentTime', 'InvalidPowerState')
    with pytest.raises(vim.fault.InvalidPowerState) as state:
        si.CurrentTime()
    assert state.value.existingState in ('poweredOn', 'poweredOff', 'suspended')
    vcenter.faults.on('CurrentTime', 'InvalidName', name='a/b')
    with pytest.raises(vim.fault.InvalidName) as name:
        si.CurrentTime()
    assert name.value.name == 'a/b'


@pytest.mark.parametrize(
    ('fault', 'members', 'complaint'),
    [
        ('NoPermision', {}, 'no fault NoPermision'),
        ('VirtualDisk', {}, 'no fault VirtualDisk'),
        ('string', {}, 'no fault string'),
        ('ns0:NotFound', {}, 'no fault ns0:NotFound'),
        (Fault('Timeout'), {}, 'no fault Timeout'),
        ('NotFound', {'bogus': 1}, 'NotFound has no field bogus'),
        ('InvalidName', {'name': 1}, 'InvalidName.name: 1'),
        (Fault('InvalidName'), {}, 'InvalidName: name: a required value is missing'),
    ],
)
def test_a_fault_that_cannot_be_sent_is_refused(
    vcenter: VCenterSimulator, fault: str | Fault, members: dict[str, Any], complaint: str
) -> None:
    """A misspelt fault, or one with wrong members, is refused when the rule is made."""
    with pytest.raises(ValueError, match=complaint):
        vcenter.faults.on('CurrentTime', fault, **members)
    with pytest.raises(ValueError, match=complaint):
        vcenter.faults.fail_task('PowerOnVM_Task', fault, **members)


# The rules that a test can make, each for an operation.
RULES: dict[str, Callable[[Faults, str], Rule]] = {
    'on': lambda faults, operation: faults.on(operation, 'Timedout'),
    'fail_task': lambda faults, operation: faults.fail_task(operation, 'Timedout'),
    'delay': lambda faults, operation: faults.delay(operation, 1),
    'drop': lambda faults, operation: faults.drop(operation),
    'stall': lambda faults, operation: faults.stall(operation),
    'http': lambda faults, operation: faults.http(operation, status=503),
    'empty_body': lambda faults, operation: faults.empty_body(operation),
    'broken_xml': lambda faults, operation: faults.broken_xml(operation),
    'truncate': lambda faults, operation: faults.truncate(operation),
    'empty_reply': lambda faults, operation: faults.empty_reply(operation),
}


@pytest.mark.parametrize('made', RULES)
@pytest.mark.parametrize(
    ('operation', 'near'),
    [
        ('PowerOnVm_Task', 'PowerOnVM_Task'),
        ('powerOn', None),
        ('Pbmm*', None),
        ('FETCH /folder/*', None),
        ('PUT folder', None),
        ('/folder/*', None),
        ('', None),
    ],
)
def test_a_misspelt_operation_is_refused(
    vcenter: VCenterSimulator, made: str, operation: str, near: str | None
) -> None:
    """A rule that would never take effect is refused when it is made."""
    with pytest.raises(ValueError, match='is no operation of the vSphere API') as raised:
        RULES[made](vcenter.faults, operation)
    if near is not None:
        assert f'is {near} meant?' in str(raised.value)


@pytest.mark.parametrize(
    'operation',
    ['PowerOnVM_Task', 'PbmCreate', 'Pbm*', 'Power*VM_Task', '*', 'Fetch', 'Re?onfigVM_Task',
     'PUT /folder/*', 'GET /sdk/vimService.wsdl', '* /nfc/*', '*/nfc/*', 'GET*', 'P?T /rest/x'],
)  # fmt: skip
def test_operations_and_requests_are_taken(vcenter: VCenterSimulator, operation: str) -> None:
    """Operations of both services, requests for files and pages, and patterns of them."""
    assert vcenter.faults.delay(operation, 1).operation == operation


def test_every_fault_of_the_api_can_be_injected(vcenter: VCenterSimulator, client: Soap) -> None:
    """Whatever members a fault needs, by its name alone a client gets it."""
    schema = vim_schema()
    names = [
        split(tag)[1]
        for tag in schema.type_names()
        if schema.derives(tag, '{urn:vim25}MethodFault')
    ]
    assert len(names) > 600
    for name in names:
        vcenter.faults.on('CurrentTime', name)
        assert outcome(client) == name


def test_a_fault_that_the_simulator_itself_got_wrong(
    vcenter: VCenterSimulator, client: Soap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When an operation raises a fault that cannot be sent, the client gets a SystemError and the
    test learns of it.
    """

    def broken(self: ServiceInstance, call: Call) -> None:
        raise Fault('NotFound', bogus=1)

    monkeypatch.setattr(ServiceInstance, 'CurrentTime', broken)
    assert outcome(client) == 'SystemError'
    assert [type(error) for error in vcenter.errors] == [EncodeError]
    vcenter.errors.clear()


def test_tasks_fail_on_demand(vcenter: VCenterSimulator, machines: list[Any]) -> None:
    """The operation answers, its task ends in the error and without effect; the next is fine."""
    machine = next(one for one in machines if one.runtime.powerState == 'poweredOff')
    rule = vcenter.faults.fail_task('PowerOnVM_Task', 'InsufficientResourcesFault')
    task = machine.PowerOnVM_Task()
    with pytest.raises(vim.fault.InsufficientResourcesFault):
        WaitForTask(task)
    assert machine.runtime.powerState == 'poweredOff'
    assert rule.fired == 1
    WaitForTask(machine.PowerOnVM_Task())
    assert machine.runtime.powerState == 'poweredOn'


def test_connections_can_be_cut(vcenter: VCenterSimulator, client: Soap) -> None:
    """All open connections can be cut at once; the server goes on."""
    assert vcenter.open_connections == 1
    vcenter.drop_connections()
    while vcenter.open_connections:
        time.sleep(0.005)
    answer = client.call('RetrievePropertiesEx', PROPERTY_COLLECTOR, read_spec(ROOT, 'name'))
    assert answer.text('returnval/objects/propSet/val') == 'Datacenters'


def test_calls_are_counted(vcenter: VCenterSimulator, client: Soap) -> None:
    """Every call that arrived is counted and recorded with its outcome, dropped ones too."""
    vcenter.faults.on('CurrentTime', 'Timedout')
    vcenter.faults.drop('CurrentTime', skip=1)
    for _ in range(3):
        outcome(client)
    assert vcenter.count('Login') == 1
    assert vcenter.count('CurrentTime') == 3
    assert [call.fault for call in vcenter.calls if call.operation == 'CurrentTime'] == [
        'Timedout',
        None,
        None,
    ]


def test_more_calls_are_counted_than_kept() -> None:
    """The record is bounded, the count is not; clearing starts both anew."""
    calls = Calls()
    for _ in range(10_001):
        calls.append(ServedCall('CurrentTime', None, '', {}, {}, None))
    assert (len(calls), calls.counts['CurrentTime']) == (10_000, 10_001)
    calls.clear()
    assert (len(calls), calls.counts['CurrentTime']) == (0, 0)


def test_calls_are_sliced_like_a_list(vcenter: VCenterSimulator, soap: Soap) -> None:
    """Slices of the record are lists, as those of a list would be; an index gives one call."""
    for operation in ('RetrieveServiceContent', 'CurrentTime', 'Logout', 'CurrentTime'):
        soap.call(operation, SERVICE_INSTANCE)
    names = [call.operation for call in vcenter.calls]
    for part in (slice(1, None), slice(-2, None), slice(None, None, -1), slice(9, 12), slice(0, 2)):
        assert [call.operation for call in vcenter.calls[part]] == names[part]
    assert isinstance(vcenter.calls[:1], list)
    assert vcenter.calls[-1].operation == names[-1]

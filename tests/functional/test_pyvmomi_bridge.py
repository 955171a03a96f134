"""pyVmomi's objects by a session of the library: one login, and one renewal for both."""

import copy
import datetime
from typing import Any

import pytest
from pyVim import connect as pyvim
from pyVim.task import WaitForTask
from pyVmomi import VmomiSupport, pbm, vim, vmodl

from oslo_vmware import api, exceptions, pyvmomi, vim_util
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.soap.objects import EmptyObject
from tests import reachable
from tests.functional.conftest import Crowd, SessionMaker
from tests.functional.test_calls import morefs, name_of
from tests.functional.test_fork import outcome

THREADS = 8

ENVELOPE = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soapenv:Body>{}</soapenv:Body></soapenv:Envelope>'
)


def machine_of(session: api.VMwareAPISession) -> Any:
    """A machine that is powered off, as pyVmomi has it."""
    machines = [pyvmomi.managed_object(session, one) for one in morefs(session, 'VirtualMachine')]
    return next(one for one in machines if one.runtime.powerState == 'poweredOff')


def name_spec(session: api.VMwareAPISession) -> Any:
    """What asks the property collector for the name of that machine."""
    query = vmodl.query.PropertyCollector
    return query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=machine_of(session))],
        propSet=[query.PropertySpec(type=vim.VirtualMachine, pathSet=['name'])],
    )


def names_of_machines(si: Any) -> list[str]:
    content = si.content
    view = content.viewManager.CreateContainerView(
        content.rootFolder, [vim.VirtualMachine], recursive=True
    )
    return [one.name for one in view.view]


# One session


def test_there_is_one_session(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """pyVmomi finds itself logged in, with the same cookie and in the newest common version."""
    si = pyvmomi.service_instance(session)
    assert len(names_of_machines(si)) == len(morefs(session, 'VirtualMachine'))
    current = si.content.sessionManager.currentSession
    assert current.key == session._session_id
    assert si._GetStub().version == 'vim.version.v9_1_1_0'
    assert (vc.count('Login'), len(vc.sessions)) == (1, 1)


@pytest.mark.parametrize(('server', 'spoken'), [('7.0.3.0', '7.0.3.0'), ('6.7.3', '6.7.3')])
def test_an_older_server(server: str, spoken: str, connect: SessionMaker) -> None:
    """It is spoken to in its own version, by either side."""
    with VCenterSimulator(api_version=server) as vc:
        session = connect(vc, wsdl_loc=None)
        assert pyvmomi.service_instance(session).content.about.apiVersion == server
        assert vc.calls[-1].soap_action == f'"urn:vim25/{spoken}"'


def test_the_first_call_logs_in(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """A session that has logged out logs in for pyVmomi's call as for its own."""
    session = connect(vc)
    si = pyvmomi.service_instance(session)
    session.logout()
    assert len(vc.sessions) == 0
    assert names_of_machines(si)
    assert (vc.count('Login'), len(vc.sessions)) == (2, 1)


def test_pyvmomi_finds_the_session_expired(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """Its call is made after a new login, and the session itself needs no other one."""
    si = pyvmomi.service_instance(session)
    names = names_of_machines(si)
    vc.expire_sessions()
    assert names_of_machines(si) == names
    assert name_of(session, morefs(session, 'VirtualMachine')[0]) in names
    assert (vc.count('Login'), session.login_count, pauses) == (2, 2, [])


def test_the_session_is_renewed_by_itself(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """pyVmomi's objects, older than the new login, go on with the new cookie."""
    machine = machine_of(session)
    before = machine._GetStub().cookie
    vc.expire_sessions()
    name = name_of(session, pyvmomi.reference(machine))
    vc.calls.clear()
    assert machine.name == name
    assert [call.operation for call in vc.calls] == ['Fetch']
    assert machine._GetStub().cookie != before


@pytest.mark.parametrize('kind', ['fault', 'empty'])
def test_a_property_collector_of_an_expired_session(
    vc: VCenterSimulator, session: api.VMwareAPISession, kind: str
) -> None:
    """Whether the server refuses it, or answers with nothing as ESX does."""
    collector = pyvmomi.service_instance(session).content.propertyCollector
    spec = name_spec(session)
    options = vmodl.query.PropertyCollector.RetrieveOptions()
    vc.terminate_sessions()
    if kind == 'empty':
        vc.faults.empty_reply('RetrievePropertiesEx')
    found = collector.RetrievePropertiesEx([spec], options)
    assert found.objects[0].propSet[0].name == 'name'
    assert vc.count('Login') == 2
    vc.faults.empty_reply('RetrievePropertiesEx')
    assert collector.RetrievePropertiesEx([spec], options) is None


NOT_READ = (
    '<objects xmlns="urn:vim25"><obj type="VirtualMachine">vm-32</obj><missingSet>'
    '<path>name</path><fault><fault xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:type="NotAuthenticated"><object type="Folder">group-d1</object>'
    '<privilegeId>System.Read</privilegeId></fault></fault></missingSet></objects>'
)


@pytest.mark.parametrize('operation', ['RetrievePropertiesEx', 'RetrieveProperties'])
def test_properties_that_are_withheld_from_an_expired_session(
    vc: VCenterSimulator, session: api.VMwareAPISession, operation: str
) -> None:
    """They are asked for again after a new login; while the session lives, the reply is given."""
    collector = pyvmomi.service_instance(session).content.propertyCollector
    query = vmodl.query.PropertyCollector
    spec = name_spec(session)
    result = NOT_READ.replace('objects', 'returnval')
    if operation == 'RetrievePropertiesEx':
        result = f'<returnval xmlns="urn:vim25">{NOT_READ}</returnval>'
    body = ENVELOPE.format(f'<{operation}Response xmlns="urn:vim25">{result}</{operation}Response>')

    def contents() -> Any:
        vc.faults.http(operation, status=200, content_type='text/xml', body=body)
        if operation == 'RetrieveProperties':
            return collector.RetrieveProperties([spec])
        return collector.RetrievePropertiesEx([spec], query.RetrieveOptions()).objects

    vc.expire_sessions()
    assert contents()[0].missingSet == []
    assert vc.count('Login') == 2
    assert isinstance(contents()[0].missingSet[0].fault, vim.fault.NotAuthenticated)
    assert vc.count('Login') == 2


@pytest.mark.parametrize('trouble', ['terminated', 'terminated, and the answer lost'])
def test_updates_of_a_session_that_is_gone(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float], trouble: str
) -> None:
    """Its filters are gone too: nobody waits for updates without one, but is told."""
    collector = pyvmomi.service_instance(session).content.propertyCollector
    spec = name_spec(session)
    collector.CreateFilter(spec, partialUpdates=True)
    vc.terminate_sessions()
    if 'lost' in trouble:
        vc.faults.drop('WaitForUpdates')
    with pytest.raises(vmodl.query.InvalidCollectorVersion):
        collector.WaitForUpdates(None)
    collector.CreateFilter(spec, partialUpdates=True)
    assert collector.WaitForUpdates(None).filterSet[0].objectSet[0].kind == 'enter'


def test_threads(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """Of threads of both kinds that find the session expired, one logs in."""
    machine = machine_of(session)
    name = machine.name
    vc.expire_sessions()
    moref = pyvmomi.reference(machine)
    crowd = Crowd(THREADS, lambda n: machine.name if n % 2 else name_of(session, moref))
    assert crowd.join() == [name] * THREADS
    assert vc.count('Login') == 2


@pytest.mark.parametrize('who', ['session', 'Logout', 'Disconnect'])
def test_logging_out_ends_both(
    vc: VCenterSimulator, session: api.VMwareAPISession, who: str
) -> None:
    """Whoever does it, the server has no session left, and neither side believes in one."""
    si = pyvmomi.service_instance(session)
    content = si.content
    if who == 'session':
        session.logout()
    elif who == 'Logout':
        content.sessionManager.Logout()
    else:
        pyvim.Disconnect(si)
    assert len(vc.sessions) == 0
    assert session.is_current_session_active() is False


def test_a_fork(vc: VCenterSimulator) -> None:
    """Parent and children read by pyVmomi on connections of their own, with one login."""
    assert outcome(vc, 'bridge') == {'children': [25] * 4, 'parent': 25, 'shared': 0}
    assert vc.count('Login') == 1


# What goes wrong


def test_faults_are_pyvmomis(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """With their members, and the server's words."""
    gone = pyvmomi.managed_object(session, vim_util.get_moref('vm-99', 'VirtualMachine'))
    with pytest.raises(vmodl.fault.ManagedObjectNotFound) as raised:
        _ = gone.name
    assert raised.value.obj == gone
    with pytest.raises(vim.fault.InvalidPowerState):
        WaitForTask(machine_of(session).PowerOffVM_Task())
    vc.faults.on('CurrentTime', fault='HostConnectFault', message='out of order')
    with pytest.raises(vim.fault.HostConnectFault) as refused:
        pyvmomi.service_instance(session).CurrentTime()
    assert refused.value.msg == 'out of order'


FAULT = ENVELOPE.format(
    '<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>{}</faultstring>'
    '<detail>{}</detail></soapenv:Fault>'
)


KNOWN_IN_PART = (
    '<InvalidStateFault xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:type="InvalidState"><newer>x</newer></InvalidStateFault>'
)


@pytest.mark.parametrize(
    ('detail', 'kind'),
    [
        ('', vmodl.RuntimeFault),
        ('<TomorrowFault xmlns="urn:vim25"><cause>x</cause></TomorrowFault>', vmodl.MethodFault),
        ('<NotAFault/>', vmodl.MethodFault),
        (KNOWN_IN_PART, vim.fault.InvalidState),
    ],
)
def test_a_fault_that_pyvmomi_does_not_know(
    vc: VCenterSimulator, session: api.VMwareAPISession, detail: str, kind: type[Any]
) -> None:
    """It is of the class that its type has, if any, and says what the server says."""
    si = pyvmomi.service_instance(session)
    body = FAULT.format('not today', detail)
    vc.faults.http('CurrentTime', status=500, content_type='text/xml', body=body)
    with pytest.raises(vmodl.MethodFault) as raised:
        si.CurrentTime()
    assert (type(raised.value), raised.value.msg) == (kind, 'not today')


def test_a_fault_that_is_a_result(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """It is returned, whatever it says."""
    fault = (
        '<returnval xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xsi:type="LocalizedMethodFault"><fault xsi:type="NotAuthenticated">'
        '<object type="Folder">group-d1</object><privilegeId>x</privilegeId></fault>'
        '<localizedMessage>no host</localizedMessage></returnval>'
    )
    body = ENVELOPE.format(f'<FetchResponse xmlns="urn:vim25">{fault}</FetchResponse>')
    lease = pyvmomi.managed_object(session, vim_util.get_moref('lease-1', 'HttpNfcLease'))
    vc.faults.http('Fetch', status=200, content_type='text/xml', body=body)
    error = lease.error
    assert (type(error), error.msg) == (vim.fault.NotAuthenticated, 'no host')
    assert vc.count('Login') == 1


def test_a_request_that_pyvmomi_cannot_write(connect: SessionMaker) -> None:
    """It says why, as with a stub of its own, and nothing is sent."""
    with VCenterSimulator(api_version='6.7.3') as vc, connect(vc, wsdl_loc=None) as session:
        machine = machine_of(session)
        vc.calls.clear()
        with pytest.raises(vmodl.fault.MethodNotFound) as raised:
            machine.QueryConnections()  # which is of 7.0.1
        assert raised.value.receiver == machine
        disk = vim.vm.RelocateSpec.DiskLocator(diskId=1)
        with pytest.raises(TypeError, match='"datastore" is not optional'):
            machine.RelocateVM_Task(vim.vm.RelocateSpec(disk=[disk]))
        assert not vc.calls


def test_a_login(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """It would be of a session that nobody ends, so there is none."""
    manager = pyvmomi.service_instance(session).content.sessionManager
    session.logout()
    with pytest.raises(TypeError, match='VMwareAPISession'):
        manager.Login(vc.username, vc.password)
    assert len(vc.sessions) == 0


def test_a_genuine_rejection(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """NotAuthenticated while the session lives is pyVmomi's fault of that name."""
    machine = machine_of(session)
    vc.faults.on('PowerOnVM_Task', fault='NotAuthenticated', times=None)
    with pytest.raises(vim.fault.NotAuthenticated):
        machine.PowerOnVM_Task()
    assert vc.count('Login') == 1


def test_a_renewal_that_is_refused(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """The fault of the login is raised as pyVmomi's, without the password."""
    si = pyvmomi.service_instance(session)
    vc.expire_sessions()
    vc.faults.on('Login', fault='InvalidLogin', message='wrong')
    with pytest.raises(vim.fault.InvalidLogin) as raised:
        names_of_machines(si)
    assert raised.value.msg.endswith('was refused: wrong')
    assert vc.password not in str(raised.value)


def test_a_change_whose_answer_was_lost(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """It is not sent twice, and the caller is told; after an expired session it is sent once."""
    machine = machine_of(session)
    vc.faults.drop('CreateSnapshot_Task', after=True)
    with pytest.raises(exceptions.VimOutcomeUnknownException, match='CreateSnapshot_Task') as lost:
        machine.CreateSnapshot_Task('s', None, memory=False, quiesce=False)
    assert lost.value.op_id == vc.calls[-1].op_id
    vc.expire_sessions()
    WaitForTask(machine.CreateSnapshot_Task('t', None, memory=False, quiesce=False))
    (root,) = machine.snapshot.rootSnapshotList
    assert [root.name, *(one.name for one in root.childSnapshotList)] == ['s', 't']
    assert pauses == []


@pytest.mark.parametrize('trouble', ['drop', 'http', 'truncate'])
def test_a_read_without_an_answer_is_repeated(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float], trouble: str
) -> None:
    """As a call of the session itself is."""
    machine = machine_of(session)
    name = machine.name
    getattr(vc.faults, trouble)('Fetch', **({'status': 503} if trouble == 'http' else {}))
    assert machine.name == name


TIME = ENVELOPE.format(
    '<CurrentTimeResponse xmlns="urn:vim25"><returnval xmlns:xsi='
    '"http://www.w3.org/2001/XMLSchema-instance" {}>2026-11-30T12:00:00Z</returnval>'
    '</CurrentTimeResponse>'
)


@pytest.mark.parametrize(
    ('body', 'is_repeated'),
    [
        ('', True),
        ('<html>maintenance</html>', True),
        (ENVELOPE.format(''), True),
        (ENVELOPE.format('<LoginResponse xmlns="urn:vim25"/>'), True),
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', True),
        (ENVELOPE.format('<CurrentTimeResponse><a></CurrentTimeResponse>'), False),
        (TIME.format('xsi:type="NewerThanPyVmomi"'), False),
        # A name by one edition of XML and not by another, such as that of pyVmomi's parser.
        (TIME.format('\u037f="x"'), False),
    ],
)
def test_what_is_no_answer(
    vc: VCenterSimulator,
    session: api.VMwareAPISession,
    pauses: list[float],
    body: str,
    is_repeated: bool,
) -> None:
    """It is no result, whatever HTTP says; what would only be said again is not asked again."""
    si = pyvmomi.service_instance(session)
    vc.faults.http('CurrentTime', status=200, content_type='text/xml', body=body, times=4)
    with pytest.raises(exceptions.VimConnectionException, match='CurrentTime') as raised:
        si.CurrentTime()
    assert isinstance(raised.value, exceptions.VimUnreadableReplyException) is not is_repeated
    assert vc.count('CurrentTime') == (4 if is_repeated else 1)
    vc.faults.clear()
    assert isinstance(si.CurrentTime(), datetime.datetime)


def test_an_answer_without_a_body(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """It says that all is well where there is no result, and the change may be made twice."""
    view = pyvmomi.service_instance(session).content.viewManager.CreateListView()
    vc.faults.empty_body('DestroyView', status=204, after=True)
    assert view.Destroy() is None
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        _ = view.view


def test_trouble_before_the_first_call(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """What the server is, is asked again as well."""
    vm_ref = morefs(session, 'VirtualMachine')[0]
    for begin in (
        lambda: pyvmomi.service_instance(session).content,
        lambda: pyvmomi.managed_object(session, vm_ref).name,
        lambda: pyvmomi.pbm_service_instance(session).RetrieveContent(),
    ):
        session.vim.forget_service_content()
        vc.faults.http('RetrieveServiceContent', status=503)
        assert begin()
    assert len(pauses) == 3


def test_a_reply_with_what_xml_cannot_hold(
    vc: VCenterSimulator, session: api.VMwareAPISession, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read all the same, as by the session."""
    body = ENVELOPE.format(
        '<FetchResponse xmlns="urn:vim25"><returnval xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xsd:string">a\x01b'
        '</returnval></FetchResponse>'
    )
    machine = pyvmomi.managed_object(session, morefs(session, 'VirtualMachine')[0])
    vc.faults.http('Fetch', status=200, content_type='text/xml', body=body)
    assert machine.name == 'a\ufffdb'
    assert 'XML cannot hold' in caplog.text


def test_verification_and_proxies(
    vc: VCenterSimulator, connect: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing goes another way than the session's own calls do."""
    session = connect(vc, api_retry_count=0)
    si = pyvmomi.service_instance(session)
    session.vim._transport.verify = True
    session.vim.close()
    with pytest.raises(exceptions.VimCertificateException):
        si.CurrentTime()
    session.vim._transport.verify = vc.cacert or False
    for name in ('no_proxy', 'NO_PROXY'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('https_proxy', 'http://127.0.0.1:1')
    session.vim.close()
    with pytest.raises(exceptions.VimConnectionException, match='proxy'):
        si.CurrentTime()


def test_secrets(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """Neither a stub nor a fault that echoes the request shows cookie or password."""
    machine = machine_of(session)
    cookie = (session.vim.get_http_cookie() or '').strip('"')
    stub = machine._GetStub()
    assert copy.deepcopy(stub) is stub
    assert cookie not in f'{stub!r} {vars(stub)} {machine!r}'
    assert stub.cookie == f'vmware_soap_session="{cookie}"; Path=/; HttpOnly'
    assert (stub.GetSessionId(), stub.host) == (cookie, f'{vc.host}:{vc.port}')
    body = FAULT.format(f'you sent {cookie} and secret-of-guest', '')
    vc.faults.http('ValidateCredentialsInGuest', status=500, content_type='text/xml', body=body)
    manager = pyvmomi.service_instance(session).content.guestOperationsManager.authManager
    auth = vim.vm.guest.NamePasswordAuthentication(username='root', password='secret-of-guest')
    with pytest.raises(vmodl.MethodFault) as raised:
        manager.ValidateCredentials(machine, auth)
    assert raised.value.msg == 'you sent *** and ***'
    assert reachable.finds(raised.value, cookie, vc.password) == []
    body = TIME.format(f'xsi:type="{cookie}"')
    vc.faults.http('CurrentTime', status=200, content_type='text/xml', body=body)
    with pytest.raises(exceptions.VimUnreadableReplyException) as unreadable:
        pyvmomi.service_instance(session).CurrentTime()
    assert reachable.finds(unreadable.value, cookie, vc.password) == []
    with pytest.raises(TypeError, match='VMwareAPISession'):
        stub.SetSessionId('another')


# Specs and results


def test_results_are_the_same(session: api.VMwareAPISession) -> None:
    """What one side reads, converted, is what the other reads."""
    for kind, path in (
        ('VirtualMachine', 'config'),
        ('VirtualMachine', 'runtime'),
        ('HostSystem', 'config'),
        ('HostSystem', 'hardware'),
    ):
        moref = morefs(session, kind)[0]
        ours = session.invoke_api(vim_util, 'get_object_property', session.vim, moref, path)
        theirs = getattr(pyvmomi.managed_object(session, moref), path)
        assert texts(pyvmomi.to_pyvmomi(session, ours)) == texts(theirs)
        assert type(pyvmomi.from_pyvmomi(theirs)).__name__ == type(ours).__name__
        back = pyvmomi.to_pyvmomi(session, pyvmomi.from_pyvmomi(theirs))
        assert texts(back) == texts(theirs)


def texts(value: Any) -> str:
    """An object of pyVmomi in words, in which an empty text counts as none."""
    return str(value).replace("''", '<unset>')


def test_what_came_empty_is_of_its_type(session: api.VMwareAPISession) -> None:
    """An array of a reply is one, and an object one, though both are empty texts to users."""
    machine = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 1)
    alarms = session.invoke_api(
        vim_util,
        *('get_object_property', session.vim, machine.objects[0].obj, 'triggeredAlarmState'),
    )
    made = pyvmomi.to_pyvmomi(session, alarms)
    assert (type(made), made) == (vim.alarm.AlarmState.Array, [])
    generator = EmptyObject.of('CustomizationDhcpIpGenerator')
    made = pyvmomi.to_pyvmomi(session, generator)
    assert isinstance(made, vim.vm.customization.DhcpIpGenerator)


def test_specs_both_ways(session: api.VMwareAPISession) -> None:
    """A spec of the factory is sent by pyVmomi, one of pyVmomi by the session."""
    machine = machine_of(session)
    factory = session.vim.client.factory
    disk = factory.create('ns0:VirtualDisk')
    disk.key, disk.capacityInKB, disk.unitNumber = -1, 1024, 5
    disk.controllerKey = next(
        one.key
        for one in machine.config.hardware.device
        if isinstance(one, vim.vm.device.VirtualSCSIController)
    )
    disk.backing = factory.create('ns0:VirtualDiskFlatVer2BackingInfo')
    disk.backing.diskMode, disk.backing.fileName = 'persistent', ''
    disk.backing.thinProvisioned = True
    change = factory.create('ns0:VirtualDeviceConfigSpec')
    change.operation, change.fileOperation, change.device = 'add', 'create', disk
    spec = factory.create('ns0:VirtualMachineConfigSpec')
    spec.deviceChange = [change]
    task = machine.ReconfigVM_Task(spec=pyvmomi.to_pyvmomi(session, spec))
    session.wait_for_task(pyvmomi.reference(task))
    disks = [
        one
        for one in machine.config.hardware.device
        if isinstance(one, vim.vm.device.VirtualDisk) and one.capacityInKB == 1024
    ]
    assert len(disks) == 1
    removal = vim.vm.ConfigSpec(
        deviceChange=[vim.vm.device.VirtualDeviceSpec(operation='remove', device=disks[0])],
        extraConfig=[vim.option.OptionValue(key='x.y', value='z')],
    )
    task = session.invoke_api(
        session.vim,
        'ReconfigVM_Task',
        pyvmomi.reference(machine),
        spec=pyvmomi.from_pyvmomi(removal),
    )
    session.wait_for_task(task)
    assert disks[0].key not in [one.key for one in machine.config.hardware.device]
    assert ('x.y', 'z') in [(one.key, one.value) for one in machine.config.extraConfig]


# Storage policies


def test_storage_policies(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """PBM is authenticated by the session too, before and after it expired."""
    # As programs do for a stub of pyVmomi's own; a cookie that is no longer one does no harm.
    VmomiSupport.GetRequestContext()['vcSessionCookie'] = 'of yesterday'
    try:
        manager = pyvmomi.pbm_service_instance(session).RetrieveContent().profileManager
        storage = pbm.profile.ResourceType(resourceType='STORAGE')
        ids = manager.QueryProfile(resourceType=storage)
        names = [one.name for one in manager.RetrieveContent(ids)]
        assert 'Gold' in names
        vc.expire_sessions()
        assert [one.name for one in manager.RetrieveContent(ids)] == names
    finally:
        VmomiSupport.GetRequestContext().clear()
    assert vc.count('Login') == 2
    policy = manager.RetrieveContent(ids[:1])[0]
    ours = pyvmomi.from_pyvmomi(policy)
    assert (ours.__class__.__name__, ours.name) == ('PbmCapabilityProfile', names[0])
    assert str(pyvmomi.to_pyvmomi(session, ours)) == str(policy)
    assert (
        manager.RetrieveContent(pyvmomi.to_pyvmomi(session, [ours.profileId]))[0].name == names[0]
    )
    reference = pyvmomi.reference(manager)
    assert pyvmomi.managed_object(session, reference).QueryProfile(resourceType=storage)

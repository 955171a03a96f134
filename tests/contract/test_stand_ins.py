"""Stand-ins for the session and its service: nothing may ask them for more than users' have."""

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from suds import sudsobject

from oslo_vmware import api, dvs_util, exceptions, image_transfer, pbm, rw_handles, vim_util
from oslo_vmware.objects import datastore
from oslo_vmware.simulator import VCenterSimulator
from tests.contract.conftest import obj, ref, refs
from tests.transfer.disks import stream_of
from tests.transfer.place import Place


class StandIn:
    """Any object with these members, and no other, will do for a session.

    What it has is a real session's, so that the server's side shows what was done.
    """

    __slots__ = ('_host', '_scheme', 'invoke_api', 'pbm', 'vim', 'wait_for_lease_ready',
                 'wait_for_task')  # fmt: skip

    def __init__(self, session: api.VMwareAPISession) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(session, name))
        # There is no member for the port, so a server at another one is named with it.
        self._host = f'{session._host}:{session._port}'


def create_and_delete_port_group(session: Any, vc: VCenterSimulator) -> Any:
    (dvs,) = refs(vc, 'DistributedVirtualSwitch')
    made = dvs_util.add_port_group(session, dvs, 'stand-in', 7)
    names = [name for name, _ in dvs_util.get_portgroups(session, dvs)]
    dvs_util.delete_port_group(session, made)
    return 'stand-in' in names and made.value not in vc.world.objects


HELPERS: dict[str, Callable[[Any, VCenterSimulator], Any]] = {
    'all policies': lambda s, vc: len(pbm.get_all_profiles(s)) == len(list(vc.policies.all())),
    'policy by name': lambda s, vc: pbm.get_profile_id_by_name(s, 'Gold').uniqueId,
    'policies of a machine': lambda s, vc: pbm.get_profiles(s, refs(vc, 'VirtualMachine')[0]) == [],
    'matching hubs': lambda s, vc: pbm.filter_hubs_by_profile(
        s, None, pbm.get_profile_id_by_name(s, 'Gold')
    ),
    'port groups': create_and_delete_port_group,
    'datastore': lambda s, vc: datastore.get_datastore_by_ref(s, refs(vc, 'Datastore')[0]).name,
    'connected hosts': lambda s, vc: datastore.get_datastore_by_ref(
        s, refs(vc, 'Datastore')[0]
    ).get_connected_hosts(s),
    'datastore cluster': lambda s, vc: datastore.get_dsc_ref_and_name(s, 'fra-pod-01')[0],
}


@pytest.mark.parametrize('helper', HELPERS)
def test_helpers_take_any_session(
    session: api.VMwareAPISession, vc: VCenterSimulator, helper: str
) -> None:
    """pbm, dvs_util and objects.datastore ask a session for its documented members alone."""
    vc.calls.clear()
    assert HELPERS[helper](StandIn(session), vc)
    assert vc.calls


def test_a_stand_in_moves_images(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Import, export and upload through a stand-in: the bytes arrive, no lease is left."""
    data = stream_of(bytes(range(256)) * 1024)
    session: Any = StandIn(place.session)
    machine = place.import_disk(data, session=session)
    got = io.BytesIO()
    got.close = lambda: None  # type: ignore[method-assign]
    image_transfer.copy_stream_optimized_disk(
        None, 30, got, session=session, host=place.vc.host, port=place.vc.port,
        vm=machine, vmdk_file_path=None, vmdk_size=len(data),
    )  # fmt: skip
    assert got.getvalue() == data
    # It does not say whom to trust: then it is whom the system trusts.
    monkeypatch.setenv('SSL_CERT_FILE', str(place.vc.cacert))
    image_transfer.download_image(
        [data], {'size': len(data)}, session, place.ds, 'f.vmdk', False, 30
    )
    assert place.content('f.vmdk') == data
    assert place.vc.nfc.leases == []


def test_a_transfer_ticket_through_a_stand_in(place: Place) -> None:
    """``get_transfer_ticket`` needs ``vim`` and ``invoke_api``."""
    url = place.ds.build_url('https', 'host.example.net', 'a.vmdk', 'ha-datacenter')
    cookie = url.get_transfer_ticket(StandIn(place.session), 'PUT')
    assert cookie.startswith('vmware_cgi_ticket="')
    assert place.vc.calls[-1].args.spec.method == 'PUT'


# A session whose service is a mock


@pytest.fixture
def mocked() -> api.VMwareAPISession:
    """As tests of Nova and Ceilometer make it."""
    session = api.VMwareAPISession('h', 'u', 'p', 0, 0.01, create_session=False)
    session._vim = mock.MagicMock()
    return session


def test_the_mock_is_the_service(mocked: api.VMwareAPISession) -> None:
    """What was put into ``_vim`` is what ``vim`` gives and calls go to."""
    assert mocked.vim is mocked._vim
    mocked.invoke_api(mocked.vim, 'PowerOnVM_Task', 'vm', host='h')
    mocked._vim.PowerOnVM_Task.assert_called_once_with('vm', host='h')


def test_one_mock_for_every_type(mocked: api.VMwareAPISession, vm: Any) -> None:
    """With such a factory the fields of all the specifications lie side by side."""
    asked: list[Any] = []

    def retrieve(pc: Any, specSet: Any, options: Any, skip_op_id: bool = False) -> Any:
        asked.append((pc, skip_op_id))
        assert specSet[0].pathSet[0] == 'name'
        assert specSet[0].obj.value == vm.value
        assert options.maxObjects == 1
        content = SimpleNamespace(propSet=[SimpleNamespace(name='name', val='n')])
        return SimpleNamespace(objects=[content])

    mocked._vim.client.factory.create.return_value = mock.MagicMock()
    mocked._vim.RetrievePropertiesEx = retrieve
    name = mocked.invoke_api(
        vim_util, 'get_object_property', mocked.vim, vm, 'name', skip_op_id=True
    )
    assert name == 'n'
    assert asked == [(mocked._vim.service_content.propertyCollector, True)]


def test_a_task_of_a_mock(mocked: api.VMwareAPISession) -> None:
    """Waiting reads ``info`` by way of the replaced operation, until it is final."""
    states = iter(['queued', 'running', 'success'])

    def retrieve(pc: Any, specSet: Any, options: Any, skip_op_id: bool = False) -> Any:
        assert skip_op_id is True
        info = SimpleNamespace(state=next(states), result='r')
        content = SimpleNamespace(propSet=[SimpleNamespace(name='info', val=info)])
        return SimpleNamespace(objects=[content])

    mocked._vim.RetrievePropertiesEx = retrieve
    task = vim_util.get_moref('task-1', 'Task')
    assert mocked.wait_for_task(task).result == 'r'
    assert list(states) == []


class NovaFakeVim:
    """As Nova's: any attribute that it lacks is an operation that nobody is logged in for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.service_content = SimpleNamespace(
            sessionManager='SessionManager', propertyCollector='PropCollector'
        )
        create = lambda name: SimpleNamespace(name=name)  # noqa: E731
        self.client = SimpleNamespace(
            factory=SimpleNamespace(create=create), cookiejar=mock.sentinel.jar
        )

    def get_http_cookie(self) -> str:
        return 'cookie'

    def Login(self, manager: Any, userName: str, password: str, locale: str) -> Any:
        self.calls.append('Login')
        return SimpleNamespace(key='52abcdef', userName=userName)

    def Logout(self, manager: Any) -> None:
        self.calls.append('Logout')

    def SessionIsActive(self, manager: Any, sessionID: str, userName: str) -> bool:
        self.calls.append('SessionIsActive')
        return True

    def RetrievePropertiesEx(
        self, pc: Any, specSet: Any, options: Any, skip_op_id: bool = False
    ) -> Any:
        self.calls.append('RetrievePropertiesEx')
        info = SimpleNamespace(state='success', result='r')
        content = SimpleNamespace(propSet=[SimpleNamespace(name='info', val=info)])
        return SimpleNamespace(objects=[content])

    def __getattr__(self, name: str) -> Any:
        raise exceptions.VimFaultException([exceptions.NOT_AUTHENTICATED], f'{name} was asked for')

    def __bool__(self) -> bool:
        return True


def test_a_service_is_not_probed() -> None:
    """A whole life of a session never asks its service for an attribute that may not be there."""
    session = api.VMwareAPISession('h', 'u', 'p', 0, 0.01, create_session=False)
    fake = NovaFakeVim()
    session._vim = fake
    session._create_session()
    assert session.vim is fake
    assert session.wait_for_task(vim_util.get_moref('task-1', 'Task')).result == 'r'
    assert session.is_current_session_active()
    session.close()
    assert fake.calls == ['Login', 'RetrievePropertiesEx', 'SessionIsActive', 'Logout']


class Pages:
    """A service that gives these pages, then None."""

    def __init__(self, *pages: Any) -> None:
        self.pages = list(pages)
        self.asked: list[tuple[str, Any]] = []
        self.service_content = SimpleNamespace(propertyCollector='PropCollector')

    def ContinueRetrievePropertiesEx(self, pc: Any, token: Any) -> Any:
        self.asked.append(('continue', token))
        return self.pages.pop(0) if self.pages else None

    def CancelRetrievePropertiesEx(self, pc: Any, token: Any) -> None:
        self.asked.append(('cancel', token))


def truthy(*objects: str) -> Any:
    """A page whose token, like all its attributes, is true for ever."""
    return mock.MagicMock(objects=list(objects))


@pytest.mark.parametrize(
    ('pages', 'objects', 'continued'),
    [
        ([SimpleNamespace(objects=['a'])], ['a'], 0),
        ([SimpleNamespace(objects=['a'], token=None)], ['a'], 0),
        (
            [SimpleNamespace(objects=['a'], token='t'), SimpleNamespace(objects=['b'])],
            ['a', 'b'],
            1,
        ),
        ([truthy('a')], ['a'], 1),
        ([truthy('a'), truthy('b')], ['a', 'b'], 2),
    ],
)
def test_tokens(pages: list[Any], objects: list[str], continued: int) -> None:
    """Without a token, with None, or true until the next page is None: all of them end."""
    service = Pages(*pages[1:])
    with vim_util.WithRetrieval(service, pages[0]) as found:
        assert list(found) == objects
    assert [name for name, _token in service.asked] == ['continue'] * continued


def test_mocks_with_a_type_name() -> None:
    """A mock whose class was given a name is what the name says."""
    fault = mock.MagicMock()
    fault.__class__.__name__ = 'FileLocked'
    wrapped = SimpleNamespace(fault=fault, localizedMessage='locked')
    assert type(exceptions.translate_fault(wrapped)) is exceptions.FileLockedException
    disk = mock.MagicMock()
    disk.__class__.__name__ = 'VirtualDisk'
    hardware = sudsobject.Factory.object('VirtualHardware', {'device': [disk]})
    assert vim_util.serialize_object(hardware) == {'device': [disk]}


def test_a_lease_through_a_stand_in(place: Place) -> None:
    """``rw_handles`` waits for its lease through the session's ``wait_for_lease_ready``."""
    waited: list[Any] = []
    session: Any = StandIn(place.session)
    real = session.wait_for_lease_ready
    session.wait_for_lease_ready = lambda lease: (waited.append(lease), real(lease))[1]
    off = refs(place.vc, 'VirtualMachine', lambda vm: vm.power_state == 'poweredOff')[0]
    handle = rw_handles.VmdkReadHandle(session, place.vc.host, place.vc.port, off, None, 1)
    (lease,) = place.vc.nfc.leases
    handle.close()
    assert [ref(moref) for moref in waited] == [lease.ref]
    assert obj(place.vc, off).power_state == 'poweredOff'

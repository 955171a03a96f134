"""Private names that users reach for: they are there, and do what users do with them."""

import io
from typing import Any
from unittest import mock

import pytest

from oslo_vmware import api, exceptions, image_transfer, rw_handles, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.contract.conftest import obj, refs
from tests.functional.conftest import DESCRIPTION
from tests.transfer.place import Place


def arguments(vc: VCenterSimulator, **overrides: Any) -> dict[str, Any]:
    return {
        'host': vc.host,
        'port': vc.port,
        'server_username': vc.username,
        'server_password': vc.password,
        'api_retry_count': 0,
        'task_poll_interval': 0.05,
        'cacert': vc.cacert,
        'wsdl_loc': DESCRIPTION,
    } | overrides


def test_create_session_logs_in(vc: VCenterSimulator) -> None:
    """Nova calls it when it finds no session; afterwards there is one."""
    session = api.VMwareAPISession(create_session=False, **arguments(vc))
    assert vc.count('Login') == 0
    assert session._create_session() is None
    assert vc.count('Login') == 1
    assert session.is_current_session_active()
    session.close()


def test_create_session_replaced_on_the_class(vc: VCenterSimulator) -> None:
    """Nova's tests replace it before they construct: then nobody logs in, and nothing is sent."""
    with mock.patch.object(api.VMwareAPISession, '_create_session') as replaced:
        api.VMwareAPISession(**arguments(vc))
    replaced.assert_called_once_with()
    assert not vc.calls


def test_where_the_session_is(place: Place) -> None:
    """``_host`` and ``_port`` are as given, and a transfer to them arrives."""
    session = place.session
    assert (session._host, session._port, session._scheme) == (
        place.vc.host, place.vc.port, 'https',
    )  # fmt: skip
    handle = rw_handles.FileWriteHandle(
        session._host, session._port, place.dc.name, place.ds.name,
        session.vim.client.cookiejar, 'f', 1, cacerts=place.vc.cacert,
    )  # fmt: skip
    handle.write(b'x')
    handle.close()
    assert place.content('f') == b'x'


def test_the_service_is_replaced(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """What is assigned to ``_vim`` is the service from then on; the server hears no more."""
    vc.calls.clear()
    session._vim = replaced = mock.MagicMock()
    session.invoke_api(session.vim, 'PowerOnVM_Task', 'vm')
    replaced.PowerOnVM_Task.assert_called_once_with('vm')
    assert not vc.calls


@pytest.mark.parametrize('scheme', ['https', 'http'])
def test_download_image_asks_the_session_where(place: Place, scheme: str) -> None:
    """The scheme and host of the URL are those of the session given, at the time of the call."""
    place.session._scheme = scheme
    made: list[Any] = []
    build = place.ds.build_url

    def noting(*args: Any) -> Any:
        made.append(args)
        return build('https', *args[1:])

    with mock.patch.object(place.ds, 'build_url', noting):
        image_transfer.download_image(
            [b'abc'], {'size': 3}, place.session, place.ds, 'f', False, 30
        )
    assert made == [(scheme, f'{place.vc.host}:{place.vc.port}', 'f')]
    assert place.content('f') == b'abc'


@pytest.mark.parametrize('timeout', [30, 30.0, None])
def test_start_transfer_is_called(place: Place, timeout: float | None) -> None:
    """os-brick calls ``_start_transfer`` with two handles and a time limit, by position."""
    sink = rw_handles.FileWriteHandle(
        place.vc.host, place.vc.port, place.dc.name, place.ds.name,
        place.session.vim.client.cookiejar, 'f', 3, cacerts=place.vc.cacert,
    )  # fmt: skip
    source = io.BytesIO(b'abc')
    assert image_transfer._start_transfer(source, sink, timeout) is None
    assert source.closed
    assert place.content('f') == b'abc'


def test_type_of_a_reference(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """``_type`` of every reference that the server sent is the type there."""
    found = 0
    for type_ in ('VirtualMachine', 'HostSystem', 'Datastore', 'Folder', 'ResourcePool'):
        result = session.invoke_api(vim_util, 'get_objects', session.vim, type_, 100)
        for content in result.objects:
            assert content.obj._type == obj(vc, content.obj).ref.type
            found += 1
    assert found == sum(
        len(refs(vc, type_))
        for type_ in ('VirtualMachine', 'HostSystem', 'Datastore', 'Folder', 'ResourcePool')
    )


def test_keylist_of_a_response(session: api.VMwareAPISession, vm: Any) -> None:
    """Responses have ``__keylist__``, the names of their members in order; nothing else has."""
    config = session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'config')
    assert config.__keylist__ == [name for name, _ in config]
    assert set(config.__keylist__) >= {'name', 'uuid', 'hardware'}
    assert all(hasattr(device, '__keylist__') for device in config.hardware.device)
    for other in (config.name, config.changeVersion, 5, None, [config], {}):
        assert not hasattr(other, '__keylist__')
    as_dict = vim_util.serialize_object(config)
    assert list(as_dict) == config.__keylist__
    assert as_dict['hardware']['device'][0]['key'] == config.hardware.device[0].key


def test_a_wrong_password_in_create_session(vc: VCenterSimulator) -> None:
    """What it raises is what the constructor raises."""
    session = api.VMwareAPISession(create_session=False, **arguments(vc, server_password='wrong'))
    with pytest.raises(exceptions.VimFaultException) as raised:
        session._create_session()
    assert raised.value.fault_list == ['InvalidLogin']
    session.close()

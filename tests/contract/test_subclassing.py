"""Subclasses that users make of the session and of the exceptions."""

from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.contract.conftest import obj
from tests.functional.conftest import DESCRIPTION

NOVA = ('_is_vim_object', '_call_method', '_wait_for_task')


class NovaSession(api.VMwareAPISession):
    """As Nova derives it: keyword arguments only, and three methods of its own."""

    def __init__(self, vc: VCenterSimulator) -> None:
        super().__init__(
            host=vc.host,
            port=vc.port,
            server_username=vc.username,
            server_password=vc.password,
            api_retry_count=1,
            task_poll_interval=0.05,
            scheme='https',
            create_session=True,
            wsdl_loc=DESCRIPTION,
            cacert=vc.cacert,
            insecure=False,
            pool_size=10,
            op_id_prefix='nova',
        )

    def _is_vim_object(self, module: Any) -> bool:
        return isinstance(module, vim.Vim)

    def _call_method(self, module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if not self._is_vim_object(module):
            return self.invoke_api(module, method, self.vim, *args, **kwargs)
        return self.invoke_api(module, method, *args, **kwargs)

    def _wait_for_task(self, task_ref: Any) -> Any:
        return self.wait_for_task(task_ref)


@pytest.mark.parametrize('name', NOVA)
def test_names_that_stay_free(name: str) -> None:
    """What Nova adds is nothing of ours."""
    assert not hasattr(api.VMwareAPISession, name)
    session = api.VMwareAPISession('h', 'u', 'p', 0, 0.1, create_session=False)
    assert not hasattr(session, name)


def test_nova_calls(vc: VCenterSimulator, vm: Any) -> None:
    """Modules get the service put before their arguments, the service itself does not."""
    with NovaSession(vc) as session:
        name = session._call_method(vim_util, 'get_object_property', vm, 'name')
        assert name == obj(vc, vm).name
        task = session._call_method(session.vim, 'PowerOnVM_Task', vm)
        assert session._wait_for_task(task).state == 'success'
        assert obj(vc, vm).power_state == 'poweredOn'
        assert all(call.op_id.startswith('nova-') for call in vc.calls if call.op_id is not None)
        assert any(call.op_id for call in vc.calls)


def test_nova_calls_survive_an_expired_session(vc: VCenterSimulator, vm: Any) -> None:
    """The renewed session of a subclass answers the same call."""
    with NovaSession(vc) as session:
        vc.expire_sessions()
        assert session._call_method(vim_util, 'get_object_property', vm, 'name')
        assert vc.count('Login') == 2


def test_properties_replaced_on_a_subclass(vc: VCenterSimulator) -> None:
    """Nova's tests replace the properties ``vim`` and ``pbm``: the session assigns neither."""

    class Replaced(api.VMwareAPISession):
        vim = property(lambda self: 'the vim')  # type: ignore[assignment]
        pbm = property(lambda self: 'the pbm')  # type: ignore[assignment]

    session = Replaced('h', 'u', 'p', 0, 0.1, create_session=False)
    assert (session.vim, session.pbm) == ('the vim', 'the pbm')
    session.pbm_wsdl_loc_set('file:///x')
    assert session.pbm == 'the pbm'
    assert not vc.calls


class TemplateNotFound(exceptions.VMwareDriverException):
    """As Cinder derives exceptions."""

    msg_fmt = 'Template cannot be found at path: %(path)s.'


def test_cinder_exceptions(vc: VCenterSimulator, vm: Any) -> None:
    """They are made with keywords alone, and pass through a session unchanged."""

    def fail(session: Any, path: str) -> None:
        vim_util.get_object_property(session.vim, vm, 'name')
        raise TemplateNotFound(path=path)

    class Module:
        look = staticmethod(fail)

    with NovaSession(vc) as session, pytest.raises(exceptions.VMwareDriverException) as raised:
        session.invoke_api(Module, 'look', session, path='[ds] t.vmtx')
    assert type(raised.value) is TemplateNotFound
    assert raised.value.msg == 'Template cannot be found at path: [ds] t.vmtx.'
    assert raised.value.kwargs == {'path': '[ds] t.vmtx'}
    assert vc.count('RetrievePropertiesEx') == 1

"""Pages of properties: every object once, also when the session or a page was lost in between."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oslo_vmware import _retrievals, api, exceptions, vim_util
from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.vim import Vim
from tests.functional.conftest import SessionMaker

VMS = 7
PAGE = 2


@pytest.fixture
def vc() -> Iterator[VCenterSimulator]:
    """A vCenter with more machines than fit on a page."""
    with VCenterSimulator(inventory=Inventory(vms=VMS)) as simulator:
        yield simulator
    assert simulator.errors == []


def first_page(session: api.VMwareAPISession) -> Any:
    return session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', PAGE)


def name(content: Any) -> str:
    return str(content.propSet[0].val)


def all_names(session: api.VMwareAPISession) -> list[str]:
    page = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    return sorted(name(content) for content in page.objects)


Trouble = Callable[[VCenterSimulator, api.VMwareAPISession], object]


def log_in_elsewhere(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """Another thread is the first to find the session expired."""
    vc.terminate_sessions()
    session._create_session()


TROUBLE: dict[str, Trouble] = {
    'the session expires': lambda vc, session: vc.expire_sessions(),
    'it was renewed by another thread': log_in_elsewhere,
    'ESX says nothing': lambda vc, session: vc.faults.empty_reply('ContinueRetrievePropertiesEx'),
    'the reply is lost': lambda vc, session: vc.faults.drop(
        'ContinueRetrievePropertiesEx', after=True
    ),
    'the page is cut off': lambda vc, session: vc.faults.truncate('ContinueRetrievePropertiesEx'),
    'a proxy answers': lambda vc, session: vc.faults.http(
        'ContinueRetrievePropertiesEx', status=503
    ),
    'twice in a row': lambda vc, session: (
        vc.expire_sessions(),
        vc.faults.on('RetrievePropertiesEx', fault='NotAuthenticated'),
    ),
}


@pytest.mark.parametrize('trouble', TROUBLE.values(), ids=TROUBLE.keys())
@pytest.mark.parametrize('number', [1, 2, 3, 4, 5, 6])
def test_every_object_comes_once(
    vc: VCenterSimulator, session: api.VMwareAPISession, trouble: Trouble, number: int
) -> None:
    """Wherever it goes wrong; nobody sees it but who counts the requests."""
    expected = all_names(session)
    seen = []
    with vim_util.WithRetrieval(session.vim, first_page(session)) as objects:
        for content in objects:
            seen.append(name(content))
            if len(seen) == number:
                trouble(vc, session)
    assert sorted(seen) == expected


@pytest.mark.parametrize('trouble', TROUBLE.values(), ids=TROUBLE.keys())
def test_pages_through_the_session(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float], trouble: Trouble
) -> None:
    """The same where each page is a call of ``invoke_api``, and nobody waits for it."""
    expected = all_names(session)
    page = first_page(session)
    trouble(vc, session)
    seen = []
    while page:
        seen += [name(content) for content in page.objects]
        page = session.invoke_api(vim_util, 'continue_retrieval', session.vim, page)
    assert (sorted(seen), pauses) == (expected, [])


def test_what_changed_in_the_meantime(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """What is gone does not come any more; the rest comes once."""
    expected = all_names(session)
    page = first_page(session)
    gone = next(one for one in expected if one not in {name(content) for content in page.objects})
    with vim_util.WithRetrieval(session.vim, page) as objects:
        seen = [name(next(objects))]
        vm = vc_object(session, gone)
        session.wait_for_task(session.invoke_api(session.vim, 'Destroy_Task', vm))
        vc.expire_sessions()
        seen += [name(content) for content in objects]
    assert sorted([*seen, gone]) == expected


def vc_object(session: api.VMwareAPISession, wanted: str) -> Any:
    page = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    vm = next(content.obj for content in page.objects if name(content) == wanted)
    state = session.invoke_api(
        vim_util, 'get_object_property', session.vim, vm, 'runtime.powerState'
    )
    if state == 'poweredOn':
        session.wait_for_task(session.invoke_api(session.vim, 'PowerOffVM_Task', vm))
    return vm


@pytest.mark.parametrize('number', [2, 4])
def test_an_end_before_the_end(
    vc: VCenterSimulator, session: api.VMwareAPISession, number: int
) -> None:
    """What cannot be survived says how much came before it, in words and as a number."""
    objects = iter(vim_util.WithRetrieval(session.vim, first_page(session)))
    seen = [next(objects) for _ in range(number)]
    vc.terminate_sessions()
    vc.faults.on('Login', fault='InvalidLogin', times=None)
    with pytest.raises(exceptions.VimFaultException) as raised:
        next(objects)
    assert raised.value.fault_list == ['InvalidLogin']
    assert (len(seen), raised.value.delivered) == (number, number)
    assert f'The retrieval ended after {number} objects.' in str(raised.value)


def test_a_server_that_forgets_at_once(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """There is an end to beginning anew."""
    page = first_page(session)
    vc.faults.on('ContinueRetrievePropertiesEx', fault='NotAuthenticated', times=None)
    vc.calls.clear()
    with (
        pytest.raises(exceptions.VimFaultException),
        vim_util.WithRetrieval(session.vim, page) as objects,
    ):
        for _ in objects:
            pass
    assert vc.count('RetrievePropertiesEx') == _retrievals.RESUMPTIONS


def test_a_service_without_a_session(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """Nobody can log in for it: it says how much came."""
    vim: Vim = session.vim
    page = first_page(session)
    vim._renew = None
    vc.terminate_sessions()
    with pytest.raises(exceptions.VimFaultException) as raised:
        list(vim_util.WithRetrieval(vim, page))
    assert (raised.value.fault_list, raised.value.delivered) == (['NotAuthenticated'], PAGE)


@pytest.mark.parametrize('privilege', ['System.Read', 'Other.Privilege'])
def test_properties_that_are_missing_on_page_two(
    vc: VCenterSimulator, connect: SessionMaker, privilege: str
) -> None:
    """They are a fault as on page one, with object and privilege."""
    session = connect(vc)
    page = first_page(session)
    # Its last object: the server reads one more than it hands out, to see whether there is more.
    following = session.invoke_api(vim_util, 'continue_retrieval', session.vim, page)
    second = following.objects[-1].obj
    page = first_page(session)
    vc.faults.deny(second.value, 'name', privilege=privilege)
    with pytest.raises(exceptions.NoPermissionException) as raised:
        session.invoke_api(vim_util, 'continue_retrieval', session.vim, page)
    assert raised.value.details == {'object': second.value, 'privilegeId': privilege}
    page = first_page(session)
    with pytest.raises(exceptions.VimFaultException) as direct:
        list(vim_util.WithRetrieval(session.vim, page))
    assert (direct.value.fault_list, direct.value.delivered) == (['NoPermission'], PAGE)


def test_what_is_remembered(session: api.VMwareAPISession) -> None:
    """A retrieval is forgotten with its pages, whether somebody goes on with it or not."""
    pages = [first_page(session) for _ in range(5)]
    remembered = session.vim._retrievals._open
    assert len(remembered) == 5
    del pages
    gc.collect()
    assert len(remembered) == 0


def test_a_token_of_another_session(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """It is not used in the next one, where another retrieval may have the same."""
    expected = all_names(session)
    page = first_page(session)
    vc.terminate_sessions()
    session._create_session()
    vc.calls.clear()
    assert sorted(map(name, vim_util.WithRetrieval(session.vim, page))) == expected
    asked = [call.args for call in vc.calls if call.operation.startswith('Continue')]
    assert asked
    assert page.token not in [args.token for args in asked if args]

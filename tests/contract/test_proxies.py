"""Nova's reference proxies: objects that say they are of a reference's class and are not.

They forward the reading of attributes, and nothing else; they may stand for another reference
the next moment, or for none.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import api, exceptions, rw_handles, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.contract.conftest import Wire, obj, ref, refs
from tests.stand_ins import Proxy
from tests.transfer.place import Place


def test_what_a_proxy_is(vm: Any) -> None:
    """The stand-in of these tests does what Nova's does, or they would prove nothing."""
    proxy: Any = Proxy(vm)
    assert isinstance(proxy, type(vm))
    assert type(proxy) is not type(vm)
    assert (proxy.value, proxy._type) == (vm.value, vm._type)
    assert proxy != vm
    for act in (len, iter, dict, lambda p: p[0]):
        with pytest.raises(TypeError):
            act(proxy)


def filter_spec(session: api.VMwareAPISession, moref: Any) -> Any:
    factory = session.vim.client.factory
    properties = vim_util.get_prop_spec(factory, 'VirtualMachine', ['name'])
    return vim_util.get_prop_filter_spec(
        factory, [vim_util.get_obj_spec(factory, moref)], [properties]
    )


def retrieve(session: api.VMwareAPISession, spec: Any) -> Any:
    vim = session.vim
    options = vim.client.factory.create('ns0:RetrieveOptions')
    options.maxObjects = 10
    collector = vim.service_content.propertyCollector
    return session.invoke_api(
        vim, 'RetrievePropertiesEx', collector, specSet=[spec], options=options
    )


#: A function of vim_util that takes a reference, and its other arguments.
READERS: list[tuple[str, tuple[Any, ...]]] = [
    ('get_object_properties', (['name'],)),
    ('get_object_properties_dict', (['name'],)),
    ('get_object_property', ('name',)),
    ('get_inventory_path', ()),
]


@pytest.mark.parametrize(('function', 'arguments'), READERS)
def test_vim_util_reads_through_a_proxy(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    vm: Any,
    function: str,
    arguments: tuple[Any, ...],
) -> None:
    """The answer is that of the bare reference, and the server was asked for it."""
    call = getattr(vim_util, function)
    bare, proxied = (call(session.vim, moref, *arguments) for moref in (vm, Proxy(vm)))
    assert str(bare) == str(proxied)
    assert obj(vc, vm).name in str(proxied)
    (asked,) = vc.calls[-1].args.specSet[0].objectSet
    assert asked.obj == ref(vm)


def test_a_proxy_among_a_collection(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any
) -> None:
    """References and proxies may stand side by side in one list."""
    other = refs(vc, 'VirtualMachine')[-1]
    result = vim_util.get_properties_for_a_collection_of_objects(
        session.vim, 'VirtualMachine', [Proxy(vm), other], ['name']
    )
    assert [content.obj.value for content in result.objects] == [vm.value, other.value]


def test_as_managed_object(session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any) -> None:
    """The operation happens to the machine that the proxy stands for."""
    session.wait_for_task(session.invoke_api(session.vim, 'PowerOnVM_Task', Proxy(vm)))
    assert obj(vc, vm).power_state == 'poweredOn'


def test_as_named_argument(session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any) -> None:
    """``host=proxy`` names that host."""
    cluster = [host.ref for host in obj(vc, vm).owner.host]
    host = refs(vc, 'HostSystem', lambda host: host.ref in cluster)[-1]
    task = session.invoke_api(session.vim, 'PowerOnVM_Task', vm, host=Proxy(host))
    session.wait_for_task(task)
    assert obj(vc, vm).host.ref == ref(host)


def test_inside_a_list(session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any) -> None:
    """``list=[proxy]`` moves that machine."""
    (folder,) = refs(vc, 'Folder', lambda folder: folder.name == 'Production databases')
    assert obj(vc, vm).parent.ref != ref(folder)
    task = session.invoke_api(session.vim, 'MoveIntoFolder_Task', Proxy(folder), list=[Proxy(vm)])
    session.wait_for_task(task)
    assert obj(vc, vm).parent.ref == ref(folder)


def test_in_an_object_spec(session: api.VMwareAPISession, vm: Any, wire: Wire) -> None:
    """``ObjectSpec.obj`` goes out as the bare reference, with its type."""
    (content,) = retrieve(session, filter_spec(session, Proxy(vm))).objects
    assert content.obj.value == vm.value
    (sent,) = wire.last('RetrievePropertiesEx').iter('obj')
    assert (sent.text, dict(sent.attrib)) == (vm.value, {'type': 'VirtualMachine'})


def test_as_the_machine_to_export(place: Place, vm: Any) -> None:
    """``VmdkReadHandle`` exports the machine that the proxy stands for."""
    handle = rw_handles.VmdkReadHandle(
        place.session, place.vc.host, place.vc.port, Proxy(vm), None, 1
    )
    try:
        (lease,) = place.vc.nfc.leases
        assert lease.info.entity.ref == ref(vm)
    finally:
        handle.close()


def test_re_pointing(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """The reference is read when it is needed: a specification made before follows too."""
    one, other = refs(vc, 'VirtualMachine')[:2]
    proxy = Proxy(one)
    spec = filter_spec(session, proxy)
    for moref in (one, other):
        proxy.moref = moref
        assert retrieve(session, spec).objects[0].obj.value == moref.value
        name = session.invoke_api(vim_util, 'get_object_property', session.vim, proxy, 'name')
        assert name == obj(vc, moref).name


NOTHING: list[tuple[str, Callable[[Any, Any], Any], type[Exception]]] = [
    ('as managed object', lambda vim, p: vim.PowerOnVM_Task(p), exceptions.VimAttributeException),
    *(
        (name, lambda vim, p, n=name, a=args: getattr(vim_util, n)(vim, p, *a), AttributeError)
        for name, args in READERS
        if name != 'get_inventory_path'
    ),
    ('its id', lambda vim, p: vim_util.get_moref_value(p), AttributeError),
    ('its type', lambda vim, p: vim_util.get_moref_type(p), AttributeError),
]


@pytest.mark.parametrize(
    ('act', 'expected'), [row[1:] for row in NOTHING], ids=[row[0] for row in NOTHING]
)
def test_a_proxy_of_nothing(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    act: Callable[[Any, Any], Any],
    expected: type[Exception],
) -> None:
    """It is not None: what needs its reference fails, and the server hears nothing."""
    vim = session.vim
    vc.calls.clear()
    with pytest.raises(expected) as raised:
        act(vim, Proxy(None))
    assert type(raised.value) is expected
    assert list(vc.calls) == []


def test_recovery_of_a_stale_reference(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """Nova's way: the fault names the id, the proxy is re-pointed, the call repeated."""
    moved = refs(vc, 'VirtualMachine')[0]
    proxy: Any = Proxy(vim_util.get_moref('vm-99999', 'VirtualMachine'))

    def read() -> Any:
        return session.invoke_api(vim_util, 'get_object_property', session.vim, proxy, 'name')

    with pytest.raises(exceptions.ManagedObjectNotFoundException) as raised:
        read()
    assert raised.value.details['obj'] == vim_util.get_moref_value(proxy.moref) == 'vm-99999'
    found = session.invoke_api(
        session.vim,
        'FindAllByUuid',
        session.vim.service_content.searchIndex,
        uuid=obj(vc, moved).instance_uuid,
        vmSearch=True,
        instanceUuid=True,
    )
    proxy.moref = found[0]
    assert read() == obj(vc, moved).name


def test_recovery_copes_without_details() -> None:
    """Made without arguments, as tests make it, the exception has details, and they are None."""
    assert exceptions.ManagedObjectNotFoundException().details is None
    assert vim_util.get_moref_value(SimpleNamespace(value='vm-1')) == 'vm-1'

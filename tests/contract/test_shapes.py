"""Shapes of arguments: one for many, None for many, a dict for a list, lists that grow later."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from oslo_vmware import api, image_transfer, pbm, rw_handles, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.contract.conftest import TYPE, Wire, obj, ref, refs
from tests.transfer.disks import stream_of
from tests.transfer.place import Place

DATA = stream_of(bytes(range(256)) * 700)
DIGEST = hashlib.sha256(DATA).hexdigest()


def retrieve(session: api.VMwareAPISession, spec: Any) -> Any:
    vim = session.vim
    options = vim.client.factory.create('ns0:RetrieveOptions')
    options.maxObjects = 100
    collector = vim.service_content.propertyCollector
    return session.invoke_api(
        vim, 'RetrievePropertiesEx', collector, specSet=[spec], options=options
    )


@pytest.mark.parametrize('pack', [lambda one: one, lambda one: [one], lambda one: (one,)])
def test_one_where_many_are_expected(
    session: api.VMwareAPISession, vm: Any, wire: Wire, pack: Callable[[Any], Any]
) -> None:
    """One object goes out like a list of one, also as the traversal of an object."""
    factory = session.vim.client.factory
    up = vim_util.build_traversal_spec(
        factory, 'up', 'ManagedEntity', 'parent', False,
        pack(vim_util.build_selection_spec(factory, 'up')),
    )  # fmt: skip
    spec = vim_util.build_property_filter_spec(
        factory,
        pack(vim_util.build_property_spec(factory, 'ManagedEntity', ['name'])),
        pack(vim_util.build_object_spec(factory, vm, pack(up))),
    )
    names = [content.propSet[0].val for content in retrieve(session, spec).objects]
    assert len(names) > 2
    assert names[-1] == 'Datacenters'
    sent = wire.last('RetrievePropertiesEx').find('specSet')
    assert [child.tag for child in sent] == ['propSet', 'objectSet']
    assert [child.tag for child in sent[1]] == ['obj', 'skip', 'selectSet']
    assert [child.tag for child in sent[1][2]] == ['name', 'type', 'path', 'skip', 'selectSet']


@pytest.mark.parametrize('nothing', [None, [], ()])
def test_nothing_where_many_are_expected(
    session: api.VMwareAPISession, vm: Any, wire: Wire, nothing: Any
) -> None:
    """None and an empty list are no elements, in every place where a list may stand."""
    factory = session.vim.client.factory
    spec = vim_util.build_property_filter_spec(
        factory,
        vim_util.build_property_spec(factory, 'VirtualMachine', ['name']),
        vim_util.build_object_spec(factory, vm, nothing),
    )
    spec.propSet.all = False
    assert len(retrieve(session, spec).objects) == 1
    assert wire.texts('RetrievePropertiesEx', 'selectSet') == []
    spec.propSet.pathSet = nothing
    (content,) = retrieve(session, spec).objects
    assert content.obj.value == vm.value
    assert wire.texts('RetrievePropertiesEx', 'pathSet') == []


@pytest.mark.parametrize('nothing', [None, []])
def test_no_profile(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any, wire: Wire, nothing: Any
) -> None:
    """A machine reconfigured with no profile keeps what it has."""
    obj(vc, vm).home_policy = gold = pbm.get_profile_id_by_name(session, 'Gold').uniqueId
    spec = session.vim.client.factory.create('ns0:VirtualMachineConfigSpec')
    spec.vmProfile, spec.annotation = nothing, 'touched'
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', vm, spec=spec))
    assert wire.texts('ReconfigVM_Task', 'vmProfile') == []
    assert (obj(vc, vm).annotation, obj(vc, vm).home_policy) == ('touched', gold)


@pytest.mark.parametrize('container', [list, tuple, dict, iter])
def test_datastores_in_any_container(
    session: api.VMwareAPISession, vc: VCenterSimulator, container: Any
) -> None:
    """Cinder gives the keys of a dict of datastores; the server is asked for those hubs."""
    datastores = refs(vc, 'Datastore')
    given = dict.fromkeys(datastores, 'anything') if container is dict else datastores
    hubs = pbm.convert_datastores_to_hubs(
        session.pbm.client.factory, given if container is dict else container(given)
    )
    profile = pbm.get_profile_id_by_name(session, 'Silver')
    matching = pbm.filter_hubs_by_profile(session, hubs, profile)
    asked = vc.calls[-1].args.hubsToSearch
    assert [hub.hubId for hub in asked] == [moref.value for moref in datastores]
    kept = pbm.filter_datastores_by_hubs(matching, given)
    assert [obj(vc, moref).name for moref in kept] == ['fra-vmfs-01']


def test_no_hubs_named(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """``hubs=None`` asks for all there are, without naming any."""
    profile = pbm.get_profile_id_by_name(session, 'Silver')
    (hub,) = pbm.filter_hubs_by_profile(session, None, profile)
    assert obj(vc, vim_util.get_moref(hub.hubId, 'Datastore')).name == 'fra-vmfs-01'
    assert not vc.calls[-1].args.hubsToSearch


def disk_of(session: api.VMwareAPISession, vm: Any) -> Any:
    devices = session.invoke_api(
        vim_util, 'get_object_property', session.vim, vm, 'config.hardware.device'
    )
    return next(d for d in devices.VirtualDevice if d.__class__.__name__ == 'VirtualDisk')


def edit(session: api.VMwareAPISession, vm: Any, device: Any) -> None:
    factory = session.vim.client.factory
    change = factory.create('ns0:VirtualDeviceConfigSpec')
    change.operation, change.device = 'edit', device
    spec = factory.create('ns0:VirtualMachineConfigSpec')
    spec.deviceChange = [change]
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', vm, spec=spec))


def test_a_device_read_changed_and_sent_back(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any, wire: Wire
) -> None:
    """Its type and its members' types survive, what was changed in place arrives."""
    device = disk_of(session, vm)
    device.capacityInKB *= 2
    device.backing.uuid = '6000C29a-1111-2222-3333-444455556666'
    edit(session, vm, device)
    (sent,) = wire.last('ReconfigVM_Task').iter('device')
    assert sent.get(TYPE).rpartition(':')[2] == 'VirtualDisk'
    assert sent.find('backing').get(TYPE).rpartition(':')[2] == type(device.backing).__name__
    assert sent.findtext('backing/uuid') == device.backing.uuid
    (disk,) = obj(vc, vm).disks
    assert (disk.key, disk.capacityInKB) == (device.key, device.capacityInKB)


def test_a_device_with_a_new_backing(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any, wire: Wire
) -> None:
    """A member of a response may be replaced by an object made with the factory."""
    device = disk_of(session, vm)
    made = session.vim.client.factory.create('ns0:VirtualDiskFlatVer2BackingInfo')
    made.fileName, made.diskMode = device.backing.fileName, 'independent_persistent'
    device.backing = made
    edit(session, vm, device)
    sent = wire.last('ReconfigVM_Task').find('.//backing')
    assert [child.tag for child in sent] == ['fileName', 'diskMode']
    (disk,) = obj(vc, vm).disks
    assert disk.backing.diskMode == 'independent_persistent'


def test_a_list_that_grows_later(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any, wire: Wire
) -> None:
    """What is appended to a list after its assignment is sent too: it is the caller's list."""
    create = session.vim.client.factory.create
    spec = create('ns0:VirtualMachineConfigSpec')
    options: list[Any] = []
    spec.extraConfig = options
    for number in range(3):
        option = create('ns0:OptionValue')
        option.key, option.value = f'k{number}', number
        (spec.extraConfig if number % 2 else options).append(option)
    assert spec.extraConfig is options
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', vm, spec=spec))
    assert wire.texts('ReconfigVM_Task', 'key') == ['k0', 'k1', 'k2']
    assert {key: obj(vc, vm).extra[key] for key in ('k0', 'k1', 'k2')} == {
        'k0': '0', 'k1': '1', 'k2': '2',
    }  # fmt: skip


# Images


def pieces() -> Iterable[bytes]:
    for start in range(0, len(DATA), 10_000):
        yield DATA[start : start + 10_000]


SOURCES: dict[str, Callable[[], Iterable[bytes]]] = {
    'list': lambda: list(pieces()),
    'generator': pieces,
    'iterator': lambda: iter([DATA]),
    'one tuple': lambda: (DATA,),
}


@pytest.mark.parametrize('timeout', [30, 30.0, 0.5e2])
@pytest.mark.parametrize('size', [len(DATA), str(len(DATA))])
@pytest.mark.parametrize('source', SOURCES)
def test_an_image_of_any_shape(place: Place, source: str, size: Any, timeout: float) -> None:
    """Any iterable of bytes, a size as number or digits, a time limit as int or float."""
    image_transfer.download_image(
        SOURCES[source](), {'size': size}, place.session, place.ds, 'i.vmdk', False, timeout
    )
    assert hashlib.sha256(place.content('i.vmdk')).hexdigest() == DIGEST


@pytest.mark.parametrize('size', [len(DATA), str(len(DATA))])
def test_sizes_of_every_function(place: Place, size: Any) -> None:
    """The other functions take a size of digits as well."""

    class Images:
        def download(self, context: Any, image_id: str) -> Iterable[bytes]:
            return pieces()

        def show(self, context: Any, image_id: str) -> dict[str, str]:
            return {'container_format': 'bare'}

    common: dict[str, Any] = {'host': place.vc.host, 'port': place.vc.port, 'image_size': size}
    image_transfer.download_flat_image(
        None, 30, Images(), 'id', data_center_name=place.dc.name, datastore_name=place.ds.name,
        cookies=place.session.vim.client.cookiejar, file_path='f.vmdk', cacerts=place.vc.cacert,
        **common,
    )  # fmt: skip
    assert hashlib.sha256(place.content('f.vmdk')).hexdigest() == DIGEST
    machine = image_transfer.download_stream_optimized_image(
        None, 30, Images(), 'id', session=place.session,
        resource_pool=place.first('ResourcePool'), vm_folder=place.read(place.dc.ref, 'vmFolder'),
        vm_import_spec=place.import_spec('sized'), http_method='POST', **common,
    )  # fmt: skip
    assert obj(place.vc, machine).ref == ref(machine)
    assert place.vc.transfers[-1].announced == len(DATA)
    handle = rw_handles.VmdkReadHandle(
        place.session, place.vc.host, place.vc.port, machine, None, size
    )
    assert b''.join(iter(lambda: handle.read(65536), b'')) == DATA
    handle.close()

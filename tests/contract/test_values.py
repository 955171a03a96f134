"""Values of another type than the schema's: users give them, servers must get right ones."""

from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware import api, dvs_util, exceptions, vim_util
from oslo_vmware.objects.datastore import DatastorePath
from oslo_vmware.simulator import VCenterSimulator
from tests.contract.conftest import TYPE, Wire, obj, refs
from tests.transfer.place import Place

Create = Callable[[str], Any]


def reconfigure(session: api.VMwareAPISession, vm: Any, **fields: Any) -> None:
    spec = session.vim.client.factory.create('ns0:VirtualMachineConfigSpec')
    for name, value in fields.items():
        setattr(spec, name, value)
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', vm, spec=spec))


@pytest.mark.parametrize(
    ('given', 'sent'),
    [
        ('True', 'true'),
        ('False', 'false'),
        ('true', 'true'),
        ('1', '1'),
        (True, 'true'),
        (False, 'false'),
        (1, 'true'),
        (0, 'false'),
    ],
)
def test_a_string_for_a_boolean(
    session: api.VMwareAPISession, vm: Any, wire: Wire, given: Any, sent: str
) -> None:
    """Nova switches nested virtualisation on with ``'True'``; XML Schema knows ``true``."""
    reconfigure(session, vm, nestedHVEnabled=given)
    assert wire.texts('ReconfigVM_Task', 'nestedHVEnabled') == [sent]


def test_what_is_no_boolean(session: api.VMwareAPISession, vm: Any, wire: Wire) -> None:
    """Another string is sent as given: it is the server's to refuse, not ours to guess at."""
    with pytest.raises(exceptions.VimFaultException, match='nestedHVEnabled'):
        reconfigure(session, vm, nestedHVEnabled='perhaps')
    assert wire.texts('ReconfigVM_Task', 'nestedHVEnabled') == ['perhaps']


@pytest.mark.parametrize(
    ('given', 'sent'),
    [
        (2048 * 1024 / 1024, '2048'),
        (1e15, '1000000000000000'),
        (-0.0, '0'),
        (4096, '4096'),
        ('512', '512'),
    ],
)
def test_a_float_for_a_whole_number(
    session: api.VMwareAPISession, vm: Any, wire: Wire, given: Any, sent: str
) -> None:
    """A division by 1024 makes a float of a size; on the wire it has no fraction."""
    factory = session.vim.client.factory
    card = factory.create('ns0:VirtualMachineVideoCard')
    card.key, card.videoRamSizeInKB = 500, given
    change = factory.create('ns0:VirtualDeviceConfigSpec')
    change.operation, change.device = 'edit', card
    reconfigure(session, vm, deviceChange=[change])
    assert wire.texts('ReconfigVM_Task', 'videoRamSizeInKB') == [sent]


def test_a_disk_of_a_float(place: Place, wire: Wire) -> None:
    """``capacityKb`` as Nova computes it makes a disk of that size."""
    session = place.session
    spec = session.vim.client.factory.create('ns0:FileBackedVirtualDiskSpec')
    spec.adapterType, spec.diskType = 'lsiLogic', 'thin'
    spec.capacityKb = 64 * 1024 * 1024 / 1024
    task = session.invoke_api(
        session.vim,
        'CreateVirtualDisk_Task',
        session.vim.service_content.virtualDiskManager,
        name=DatastorePath(place.ds.name, 'float.vmdk'),
        datacenter=place.dc.ref,
        spec=spec,
    )
    session.wait_for_task(task)
    assert wire.texts('CreateVirtualDisk_Task', 'capacityKb') == ['65536']
    assert b'RW 131072 ' in place.content('float.vmdk')


def test_a_path_object_for_a_string(place: Place, wire: Wire) -> None:
    """A ``DatastorePath`` is its text, as argument and as ``fileName`` of a backing."""
    session = place.session
    path = DatastorePath(place.ds.name, 'a dir', 'disk & more.vmdk')
    files = session.vim.service_content.fileManager
    session.invoke_api(
        session.vim,
        'MakeDirectory',
        files,
        name=path.parent,
        datacenter=place.dc.ref,
        createParentDirectories=True,
    )
    assert wire.texts('MakeDirectory', 'name') == [f'[{place.ds.name}] a dir']
    spec: Any = place.import_spec('machine')
    spec.configSpec.deviceChange[1].device.backing.fileName = path
    machine = session.wait_for_task(
        session.invoke_api(
            session.vim,
            'CreateVM_Task',
            place.read(place.dc.ref, 'vmFolder'),
            config=spec.configSpec,
            pool=place.first('ResourcePool'),
        )
    ).result
    assert wire.texts('CreateVM_Task', 'fileName') == [str(path)]
    (disk,) = obj(place.vc, machine).disks
    assert disk.backing.fileName == str(path)


def option(create: Create, key: str, value: Any) -> Any:
    made = create('ns0:OptionValue')
    made.key, made.value = key, value
    return made


@pytest.mark.parametrize(('value', 'text'), [(5, '5'), ('text', 'text'), (True, 'True')])
def test_options_and_their_end(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any, wire: Wire, value: Any, text: str
) -> None:
    """An option is a string whatever it is given as; set to ``''`` it is gone."""
    create = session.vim.client.factory.create
    reconfigure(session, vm, extraConfig=[option(create, 'nova.key', value)])
    (sent,) = wire.last('ReconfigVM_Task').iter('value')
    assert (sent.text, sent.get(TYPE)) == (text, 'xsd:string')
    assert obj(vc, vm).extra['nova.key'] == text
    reconfigure(session, vm, extraConfig=[option(create, 'nova.key', '')])
    assert wire.texts('ReconfigVM_Task', 'value') == ['']
    assert not obj(vc, vm).extra.get('nova.key')
    keys = [found.key for found in obj(vc, vm).config.extraConfig]
    assert 'nova.key' not in keys


def test_a_port_as_text(session: api.VMwareAPISession, vc: VCenterSimulator, wire: Wire) -> None:
    """The port of an iSCSI target may be a string of digits; the server reads a number.

    The simulated host has no storage system; it decodes the request before it says so.
    """
    target = session.vim.client.factory.create('ns0:HostInternetScsiHbaSendTarget')
    target.address, target.port = '192.0.2.1', '3260'
    with pytest.raises(exceptions.VMwareDriverException, match='storageSystem'):
        session.invoke_api(
            session.vim,
            'AddInternetScsiSendTargets',
            vim_util.get_moref('storageSystem-1', 'HostStorageSystem'),
            iScsiHbaDevice='vmhba64',
            targets=[target],
        )
    assert wire.texts('AddInternetScsiSendTargets', 'port') == ['3260']
    (decoded,) = vc.calls[-1].args.targets
    assert (decoded.address, decoded.port) == ('192.0.2.1', 3260)


@pytest.mark.parametrize('trunk', [False, True])
def test_not_inherited(
    session: api.VMwareAPISession, vc: VCenterSimulator, wire: Wire, trunk: bool
) -> None:
    """``dvs_util`` says ``inherited = '0'``, and the server reads false."""
    (dvs,) = refs(vc, 'DistributedVirtualSwitch')
    dvs_util.add_port_group(session, dvs, 'made', vlan_id=7, trunk_mode=trunk)
    assert wire.texts('CreateDVPortgroup_Task', 'inherited') in (['0'], ['false'])
    (call,) = [call for call in vc.calls if call.operation == 'CreateDVPortgroup_Task']
    assert call.args.spec.defaultPortConfig.vlan.inherited is False


def test_none_in_optional_fields(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any, wire: Wire
) -> None:
    """Set explicitly or not, None is not sent; the field keeps what the server has."""
    before = obj(vc, vm).num_cpu
    reconfigure(session, vm, numCPUs=None, annotation='a', extraConfig=None, vmProfile=None)
    sent = wire.last('ReconfigVM_Task').find('spec')
    assert [child.tag for child in sent] == ['annotation']
    assert (obj(vc, vm).num_cpu, obj(vc, vm).annotation) == (before, 'a')

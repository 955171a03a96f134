"""Objects of this library and of pyVmomi: each is converted to what it is on the other side.

What is right, the two codecs say: what pyVmomi writes, the library's decoder reads, and what the
library writes, pyVmomi reads. Values are made for every type of the description.
"""

import datetime
import functools
import itertools
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from lxml import etree
from pyVmomi import SoapAdapter, VmomiSupport, vim, vmodl

from oslo_vmware import pyvmomi, vim_util
from oslo_vmware.pyvmomi import _convert
from oslo_vmware.soap.descriptions import shipped_vim
from oslo_vmware.soap.objects import EmptyObject, Record, made_of, type_class
from oslo_vmware.soap.schema import Kind
from oslo_vmware.soap.start_tags import XSI_TYPE
from oslo_vmware.soap.values import TypedValue

CODEC = shipped_vim()
VERSION = VmomiSupport.newestVersions.GetName('vim')
VERSION_ID = VmomiSupport.versionIdMap[VERSION]

#: Nothing is called, so all that a stub has to say is the version.
STUB = SimpleNamespace(version=VERSION, SupportServerGUIDs=lambda: False)

EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
MOMENTS = [
    datetime.datetime(2026, 11, 30, 9, 20, tzinfo=datetime.UTC),
    datetime.datetime(1999, 12, 31, 23, 59, 59, 250000, tzinfo=EAST),
]


def converted(value: Any) -> Any:
    return _convert.ToPyvmomi(lambda cls: STUB).value(value, object)


# Values


def members_of(cls: Any) -> list[Any]:
    return [one for one in cls._GetPropertyList() if one.name in _convert._member_types(cls)]


def nesting(info: Any, cls: Any) -> int:
    """How deep a member of a type may go: into objects, and more of the same."""
    item = info.type.Item if issubclass(info.type, list) else info.type
    is_object = issubclass(item, VmomiSupport.DataObject)
    return is_object + (is_object and issubclass(cls, item)) + issubclass(item, vmodl.MethodFault)


@functools.cache
def with_members(cls: Any) -> Any:
    """A type, or one derived from it that has members: an empty object is none in requests."""
    derived = [one for one in data_types() if issubclass(one, cls) and members_of(one)]
    if members_of(cls) or not derived:
        return cls
    return min(derived, key=lambda one: nesting(members_of(one)[0], one))


class Drawing:
    """Makes a value for each type, another one each time."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def object(self, cls: Any, depth: int = 0) -> Any:
        """An object with all its members, down to a depth; below with one of its own at least."""
        made = cls()
        members = members_of(cls)
        if depth < 0:
            required = [one for one in members if not one.flags & VmomiSupport.F_OPTIONAL]
            members = required or sorted(members, key=lambda one: nesting(one, cls))[:1]
        for info in members:
            is_list = issubclass(info.type, list)
            item = info.type.Item if is_list else info.type
            values = [self.value(item, depth) for _ in range(2 if is_list else 1)]
            setattr(made, info.name, info.type(values) if is_list else values[0])
        if issubclass(cls, vmodl.MethodFault):
            made.msg = self.value(str, 0)
        return made

    def value(self, cls: Any, depth: int) -> Any:
        number = next(self._count)
        if cls is object:
            return f'any {number}'
        if cls is type:
            return (vim.VirtualMachine, vim.HostSystem)[number % 2]
        if cls is VmomiSupport.ManagedMethod:
            return vim.VirtualMachine.PowerOn
        if cls is datetime.datetime:
            return MOMENTS[number % 2]
        if cls is bool:
            return bool(number % 2)
        if cls is VmomiSupport.binary:
            return cls(bytes(range(number % 7 + 1)))
        if issubclass(cls, VmomiSupport.Enum):
            return cls.values[number % len(cls.values)]
        if issubclass(cls, VmomiSupport.ManagedObject):
            return cls(f'mo-{number}', STUB)
        if issubclass(cls, VmomiSupport.DataObject):
            return self.object(with_members(cls), depth - 1)
        if issubclass(cls, int):
            return cls(number % 100)
        if issubclass(cls, float):
            return cls(number / 4)
        return cls(f'<text> & {number}')


@functools.cache
def data_types() -> list[Any]:
    """Classes of all data objects of the description."""
    schema = CODEC.schema
    types = map(schema.type, schema.type_names())
    names = [
        one.name
        for one in types
        if one.kind is Kind.COMPLEX and not one.wrapper and not one.name.endswith('RequestType')
    ]
    classes = [VmomiSupport.GetWsdlType('urn:vim25', name) for name in names]
    return [one for one in classes if one is not _convert.LocalizedMethodFault]


@functools.cache
def drawn() -> list[Any]:
    drawing = Drawing()
    return [drawing.object(cls) for cls in data_types()]


# The codecs


def written(values: list[Any]) -> list[bytes]:
    """As pyVmomi writes values in places of type any."""
    info = VmomiSupport.Object(name='val', type=object, version=VERSION, flags=0)
    written = (SoapAdapter.Serialize(one, info, VERSION, {'urn:vim25': ''}) for one in values)
    return [one.replace(f' versionId="{VERSION_ID}"'.encode(), b'') for one in written]


def decoded(elements: list[bytes]) -> list[Any]:
    """What the library makes of elements in a reply."""
    found = b''.join(b'<propSet><name>x</name>%b</propSet>' % one for one in elements)
    reply = (
        b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
        b'<soapenv:Body><RetrievePropertiesResponse xmlns="urn:vim25"><returnval>'
        b'<obj type="Folder">group-d1</obj>%b</returnval></RetrievePropertiesResponse>'
        b'</soapenv:Body></soapenv:Envelope>'
    ) % found
    members = CODEC.decoder.plain_members(reply, '{urn:vim25}RetrievePropertiesResponse')
    assert members is not None
    return [one.val for one in members['returnval'][0].propSet]


def encoded_and_read(values: list[Any]) -> list[Any]:
    """What pyVmomi makes of what the library writes."""
    options = [type_class(Record, 'OptionValue', '{urn:vim25}OptionValue')() for _ in values]
    for option, value in zip(options, values, strict=True):
        option.key, option.value = 'x', value
    operation = CODEC.schema.operation('UpdateOptions')
    assert operation is not None
    manager = vim_util.get_moref('OptionManager', 'OptionManager')
    request = CODEC.encoder.request(operation, manager, {'changedValue': options})
    elements = list(etree.fromstring(request).iter('{urn:vim25}changedValue'))
    for one in elements:
        for value in one.iter('{urn:vim25}value', '{urn:vim25}val'):
            # As suds' users know it, also where a truth value is declared: servers understand.
            if value.get(XSI_TYPE) == 'xsd:string' and not value.text.startswith('any '):
                del value.attrib[XSI_TYPE]
    read = (SoapAdapter.Deserialize(etree.tostring(one), vim.OptionValue, STUB) for one in elements)
    return [one.value for one in read]


def same(one: Any, other: Any) -> bool:
    """Whether two values of the library are the same, whatever the classes of references are."""
    if hasattr(one, '_type'):
        return (one.value, one._type) == (other.value, other._type)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, '__keylist__'):
        # Of an object without members a reply keeps no more than that it is there.
        return (not one.__keylist__ and other == '') or (
            one.__class__ is other.__class__
            and one.__keylist__ == other.__keylist__
            and all(same(getattr(one, name), getattr(other, name)) for name in one.__keylist__)
        )
    return type(one) is type(other) and bool(one == other)


def names_of_different(ones: list[Any], others: list[Any], same: Any = bytes.__eq__) -> list[str]:
    pairs = zip(drawn(), ones, others, strict=True)
    return [type(drawn).__name__ for drawn, one, other in pairs if not same(one, other)]


# Every type


def test_every_type() -> None:
    """An object becomes what a reply with it is decoded to, and pyVmomi what it reads in a request.

    What comes back is what was there. For each of the 3,000 types of VIM.
    """
    assert len(drawn()) > 3000
    ours = [pyvmomi.from_pyvmomi(one) for one in drawn()]
    assert names_of_different(ours, decoded(written(drawn())), same) == []
    theirs = list(map(converted, ours))
    assert [type(one) for one in theirs] == [type(one) for one in drawn()]
    in_xml = written(theirs)
    assert names_of_different(written(drawn()), in_xml) == []
    # The one type with an optional member whose type has no members, so it can say nothing.
    assert names_of_different(written(encoded_and_read(ours)), in_xml) == [
        'vim.ClusterComputeResource.HCIConfigSpec'
    ]


def test_every_type_of_policies() -> None:
    """What comes back from this library is what was there, for each type of PBM."""
    names = [name for name in VmomiSupport.ListDataTypes() if name.startswith('pbm.')]
    assert len(names) > 70
    values = [Drawing().object(VmomiSupport.GetVmodlType(name)) for name in names]
    ours = [pyvmomi.from_pyvmomi(one) for one in values]
    assert {one.__class__.__xsd_type__[:9] for one in ours} <= {'{urn:pbm}', '{urn:vim2'}
    assert list(map(str, map(converted, ours))) == list(map(str, values))


# Single values


def made(type_name: str, /, **members: Any) -> Any:
    """An object of the factory."""
    new = CODEC.factory.create(f'ns0:{type_name}')
    for member, value in members.items():
        setattr(new, member, value)
    return new


def option(value: Any) -> Any:
    return made('OptionValue', key='x', value=value)


def received(type_name: str, /, **members: Any) -> Any:
    """An object of a reply."""
    return made_of(type_class(Record, type_name, f'{{urn:vim25}}{type_name}'), members)


DHCP = EmptyObject.of('CustomizationDhcpIpGenerator')
RELOCATION = made('VirtualMachineRelocateSpec')
NEWER = type_class(Record, 'VirtualDiskOfTomorrow', '{urn:vim25}VirtualDiskOfTomorrow')


def newer_disk() -> Any:
    disk = NEWER()
    disk.key, disk.spin = 2000, 'left'
    return disk


@pytest.mark.parametrize(
    ('value', 'kind', 'expected'),
    [
        (option(5), int, 5),
        (option(2**40), VmomiSupport.long, 2**40),
        (option(TypedValue(5, 'long')), VmomiSupport.long, 5),
        (option(True), bool, True),
        (option(''), str, ''),
        (option(b'\0'), VmomiSupport.binary, b'\0'),
        (option(MOMENTS[1]), datetime.datetime, MOMENTS[1]),
        (option(made('ArrayOfString', string=['a', 'b'])), list, ['a', 'b']),
        (option(made('ArrayOfInt')), list, []),
        (
            option(
                made(
                    'ArrayOfManagedObjectReference',
                    ManagedObjectReference=[vim_util.get_moref('vm-1', 'VirtualMachine')],
                )
            ),
            list,
            [vim.VirtualMachine('vm-1')],
        ),
    ],
)
def test_a_place_for_anything(value: Any, kind: type, expected: Any) -> None:
    """What the value is in Python says what pyVmomi sends, and arrays keep what they are of."""
    converted_ = converted(value).value
    assert isinstance(converted_, kind)
    assert converted_ == expected
    back = pyvmomi.from_pyvmomi(converted(value))
    assert converted(back).value == expected


@pytest.mark.parametrize(
    ('name', 'member', 'value', 'expected'),
    [
        ('VirtualMachineConfigSpec', 'numCPUs', '4', 4),
        ('VirtualMachineConfigSpec', 'memoryHotAddEnabled', 'True', True),
        ('VirtualMachineConfigSpec', 'changeTrackingEnabled', 0, False),
        ('VirtualMachineConfigSpec', 'name', 5, '5'),
        ('VirtualMachineConfigSpec', 'guestId', 'guestOfTomorrow', 'guestOfTomorrow'),
        ('VirtualMachineConfigSpec', 'deviceChange', made('VirtualDeviceConfigSpec'), []),
        ('VirtualMachineCloneSpec', 'location', RELOCATION, vim.vm.RelocateSpec()),
        ('VirtualMachineCloneSpec', 'location', made('VirtualMachineCloneSpec').location, None),
        ('AlarmState', 'time', datetime.datetime(2026, 7, 1), '2026-07-01 00:00:00+00:00'),
        ('AlarmState', 'time', '2026-07-01T00:00:00', '2026-07-01 00:00:00+00:00'),
        ('ClusterConfigSpecEx', 'dasConfig', made('ClusterDasConfigInfo'), None),
        ('VirtualMachineRelocateSpec', 'diskMoveType', TypedValue('x', 'string'), 'x'),
        ('PropertySpec', 'type', 'HostSystem', vim.HostSystem),
        ('TaskInfo', 'name', 'PowerOnVM_Task', vim.VirtualMachine.PowerOn),
        ('HostDigestInfo', 'digestValue', (1, '2'), [1, 2]),
        ('ScheduledTaskSpec', 'scheduler', '', vim.scheduler.TaskScheduler()),
        (
            *(
                'CustomizationAdapterMapping',
                'adapter',
                received('CustomizationIPSettings', ip=DHCP),
            ),
            vim.vm.customization.IPSettings(ip=vim.vm.customization.DhcpIpGenerator()),
        ),
        (
            *('CustomizationSpec', 'identity', received('CustomizationLinuxPrep', domain=None)),
            vim.vm.customization.LinuxPrep(domain=''),
        ),
    ],
)
def test_a_value_in_its_place(name: str, member: str, value: Any, expected: Any) -> None:
    """A value becomes what a server would take it for; an object with nothing in it is none."""
    found = getattr(converted(made(name, **{member: value})), member)
    assert found == expected or str(found) == str(expected)


@pytest.mark.parametrize(
    ('name', 'member', 'value', 'text'),
    [
        ('VirtualMachineConfigSpec', 'numCPUs', 'four', 'vim.vm.ConfigSpec.numCPUs'),
        ('VirtualMachineConfigSpec', 'memoryHotAddEnabled', 'yes', "'yes' is no truth value"),
        ('VirtualMachineConfigSpec', 'files', 'x', 'takes a vim.vm.FileInfo'),
        ('VirtualMachineConfigSpec', 'numCpu', 2, 'vim.vm.ConfigSpec has no member numCpu'),
        ('PropertySpec', 'type', 'HostOfTomorrow', 'knows no type HostOfTomorrow'),
        ('OptionValue', 'value', object(), 'no place for a object'),
        ('OptionValue', 'value', [1, 2], 'an ArrayOf… object does'),
        ('OptionValue', 'value', newer_disk(), 'knows no type VirtualDiskOfTomorrow'),
        (
            'TaskInfo',
            'entity',
            vim_util.get_moref('x-1', 'HostOfTomorrow'),
            'no managed object type HostOfTomorrow',
        ),
    ],
)
def test_a_value_that_does_not_fit(name: str, member: str, value: Any, text: str) -> None:
    """It is a TypeError that says where, and what was wrong."""
    with pytest.raises(TypeError, match=text):
        converted(made(name, **{member: value}))


def test_a_type_that_pyvmomi_is_too_old_for() -> None:
    """It becomes what its place is declared with, and keeps what there is room for."""
    change = made('VirtualDeviceConfigSpec', operation='add', device=newer_disk())
    device = converted(change).device
    assert type(device) is vim.vm.device.VirtualDevice
    assert device.key == 2000


def test_a_type_that_the_description_is_too_old_for() -> None:
    """It keeps its name and its members, as in replies."""
    props = [('spin', 'string', 'vim.version.version9', 0)]
    name = 'vim.vm.device.OfTheDayAfter'
    VmomiSupport.CreateDataType(
        name, 'VirtualDeviceOfTheDayAfter', 'vim.vm.device.VirtualDevice', VERSION, props
    )
    device = VmomiSupport.GetVmodlType(name)(key=1, spin='up')
    found = pyvmomi.from_pyvmomi([device])[0]
    assert found.__class__.__name__ == 'VirtualDeviceOfTheDayAfter'
    assert dict(found) == {'key': 1, 'spin': 'up'}
    assert CODEC.schema.lookup('VirtualDeviceOfTheDayAfter') is None


def test_faults() -> None:
    """In objects pyVmomi has the fault itself, with its text; causes go along, both ways."""
    cause = vim.fault.FileNotFound(file='[ds] x', msg='gone')
    fault = vim.fault.CannotAccessFile(file='[ds] y', msg='no access', faultCause=cause)
    found = pyvmomi.from_pyvmomi(fault)
    assert found.localizedMessage == 'no access'
    assert found.fault.__class__.__name__ == 'CannotAccessFile'
    assert found.fault.faultCause.fault.file == '[ds] x'
    localized = VmomiSupport.GetVmodlType('vmodl.LocalizedMethodFault')
    assert str(pyvmomi.from_pyvmomi(localized(fault=fault, localizedMessage='z'))) == str(
        found
    ).replace('no access', 'z')
    back = converted(found)
    assert (type(back), back.msg) == (vim.fault.CannotAccessFile, 'no access')
    assert (type(back.faultCause), back.faultCause.msg) == (vim.fault.FileNotFound, 'gone')
    assert type(converted(found.fault)) is vim.fault.CannotAccessFile
    assert converted(made('LocalizedMethodFault', localizedMessage='?')).msg == '?'


def test_a_time_without_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the moment that it is on the side where it comes from: local time, or UTC."""
    monkeypatch.setenv('TZ', 'EST+5')
    time.tzset()
    try:
        noon = datetime.datetime(2026, 12, 1, 12)
        once = pyvmomi.from_pyvmomi(vim.scheduler.OnceTaskScheduler(runAt=noon))
        assert once.runAt.isoformat() == '2026-12-01T12:00:00-05:00'
        once.runAt = noon
        assert converted(once).runAt.isoformat() == '2026-12-01T12:00:00+00:00'
    finally:
        monkeypatch.undo()
        time.tzset()


def test_references() -> None:
    """Type, id and server go both ways; what refers to nothing is nothing."""
    reference = vim_util.get_moref('vm-1', 'VirtualMachine')
    reference._serverGuid = 'there'
    machine = converted(reference)
    assert machine == vim.VirtualMachine('vm-1', None, 'there')
    back = pyvmomi.reference(machine)
    assert (back.value, back._type, back._serverGuid) == ('vm-1', 'VirtualMachine', 'there')
    assert converted(made('TaskInfo', entity=vim_util.get_moref(None, 'Folder'))).entity is None


def test_names() -> None:
    """Names of types, methods and properties are texts here, also of methods nobody knows."""
    unknown = VmomiSupport.UnknownManagedMethod('Tomorrow_Task')
    methods = [vim.VirtualMachine.PowerOn, unknown]
    action = vim.action.MethodAction(name=vim.VirtualMachine.PowerOn)
    assert pyvmomi.from_pyvmomi(action).name == 'PowerOnVM_Task'
    assert pyvmomi.from_pyvmomi(methods) == ['PowerOnVM_Task', 'Tomorrow_Task']
    assert converted(made('MethodAction', name='Tomorrow_Task')).name.name == 'Tomorrow_Task'
    array = VmomiSupport.GetVmodlType('vmodl.TypeName[]')([vim.Folder])
    assert pyvmomi.from_pyvmomi(vim.OptionValue(key='x', value=array)).value.string == ['Folder']


def test_what_is_pyvmomis_stays() -> None:
    """A spec may be made of both, while code moves."""
    spec = made('VirtualMachineConfigSpec', files=vim.vm.FileInfo(vmPathName='[ds]'))
    assert converted(spec).files.vmPathName == '[ds]'
    assert converted([spec.files]) == [spec.files]


def test_what_has_no_place_here() -> None:
    """What is no value of pyVmomi's."""
    with pytest.raises(TypeError, match='no values of type object'):
        pyvmomi.from_pyvmomi([object()])


def test_without_pyvmomi() -> None:
    """The import says what is missing, and how to get it; all else goes without."""
    code = (
        'import sys; sys.modules["pyVmomi"] = None\n'
        'import oslo_vmware.api\n'
        'try:\n    import oslo_vmware.pyvmomi\n'
        'except ImportError as exc:\n    print(exc)'
    )
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert run.stdout == (
        'oslo_vmware.pyvmomi needs the package pyvmomi, which is not installed; '
        "get it with: pip install 'pyvmomi>=8.0.3.0.1'\n"
    )

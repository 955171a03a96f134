"""Many threads meet the same types for the first time at once, and get the same."""

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oslo_vmware import wsdl
from oslo_vmware.soap import stored
from oslo_vmware.soap.compiled import Codec
from oslo_vmware.soap.objects import Record, type_class
from oslo_vmware.soap.schema import Schema
from oslo_vmware.soap.unmarshal import parse
from tests.unit.soap.codecs import VM

THREADS = 32
ROUNDS = 10

REPLY = b"""
<RetrievePropertiesResponse xmlns="urn:vim25" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <returnval>
  <obj type="VirtualMachine">vm-1</obj>
  <propSet><name>a</name><val xsi:type="VirtualDisk">
   <key>5</key>
   <backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>f</fileName></backing>
   <capacityInKB>1</capacityInKB>
  </val></propSet>
  <propSet><name>b</name><val xsi:type="ArrayOfInt"><int>1</int></val></propSet>
  <propSet><name>c</name><val xsi:type="VirtualMachineConfigInfo">
   <changeVersion new="1">x</changeVersion>
   <modified>2026-01-02T03:04:05Z</modified>
   <template>false</template>
  </val></propSet>
  <missingSet><path>p</path><fault><fault xsi:type="NoPermission"/></fault></missingSet>
 </returnval>
</RetrievePropertiesResponse>""".strip()


def read(codec: Codec) -> Any:
    declared = '{urn:vim25}RetrievePropertiesResponse'
    (found,) = codec.decoder.members(parse(REPLY), declared, REPLY)['returnval']
    values = [one.val for one in found.propSet]
    return str(found), [type(one) for one in values], type(values[0].backing)


def write(codec: Codec) -> Any:
    disk = codec.factory.create('ns0:VirtualDisk')
    disk.key = 5
    disk.backing = codec.factory.create('ns0:VirtualDiskFlatVer2BackingInfo')
    disk.backing.fileName = 'f'
    spec = {'name': 'n', 'deviceChange': [{'device': disk}], 'extraConfig': [{'key': 'k'}]}
    operation = codec.schema.operation('ReconfigVM_Task')
    assert operation is not None
    return codec.encoder.request(operation, VM, {'spec': spec})


def create(codec: Codec) -> Any:
    found = codec.factory.create('ns0:VirtualMachineConfigSpec')
    return str(found), type(found), type(codec.factory.create('LatencySensitivity').level)


def resolve(codec: Codec) -> Any:
    type_ = codec.schema.type('{urn:vim25}VirtualMachineConfigSpec')
    operation = codec.schema.operation('ReconfigVM_Task')
    assert operation is not None
    return type_.fields, type_.ancestors, operation.parameters, operation.faults


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(scope='module')
def data() -> bytes:
    return wsdl.vim_description_path().read_bytes()


def together(work: Callable[[], Any]) -> list[Any]:
    """What each of many threads that start at the same time gets; what it raises is handed out."""
    start = threading.Barrier(THREADS)
    results: list[Any] = []

    def run() -> None:
        start.wait()
        try:
            results.append(work())
        except Exception as exc:  # noqa: BLE001 - whatever it is, the test shows it
            results.append(exc)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == THREADS
    return results


@pytest.mark.usefixtures('impatient')
@pytest.mark.parametrize('work', [read, write, create, resolve])
def test_the_first_use_of_a_type_by_many_threads(work: Callable[[Codec], Any], data: bytes) -> None:
    """All get what one gets alone, of a description that nobody has used before."""
    expected = work(Codec(Schema(stored.load(data, 'alone'))))
    for _ in range(ROUNDS):
        codec = Codec(Schema(stored.load(data, 'together')))
        results = together(functools.partial(work, codec))
        assert [one for one in results if one != expected] == []


@pytest.mark.usefixtures('impatient')
def test_the_first_object_of_a_class_by_many_threads() -> None:
    """There is one class for a type in a process."""
    for number in range(10 * ROUNDS):
        tag = f'{{urn:threads}}T{number}'
        assert len(set(together(functools.partial(type_class, Record, 'T', tag)))) == 1

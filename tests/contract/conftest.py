"""A session with a simulated vCenter, and what went over the wire between the two.

The tests say nothing of the SOAP engine: they look at the bytes of a request as the server
received them, at what the server made of them, and at what it has afterwards.
"""

from typing import Any

import pytest
from lxml import etree

from oslo_vmware import api, vim_util
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.wire.endpoint import Endpoint
from oslo_vmware.simulator.world.data import Ref
from tests.functional.conftest import SessionMaker, connect, pbm_description, vc
from tests.transfer.place import Place

__all__ = ['connect', 'pbm_description', 'vc']

TYPE = '{http://www.w3.org/2001/XMLSchema-instance}type'


class Wire:
    """The requests that the server received, the oldest first."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def last(self, operation: str) -> Any:
        """The newest request of an operation: its element, all names without namespaces."""
        for body in reversed(self.bodies):
            root = etree.fromstring(body)
            for element in root.iter():
                element.tag = etree.QName(element).localname
            element = root.find('Body')[0]
            if element.tag == operation:
                return element
        raise AssertionError(f'no {operation} was sent')

    def texts(self, operation: str, name: str) -> list[str]:
        """What the elements of a name hold in the newest request of an operation."""
        return [element.text or '' for element in self.last(operation).iter(name)]


@pytest.fixture
def wire(vc: VCenterSimulator, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """What arrives at the simulator, before it is decoded."""
    tap = Wire()
    decode = Endpoint._envelope

    def noting(endpoint: Endpoint, data: bytes) -> Any:
        tap.bodies.append(data)
        return decode(endpoint, data)

    monkeypatch.setattr(Endpoint, '_envelope', noting)
    return tap


@pytest.fixture
def session(vc: VCenterSimulator, connect: SessionMaker, pbm_description: str) -> Any:
    """A session that is logged in, with storage policies."""
    return connect(vc, pbm_wsdl_loc=pbm_description)


@pytest.fixture
def place(vc: VCenterSimulator, session: api.VMwareAPISession) -> Place:
    """A datacenter and a datastore for files."""
    return Place(vc, session)


@pytest.fixture
def vm(vc: VCenterSimulator) -> Any:
    """Reference of a machine that is switched off."""
    return refs(vc, 'VirtualMachine', lambda vm: vm.power_state == 'poweredOff')[0]


def refs(vc: VCenterSimulator, type_: str, wanted: Any = lambda found: True) -> list[Any]:
    """References of the server's objects of a type, made by hand."""
    return [
        vim_util.get_moref(found.ref.value, found.ref.type)
        for found in vc.world.objects.values()
        if found.is_a(type_) and wanted(found)
    ]


def obj(vc: VCenterSimulator, moref: Any) -> Any:
    """The server's object that a reference names."""
    return vc.world.objects[moref.value]


def ref(moref: Any) -> Ref:
    """How the server knows a reference."""
    return Ref(moref._type, moref.value)

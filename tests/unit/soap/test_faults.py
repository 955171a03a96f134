"""SOAP faults as suds has them, with the decoded faults beside."""

import copy
import pickle
from typing import Any

import pytest
import suds
from suds import sudsobject

from oslo_vmware.soap.errors import NotSoapError
from tests.unit.soap.codecs import ENVELOPE, client, vim

NOT_FOUND = '<f xmlns="urn:vim25" xsi:type="NotFound"/>'
LOCKED = (
    '<f xmlns="urn:vim25" xsi:type="GenericVmConfigFault"><faultCause><fault xsi:type="FileLocked">'
    '<file>[ds] a.vmdk</file></fault><localizedMessage>locked</localizedMessage></faultCause>'
    '<reason>r</reason></f>'
)


def raised(fault: str, status: int = 500, encoding: str = 'utf-8') -> Any:
    body = f'<?xml version="1.0" encoding="{encoding}"?>' + ENVELOPE.format(
        f'<e:Fault>{fault}</e:Fault>'
    )
    with pytest.raises(suds.WebFault) as caught:
        client(vim(), body.encode(encoding), status).call('CurrentTime', None, {})
    return caught.value


#: The detail, and the class and members of each fault in it.
DETAILS: dict[str, tuple[str, list[tuple[str, dict[str, Any]]]]] = {
    'none': ('', []),
    'empty': ('<detail/>', []),
    'text': ('<detail>broken</detail>', []),
    'without members': (f'<detail>{NOT_FOUND}</detail>', [('NotFound', {})]),
    'with members': (
        '<detail><f xmlns="urn:vim25" xsi:type="DuplicateName"><name>a</name></f></detail>',
        [('DuplicateName', {'name': 'a'})],
    ),
    'without a type, of a declared element': (
        '<detail><NotFoundFault xmlns="urn:vim25"/></detail>',
        [('NotFoundFault', {})],
    ),
    'of nothing that is declared': (
        '<detail><x:y xmlns:x="urn:x"><x:z>1</x:z></x:y></detail>',
        [('y', {'z': '1'})],
    ),
    'of a type that nobody knows': (
        '<detail><f xmlns="urn:vim25" xsi:type="BrandNew"><a>1</a></f></detail>',
        [('BrandNew', {'a': '1'})],
    ),
    'of a simple type': (
        '<detail><f xmlns="urn:vim25" xsi:type="xsd:string">x</f></detail>',
        [('string', {})],
    ),
    'nil': ('<detail><f xmlns="urn:vim25" xsi:nil="true"/></detail>', [('f', {})]),
    'several': (
        f'<detail>{NOT_FOUND}<!-- x --><g xmlns="urn:vim25" xsi:type="FileLocked"/></detail>',
        [('NotFound', {}), ('FileLocked', {})],
    ),
    'in the namespace of the envelope': (f'<e:detail>{NOT_FOUND}</e:detail>', [('NotFound', {})]),
}


@pytest.mark.parametrize('status', [200, 500])
@pytest.mark.parametrize(('detail', 'faults'), DETAILS.values(), ids=DETAILS.keys())
def test_the_detail(detail: str, faults: list[tuple[str, dict[str, Any]]], status: int) -> None:
    """Each fault is an object of its class, whatever came; the document has what came."""
    found = raised(f'<faultstring>s</faultstring>{detail}', status)
    assert [(type(one).__name__, dict(one)) for one in found.detail_objects] == faults
    assert all(isinstance(one, sudsobject.Object) for one in found.detail_objects)
    for path in ('/detail', '/Envelope/Body/Fault/detail', 'detail'):
        element = found.document.childAtPath(path)
        assert (element is not None) == bool(detail)
        if faults:
            assert len(element.getChildren()) == len(faults)


#: What is in the fault, and its string as users read it.
STRINGS: dict[str, tuple[str, str | None]] = {
    'as usual': ('<faultcode>c</faultcode><faultstring>Not found</faultstring>', 'Not found'),
    'empty': ('<faultstring/>', ''),
    'none': ('<faultcode>c</faultcode>', None),
    'nothing at all': ('', None),
    'beyond ASCII': ('<faultstring>é \U0001f600</faultstring>', 'é \U0001f600'),
    'markup': ('<faultstring>&lt;b&gt; &amp;amp;</faultstring>', '<b> &amp;'),
    'CDATA': ('<faultstring><![CDATA[<b>]]></faultstring>', '<b>'),
    'with a language': ('<faultstring xml:lang="en">Not found</faultstring>', 'Not found'),
    'in the namespace of the envelope': ('<e:faultstring>s</e:faultstring>', 's'),
}


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-16'])
@pytest.mark.parametrize(('fault', 'text'), STRINGS.values(), ids=STRINGS.keys())
def test_the_string(fault: str, text: str | None, encoding: str) -> None:
    """What the server says, where suds' users look for it."""
    found = raised(fault, encoding=encoding)
    assert getattr(found.fault, 'faultstring', None) == text
    if text is not None:
        assert text in str(found)


def test_a_tree_of_faults() -> None:
    """Is decoded all the way down, and survives copying."""
    (found,) = raised(f'<faultstring>s</faultstring><detail>{LOCKED}</detail>').detail_objects
    for one in (found, copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        cause = one.faultCause
        assert type(cause.fault).__name__ == 'FileLocked'
        assert cause.fault.file == '[ds] a.vmdk'
        assert (cause.localizedMessage, one.reason) == ('locked', 'r')


def test_other_paths_of_the_document() -> None:
    """As in any of suds' documents; None where nothing is."""
    document = raised(f'<faultcode>c</faultcode><detail>{NOT_FOUND}</detail>').document
    assert document.childAtPath('/faultcode').getText() == 'c'
    assert document.childAtPath('/Envelope/Body').name == 'Body'
    assert document.childAtPath('/nothing') is None
    assert document.childAtPath('/Envelope/Body/nothing') is None


def test_what_the_parser_of_suds_does_not_take() -> None:
    """NotSoapError: without its document it is no fault that could be handed out."""
    # A letter that only the fifth edition of XML has in names; expat goes by the fourth.
    body = ENVELOPE.format('<e:Fault><faultstring>s</faultstring><\u0221/></e:Fault>').encode()
    with pytest.raises(NotSoapError, match='CurrentTime: the fault cannot be read'):
        client(vim(), body, 500).call('CurrentTime', None, {})

"""Where the engines differ on purpose: each row of the table in the internals' documentation."""

from typing import Any

import pytest
import suds
from suds import sudsobject
from suds.sax.element import Element

from oslo_vmware.soap.objects import moref
from oslo_vmware.soap.values import TypedValue
from tests.differential.engines import Engines, canonical
from tests.stand_ins import Proxy

_REPLY = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>'
    '<RetrievePropertiesResponse xmlns="urn:vim25"><returnval><obj type="Folder">f</obj><propSet>'
    '<name>n</name>%s</propSet></returnval></RetrievePropertiesResponse></e:Body></e:Envelope>'
)


def read(engines: Engines, by: Any, val: str) -> Any:
    """What an engine makes of a property's value."""
    result = engines.read(by, 'RetrieveProperties', (_REPLY % val).encode())
    return result[0].propSet[0].val


def option_sent(engines: Engines, value: Any) -> str:
    """The request that sets an option to a value, as canonical text."""
    option = engines.ours.factory.create('ns0:OptionValue')
    option.key, option.value = 'k', value
    arguments = {'changedValue': [option]}
    this = moref('o', 'OptionManager')
    return canonical(engines.sent(engines.by_ours, 'UpdateOptions', this, arguments))


@pytest.mark.parametrize(
    ('type_', 'text'), [('int', 'many'), ('boolean', 'perhaps'), ('dateTime', 'yesterday')]
)
def test_broken_text_stays_text(vim: Engines, type_: str, text: str) -> None:
    """suds fails the whole reply, or makes None of it."""
    val = f'<val xsi:type="xsd:{type_}">{text}</val>'
    assert read(vim, vim.by_ours, val) == text
    try:
        theirs = read(vim, vim.by_stock, val)
    except Exception:  # noqa: BLE001 - any: that is the difference
        return
    assert not theirs


def test_a_fault_without_members_keeps_its_class(vim: Engines) -> None:
    """To suds it is an empty text, and nobody knows which fault it was."""
    val = '<val xsi:type="NotFound"/>'
    assert type(read(vim, vim.by_ours, val)).__name__ == 'NotFound'
    assert read(vim, vim.by_stock, val) == ''


def test_text_beside_children_is_dropped(vim: Engines) -> None:
    """The description has no type with both; suds hands out an element of its parser."""
    val = '<val xsi:type="OptionValue">stray<key>k</key></val>'
    assert dict(read(vim, vim.by_ours, val)) == {'key': 'k'}
    assert isinstance(read(vim, vim.by_stock, val), Element)


def test_a_member_that_is_none_is_no_harm(vim: Engines) -> None:
    """Whatever its name; suds refuses the request."""
    for factory, by, refused in (
        (vim.ours.factory, vim.by_ours, False),
        (vim.stock.factory, vim.by_stock, True),
    ):
        option = factory.create('ns0:OptionValue')
        option.key, option.unheard = 'k', None
        arguments = {'changedValue': [option]}
        if refused:
            with pytest.raises(suds.TypeNotFound):
                vim.sent(by, 'UpdateOptions', moref('o', 'OptionManager'), arguments)
        else:
            assert b'unheard' not in vim.sent(
                by, 'UpdateOptions', moref('o', 'OptionManager'), arguments
            )


def test_a_reference_in_a_place_of_any_type_says_what_it_is(vim: Engines) -> None:
    """Both that it is one, and to what."""
    sent = option_sent(vim, moref('vm-1', 'VirtualMachine'))
    assert "type', '{urn:vim25}ManagedObjectReference')" in sent
    assert "('type', 'VirtualMachine')" in sent
    option = vim.stock.factory.create('ns0:OptionValue')
    option.key, option.value = 'k', moref('vm-1', 'VirtualMachine')
    arguments = {'changedValue': [option]}
    with pytest.raises(suds.TypeNotFound):
        vim.sent(vim.by_stock, 'UpdateOptions', moref('o', 'OptionManager'), arguments)


def test_a_value_may_be_given_a_type(vim: Engines) -> None:
    """suds knows no TypedValue, and sends all options as strings."""
    assert '{http://www.w3.org/2001/XMLSchema}int' in option_sent(vim, TypedValue(5, 'int'))
    assert '{http://www.w3.org/2001/XMLSchema}string' in option_sent(vim, 5)


@pytest.mark.parametrize(
    'spec', ['text', 5, object(), {'name': {'a', 'b'}}, {'name': (one for one in 'ab')}], ids=repr
)
def test_what_cannot_be_meant_is_refused(vim: Engines, spec: Any) -> None:
    """suds sends the text of it, for the server to wonder about."""
    reference, arguments = moref('vm-1', 'VirtualMachine'), {'spec': spec}
    with pytest.raises(TypeError):
        vim.sent(vim.by_ours, 'ReconfigVM_Task', reference, arguments)
    assert b'spec' in vim.sent(vim.by_stock, 'ReconfigVM_Task', reference, arguments)


def test_what_is_no_reference_is_refused(vim: Engines) -> None:
    """suds sends the text of a proxy of nothing as if it were an id."""
    folder, arguments = moref('group-1', 'Folder'), {'list': [Proxy(None)]}
    with pytest.raises(AttributeError):
        vim.sent(vim.by_ours, 'MoveIntoFolder_Task', folder, arguments)
    assert b'Proxy' in vim.sent(vim.by_stock, 'MoveIntoFolder_Task', folder, arguments)


def test_the_server_of_a_reference_is_not_sent_back(vim: Engines) -> None:
    """A vCenter gives it; suds refuses to send it back."""
    reference = moref('vm-1', 'VirtualMachine')
    reference._serverGuid = 'guid'
    assert isinstance(reference, sudsobject.Property)
    assert b'guid' not in vim.sent(vim.by_ours, 'PowerOnVM_Task', reference, {})
    with pytest.raises(suds.TypeNotFound):
        vim.sent(vim.by_stock, 'PowerOnVM_Task', reference, {})

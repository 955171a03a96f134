"""Where the engines differ on purpose: each row of the table in the internals' documentation."""

import copy
import datetime
import math
import re
from typing import Any

import pytest
import suds
from lxml import etree
from suds import sudsobject
from suds.sax.element import Element

from oslo_vmware.soap.objects import moref
from oslo_vmware.soap.values import TypedValue
from tests.differential.engines import Engines, canonical
from tests.differential.values import Made
from tests.differential.writing import Writer
from tests.stand_ins import Proxy

XSD = 'http://www.w3.org/2001/XMLSchema'
XSI = f'{XSD}-instance'

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
    """suds fails the whole reply, or makes nothing of it."""
    val = f'<val xsi:type="xsd:{type_}">{text}</val>'
    assert read(vim, vim.by_ours, val) == text
    if type_ != 'boolean':
        assert read(vim, vim.by_tolerant, val) == text
    try:
        theirs = read(vim, vim.by_stock, val)
    except Exception:  # noqa: BLE001 - any: that is the difference
        return
    assert not theirs


def test_blanks_do_not_belong_to_a_value(vim: Engines) -> None:
    """suds makes nothing of such a truth value, and fails a reply with such a time."""
    val = '<val xsi:type="xsd:boolean"> true </val>'
    assert read(vim, vim.by_ours, val) is True
    assert not read(vim, vim.by_stock, val)
    val = '<val xsi:type="xsd:dateTime">\n2026-01-02T03:04:05 </val>'
    assert read(vim, vim.by_ours, val) == datetime.datetime(2026, 1, 2, 3, 4, 5)
    with pytest.raises(ValueError, match='invalid format'):
        read(vim, vim.by_stock, val)


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('2026-12-31T24:00:00Z', datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)),
        ('2028-02-29T24:00:00.000', datetime.datetime(2028, 3, 1)),
        ('2026-01-02T24:00:01Z', '2026-01-02T24:00:01Z'),
        ('9999-12-31T24:00:00Z', '9999-12-31T24:00:00Z'),
        ('9999-12-31T23:59:59.9999999Z', '9999-12-31T23:59:59.9999999Z'),
    ],
)
def test_a_day_has_an_end(vim: Engines, text: str, value: Any) -> None:
    """24:00:00 is the next day's beginning, if Python has that day; suds fails the reply."""
    val = f'<val xsi:type="xsd:dateTime">{text}</val>'
    for by in (vim.by_ours, vim.by_tolerant):
        assert read(vim, by, val) == value
    with pytest.raises((ValueError, OverflowError)):
        read(vim, vim.by_stock, val)


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
    'spec',
    ['text', 5, object(), {'name': {'a', 'b'}}, {'name': (one for one in 'ab')}],
    ids=['text', 'number', 'object', 'set', 'generator'],
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


def parameters_sent(engines: Engines, by: Any, **arguments: Any) -> list[str]:
    """The parameters of a request as lines of canonical text, whatever operation has them."""
    operation = {
        'result': 'SetTaskState',
        'name': 'CreateFolder',
        'mapCert': 'AddGuestAlias',
        'pids': 'ListProcessesInGuest',
        'poolId': 'AllocateIpv4Address',
    }[next(iter(arguments))]
    request = canonical(engines.sent(by, operation, moref('o', 'Some'), arguments))
    return [line.strip().removeprefix('{urn:vim25}') for line in request.split('\n')[4:]]


@pytest.mark.parametrize(
    ('name', 'value', 'theirs', 'ours'),
    [
        ('mapCert', 'True', 'True', 'true'),
        ('mapCert', 'FALSE', 'FALSE', 'false'),
        ('poolId', 1024.0, '1024.0', '1024'),
        ('poolId', 1e16, '1e+16', '10000000000000000'),
    ],
)
def test_values_are_put_into_the_words_of_their_types(
    vim: Engines, name: str, value: Any, theirs: str, ours: str
) -> None:
    """By both of our engines; a stock client leaves it to the server to guess."""
    assert parameters_sent(vim, vim.by_ours, **{name: value}) == [f'{name} [] {ours!r}']
    assert parameters_sent(vim, vim.by_tolerant, **{name: value}) == [f'{name} [] {ours!r}']
    assert parameters_sent(vim, vim.by_stock, **{name: value}) == [f'{name} [] {theirs!r}']


def test_a_number_that_is_no_truth_value_is_for_the_server_to_refuse(vim: Engines) -> None:
    """suds drops it, and the server takes its default."""
    assert parameters_sent(vim, vim.by_ours, mapCert=2) == ["mapCert [] '2'"]
    assert parameters_sent(vim, vim.by_tolerant, mapCert=2) == []
    assert parameters_sent(vim, vim.by_stock, mapCert=2) == []


@pytest.mark.parametrize(
    ('value', 'theirs', 'type_', 'ours'),
    [
        (True, 'True', 'boolean', 'true'),
        (5, '5', 'int', '5'),
        (2**40, '1099511627776', 'long', '1099511627776'),
        (0.5, '0.5', 'double', '0.5'),
        (math.inf, 'inf', 'double', 'INF'),
        ('a', 'a', 'string', 'a'),
        (
            datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
            '2026-01-02 00:00:00+00:00',
            'dateTime',
            '2026-01-02T00:00:00+00:00',
        ),
    ],
)
def test_values_of_any_type_have_one(
    vim: Engines, pbm: Engines, value: Any, theirs: str, type_: str, ours: str
) -> None:
    """In VIM those whose names do not say what becomes of them, in PBM all."""
    typed = f"[('{{{XSI}}}type', '{{{XSD}}}{type_}')] {ours!r}"
    assert parameters_sent(vim, vim.by_ours, result=value) == [f'result {typed}']
    assert parameters_sent(vim, vim.by_tolerant, result=value) == [f'result [] {theirs!r}']
    assert parameters_sent(vim, vim.by_stock, result=value) == [f'result [] {theirs!r}']
    requests = []
    for by, factory in (
        (pbm.by_ours, pbm.ours.factory),
        (pbm.by_tolerant, pbm.stock.factory),
        (pbm.by_stock, pbm.stock.factory),
    ):
        limits = factory.create('ns0:PbmCapabilityRange')
        limits.min = limits.max = value
        rule = factory.create('ns0:PbmCapabilityPropertyInstance')
        rule.id, rule.value = 'a rule', limits
        rules = factory.create('ns0:PbmCapabilityConstraintInstance')
        rules.propertyInstance = [rule]
        capability = factory.create('ns0:PbmCapabilityInstance')
        capability.constraint = [rules]
        update = factory.create('ns0:PbmCapabilitySubProfileConstraints')
        profile = factory.create('ns0:PbmCapabilitySubProfile')
        profile.name, profile.capability = 'a profile', [capability]
        update.subProfiles = [profile]
        spec = factory.create('ns0:PbmCapabilityProfileUpdateSpec')
        spec.constraints = update
        request = pbm.sent(
            by, 'PbmUpdate', moref('o', 'Some'), {'profileId': None, 'updateSpec': spec}
        )
        requests.append(canonical(request))
    assert [text.count(f'max {typed}') for text in requests] == [1, 1, 0]
    assert f'max [] {theirs!r}' in requests[2]


def test_none_in_a_list_is_left_out(vim: Engines) -> None:
    """As a member that is None is; suds fails."""
    assert parameters_sent(vim, vim.by_ours, pids=[1, None, 2]) == ["pids [] '1'", "pids [] '2'"]
    for by in (vim.by_tolerant, vim.by_stock):
        with pytest.raises(Exception, match='append NoneType'):
            parameters_sent(vim, by, pids=[1, None, 2])


def test_bytes_are_base64(vim: Engines) -> None:
    """suds sends how Python prints them, and nobody means that."""
    assert parameters_sent(vim, vim.by_ours, name=b'ab') == ["name [] 'YWI='"]
    for by in (vim.by_tolerant, vim.by_stock):
        assert parameters_sent(vim, by, name=b'ab') == ['name [] "b\'ab\'"']


@pytest.mark.parametrize(('text', 'theirs'), [('a&amp;b', 'a&b'), ('a\rb', 'a\nb')])
def test_texts_arrive_as_they_are(vim: Engines, text: str, theirs: str) -> None:
    """By both of our engines; a stock client takes an escape for one of its own."""
    assert parameters_sent(vim, vim.by_ours, name=text) == [f'name [] {text!r}']
    assert parameters_sent(vim, vim.by_tolerant, name=text) == [f'name [] {text!r}']
    assert parameters_sent(vim, vim.by_stock, name=text) == [f'name [] {theirs!r}']


def test_what_xml_cannot_hold_is_not_sent(vim: Engines) -> None:
    """suds sends something that is no XML, of which a server can say nothing useful."""
    with pytest.raises(ValueError, match='CreateFolder: an argument has a character that XML'):
        parameters_sent(vim, vim.by_ours, name='a\x01b')
    for by in (vim.by_tolerant, vim.by_stock):
        with pytest.raises(etree.XMLSyntaxError):
            parameters_sent(vim, by, name='a\x01b')


def test_numbers_of_restricted_types_are_numbers(numbers: Engines) -> None:
    """To suds they are texts."""
    operation = numbers.schema.operation('Count')
    assert operation is not None
    made = Made('{urn:numbers}Numbers', {'aInt': 5, 'aBoolean': True})
    body = Writer(numbers.schema).reply(operation, made)
    assert dict(numbers.read(numbers.by_ours, 'Count', body)) == {'aInt': 5, 'aBoolean': True}
    theirs = numbers.read(numbers.by_stock, 'Count', body)
    assert dict(theirs) == {'aInt': '5', 'aBoolean': 'true'}


@pytest.mark.parametrize(
    ('value', 'theirs', 'ours'),
    [(math.inf, 'inf', 'INF'), (-math.inf, '-inf', '-INF'), (math.nan, 'nan', 'NaN')],
)
def test_floats_are_written_as_xml_schema_writes_them(
    numbers: Engines, value: float, theirs: str, ours: str
) -> None:
    """suds writes what Python prints, which no server reads."""
    arguments = {'numbers': {'aDouble': value}}
    requests = [
        canonical(numbers.sent(by, 'Count', moref('o', 'Some'), arguments))
        for by in (numbers.by_ours, numbers.by_tolerant, numbers.by_stock)
    ]
    assert [f'aDouble [] {ours!r}' in text for text in requests] == [True, False, False]
    assert [f'aDouble [] {theirs!r}' in text for text in requests] == [False, True, True]


_CLONE, _CREATE = 'VirtualMachineCloneSpec', 'PbmCapabilityProfileCreateSpec'
_RESOURCE = 'PbmProfileResourceType'


@pytest.mark.parametrize(
    ('service', 'operation', 'arguments', 'sent'),
    [
        # Parameters: one that is required, one that is not, and several.
        ('vim', 'CreateCollectorForTasks', {'filter': ('TaskFilterSpec', {})}, ['filter']),
        ('vim', 'CreateCollectorForTasks', {'filter': {}}, ['filter']),
        ('vim', 'CreateVM_Task', {'config': ('VirtualMachineConfigSpec', {})}, ['config']),
        ('vim', 'UpdateOptions', {'changedValue': [('OptionValue', {})] * 2}, ['changedValue'] * 2),
        (
            'pbm',
            'PbmQueryProfile',
            {'resourceType': (_RESOURCE, {})},
            ['resourceType'],
        ),
        # Members: what a user has put there, and what the factory has.
        ('vim', 'CloneVM_Task', {'spec': (_CLONE, {})}, ['spec']),
        (
            *('vim', 'CloneVM_Task'),
            {'spec': (_CLONE, {'location': ('VirtualMachineRelocateSpec', {})})},
            ['spec', ' location'],
        ),
        (
            *('vim', 'CloneVM_Task'),
            {'spec': (_CLONE, {'config': ('VirtualMachineConfigSpec', {})})},
            ['spec'],
        ),
        ('pbm', 'PbmCreate', {'createSpec': (_CREATE, {})}, ['createSpec']),
        (
            *('pbm', 'PbmCreate'),
            {'createSpec': (_CREATE, {'resourceType': (_RESOURCE, {})})},
            ['createSpec', ' resourceType'],
        ),
    ],
)
def test_what_is_required_and_empty_is_sent(
    request: pytest.FixtureRequest,
    service: str,
    operation: str,
    arguments: dict[str, Any],
    sent: list[str],
) -> None:
    """If a user has put it there; suds drops what is empty, and the server misses it."""
    engines: Engines = request.getfixturevalue(service)

    def made(value: Any, factory: Any) -> Any:
        if isinstance(value, list):
            return [made(one, factory) for one in value]
        if not isinstance(value, tuple):
            return value
        one = factory.create(f'ns0:{value[0]}')
        for name, member in value[1].items():
            setattr(one, name, made(member, factory))
        return one

    for by, factory, expected in (
        (engines.by_ours, engines.ours.factory, sent),
        (engines.by_tolerant, engines.tolerant.factory, sent),
        (engines.by_tolerant, engines.ours.factory, sent),
        (engines.by_stock, engines.stock.factory, []),
    ):
        values = {name: made(one, factory) for name, one in arguments.items()}
        if factory is engines.ours.factory:
            # A copy of what the factory has put there says no more than that. Of suds' objects it
            # would be one of the description as well.
            values = copy.deepcopy(values)
        envelope = canonical(engines.sent(by, operation, moref('o', 'Some'), values))
        lines = [re.sub(r'\{.*?\}(\w+) .*', r'\1', line) for line in envelope.split('\n')[4:]]
        assert [line[3:] for line in lines] == expected

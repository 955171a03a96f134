"""Replies in plain XML are read without a tree, all others by way of one, with the same result."""

import concurrent.futures
import gc
import tracemalloc

import pytest

from oslo_vmware.soap import objects, shapes, start_tags, unmarshal
from oslo_vmware.soap.descriptions import shipped_vim
from oslo_vmware.soap.unmarshal import ENVELOPE, Decoder, XmlError, parse
from tests.differential.comparison import differences

DECLARED = '{urn:vim25}RetrieveServiceContentResponse'
REPLY = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n<soapenv:Body>\n'
    '<RetrieveServiceContentResponse xmlns="urn:vim25"><returnval>'
    '<rootFolder type="Folder">group-d1</rootFolder><about><name>x</name><build>1</build>{}'
    '</about></returnval></RetrieveServiceContentResponse>\n</soapenv:Body>\n</soapenv:Envelope>'
)


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(shipped_vim().schema)


def by_tree(decoder: Decoder, document: bytes) -> object:
    body = parse(document).find(f'{ENVELOPE}Body')
    return decoder.members(body[0], DECLARED)['returnval']


@pytest.mark.parametrize(
    ('content', 'attribute', 'value'),
    [
        ('<vendor>a &lt;&amp;&gt;&quot;&apos; b</vendor>', 'vendor', 'a <&>"\' b'),
        ('<vendor>&amp;lt; &#233;&#xE9;&#x1F600;</vendor>', 'vendor', '&lt; éé😀'),
        ('<vendor>é😀</vendor>', 'vendor', 'é😀'),
        ('<vendor>a > b</vendor>', 'vendor', 'a > b'),
        ('<vendor>\n\ta\n</vendor>', 'vendor', '\n\ta\n'),
        ('<vendor/>', 'vendor', None),
        ('<vendor\n/>', 'vendor', None),
        ('<vendor ></vendor >', 'vendor', None),
        ('<v:vendor xmlns:v="urn:vim25">a</v:vendor>', 'vendor', 'a'),
        ('<new xsi:type=\n  "xsd:int" >1</new>', 'new', 1),
        ("<new xsi:type='xsd:int'>1</new>", 'new', 1),
        ('<new xsi:type="x:int" xmlns:x="http://www.w3.org/2001/XMLSchema">1</new>', 'new', 1),
        ('<new xmlns:xsd="urn:vim25" xsi:type="xsd:int">1</new>', 'new', '1'),
        ('<class xml:lang="de">a</class>', 'cls', 'a'),
        ('<xml:vendor>a</xml:vendor>', 'vendor', 'a'),
        ('<fullName>a</fullName><fullName>b</fullName>', 'fullName', ['a', 'b']),
        ('<build>&#49;</build>', 'build', ['1', '1']),
        (f'<vendor>&#{"0" * 5000}97;&#x{"0" * 5000}62;</vendor>', 'vendor', 'ab'),
        ('<new\u1680>a</new\u1680>', 'new\u1680', 'a'),
        ('<new xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:lang="de">a</new>', 'new', 'a'),
    ],
)
def test_plain(decoder: Decoder, content: str, attribute: str, value: object) -> None:
    """What stands in a document that lxml makes no tree of, at the first and at a later time."""
    document = REPLY.format(content).encode()
    for _ in range(2):
        members = decoder.plain_members(document, DECLARED)
        assert members is not None
        assert getattr(members['returnval'].about, attribute) == value
        assert not list(differences(members['returnval'], by_tree(decoder, document)))


def test_attributes_of_plain_tags(decoder: Decoder) -> None:
    """Their values are those that lxml gives."""
    document = REPLY.format("""<new a="&quot;&#10;" b='"' c="1
2\t3" x:d="4" xmlns:x="urn:x">text</new>""").encode()
    members = decoder.plain_members(document, DECLARED)
    assert members is not None
    new = members['returnval'].about.new
    assert vars(new) == {'value': 'text', '_a': '"\n', '_b': '"', '_c': '1 2 3', '_d': '4'}
    assert not list(differences(new, by_tree(decoder, document).about.new))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ('content', 'value'),
    [
        ('<vendor>a<!-- b -->c</vendor>', 'ac'),
        ('<!-- <vendor>b</vendor> --><vendor>ac</vendor>', 'ac'),
        ('<vendor>a<?b c?>c</vendor>', 'ac'),
        ('<vendor><![CDATA[</vendor>]]></vendor>', '</vendor>'),
        ('<vendor>a\r\nc</vendor>', 'a\nc'),
        ('<vendor>a</vendor><new x="a>b"/>', 'a'),
        ("<vendor>a</vendor><new x='a\"' y='>'>b</new>", 'a'),
    ],
)
def test_not_plain(decoder: Decoder, content: str, value: object) -> None:
    """What takes a tree to be understood is left to that, and means the same there."""
    document = REPLY.format(content).encode()
    assert decoder.plain_members(document, DECLARED) is None
    assert by_tree(decoder, document).about.vendor == value  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('<soapenv:Body>', '<soapenv:Header/><soapenv:Body>'),
        ('<soapenv:Body>', '<!-- x --><soapenv:Body>'),
        ('</soapenv:Body>', '<other/></soapenv:Body>'),
        ('</soapenv:Body>', '</soapenv:Body><!-- x -->'),
        ('UTF-8', 'ISO-8859-1'),
        ('soap/envelope/', 'soap/envelope/2'),
        ('<?xml', '\ufeff<?xml'),
        ('Envelope', 'envelope'),
        ('<soapenv:Body>', '<soapenv:Body :a="1">'),
        ('RetrieveServiceContentResponse', 'soapenv:Fault'),
        ('soapenv:Body', 'Body'),
        ('soapenv:Body', 'xsd:Body'),
        ('<soapenv:Body>', '<soapenv:Body xmlns:soapenv="urn:x">'),
        ('<soapenv:Body>', '<soapenv:Body a:b="1">'),
        ('<soapenv:Body>', '<soapenv:Body xmlns:a="urn:x" xmlns:b="urn:x" a:c="1" b:c="2">'),
    ],
)
def test_another_frame(decoder: Decoder, old: str, new: str) -> None:
    """Only the envelope that servers write is read without a tree."""
    document = REPLY.format('').replace(old, new)
    assert decoder.plain_members(document.encode(), DECLARED) is None


@pytest.mark.parametrize('element', ['soapenv:Body', 'RetrieveServiceContentResponse'])
def test_a_frame_of_another_namespace(decoder: Decoder, element: str) -> None:
    """What is inside does not make an envelope of it, whatever it declares."""
    envelope = 'http://schemas.xmlsoap.org/soap/envelope/'
    document = REPLY.format('').replace(envelope, 'urn:x')
    document = document.replace(f'<{element}', f'<{element} xmlns:soapenv="{envelope}"')
    assert decoder.plain_members(document.encode(), DECLARED) is None


def test_a_message_behind_an_empty_body(decoder: Decoder) -> None:
    """It is not the reply's."""
    document = REPLY.format('').replace('<soapenv:Body>', '<soapenv:Body />')
    document = document.replace('</soapenv:Body>', '')
    assert decoder.plain_members(document.encode(), DECLARED) is None


@pytest.mark.parametrize(
    'content',
    ['<vendor>', '</vendor>', '<vendor a="1" a="2"/>', '<vendor>&new;</vendor>', '<a>' * 300, '\0'],
)
def test_malformed(decoder: Decoder, content: str) -> None:
    """lxml has the last word on what is well-formed."""
    with pytest.raises(XmlError):
        decoder.plain_members(REPLY.format(content).encode(), DECLARED)


@pytest.mark.parametrize(
    'content',
    [
        '<x:vendor>a</x:vendor>',
        '<vendor x:a="1">a</vendor>',
        '<:vendor>a</:vendor>',
        '<vendor :a="1">a</vendor>',
        '<vendor xmlns:="urn:x">a</vendor>',
        '<new xmlns:a="urn:x" xmlns:b="urn:x" a:c="1" b:c="2"/>',
        '<new xmlns:a=""/>',
        '<new xmlns:xml="urn:x"/>',
        '<new xmlns:a="http://www.w3.org/XML/1998/namespace"/>',
        '<new xmlns:xmlns="urn:x"/>',
        '<new xmlns="http://www.w3.org/2000/xmlns/"/>',
        '<new xmlns:a:b="urn:x"><a:b:c/></new>',
        '<new xmlns:a="urn:x"><a:1/></new>',
        '<new xmlns:a="urn:x" a:-b="1"/>',
        '<new xmlns:1="urn:x"/>',
    ],
)
def test_names_that_mean_nothing(decoder: Decoder, content: str) -> None:
    """Without a tree lxml does not mind, so one is made, and the reply is refused."""
    document = REPLY.format(content).encode()
    assert decoder.plain_members(document, DECLARED) is None
    with pytest.raises(XmlError):
        parse(document)


def test_what_is_remembered_is_bounded(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tags come from whoever answers; those beyond the bound are read all the same."""
    monkeypatch.setattr(start_tags, 'MAX_BYTES', 150_000)
    made = []
    real = start_tags.Starts._entry

    def entry(self: start_tags.Starts, tag: start_tags.StartTag) -> shapes.Entry:
        made.append(self)
        return real(self, tag)

    monkeypatch.setattr(start_tags.Starts, '_entry', entry)
    document = REPLY.format(''.join(f'<new{n}>{n}</new{n}>' for n in range(50))).encode()
    members = decoder.plain_members(document, DECLARED)
    assert members is not None
    about = members['returnval'].about
    assert [about[f'new{n}'] for n in range(50)] == [str(n) for n in range(50)]
    assert 10 < sum(len(one) for one in {id(one): one for one in made}.values()) < 40


PREFIXES = ' '.join(f'xmlns:p{number}="u"' for number in range(9))
TAGS = {
    'names': '<new{0}/>',
    'names with something inside': '<new{0}><x/></new{0}>',
    'long names': '<' + 'n' * 180 + '{0}/>',
    'longer names': '<' + 'n' * 400 + '{0}/>',
    'types': '<new xsi:type="Type{0}"><x/></new>',
    'values of attributes': '<new a="{0}"/>',
    'names with attributes': '<new{0} a="1" b="2"><x/></new{0}>',
    'names of attributes': '<new a{0}="1" b{0}="1" c{0}="1"/>',
    'wide characters': '<new{0} a="' + '\N{GRINNING FACE}' * 60 + '"/>',
    'prefixes': '<new xmlns:p="{0}"><p:x/></new>',
    'many prefixes': '<new{0} ' + PREFIXES + '><x/></new{0}>',
    'known elements': '<name a="{0}">x</name>',
    'known elements with prefixes': '<rootFolder xmlns:p="{0}" p:type="T">x</rootFolder>',
}


@pytest.mark.parametrize('kind', TAGS)
def test_what_is_remembered_is_bounded_by_bytes(
    decoder: Decoder, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever tags come, and in whatever scopes, they take no more memory than they may."""
    bound = 500_000
    # The interpreter's own tables (of interned names, of subclasses) double now and then; when,
    # depends on what was read before. Without a bound it is 4 MB and more.
    tables = 2**20
    monkeypatch.setattr(start_tags, 'MAX_BYTES', bound)
    strangers = objects._kept_class.cache_info().maxsize or 0
    # What is kept once for all decoders.
    for number in range(strangers):
        objects.object_class(objects.Record, f'Other{number}')
    decoder.plain_members(REPLY.format('').encode(), DECLARED)
    gc.collect()
    tracemalloc.start()
    try:
        for scope in range(4):
            content = ''.join(TAGS[kind].format(scope * 1000 + n) for n in range(1000))
            declared = f' xmlns:s="{scope}" xmlns:xsi='
            document = REPLY.format(content).replace(' xmlns:xsi=', declared)
            assert decoder.plain_members(document.encode(), DECLARED) is not None
        del content, document
        gc.collect()
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert used < bound + strangers * 3000 + tables


def test_how_messages_begin_is_remembered_within_bounds(decoder: Decoder) -> None:
    """Whoever answers may declare prefixes as they like, a thousand times."""
    for number in range(1000):
        for length in (1, 5000):
            document = REPLY.format('').replace(':xsd=', f':x{"y" * length}{number}=').encode()
            members = decoder.plain_members(document, DECLARED)
            assert members is not None
            assert members['returnval'].about.name == 'x'
    assert 0 < len(decoder._scopes) <= unmarshal._MAX_SCOPES
    assert 0 < len(decoder._plain_scopes) <= unmarshal._MAX_MESSAGES


def test_threads_read_at_the_same_time(decoder: Decoder) -> None:
    """Each has parsers of its own."""
    document = REPLY.format('<vendor>a</vendor>' * 2000).encode()
    expected = str(decoder.plain_members(document, DECLARED))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        read = [pool.submit(decoder.plain_members, document, DECLARED) for _ in range(64)]
        assert {str(one.result()) for one in read} == {expected}


def test_full_tables_are_forgotten(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages of a hundred names do not keep a full one each."""
    monkeypatch.setattr(start_tags, 'MAX_BYTES', 150_000)
    for number in range(100):
        content = ''.join(f'<new{n}/>' for n in range(30))
        document = REPLY.replace('RetrieveServiceContentResponse', f'Message{number}')
        declared = f'{{urn:vim25}}Message{number}'
        assert decoder.plain_members(document.format(content).encode(), declared) is not None
    kept = {id(scope) for scope in decoder._plain_scopes.values()}
    assert kept == {id(scope) for scope in decoder._scopes.values()}
    assert len(kept) == 1

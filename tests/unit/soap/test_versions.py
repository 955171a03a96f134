"""Which version of an API is spoken: what servers publish, and which of two is newer."""

import pytest

from oslo_vmware.soap.versions import is_newer, newest_not_newer, published

VIM = 'urn:vim25'
NAMESPACE = '<namespace><name>urn:vim25</name>{}</namespace>'
PRIOR = '<priorVersions>{}</priorVersions>'


def document(content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><namespaces version="1.0">{content}</namespaces>'


def versions(*names: str) -> str:
    return ''.join(f'<version>{name}</version>' for name in names)


OTHER = '<namespace><name>urn:vim2</name><version>1.0</version></namespace>'

PUBLISHED: dict[str, tuple[str, tuple[str, ...]]] = {
    'as a vCenter does': (
        document(
            OTHER
            + NAMESPACE.format(
                versions('8.0.3.0') + PRIOR.format(versions('8.0.2.0', '7.0', '6.7'))
            )
        ),
        ('8.0.3.0', '8.0.2.0', '7.0', '6.7'),
    ),
    'without older ones': (document(NAMESPACE.format(versions('6.7'))), ('6.7',)),
    'blanks around names': (
        document('<namespace>\n<name>\n urn:vim25 </name><version> 6.7\n</version></namespace>'),
        ('6.7',),
    ),
    'an empty version': (document(NAMESPACE.format(versions('', '6.7', ' '))), ('6.7',)),
    'a comment in it': (
        document(NAMESPACE.format('<!-- 9.9 --><version>6<!-- . -->.7</version>')),
        ('6.7',),
    ),
    'no version': (document(NAMESPACE.format('')), ()),
    'other APIs only': (document(OTHER), ()),
    'a namespace without a name': (document('<namespace/>' + OTHER), ()),
    'a page': ('<html><body>Not found</body></html>', ()),
    'no XML': ('Not found', ()),
    'nothing': ('', ()),
    'cut off': (document(NAMESPACE.format(versions('6.7')))[:-5], ()),
    'a document type': (
        (
            '<!DOCTYPE x [<!ENTITY v "6.7">]>'
            f'<namespaces>{NAMESPACE.format(versions("&v;"))}</namespaces>'
        ),
        (),
    ),
    'absurd depth': (document('<namespace>' * 1000 + '</namespace>' * 1000), ()),
}


@pytest.mark.parametrize(('text', 'found'), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_what_a_server_publishes(text: str, found: tuple[str, ...]) -> None:
    """Its versions, newest first; nothing where the document is another one."""
    assert published(text.encode(), VIM) == found


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-8-sig'])
def test_encodings(encoding: str) -> None:
    """Are seen through."""
    text = document(NAMESPACE.format(versions('6.7'))).replace(
        'UTF-8', encoding.removesuffix('-sig')
    )
    assert published(text.encode(encoding), VIM) == ('6.7',)


# The left one is newer.
NEWER = {
    'a digit': ('8.0.3.0', '8.0.2.0'),
    'two digits': ('10.0', '9.9'),
    'in the last place': ('8.0.3.10', '8.0.3.9'),
    'more places': ('8.0.0.1', '8.0'),
    'an update': ('2.5u2', '2.5'),
    'of an update': ('2.5u2', '2.5u1'),
    'anything is newer than nothing': ('1', ''),
    'than a word': ('4.0', 'unknown'),
    'more digits than Python takes for a number': ('9' * 5000, '9.1.0.0'),
}


@pytest.mark.parametrize(('version', 'other'), NEWER.values(), ids=NEWER.keys())
def test_which_is_newer(version: str, other: str) -> None:
    """By the numbers in them, from left to right."""
    assert is_newer(version, other)
    assert not is_newer(other, version)


@pytest.mark.parametrize(
    ('version', 'other'), [('6.7', '6.7.0.0'), ('8.0.0.0', '8'), ('', '0.0'), ('7.0.1.0', '7.0.1')]
)
def test_which_are_the_same(version: str, other: str) -> None:
    """Zeros at the end say nothing."""
    assert not is_newer(version, other)
    assert not is_newer(other, version)


OURS = ('8.0.3.0', '8.0.0.0', '7.0.0.0', '6.7', '6.5', '2.5')

COMMON = {
    'the same': (OURS, '7.0.0.0', '7.0.0.0'),
    'written otherwise': (OURS, '7.0', '7.0.0.0'),
    'one between ours': (OURS, '7.0.3.0', '7.0.0.0'),
    'newer than all': (OURS, '9.0.0.0', '8.0.3.0'),
    'older than all': (OURS, '2.0', None),
    'in any order': (OURS[::-1], '6.9', '6.7'),
    'ten comes after nine': (('9.0', '10.0', '11.0'), '10.5', '10.0'),
    'no number': (OURS, 'unknown', None),
    'none of ours': ((), '7.0', None),
}


@pytest.mark.parametrize(('ours', 'limit', 'common'), COMMON.values(), ids=COMMON.keys())
def test_the_newest_that_the_server_knows(
    ours: tuple[str, ...], limit: str, common: str | None
) -> None:
    """Never one newer than the server itself; None where all are."""
    assert newest_not_newer(ours, limit) == common

"""Datastores, their paths and URLs, descriptors of OVF packages: by table."""

import io
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import exceptions, image_util, vim_util
from oslo_vmware._transfer import connection as _connection
from oslo_vmware.objects import datacenter, datastore
from oslo_vmware.objects.datastore import Datastore, DatastorePath, DatastoreURL

DSURL = 'https://h:444/folder/a/b.vmdk?dcPath=dc&dsName=ds'


# Paths


@pytest.mark.parametrize(
    ('parts', 'text'),
    [
        (('ds', 'a', 'b'), '[ds] a/b'),
        (('ds',), '[ds]'),
        (('ds', ''), '[ds]'),
        (('ds', 'a', '/b'), '[ds] /b'),
        (('d s', 'a b/c.vmdk'), '[d s] a b/c.vmdk'),
        (('ds [gold]', 'a'), '[ds [gold]] a'),
        (('ds', 'a] [b'), '[ds] a] [b'),
    ],
)
def test_path_as_text(parts: tuple[str, ...], text: str) -> None:
    """What operations take; and parsing it gives the same path again."""
    path = DatastorePath(*parts)
    assert str(path) == text
    assert DatastorePath.parse(text) == path
    assert hash(DatastorePath.parse(text)) == hash(path)
    assert path != text
    assert parts[0] in repr(path)


@pytest.mark.parametrize('parts', [(None,), ('',), ('ds', None), ('ds', 'a', None)])
def test_no_path(parts: Any) -> None:
    """A datastore has a name, and a component is text."""
    with pytest.raises(ValueError, match=r'name|None'):
        DatastorePath(*parts)


def test_parts_of_a_path() -> None:
    """Base, directory and parent by POSIX rules; the root is its own parent."""
    path = DatastorePath('ds', 'a/b', 'c.vmdk')
    assert (path.datastore, path.rel_path) == ('ds', 'a/b/c.vmdk')
    assert (path.basename, path.dirname) == ('c.vmdk', 'a/b')
    assert path.parent == DatastorePath('ds', 'a/b')
    assert DatastorePath('ds').parent == DatastorePath('ds')
    assert path.join() is path
    assert path.parent.join('x', 'y') == DatastorePath('ds', 'a/b/x/y')
    with pytest.raises(ValueError, match='None'):
        path.join('x', None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('text', 'name', 'rel_path'),
    [
        ('[ds]', 'ds', ''),
        ('[ds', 'ds', ''),
        ('[a]b', 'a', 'b'),
        ('[ds]  a//b/ ', 'ds', 'a//b/'),
        ('[ d ] x', ' d ', 'x'),
        ('[ds [gold]] x', 'ds [gold]', 'x'),
        ('[[gold]] x', '[gold]', 'x'),
        ('[[a] [b]]', '[a] [b]', ''),
        ('[a [b [c]] d] e]f', 'a [b [c]] d', 'e]f'),
        ('[ds] a] b', 'ds', 'a] b'),
        ('[ds] a[1] b', 'ds', 'a[1] b'),
        ('[ds] [a', 'ds', '[a'),
        ('[ds [gold] x', 'ds [gold', 'x'),
        ('[ds [gold', 'ds [gold', ''),
        ('x [ds] y', 'ds', 'y'),
    ],
)
def test_parsing(text: str, name: str, rel_path: str) -> None:
    """Name and path, with white space only cut at the ends of the path."""
    path = DatastorePath.parse(text)
    assert (path.datastore, path.rel_path) == (name, rel_path)


@pytest.mark.parametrize('text', ['', None, 'ds/a', 'ds] a', '[] a', '[', '[]'])
@pytest.mark.parametrize('kind', [ValueError, IndexError, datastore.DatastorePathError])
def test_parsing_what_is_no_path(text: Any, kind: type[Exception]) -> None:
    """One error for all of it, by whichever of its kinds a user knows it."""
    with pytest.raises(kind, match=r'empty|form'):
        DatastorePath.parse(text)


def test_parsing_takes_no_longer_than_its_text() -> None:
    """Brackets in any number, open and closed."""
    name = '[' * 100_000 + ']' * 100_000
    assert DatastorePath.parse(f'[{name}] x').datastore == name
    assert DatastorePath.parse('[' * 100_000 + '] x').rel_path == 'x'


# URLs


@pytest.mark.parametrize('url', [DSURL, DSURL.replace('https', 'vsphere'), DSURL + '2'])
def test_url_there_and_back(url: str) -> None:
    """A URL is taken apart and put together again as it was."""
    parsed = DatastoreURL.urlparse(url)
    assert (parsed.path, parsed.datacenter_path) == ('a/b.vmdk', 'dc')
    assert parsed.datastore_name == ('ds2' if url.endswith('2') else 'ds')
    assert str(parsed) == url


@pytest.mark.parametrize('url', ['', 'https://h/folder/a', '/folder/a?dsName=b', 'x?y'])
def test_incomplete_urls(url: str) -> None:
    """ValueError, whatever is missing."""
    with pytest.raises(ValueError, match='form'):
        DatastoreURL.urlparse(url)


def test_a_url_without_a_path() -> None:
    """Nova takes a datastore's own URL apart, which names no file."""
    parsed = DatastoreURL.urlparse('vsphere://my?dcPath=mycenter&dsName=mystore')
    assert (parsed.path, parsed.datacenter_path, parsed.datastore_name) == (
        '',
        'mycenter',
        'mystore',
    )


def test_a_path_that_is_an_object() -> None:
    """Its text counts; Nova's suite hands in objects of its own."""
    assert _connection.quoted(DatastorePath('ds', 'a b')) == '%5Bds%5D%20a%20b'  # type: ignore[arg-type]


def test_a_datastore_without_a_summary() -> None:
    """Nova counts on the AttributeError; an extra read would upset it."""
    session = SimpleNamespace(vim=None, invoke_api=lambda *args: None)
    with pytest.raises(AttributeError):
        Datastore('ref', 'ds').get_connected_hosts(session)


@pytest.mark.parametrize(
    ('server', 'path', 'datacenter_path', 'url'),
    [
        ('h', '/a b/', 'd c', 'https://h/folder/a%20b?dcPath=d+c&dsName=ds'),
        ('::1', 'a%20b', 'dc', 'https://[::1]/folder/a%20b?dcPath=dc&dsName=ds'),
        ('[::1]:444', 'ä#?', 'dc', 'https://[::1]:444/folder/%C3%A4%23%3F?dcPath=dc&dsName=ds'),
        ('h', 'a', None, 'https://h/folder/a?dsName=ds'),
    ],
)
def test_url_as_text(server: str, path: str, datacenter_path: str | None, url: str) -> None:
    """What a URL cannot hold is encoded, what is encoded stays, None is no word."""
    made = DatastoreURL('https', server, path, datacenter_path, 'ds')
    assert str(made) == url
    assert str(DatastoreURL.urlparse(url)) == url
    assert made.path == path.strip('/')


# Datastores


@pytest.mark.parametrize(
    'arguments',
    [
        {'ref': None},
        {'name': None},
        {'freespace': 1},
        {'capacity': 1, 'freespace': 2},
    ],
)
def test_impossible_datastores(arguments: dict[str, Any]) -> None:
    """No name, no reference, more free than there is."""
    with pytest.raises(ValueError, match=r'None|free'):
        Datastore(**({'ref': 'r', 'name': 'n'} | arguments))


def test_a_datastore() -> None:
    """Attributes as given; paths and URLs that begin with it."""
    place = Datastore('r', 'n', 10, 0, 3, 'VMFS')
    assert (place.capacity, place.freespace, place.uncommitted, place.type) == (10, 0, 3, 'VMFS')
    assert str(place) == '[n]'
    assert str(place.build_path('a', 'b')) == '[n] a/b'
    with pytest.raises(ValueError, match='datacenter'):
        place.build_url('https', 'h', 'a')
    place.datacenter = datacenter.Datacenter('dr', 'dc')
    assert str(place.build_url('https', 'h', 'a')).endswith('dcPath=dc&dsName=n')
    assert str(place.build_url('https', 'h', 'a', 'x')).endswith('dcPath=x&dsName=n')


@pytest.mark.parametrize('arguments', [(None, 'n'), ('r', None)])
def test_impossible_datacenters(arguments: Any) -> None:
    """Both are needed."""
    with pytest.raises(ValueError, match='None'):
        datacenter.Datacenter(*arguments)


@pytest.mark.parametrize(
    ('mount', 'usable'),
    [
        ({'accessMode': 'readWrite', 'mounted': True, 'accessible': True}, True),
        ({'accessMode': 'readWrite', 'accessible': True}, True),
        ({'accessMode': 'readWrite', 'mounted': True}, False),
        ({'accessMode': 'readWrite', 'mounted': False, 'accessible': True}, False),
        ({'accessMode': 'readOnly', 'mounted': True, 'accessible': True}, False),
    ],
)
def test_usable_mounts(mount: dict[str, Any], usable: bool) -> None:
    """Absent counts as mounted, and as not accessible."""
    assert Datastore.is_datastore_mount_usable(SimpleNamespace(**mount)) is usable


def test_choosing_a_host() -> None:
    """One of them, or None."""
    assert Datastore.choose_host([7]) == 7
    assert Datastore.choose_host([]) is None


class Session:
    """A stand-in that answers from a table and keeps what it was asked."""

    def __init__(self, **answers: Any) -> None:
        factory = SimpleNamespace(create=lambda name: SimpleNamespace())
        content = SimpleNamespace(storageResourceManager='StorageResourceManager')
        self.vim = SimpleNamespace(client=SimpleNamespace(factory=factory), service_content=content)
        self.answers = answers
        self.asked: list[Any] = []

    def invoke_api(self, module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        self.asked.append((method, args, kwargs))
        key = args[-1] if method == 'get_object_property' else method
        answer = self.answers[key]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ('recommendations', 'key'),
    [(None, None), ([], None), ([SimpleNamespace(key='1'), SimpleNamespace(key='2')], '1')],
)
@pytest.mark.parametrize('kind', ['create', 'clone'])
def test_recommendations(recommendations: Any, key: str | None, kind: str) -> None:
    """The first one's key; None where Storage DRS has nothing to say."""
    result = SimpleNamespace(recommendations=recommendations)
    if recommendations is None:
        del result.recommendations
    session = Session(RecommendDatastores=result)
    if kind == 'create':
        found = datastore.get_recommended_datastore_create(
            session, 'pod', 'config', 'pool', 'folder', 'host'
        )
        expected = {'configSpec': 'config', 'cloneSpec': None, 'cloneName': None, 'vm': None}
    else:
        found = datastore.get_recommended_datastore_clone(
            session, 'pod', 'clone', 'vm', 'folder', 'name', 'pool', 'host'
        )
        expected = {'configSpec': None, 'cloneSpec': 'clone', 'cloneName': 'name', 'vm': 'vm'}
    assert found == key
    method, args, kwargs = session.asked[0]
    assert (method, args) == ('RecommendDatastores', ('StorageResourceManager',))
    expected |= {'type': kind, 'folder': 'folder', 'resourcePool': 'pool', 'host': 'host'}
    spec = vars(kwargs['storageSpec'])
    assert spec.pop('podSelectionSpec').storagePod == 'pod'
    spec.pop('relocateSpec')
    assert spec == expected


# Descriptors

OVF = (
    '<{p}Envelope {ns}><{p}References><{p}File {a}href="d.vmdk" {a}id="f"/></{p}References>'
    '<{p}DiskSection><{p}Disk {a}diskId="empty"/><{p}Disk {a}fileRef="f"/></{p}DiskSection>'
    '</{p}Envelope>'
)
URI = 'http://schemas.dmtf.org/ovf/envelope/1'


@pytest.mark.parametrize(
    'document',
    [
        OVF.format(p='ovf:', a='ovf:', ns=f'xmlns:ovf="{URI}"'),
        OVF.format(p='', a='x:', ns=f'xmlns="{URI}" xmlns:x="{URI}"'),
        OVF.format(p='', a='', ns=f'xmlns="{URI}"'),
        '<?xml version="1.0" encoding="utf-8"?>'
        + OVF.format(p='a:', a='a:', ns=f'xmlns:a="{URI}"'),
    ],
)
def test_the_first_disk(document: str) -> None:
    """The namespace counts, whatever its prefix; a disk without a file is passed over."""
    assert image_util.get_vmdk_name_from_ovf(io.BytesIO(document.encode())) == 'd.vmdk'


GOOD = OVF.format(p='ovf:', a='ovf:', ns=f'xmlns:ovf="{URI}"')


@pytest.mark.parametrize(
    ('document', 'message'),
    [
        ('', 'no element'),
        ('<a', 'unclosed|not well-formed'),
        ('<a/>', 'no disk'),
        (OVF.format(p='', a='', ns='xmlns="urn:other"'), 'no disk'),
        (GOOD.replace('fileRef="f"', 'fileRef="g"'), 'file g'),
        ('<!DOCTYPE a>' + GOOD, 'document type'),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + GOOD, 'document type'),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd">' + GOOD, 'document type'),
        (GOOD.replace('d.vmdk', '&x;'), 'undefined entity'),
        ('<?xml version="1.0" encoding="no-such"?>' + GOOD, 'encoding'),
        (' ' * (image_util.MAX_DESCRIPTOR_SIZE + 1), 'longer'),
    ],
)
def test_unusable_descriptors(document: str, message: str) -> None:
    """One kind of error, and what is hostile is not even read."""
    with pytest.raises(exceptions.ImageTransferException, match=message):
        image_util.get_vmdk_name_from_ovf(io.BytesIO(document.encode()))


def test_a_reference_is_any_object() -> None:
    """Users' tests give strings for references, and the store of images adds attributes."""
    place = datacenter.Datacenter(vim_util.get_moref('d', 'Datacenter'), 'dc')
    place.path = 'a/b'  # type: ignore[attr-defined]
    assert Datastore('ref', 'n', datacenter=place).datacenter.path == 'a/b'

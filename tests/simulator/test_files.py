"""Files on datastores: over HTTP with requests, and under pyVmomi's hands."""

from __future__ import annotations

import itertools
import os
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.transfers import CHANGE, DISK, GIB_IN_KIB, Details, Files, until
from tests.simulator.vsphere import connected, done, failed
from tests.transfer.disks import stream_of

TYPED = Details(fileType=True, fileSize=True, modification=True, fileOwner=True)
Disk = vim.VirtualDiskManager.FileBackedVirtualDiskSpec
Kind = vim.VirtualDiskManager.VirtualDiskSpec
THIN = Kind(diskType='thin', adapterType='lsiLogic')


@pytest.fixture
def files() -> Iterator[Files]:
    with connected(Inventory(vms=4)) as client:
        made = Files(client)
        yield made
        made.http.close()
        # Whatever a test did, what is left fits the schema and itself.
        assert list(complaints(client.vc.world)) == []
        assert list(consistency_problems(client.vc.world)) == []


def running(files: Files) -> Any:
    """A machine on the datastore that runs."""
    machine = files.ds.vm[0]
    if machine.runtime.powerState != 'poweredOn':
        done(machine.PowerOnVM_Task())
    return machine


# /folder

NAMES = [
    'plain.iso',
    'a b/c d.bin',
    'one+two#three%20four&five=six.bin',
    'Zürich/日本.bin',
    "quote'and(brackets)[1].bin",
]


@pytest.mark.parametrize('name', NAMES)
def test_a_file_comes_back_as_it_was_sent(files: Files, name: str) -> None:
    """PUT, HEAD, GET and DELETE agree about a file, whatever its name is like."""
    data = os.urandom(200_000)
    assert files.send('PUT', name, data=data).status_code == 201
    head = files.send('HEAD', name)
    assert (head.status_code, head.headers['Content-Length'], head.content) == (200, '200000', b'')
    assert files.get(name) == data
    assert os.path.basename(name) in files.names(os.path.dirname(name))
    assert files.send('DELETE', name).status_code == 204
    assert files.send('GET', name).status_code == 404


@pytest.mark.parametrize('size', [0, 1, 65536, 65537])
def test_sizes_at_the_edges(files: Files, size: int) -> None:
    """An upload may be empty, or end just at or after a part that the server reads."""
    data = os.urandom(size)
    files.put('edge', data)
    assert files.get('edge') == data


def test_an_upload_in_chunks(files: Files) -> None:
    """A client that does not know the size may send chunks; overwriting is 200, not 201."""
    files.put('chunks', b'old and longer than the new one')
    assert files.send('PUT', 'chunks', data=iter([b'a' * 10, b'b' * 10])).status_code == 200
    assert files.get('chunks') == b'a' * 10 + b'b' * 10


def test_who_does_not_log_in_gets_nothing(files: Files) -> None:
    """Without a cookie, with a wrong one or one of an ended session: 401, and nothing is done."""
    files.put('secret', b'secret')
    for cookie in (None, 'vmware_soap_session="beef"', 'vmware_cgi_ticket="beef"', 'x=y'):
        headers = {'Cookie': cookie} if cookie else {}
        for method in ('GET', 'HEAD', 'PUT', 'DELETE'):
            url = files.url('secret')
            response = files.http.request(method, url, headers=headers, data=b'', timeout=30)
            assert response.status_code == 401, (method, cookie)
    assert files.get('secret') == b'secret'
    files.vc.expire_sessions()
    assert files.send('GET', 'secret').status_code == 401
    files.client.content.sessionManager.Login(files.vc.username, files.vc.password)


def test_a_password_opens_the_files(files: Files) -> None:
    """Basic authentication works for one request, begins no session, and is what 401 asks for."""
    manager = files.client.content.sessionManager
    right, wrong = (files.vc.username, files.vc.password), (files.vc.username, 'guessed')
    before = len(manager.sessionList)
    sent = files.http.put(files.url('mine'), data=b'mine', auth=right, timeout=30)
    assert sent.status_code == 201
    assert files.http.get(files.url('mine'), auth=right, timeout=30).content == b'mine'
    for auth in (wrong, ('', ''), ('nobody', files.vc.password)):
        refused = files.http.get(files.url('mine'), auth=auth, timeout=30)
        assert (refused.status_code, refused.content == b'mine') == (401, False)
        assert refused.headers['WWW-Authenticate'].startswith('Basic realm=')
    assert len(manager.sessionList) == before


def cookie_forms(cookie: str) -> dict[str, str]:
    name, _, value = cookie.partition('=')
    return {
        'as it came': cookie,
        'without quotes': cookie.replace('"', ''),
        # VMware's sample upload_file_to_datastore.py for pyVmomi.
        'with a space and a path': f'{name}= {value}; $Path=/',
        'behind others': f'x={{"y": 1}}; {cookie};z',
    }


@pytest.mark.parametrize('form', cookie_forms(''))
def test_forms_of_the_cookie(files: Files, form: str) -> None:
    """However clients write the cookie of their session, it opens the files."""
    cookie = cookie_forms(files.cookie)[form]
    assert files.send('PUT', 'mine', headers={'Cookie': cookie}, data=b'mine').status_code == 201
    assert files.send('GET', 'mine', headers={'Cookie': cookie}).content == b'mine'


PART = bytes(range(256)) * 1000


@pytest.mark.parametrize(
    ('asked', 'there'),
    [
        ('bytes=0-99', range(100)),
        ('bytes=100-', range(100, 256_000)),
        ('bytes=-100', range(255_900, 256_000)),
        ('bytes=255999-255999', range(255_999, 256_000)),
        ('bytes=255000-999999', range(255_000, 256_000)),
        ('bytes=-999999', range(256_000)),
        ('bytes=256000-', range(0)),
        ('bytes=-0', range(0)),
        ('Bytes = 10-19', range(10, 20)),
        # What is no range of bytes, or more than one: all of it.
        ('bytes=20-10', None),
        ('bytes=-', None),
        ('bytes=a-b', None),
        ('lines=1-2', None),
        ('bytes=0-9,20-29', None),
    ],
)
def test_a_part_of_a_file(files: Files, asked: str, there: range | None) -> None:
    """Range: the bytes asked for with 206, all with 200, 416 if they are not there."""
    files.put('part', PART)
    got = files.send('GET', 'part', headers={'Range': asked})
    if there is None:
        assert (got.status_code, got.content) == (200, PART)
        assert 'Content-Range' not in got.headers
    elif there:
        assert (got.status_code, got.content) == (206, PART[there.start : there.stop])
        assert got.headers['Content-Range'] == f'bytes {there[0]}-{there[-1]}/{len(PART)}'
        assert got.headers['Content-Length'] == str(len(there))
    else:
        assert got.status_code == 416
        assert got.headers['Content-Range'] == f'bytes */{len(PART)}'


def test_a_download_is_taken_up_again(files: Files) -> None:
    """Ranges are announced; If-Range gives the rest of what is the same, else all of it."""
    files.put('part', PART)
    head = files.send('HEAD', 'part', headers={'Range': 'bytes=0-9'})
    assert (head.status_code, head.headers['Content-Length']) == (200, str(len(PART)))
    assert head.headers['Accept-Ranges'] == 'bytes'
    rest = {'Range': 'bytes=1000-', 'If-Range': head.headers['Last-Modified']}
    assert files.send('GET', 'part', headers=rest).content == PART[1000:]
    rest['If-Range'] = 'Thu, 01 Jan 1970 00:00:00 GMT'
    assert files.send('GET', 'part', headers=rest).content == PART
    files.put('empty', b'')
    assert files.send('GET', 'empty', headers={'Range': 'bytes=0-'}).status_code == 416
    assert files.send('GET', 'empty').status_code == 200


def test_a_ticket_is_for_one_request(files: Files) -> None:
    """A ticket opens the request that it was made for, once, and no other."""
    url = files.url('by ticket')

    def ticket(method: str) -> dict[str, str]:
        spec = vim.SessionManager.HttpServiceRequestSpec(method=method, url=url)
        made = files.client.content.sessionManager.AcquireGenericServiceTicket(spec)
        assert made.sslThumbprint == files.vc.thumbprint
        return {'Cookie': f'vmware_cgi_ticket="{made.id}"'}

    def status(method: str, to: str, headers: dict[str, str]) -> int:
        return files.http.request(method, to, headers=headers, data=b'x', timeout=30).status_code

    put = ticket('PUT')
    assert status('PUT', files.url('another'), put) == 401
    assert status('DELETE', url, put) == 401
    assert status('PUT', url, put) == 201
    assert status('PUT', url, put) == 401
    assert status('GET', url, ticket('httpGet')) == 200
    # A ticket ends with its session.
    late = ticket('PUT')
    files.vc.terminate_sessions()
    assert status('PUT', url, late) == 401
    files.client.content.sessionManager.Login(files.vc.username, files.vc.password)


@pytest.mark.parametrize(
    ('query', 'status'),
    [
        ({'dsName': 'nowhere'}, 404),
        ({'dcPath': 'Nowhere'}, 404),
        ({'dcPath': 'ha-datacenter'}, 200),
        ({'dcPath': '/Frankfurt'}, 200),
    ],
)
def test_datacenter_and_datastore_by_name(files: Files, query: dict[str, str], status: int) -> None:
    """Names that do not exist are 404; ha-datacenter is what an ESX host calls its own."""
    files.put('here', b'x')
    url = files.url('here', **query)
    got = files.http.get(url, headers={'Cookie': files.cookie}, timeout=30)
    assert got.status_code == status


def test_no_path_leads_out_of_the_datastore(files: Files) -> None:
    """Dots in a path end at the top of the datastore."""
    connection = files.connection()
    for path in (
        '/folder/../../etc/passwd',
        '/folder/%2e%2e/%2e%2e/etc/passwd',
        '/folder//etc/passwd',
    ):
        query = files.url('').partition('?')[2]
        connection.request('GET', f'{path}?{query}', headers={'Cookie': files.cookie})
        response = connection.getresponse()
        response.read()
        assert response.status == 404, path
    connection.close()


def test_directories_are_pages_of_links(files: Files) -> None:
    """From /folder one gets by links to datacenter, datastore, directory and file."""
    files.put('dir/a<b>&c.txt', b'found')
    url, seen = f'{files.vc.url}/folder', []
    for wanted in ('Frankfurt', files.name, 'dir/', 'a&lt;b&gt;&amp;c.txt'):
        page = files.http.get(url, headers={'Cookie': files.cookie}, timeout=30).text
        line = next(line for line in page.splitlines() if f'>{wanted}<' in line)
        link = line.partition('"')[2].partition('"')[0].replace('&amp;', '&')
        url = files.vc.url + link
        seen.append(wanted)
    assert files.http.get(url, headers={'Cookie': files.cookie}, timeout=30).content == b'found'


def test_requests_that_make_no_sense(files: Files) -> None:
    """A PUT to a directory is 409, one without a length 411, one without a datastore 400."""
    assert files.send('POST', 'file', data=b'y').status_code == 405
    nowhere = {'headers': {'Cookie': files.cookie}, 'timeout': 30}
    assert files.http.put(f'{files.vc.url}/folder/x', data=b'y', **nowhere).status_code == 400
    assert files.http.delete(f'{files.vc.url}/folder', **nowhere).status_code == 400
    files.put('dir/file', b'x')
    assert files.send('PUT', 'dir', data=b'y').status_code == 409
    assert files.send('PUT', 'dir/file/below', data=b'y').status_code == 409
    connection = files.connection()
    target = files.url('new').removeprefix(files.vc.url)
    connection.putrequest('PUT', target)
    connection.putheader('Cookie', files.cookie)
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


def test_no_file_is_held_in_memory(files: Files) -> None:
    """Client and server together need a few MiB for 24, in both directions."""
    part, parts = b'x' * (1 << 20), 24
    files.put('warm', part)
    files.get('warm')
    headers = {'Cookie': files.cookie}
    tracemalloc.start()
    try:
        sent = files.http.put(
            files.url('large'), data=itertools.repeat(part, parts), headers=headers, timeout=60
        )
        assert sent.status_code == 201
        got = files.http.get(files.url('large'), headers=headers, stream=True, timeout=60)
        assert sum(len(data) for data in got.iter_content(65536)) == parts << 20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 << 20


# Space


def test_a_datastore_fills_up(files: Files) -> None:
    """What is written is no longer free; what does not fit is 507 and leaves nothing."""
    files.get('')  # the machines' own files are made before anything is counted
    free = files.free
    files.put('a', b'x' * 100_000)
    assert free - files.free == 100_000
    files.put('a', b'x' * 40_000)
    assert free - files.free == 40_000
    files.vc.set_free_space(files.name, 50_000)
    assert files.free == 50_000
    assert files.send('PUT', 'b', data=b'x' * 50_001).status_code == 507
    assert files.send('PUT', 'b', data=iter([b'x' * 30_000] * 2)).status_code == 507
    # Overwriting needs only what is more.
    assert files.send('PUT', 'a', data=b'x' * 90_000).status_code == 200
    assert files.free == 0
    assert 'b' not in files.names()
    assert files.send('DELETE', 'a').status_code == 204
    assert files.free == 90_000


def test_an_upload_that_breaks_off_leaves_nothing(files: Files) -> None:
    """A client that goes away in the middle gets neither a file nor a loss of space."""
    files.get('')
    free = files.free
    connection = files.connection()
    connection.putrequest('PUT', files.url('half').removeprefix(files.vc.url))
    connection.putheader('Cookie', files.cookie)
    connection.putheader('Content-Length', '1000000')
    connection.endheaders()
    connection.send(b'x' * 200_000)
    until(lambda: len(files.vc.transfers) > 1 and files.vc.transfers[-1].received >= 65536)
    assert free - files.free == 1_000_000
    locked = files.send('PUT', 'half', data=b'y')
    assert locked.status_code == 423
    connection.close()
    until(lambda: files.free == free)
    assert 'half' not in files.names()
    assert [one.complete for one in files.vc.transfers if one.announced == 1_000_000] == [False]


# Trouble


def outcome(files: Files, method: str, path: str, **options: Any) -> str:
    try:
        response = files.send(method, path, **options)
    except requests.Timeout:
        return 'timeout'
    except requests.exceptions.ChunkedEncodingError:
        return 'cut off'
    except requests.ConnectionError as error:
        return 'timeout' if 'timed out' in str(error) else 'dropped'
    return f'{response.status_code} {len(response.content)}'


RULES: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    'status on upload': ('PUT', lambda f: f.http('PUT /folder/*', status=500, body='no'), '500 2'),
    'status on download': (
        'GET',
        lambda f: f.http('GET /folder/*', status=503, body='no'),
        '503 2',
    ),
    'page instead': ('GET', lambda f: f.http('GET /folder/b*', status=200, body='login'), '200 5'),
    'dropped at once': ('PUT', lambda f: f.drop('PUT /folder/*'), 'dropped'),
    'upload dropped': ('PUT', lambda f: f.drop('PUT /folder/*', after_bytes=100_000), 'dropped'),
    'download dropped': ('GET', lambda f: f.drop('GET *', after_bytes=70_000), 'cut off'),
    'short body': ('GET', lambda f: f.truncate('GET /folder/*'), 'cut off'),
    'not applied': ('GET', lambda f: f.truncate('GET /folder/other'), '200 300000'),
}


@pytest.mark.parametrize(('method', 'make', 'effect'), RULES.values(), ids=RULES)
def test_trouble_with_files(
    files: Files, method: str, make: Callable[[Any], Any], effect: str
) -> None:
    """A fault rule breaks one transfer as it says; the next one is right."""
    data = b'x' * 300_000
    files.put('big', data)
    make(files.vc.faults)
    body = {'data': b'y' * 300_000} if method == 'PUT' else {}
    assert outcome(files, method, 'big', **body) == effect
    assert files.get('big') == data
    if 'dropped' in effect or 'cut' in effect:
        # The client has the last byte before the server knows that it was the last.
        until(lambda: files.vc.transfers[-1].complete)
        broken = [one for one in files.vc.transfers if not one.complete]
        assert [one.method for one in broken] == [method]


def test_what_is_done_without_a_word(files: Files) -> None:
    """With after=True the server does what it was asked to do, and the client does not learn."""
    files.vc.faults.http('PUT /folder/*', status=502, body='', after=True)
    assert outcome(files, 'PUT', 'x', data=b'kept') == '502 0'
    assert files.get('x') == b'kept'
    files.vc.faults.drop('DELETE /folder/*', after=True)
    assert outcome(files, 'DELETE', 'x') == 'dropped'
    assert files.send('GET', 'x').status_code == 404


def test_a_server_that_stops_reading(files: Files) -> None:
    """A stalled upload waits: for ever, until the client gives up, or as long as the rule says."""
    rule = files.vc.faults.stall('PUT /folder/*', after_bytes=65536)
    data = b'x' * 20_000_000
    headers = {'Cookie': files.cookie}
    with pytest.raises((requests.Timeout, requests.ConnectionError)):
        files.http.put(files.url('stalled'), data=data, headers=headers, timeout=1)
    assert rule.fired == 1
    assert files.vc.transfers[-1].received == 65536
    files.vc.faults.stall('GET /folder/*', after_bytes=10, seconds=0.05)
    files.put('short', b'x' * 100)
    assert len(files.get('short')) == 100


def test_nothing_is_left_when_the_simulator_stops() -> None:
    """The files are in a temporary directory that goes away, stalled transfers or not."""
    with connected(Inventory(vms=1)) as client:
        files = Files(client)
        files.put('x', b'x')
        directory = client.vc.world.files.of(client.vc.world.objects[files.ds._moId]).directory
        assert os.path.exists(directory)
        files.http.close()
    assert not os.path.exists(os.path.dirname(directory))


# FileManager


def test_directories_by_name(files: Files) -> None:
    """MakeDirectory makes one level, or all that are missing, and refuses what is there."""
    make = files.manager.MakeDirectory
    make(files.path('a'), files.dc)
    with pytest.raises(vim.fault.FileAlreadyExists) as raised:
        make(files.path('a'), files.dc, True)
    assert raised.value.file == files.path('a')
    with pytest.raises(vim.fault.FileNotFound):
        make(files.path('b/c'), files.dc, False)
    make(files.path('b/c'), files.dc, True)
    assert files.names('b') == ['c']
    files.put('file', b'x')
    with pytest.raises(vim.fault.CannotCreateFile):
        make(files.path('file/below'), files.dc, True)


@pytest.mark.parametrize(
    ('path', 'fault'),
    [
        ('[nowhere] x', vim.fault.InvalidDatastorePath),
        ('no brackets', vim.fault.InvalidDatastorePath),
        ('[] x', vim.fault.InvalidDatastorePath),
    ],
)
def test_paths_that_are_none(files: Files, path: str, fault: type[Exception]) -> None:
    """A path names a datastore of the datacenter in brackets; both are needed."""
    with pytest.raises(fault):
        files.manager.DeleteDatastoreFile_Task(path, files.dc)
    with pytest.raises(vmodl.fault.InvalidArgument):
        files.manager.DeleteDatastoreFile_Task(files.path('x'), None)


def test_copies_and_moves(files: Files) -> None:
    """Files and directories are copied and moved, within a datastore and to another."""
    other = files.dc.datastore[1]
    files.put('d/one', b'1' * 1000)
    files.put('d/e/two', b'2' * 2000)
    free, there = files.free, other.summary.freeSpace
    manager, dc = files.manager, files.dc
    done(manager.CopyDatastoreFile_Task(files.path('d'), dc, files.path('copy'), dc))
    assert files.get('copy/e/two') == b'2' * 2000
    assert free - files.free == 3000
    done(manager.MoveDatastoreFile_Task(files.path('copy'), dc, f'[{other.name}] moved', None))
    assert (free - files.free, there - other.summary.freeSpace) == (0, 3000)
    failed(vim.fault.FileNotFound, manager.DeleteDatastoreFile_Task(files.path('copy'), dc))
    copy = manager.CopyDatastoreFile_Task
    to = (files.path('d/one'), dc, files.path('d/e/two'), dc)
    failed(vim.fault.FileAlreadyExists, copy(*to, False))
    done(copy(*to, True))
    assert files.get('d/e/two') == b'1' * 1000
    failed(vim.fault.FileNotFound, copy(files.path('none'), dc, files.path('x'), dc))
    failed(vim.fault.FileNotFound, copy(files.path('d/one'), dc, files.path('no/x'), dc))
    failed(vim.fault.CannotCreateFile, copy(files.path('d'), dc, files.path('d/below'), dc))
    files.vc.set_free_space(files.name, 999)
    failure = failed(vim.fault.NoDiskSpace, copy(files.path('d/one'), dc, files.path('x'), dc))
    assert failure.datastore == files.name
    done(manager.DeleteDatastoreFile_Task(files.path('d'), dc))
    assert files.free == 999 + 2000
    failed(vim.fault.CannotDeleteFile, manager.DeleteDatastoreFile_Task(files.path(''), dc))


def test_files_of_a_running_machine_are_locked(files: Files) -> None:
    """What a running machine uses can be neither removed nor overwritten; later it can."""
    machine = running(files)
    directory = machine.config.files.vmPathName.partition('] ')[2].rpartition('/')[0]
    disk = next(name for name in files.names(directory) if name.endswith('-flat.vmdk'))
    delete = files.manager.DeleteDatastoreFile_Task
    failed(vim.fault.FileLocked, delete(files.path(directory), files.dc))
    assert files.send('PUT', f'{directory}/{disk}', data=b'x').status_code == 423
    done(machine.PowerOffVM_Task())
    machine.UnregisterVM()
    done(delete(files.path(directory), files.dc))
    assert directory not in files.names()


# The browser


def test_searching_by_pattern_and_kind(files: Files) -> None:
    """A search finds by pattern and by kind of file, and tells what it was asked to tell."""
    for name in ('dir/a.iso', 'dir/b.ISO', 'dir/c.log', 'dir/d[1].txt', 'dir/sub/e.iso'):
        files.put(name, b'12345')
    assert files.search('dir').folderPath == files.path('dir/')
    assert files.search().folderPath == f'[{files.name}]'
    assert files.names('dir', matchPattern=['*.iso']) == ['a.iso']
    assert files.names('dir', matchPattern=['*.iso'], searchCaseInsensitive=True) == [
        'a.iso',
        'b.ISO',
    ]
    assert files.names('dir', matchPattern=['d[1].t?t', 'c.log']) == ['c.log', 'd[1].txt']
    assert files.names('dir', matchPattern=['none']) == []
    assert files.names('dir', query=[vim.host.DatastoreBrowser.FolderQuery()]) == ['sub']
    found = files.search('dir', details=TYPED, matchPattern=['a.iso', 'sub']).file
    assert [type(one).__name__.rpartition('.')[2] for one in found] == [
        'IsoImageInfo',
        'FolderInfo',
    ]
    assert (found[0].fileSize, found[0].owner) == (5, 'root')
    assert found[0].modification is not None
    with pytest.raises(vim.fault.FileNotFound):
        files.names('nowhere')


def test_searching_below(files: Files) -> None:
    """A search of subfolders answers once for each directory, the top one included."""
    files.put('top/a.iso', b'x')
    files.put('top/sub/b.iso', b'x')
    files.put('top/sub/c.log', b'x')
    spec = vim.host.DatastoreBrowser.SearchSpec(matchPattern=['*.iso'])
    found = done(files.ds.browser.SearchDatastoreSubFolders_Task(files.path('top'), spec))
    assert [(one.folderPath, [file.path for file in one.file]) for one in found] == [
        (files.path('top/'), ['a.iso']),
        (files.path('top/sub/'), ['b.iso']),
    ]


def test_the_browser_of_a_host_reaches_all_its_datastores(files: Files) -> None:
    """A host's browser searches what the host has mounted, and nothing else."""
    files.put('x', b'x')
    host = files.ds.host[0].key
    result = done(host.datastoreBrowser.SearchDatastore_Task(files.path()))
    assert 'x' in [found.path for found in result.file]
    with pytest.raises(vim.fault.InvalidDatastorePath):
        files.ds.browser.SearchDatastore_Task(f'[{files.dc.datastore[1].name}]')


# Virtual disks


def make_disk(files: Files, path: str, kib: int = 8192, kind: str = 'thin') -> None:
    spec = Disk(diskType=kind, adapterType='lsiLogic', capacityKb=kib)
    done(files.disks.CreateVirtualDisk_Task(files.path(path), files.dc, spec))


@pytest.mark.parametrize(('kind', 'used'), [('thin', 0), ('preallocated', 8 << 20)])
def test_a_disk_is_two_files(files: Files, kind: str, used: int) -> None:
    """A new disk has descriptor and extent; a thin one takes no space, any other all of it."""
    files.get('')
    free = files.free
    make_disk(files, 'disk.vmdk', kind=kind)
    assert files.names(matchPattern=['disk*']) == ['disk-flat.vmdk', 'disk.vmdk']
    assert free - files.free == used + 512
    assert files.get('disk-flat.vmdk') == bytes(8 << 20)
    query = vim.host.DatastoreBrowser.VmDiskQuery(
        details=vim.host.DatastoreBrowser.VmDiskQuery.Details(
            capacityKb=True, thin=True, diskExtents=True, diskType=True, hardwareVersion=True
        )
    )
    (found,) = files.search(query=[query], details=TYPED, matchPattern=['disk*']).file
    assert (found.path, found.capacityKb, found.thin) == ('disk.vmdk', 8192, kind == 'thin')
    assert (found.diskExtents, found.fileSize) == (['disk-flat.vmdk'], used)
    done(files.disks.DeleteVirtualDisk_Task(files.path('disk.vmdk'), files.dc))
    assert files.free == free


def test_disks_are_copied_with_what_is_in_them(files: Files) -> None:
    """An image whose extent was uploaded is a disk; its copy has the bytes and its own uuid."""
    data = os.urandom(1 << 20)
    make_disk(files, 'image.vmdk', 1024)
    done(files.manager.DeleteDatastoreFile_Task(files.path('image-flat.vmdk'), files.dc))
    files.put('image-flat.vmdk', data)
    dm, dc = files.disks, files.dc
    free = files.free
    done(dm.CopyVirtualDisk_Task(files.path('image.vmdk'), dc, files.path('c.vmdk'), dc))
    assert free - files.free == (1 << 20) + 512
    assert files.get('c-flat.vmdk') == data
    ids = {dm.QueryVirtualDiskUuid(files.path(one), dc) for one in ('image.vmdk', 'c.vmdk')}
    assert len(ids) == 2
    done(dm.ExtendVirtualDisk_Task(files.path('c.vmdk'), dc, 2048, False))
    assert files.get('c-flat.vmdk') == data + bytes(1 << 20)
    failed(
        vmodl.fault.InvalidArgument,
        dm.ExtendVirtualDisk_Task(files.path('c.vmdk'), dc, 1024, False),
    )
    done(dm.MoveVirtualDisk_Task(files.path('c.vmdk'), dc, files.path('m.vmdk'), dc))
    assert files.names(matchPattern=['c*.vmdk', 'm*.vmdk']) == ['m-flat.vmdk', 'm.vmdk']
    assert dm.QueryVirtualDiskUuid(files.path('m.vmdk'), dc) in ids
    done(dm.InflateVirtualDisk_Task(files.path('m.vmdk'), dc))
    assert free - files.free == (2 << 20) + 512


def test_a_disk_gives_zeros_back(files: Files) -> None:
    """A thin disk that shrinks keeps its data, and its size, but takes no space for zeros."""
    data = os.urandom(1 << 20) + bytes(3 << 20)
    make_disk(files, 'disk.vmdk', 4096)
    done(files.manager.DeleteDatastoreFile_Task(files.path('disk-flat.vmdk'), files.dc))
    files.put('disk-flat.vmdk', data)
    free = files.free
    done(files.disks.ShrinkVirtualDisk_Task(files.path('disk.vmdk'), files.dc, False))
    assert files.free - free == 3 << 20
    assert files.get('disk-flat.vmdk') == data
    make_disk(files, 'thick.vmdk', 1024, kind='preallocated')
    free = files.free
    done(files.disks.ShrinkVirtualDisk_Task(files.path('thick.vmdk'), files.dc, False))
    assert files.free == free


def test_an_opaque_image_becomes_a_disk_by_copying(files: Files) -> None:
    """A one-file image that is no stream is copied, as it is, into a disk of two files."""
    data = b'KDMV' + os.urandom(9996)
    files.put('sparse.vmdk', data)
    dm, dc = files.disks, files.dc
    done(dm.CopyVirtualDisk_Task(files.path('sparse.vmdk'), dc, files.path('d.vmdk'), dc, THIN))
    assert files.get('d-flat.vmdk')[: len(data)] == data
    done(dm.DeleteVirtualDisk_Task(files.path('sparse.vmdk'), dc))
    failed(vim.fault.FileNotFound, dm.DeleteVirtualDisk_Task(files.path('sparse.vmdk'), dc))


def test_disk_faults(files: Files) -> None:
    """Disks are refused where the name is taken, the space is short or the numbers are wrong."""
    make_disk(files, 'there.vmdk')
    dm, dc = files.disks, files.dc

    def create(path: str, **fields: Any) -> Any:
        values: dict[str, Any] = {'diskType': 'thin', 'adapterType': 'ide', 'capacityKb': 1024}
        return dm.CreateVirtualDisk_Task(files.path(path), dc, Disk(**values | fields))

    failed(vim.fault.FileAlreadyExists, create('there.vmdk'))
    failed(vim.fault.FileNotFound, create('no/dir.vmdk'))
    for wrong in ({'capacityKb': 0}, {'diskType': 'thinnish'}, {'adapterType': 'nvme'}):
        with pytest.raises(vmodl.fault.InvalidArgument):
            create('x.vmdk', **wrong)
    with pytest.raises(vim.fault.FileNotFound):
        dm.QueryVirtualDiskUuid(files.path('none.vmdk'), dc)
    files.vc.set_free_space(files.name, 1 << 20)
    failed(vim.fault.NoDiskSpace, create('x.vmdk', diskType='thick', capacityKb=2048))
    assert 'x.vmdk' not in files.names()
    assert files.free == 1 << 20


def test_a_stream_optimised_disk_is_unpacked(files: Files) -> None:
    """A stream-optimised disk that was uploaded becomes, as a copy, a disk with what it holds; one
    that is spoilt is refused and leaves nothing.
    """
    data = os.urandom(200_000)
    stream = stream_of(data, 4 * 1024**2)
    copy = files.disks.CopyVirtualDisk_Task
    files.put('stream.vmdk', stream)
    done(copy(files.path('stream.vmdk'), files.dc, files.path('made.vmdk'), files.dc, THIN))
    made = files.get('made-flat.vmdk')
    assert made[: len(data)] == data
    assert len(made) == 4 * 1024**2
    assert not made[len(data) :].strip(b'\0')
    files.put('spoilt.vmdk', stream[: len(stream) // 2])
    task = copy(files.path('spoilt.vmdk'), files.dc, files.path('none.vmdk'), files.dc, THIN)
    failed(vim.fault.InvalidDiskFormat, task)
    assert [name for name in files.names() if name.startswith('none')] == []


def test_the_uuid_of_a_disk_can_be_set(files: Files) -> None:
    """What was set is what is asked for later."""
    make_disk(files, 'd.vmdk')
    uuid = '60 00 C2 91 11 11 22 22-33 33 44 44 55 55 66 66'
    files.disks.SetVirtualDiskUuid(files.path('d.vmdk'), files.dc, uuid)
    assert files.disks.QueryVirtualDiskUuid(files.path('d.vmdk'), files.dc) == uuid


# Machines


def test_a_machine_has_its_files(files: Files) -> None:
    """All files of layoutEx exist; a new machine's too, a swap file only while it runs."""
    for machine in files.ds.vm:
        for file in machine.layoutEx.file:
            directory, _, name = file.name.partition('] ')[2].rpartition('/')
            assert name in files.names(directory), file.name
    machine = running(files)
    directory = machine.config.files.vmPathName.partition('] ')[2].rpartition('/')[0]
    assert any(name.endswith('.vswp') for name in files.names(directory))
    done(machine.PowerOffVM_Task())
    assert not any(name.endswith('.vswp') for name in files.names(directory))


def test_machines_come_and_go_with_their_directory(files: Files) -> None:
    """Destroy_Task removes the files, UnregisterVM leaves them; the space follows."""
    files.get('')
    pool = files.client.at('Frankfurt/host').childEntity[0].resourcePool

    def create(name: str) -> Any:
        config = vim.vm.ConfigSpec(name=name, files=vim.vm.FileInfo(vmPathName=files.path()))
        return done(files.dc.vmFolder.CreateVM_Task(config, pool))

    free = files.free
    machine = create('short-lived')
    assert 'short-lived.vmx' in files.names('short-lived')
    done(machine.Destroy_Task())
    assert 'short-lived' not in files.names()
    assert files.free == free
    machine = create('kept')
    used = free - files.free
    files.put('kept/config.iso', b'x' * 1000)
    machine.UnregisterVM()
    assert {'kept.vmx', 'config.iso'} <= set(files.names('kept'))
    assert free - files.free == used + 1000
    done(files.manager.DeleteDatastoreFile_Task(files.path('kept'), files.dc))
    assert files.free == free


def test_a_disk_changes_hands(files: Files) -> None:
    """A disk made by hand is attached with its own size, detached, attached again, destroyed."""
    machine = running(files)
    done(machine.PowerOffVM_Task())
    make_disk(files, 'volume.vmdk', GIB_IN_KIB, 'preallocated')
    free = files.free

    def change(operation: str, device: Any, file_operation: str | None = None) -> Any:
        spec = CHANGE(operation=operation, device=device, fileOperation=file_operation)
        return machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[spec]))

    def disk(path: str) -> Any:
        backing = DISK.FlatVer2BackingInfo(fileName=files.path(path), diskMode='persistent')
        return DISK(key=-1, controllerKey=1000, unitNumber=5, capacityInKB=0, backing=backing)

    failed(vim.fault.FileNotFound, change('add', disk('missing.vmdk')))
    done(change('add', disk('volume.vmdk')))
    attached = next(
        one
        for one in machine.config.hardware.device
        if isinstance(one, DISK) and one.unitNumber == 5
    )
    assert (attached.capacityInKB, attached.backing.thinProvisioned) == (GIB_IN_KIB, False)
    assert files.free == free
    done(change('remove', attached))
    assert (files.free, 'volume.vmdk' in files.names()) == (free, True)
    done(change('add', disk('volume.vmdk')))
    done(change('remove', attached, 'destroy'))
    assert files.names(matchPattern=['volume*']) == []
    assert files.free == free + GIB_IN_KIB * 1024 + 512

"""The REST API in both spellings: sessions, tags, content libraries; requests as the client."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pyVim import connect
from pyVmomi import VmomiSupport, pbm

from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.vm.virtual_machine import VirtualMachine
from oslo_vmware.simulator.pbm import rules
from tests.simulator.conftest import pyvmomi_connection
from tests.simulator.policies import Client as PbmClient

REST, API = 'rest', 'api'
SPELLINGS = (REST, API)


class Client:
    """Speaks one spelling, and shows what a request came to without its wrapping."""

    def __init__(self, vc: VCenterSimulator, spelling: str) -> None:
        self.vc = vc
        self.old = spelling == REST
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = vc.cacert
        self.status = 0

    def url(self, path: str, action: str = '', key: str = '', below: str = '') -> str:
        if self.old:
            found = f'{self.vc.url}/rest/com/vmware/{path}'
            found += f'/id:{key}' if key else ''
            return found + (f'?~action={action}' if action else '')
        path = 'session' if path == 'cis/session' else path
        found = f'{self.vc.url}/api/{path}' + (f'/{key}' if key else '') + below
        return found + (f'?action={action}' if action else '')

    def call(self, method: str, path: str, body: Any = None, **where: str) -> Any:
        response = self.http.request(method, self.url(path, **where), json=body, timeout=30)
        self.status = response.status_code
        if not response.content:
            return None
        found = response.json()
        if self.status >= 400:
            return found.get('type', found.get('error_type', '')).rpartition('.')[2].lower()
        return found['value'] if self.old else found

    def made(self, path: str, fields: dict[str, Any]) -> str:
        made: str = self.call('POST', path, {'create_spec': fields} if self.old else fields)
        return made

    def login(self, password: str | None = None) -> Any:
        self.http.auth = (self.vc.username, password or self.vc.password)
        key = self.call('POST', 'cis/session')
        self.http.auth = None
        return key


@pytest.fixture(scope='module')
def server() -> Iterator[VCenterSimulator]:
    with VCenterSimulator() as vc:
        yield vc
        assert vc.errors == []


@pytest.fixture(params=SPELLINGS)
def client(request: pytest.FixtureRequest, server: VCenterSimulator) -> Iterator[Client]:
    made = Client(server, request.param)
    made.login()
    yield made
    made.call('DELETE', 'cis/session')
    made.http.close()


@pytest.fixture
def machine(server: VCenterSimulator) -> dict[str, str]:
    """A machine, as REST names it."""
    found = next(server.world.of_type(VirtualMachine))
    return {'type': 'VirtualMachine', 'id': found.ref.value}


# Sessions


@pytest.mark.parametrize('spelling', SPELLINGS)
def test_a_session_begins_and_ends(server: VCenterSimulator, spelling: str) -> None:
    """Name and password give a session, which says who it is and ends; then nobody is let in."""
    client = Client(server, spelling)
    before = len(server.sessions)
    key = client.login()
    assert (isinstance(key, str), len(server.sessions)) == (True, before + 1)
    assert 'Administrator' in client.call('GET', 'cis/session')['user']
    client.http.cookies.clear()
    assert client.call('GET', 'cis/tagging/tag') == 'unauthenticated'
    client.http.headers['vmware-api-session-id'] = key
    assert client.call('GET', 'cis/tagging/tag') is not None
    client.call('DELETE', 'cis/session')
    assert len(server.sessions) == before
    assert client.call('GET', 'cis/tagging/tag') == 'unauthenticated'
    assert client.status == 401


@pytest.mark.parametrize('spelling', SPELLINGS)
def test_a_wrong_password(server: VCenterSimulator, spelling: str) -> None:
    """A wrong password opens nothing."""
    client = Client(server, spelling)
    assert client.login('wrong') == 'unauthenticated'
    assert client.status == 401


def test_sessions_that_time_out_are_over(server: VCenterSimulator) -> None:
    """What ends the sessions of the server ends those of REST."""
    client = Client(server, API)
    client.login()
    server.expire_sessions()
    assert client.call('GET', 'cis/tagging/tag') == 'unauthenticated'


def test_what_is_not_there(client: Client) -> None:
    """A path that means nothing is not found, and the answer says what was asked."""
    assert client.call('GET', 'vcenter/nothing') == 'not_found'
    assert client.status == 404


# Tags


def test_tags_come_change_and_go(client: Client) -> None:
    """Categories and tags are made, listed, changed and removed; unset means unchanged."""
    group = client.made(
        'cis/tagging/category',
        {'name': 'rack', 'description': 'where', 'cardinality': 'SINGLE', 'associable_types': []},
    )
    tag = client.made(
        'cis/tagging/tag', {'name': 'r7', 'description': 'seventh', 'category_id': group}
    )
    assert group in client.call('GET', 'cis/tagging/category')
    assert tag in client.call('GET', 'cis/tagging/tag')
    change = {'name': 'r8'}
    client.call(
        'PATCH', 'cis/tagging/tag', {'update_spec': change} if client.old else change, key=tag
    )
    found = client.call('GET', 'cis/tagging/tag', key=tag)
    assert (found['name'], found['description'], found['category_id']) == ('r8', 'seventh', group)
    change = {'description': 'which rack'}
    body = {'update_spec': change} if client.old else change
    client.call('PATCH', 'cis/tagging/category', body, key=group)
    assert client.call('GET', 'cis/tagging/category', key=group) == {
        'id': group,
        'name': 'rack',
        'description': 'which rack',
        'cardinality': 'SINGLE',
        'associable_types': [],
        'used_by': [],
    }
    listed = client.call('POST', 'cis/tagging/tag', key=group, action='list-tags-for-category')
    assert listed == [tag]
    client.call('DELETE', 'cis/tagging/category', key=group)
    assert client.call('GET', 'cis/tagging/tag', key=tag) == 'not_found'


def test_what_a_tag_cannot_be(client: Client) -> None:
    """Names are there once and not empty; a tag is in a category; values have their types."""
    fields = {'name': 'once', 'description': '', 'cardinality': 'SINGLE', 'associable_types': []}
    group = client.made('cis/tagging/category', fields)
    assert client.made('cis/tagging/category', fields) == 'already_exists'
    assert client.status == 400
    for path, wrong in (
        ('category', {**fields, 'name': ''}),
        ('category', {**fields, 'name': 'x', 'cardinality': 'SOME'}),
        ('category', {'description': ''}),
        ('tag', {'name': 7, 'category_id': group}),
    ):
        assert client.made(f'cis/tagging/{path}', wrong) == 'invalid_argument'
    assert client.made('cis/tagging/tag', {'name': 'x', 'category_id': 'none'}) == 'not_found'
    client.call('DELETE', 'cis/tagging/category', key=group)


def test_objects_have_tags(client: Client, machine: dict[str, str]) -> None:
    """Tags are given and taken one by one or many at once, and found from both ends."""
    group = client.made(
        'cis/tagging/category',
        {'name': 'uses', 'cardinality': 'MULTIPLE', 'associable_types': ['VirtualMachine']},
    )
    web, db = (
        client.made('cis/tagging/tag', {'name': name, 'category_id': group})
        for name in ('web', 'db')
    )
    at = 'cis/tagging/tag-association'
    client.call('POST', at, {'object_id': machine}, key=web, action='attach')
    many = {'object_id': machine, 'tag_ids': [db, 'nothing']}
    outcome = client.call('POST', at, many, action='attach-multiple-tags-to-object')
    assert (outcome['success'], len(outcome['error_messages'])) == (False, 1)
    held = client.call('POST', at, {'object_id': machine}, action='list-attached-tags')
    assert set(held) == {web, db}
    (found,) = client.call(
        'POST', at, {'object_ids': [machine]}, action='list-attached-tags-on-objects'
    )
    assert (found['object_id'], set(found['tag_ids'])) == (machine, {web, db})
    assert client.call('POST', at, key=web, action='list-attached-objects') == [machine]
    (found,) = client.call('POST', at, {'tag_ids': [db]}, action='list-attached-objects-on-tags')
    assert found == {'tag_id': db, 'object_ids': [machine]}
    client.call('POST', at, {'object_id': machine}, key=web, action='detach')
    many = {'object_id': machine, 'tag_ids': [db]}
    assert client.call('POST', at, many, action='detach-multiple-tags-from-object')['success']
    for action in ('attach', 'detach'):
        ends = 'to-multiple-objects' if action == 'attach' else 'from-multiple-objects'
        outcome = client.call(
            'POST', at, {'object_ids': [machine]}, key=web, action=f'{action}-tag-{ends}'
        )
        assert outcome['success']
    assert client.call('POST', at, {'object_id': machine}, action='list-attached-tags') == []
    client.call('DELETE', 'cis/tagging/category', key=group)


def test_what_cannot_be_attached(client: Client, machine: dict[str, str]) -> None:
    """A category is for some kinds of objects; one of single tags gives an object one."""
    group = client.made(
        'cis/tagging/category',
        {
            'name': 'tier of machines',
            'cardinality': 'SINGLE',
            'associable_types': ['VirtualMachine'],
        },
    )
    gold, lead = (
        client.made('cis/tagging/tag', {'name': name, 'category_id': group})
        for name in ('gold', 'lead')
    )
    at = 'cis/tagging/tag-association'
    client.call('POST', at, {'object_id': machine}, key=gold, action='attach')
    host = {'type': 'HostSystem', 'id': client.vc.world.root_folder.ref.value}
    for wrong, outcome in (
        (machine, 'invalid_argument'),
        (host, 'invalid_argument'),
        ({'type': 'VirtualMachine', 'id': 'vm-0'}, 'not_found'),
        ({'type': 'VirtualMachine'}, 'invalid_argument'),
    ):
        assert client.call('POST', at, {'object_id': wrong}, key=lead, action='attach') == outcome
    client.call('DELETE', 'cis/tagging/category', key=group)


def test_storage_policies_see_tags(client: Client) -> None:
    """A datastore that is given a tag by REST is one that matches a rule which asks for it."""
    group = client.made('cis/tagging/category', {'name': 'Site', 'cardinality': 'SINGLE'})
    tag = client.made('cis/tagging/tag', {'name': 'north', 'category_id': group})
    instance = pyvmomi_connection(client.vc)
    storage = PbmClient(instance, client.vc)
    policy = client.vc.policies.create('Northern', [rules.tag_rule('Site', 'north')])
    key = pbm.profile.ProfileId(uniqueId=policy.profileId.uniqueId)
    assert list(storage.solver.QueryMatchingHub(profile=key)) == []
    datastore = next(client.vc.world.of_type(Datastore))
    obj = {'type': 'Datastore', 'id': datastore.ref.value}
    at = 'cis/tagging/tag-association'
    client.call('POST', at, {'object_id': obj}, key=tag, action='attach')
    assert storage.names(storage.solver.QueryMatchingHub(profile=key)) == {datastore.name}
    storage.profiles.Delete(profileId=[key])
    storage.stub.DropConnections()
    VmomiSupport.GetRequestContext().pop('vcSessionCookie', None)
    connect.Disconnect(instance)
    client.call('DELETE', 'cis/tagging/category', key=group)


# Content libraries


def test_an_image_goes_through_a_library(client: Client) -> None:
    """A file is pushed into an item in a session, described with its checksum, and got again."""
    datastore = next(client.vc.world.of_type(Datastore))
    data = bytes(range(256)) * 1000
    library = client.made(
        'content/local-library',
        {
            'name': 'images',
            'type': 'LOCAL',
            'storage_backings': [{'type': 'DATASTORE', 'datastore_id': datastore.ref.value}],
        },
    )
    found = client.call('POST', 'content/library', {'name': 'IMAGES'}, action='find')
    assert found == [library]
    item = client.made(
        'content/library/item', {'name': 'small', 'library_id': library, 'type': 'iso'}
    )
    session = client.made('content/library/item/update-session', {'library_item_id': item})
    spec = {'name': 'small.iso', 'source_type': 'PUSH', 'size': len(data)}
    if client.old:
        path = 'content/library/item/updatesession/file'
        told = client.call('POST', path, {'file_spec': spec}, key=session, action='add')
    else:
        path = 'content/library/item/update-session'
        told = client.call('POST', path, spec, key=session, below='/file')
    assert told['status'] == 'WAITING_FOR_TRANSFER'
    response = client.http.put(told['upload_endpoint']['uri'], data=data, timeout=30)
    assert response.status_code == 200
    at = 'content/library/item/update-session'
    client.call('POST', at, key=session, action='complete')
    assert client.call('GET', at, key=session)['state'] == 'DONE'
    assert client.call('GET', 'content/library/item', key=item)['size'] == len(data)

    session = client.made('content/library/item/download-session', {'library_item_id': item})
    name = {'file_name': 'small.iso'}
    if client.old:
        path = 'content/library/item/downloadsession/file'
        told = client.call('POST', path, name, key=session, action='prepare')
    else:
        path = 'content/library/item/download-session'
        told = client.call('POST', path, name, key=session, below='/file', action='prepare')
    assert told['checksum_info'] == {
        'algorithm': 'SHA1',
        'checksum': hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    }
    assert client.http.get(told['download_endpoint']['uri'], timeout=30).content == data
    client.call('DELETE', 'content/local-library', key=library)
    assert client.call('GET', 'content/library/item', key=item) == 'not_found'


def test_an_update_that_lacks_bytes_changes_nothing(client: Client) -> None:
    """A session that is completed too early ends in an error, and the item stays as it was."""
    datastore = next(client.vc.world.of_type(Datastore))
    backing = {'type': 'DATASTORE', 'datastore_id': datastore.ref.value}
    library = client.made(
        'content/local-library', {'name': 'lacking', 'storage_backings': [backing]}
    )
    item = client.made('content/library/item', {'name': 'one', 'library_id': library})
    sessions = 'content/library/item/update-session'
    key = client.made(sessions, {'library_item_id': item})
    assert client.made(sessions, {'library_item_id': item}) == 'not_allowed_in_current_state'
    session = client.vc.libraries.update(key)
    client.call('POST', sessions, key=key, action='keep-alive')
    spec = {'name': 'a.iso', 'source_type': 'PUSH'}
    if client.old:
        path = 'content/library/item/updatesession/file'
        client.call('POST', path, {'file_spec': spec}, key=key, action='add')
    else:
        client.call('POST', sessions, spec, key=key, below='/file')
    client.call('POST', sessions, key=key, action='complete')
    shown = client.call('GET', sessions, key=key)
    assert (shown['state'], session.state) == ('ERROR', 'ERROR')
    assert 'a.iso' in shown['error_message']['default_message']
    again = client.call('POST', sessions, key=key, action='complete')
    assert again == 'not_allowed_in_current_state'
    assert client.call('GET', 'content/library/item', key=item)['size'] == 0
    client.call('DELETE', sessions, key=key)
    client.call('DELETE', 'content/local-library', key=library)


def test_a_broken_upload_is_made_on_demand(client: Client) -> None:
    """Faults of transfers work with files of libraries, too; a body that is none is refused."""
    client.vc.faults.http('PUT /cls/data/*', status=503)
    response = client.http.put(f'{client.vc.url}/cls/data/x/y', data=b'z', timeout=30)
    assert response.status_code == 503
    response = client.http.put(f'{client.vc.url}/cls/data/x/y', data=b'z', timeout=30)
    assert response.status_code == 404
    for body in (b'{', b'[' * 100_000):
        response = client.http.post(client.url('cis/tagging/tag'), data=body, timeout=30)
        assert response.status_code == 400


def test_a_body_of_nothing_has_no_fields(client: Client) -> None:
    """govmomi sends null where an operation takes no fields."""
    response = client.http.get(client.url('cis/tagging/tag'), data=b'null', timeout=30)
    assert response.status_code == 200

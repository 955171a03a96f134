"""What the helpers for storage policies do before, and instead of, a call."""

import logging
import pathlib
import urllib.request
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import exceptions, pbm, wsdl
from oslo_vmware.soap.objects import moref


class StandIn:
    """A session as users' tests make them: it answers from a table, and keeps what it was asked.

    :param answers: what an operation answers, or raises
    """

    def __init__(self, **answers: Any) -> None:
        self.pbm = SimpleNamespace(
            client=SimpleNamespace(factory=SimpleNamespace(create=lambda _: SimpleNamespace())),
            service_content=SimpleNamespace(profileManager='profiles', placementSolver='solver'),
        )
        self.answers = answers
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def invoke_api(self, module: Any, method: str, managed_object: str, **arguments: Any) -> Any:
        assert module is self.pbm
        self.asked.append((method, managed_object, arguments))
        answer = self.answers[method]
        if callable(answer):
            answer = answer(**arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer


def profile_id(unique_id: str) -> Any:
    return SimpleNamespace(uniqueId=unique_id)


def profile(name: str, unique_id: str, category: str = 'REQUIREMENT') -> Any:
    return SimpleNamespace(name=name, profileId=profile_id(unique_id), profileCategory=category)


# --- descriptions


@pytest.mark.parametrize(
    ('version', 'release'),
    [
        ('5.5', '5.5'),
        ('5.5.0', '5.5'),
        ('5.9', '5.5'),
        ('6.0.0', '6.0'),
        ('6.4', '6.0'),
        ('6.5.0', '6.5'),
        ('6.6', '6.5'),
        ('6.7.3', '6.7'),
        ('6.10', '6.7'),
        ('7', '7.0'),
        ('7.0.3', '7.0'),
        ('7.5', '7.0'),
        ('8', '8.0'),
        ('8.0', '8.0'),
        ('8.0.3.00500', '8.0'),
        ('8.1', '8.0'),
        ('9.0', '9.0'),
        ('9.0.1', '9.0'),
        ('9.1', '9.1'),
        ('9.1.1.0', '9.1'),
        ('9.2', '9.1'),
        ('10.0', '9.1'),
        ('10', '9.1'),
    ],
)
def test_newest_description_that_is_not_newer(version: str, release: str) -> None:
    """Every vCenter from 5.5 on gets the newest description that its PBM understands."""
    location = pbm.get_pbm_wsdl_location(version)
    assert location is not None
    assert location.startswith('file:///')
    path = pathlib.Path(urllib.request.url2pathname(location.removeprefix('file://')))
    assert (path.name, path.parent.name) == ('pbmService.wsdl', release)
    assert path.is_file()


@pytest.mark.parametrize(
    'version',
    ['5', '5.4', '5.1.0', '4.1', '0', 'x', '8.x', 'v8.0', '8.', '.8', '-8.0', '\u0668.\u0660', ' '],
)
def test_no_description_comes_with_a_warning(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A version before 5.5, and what is no version, gives None and says so."""
    with caplog.at_level(logging.WARNING, 'oslo_vmware.pbm'):
        assert pbm.get_pbm_wsdl_location(version) is None
    (record,) = caplog.records
    assert repr(version) in record.getMessage()


@pytest.mark.parametrize('version', [None, ''])
def test_no_version_no_description(version: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """Who does not know the version gets None, and needs no warning."""
    assert pbm.get_pbm_wsdl_location(version) is None
    assert caplog.records == []


def test_location_of_an_odd_installation(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the package is installed, the location can be opened."""
    odd = tmp_path / 'per%cent and #ünï'
    (odd / 'pbm' / '9.1').mkdir(parents=True)
    (odd / 'pbm' / '9.1' / 'pbmService.wsdl').write_text('here')
    monkeypatch.setattr(wsdl, '_HERE', odd)
    wsdl._pbm_releases.cache_clear()
    try:
        location = pbm.get_pbm_wsdl_location('9.1')
        assert location
        with urllib.request.urlopen(location) as opened:
            assert opened.read() == b'here'
    finally:
        monkeypatch.undo()
        wsdl._pbm_releases.cache_clear()


# --- hubs


def test_no_hubs_need_no_call() -> None:
    """Of no hubs none match; on the wire an empty list would mean all there are."""
    session = StandIn()
    assert pbm.filter_hubs_by_profile(session, [], profile_id('p')) == []
    assert session.asked == []


@pytest.mark.parametrize('hubs', [None, ['hub-1', 'hub-2']])
def test_hubs_are_asked_for(hubs: list[str] | None) -> None:
    """Hubs go to the solver as they are, and None as no restriction."""
    session = StandIn(PbmQueryMatchingHub=['hub-1'])
    wanted = profile_id('p')
    assert pbm.filter_hubs_by_profile(session, hubs, wanted) == ['hub-1']
    assert session.asked == [
        ('PbmQueryMatchingHub', 'solver', {'hubsToSearch': hubs, 'profile': wanted})
    ]


class Proxy:
    """A reference behind a proxy, as Nova has them: only attribute reads are forwarded."""

    def __init__(self, moref: Any) -> None:
        self._moref = moref

    def __getattr__(self, name: str) -> Any:
        return getattr(self._moref, name)


@pytest.mark.parametrize(
    'container', [list, tuple, dict.fromkeys, iter], ids=['list', 'tuple', 'dict', 'iterator']
)
def test_datastores_become_hubs(container: Any) -> None:
    """References in any container become hubs with their id; a cluster's hub says what it is."""
    factory = StandIn().pbm.client.factory
    references = [
        moref('datastore-1', 'Datastore'),
        moref('group-p2', 'StoragePod'),
        Proxy(moref('datastore-3', 'Datastore')),
        Proxy(SimpleNamespace(value='ds-4')),
    ]
    hubs = pbm.convert_datastores_to_hubs(factory, container(references))
    assert [(hub.hubType, hub.hubId) for hub in hubs] == [
        ('Datastore', 'datastore-1'),
        ('StoragePod', 'group-p2'),
        ('Datastore', 'datastore-3'),
        ('Datastore', 'ds-4'),
    ]


def test_datastores_of_hubs() -> None:
    """The datastores that are among the hubs stay, the very objects, in their own order."""
    first, second, third = (moref(f'datastore-{n}', 'Datastore') for n in (1, 2, 3))
    hubs = [SimpleNamespace(hubId=hub_id) for hub_id in ('datastore-9', 'datastore-1')]
    kept = pbm.filter_datastores_by_hubs([*hubs, SimpleNamespace(hubId='datastore-3')], [
        third, second, first
    ])  # fmt: skip
    assert [one is other for one, other in zip(kept, [third, first], strict=True)] == [True, True]


# --- policies


def test_a_name_means_what_can_be_required() -> None:
    """Of policies of one name the first comes, but one that a machine can have before others."""
    profiles = [
        profile('Gold', '1', 'DATA_SERVICE_POLICY'),
        profile('Silver', '2'),
        profile('Gold', '3'),
        profile('Gold', '4'),
        profile('Iron', '5', 'RESOURCE'),
    ]
    session = StandIn(PbmQueryProfile=['ids'], PbmRetrieveContent=profiles)
    found = {
        name: getattr(pbm.get_profile_id_by_name(session, name), 'uniqueId', None)
        for name in ('Gold', 'Silver', 'Iron', 'gold', '')
    }
    assert found == {'Gold': '3', 'Silver': '2', 'Iron': '5', 'gold': None, '': None}


@pytest.mark.parametrize('nothing', [[], (), None])
def test_no_ids_need_no_call(nothing: Any) -> None:
    """PBM refuses a request for no policies, so there is none."""
    session = StandIn(PbmQueryProfile=nothing)
    assert pbm.get_profiles_by_ids(session, nothing) == []
    assert pbm.get_all_profiles(session) == []
    assert [name for name, _, _ in session.asked] == ['PbmQueryProfile']


def test_many_policies_are_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long list of ids is cut into blocks, and the answers are joined in order."""
    monkeypatch.setattr(pbm, 'CONTENT_BLOCK', 2)
    session = StandIn(PbmRetrieveContent=lambda profileIds: [f'p{one}' for one in profileIds])
    assert pbm.get_profiles_by_ids(session, [1, 2, 3, 4, 5]) == ['p1', 'p2', 'p3', 'p4', 'p5']
    assert [arguments['profileIds'] for _, _, arguments in session.asked] == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize('name', ['InvalidArgument', 'vim25:InvalidArgument'])
def test_an_unknown_id_hides_no_known_one(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """The server refuses all for one: then each is asked for, and the unknown one is named."""

    def retrieve(profileIds: list[Any]) -> Any:
        if any(one.uniqueId == 'gone' for one in profileIds):
            return exceptions.VimFaultException([name], 'not correct: profileIds')
        return [f'p-{one.uniqueId}' for one in profileIds]

    session = StandIn(PbmRetrieveContent=retrieve)
    wanted = [profile_id(one) for one in ('a', 'gone', 'b')]
    assert pbm.get_profiles_by_ids(session, wanted) == ['p-a', 'p-b']
    (record,) = caplog.records
    assert 'gone' in record.getMessage()


def test_other_faults_are_raised() -> None:
    """Only an unknown id is passed over; any other refusal is one."""
    refused = exceptions.VimFaultException(['PbmFault'], 'no')
    session = StandIn(PbmRetrieveContent=refused)
    with pytest.raises(exceptions.VimFaultException) as caught:
        pbm.get_profiles_by_ids(session, [profile_id('a'), profile_id('b')])
    assert caught.value is refused
    assert len(session.asked) == 1


# --- servers without PBM


@pytest.mark.parametrize(
    ('api_type', 'version'), [('HostAgent', '8.0.3'), ('VirtualCenter', '5.1.0')]
)
def test_a_server_without_policies_says_so(api_type: str, version: str) -> None:
    """On an ESXi host, and on a vCenter too old, the helpers say that there are no policies."""
    about = SimpleNamespace(apiType=api_type, version=version, fullName=f'Server {version}')
    session = SimpleNamespace(
        pbm=None, vim=SimpleNamespace(service_content=SimpleNamespace(about=about))
    )
    with pytest.raises(exceptions.PbmNotSupportedException, match=f'Server {version}'):
        pbm.get_all_profiles(session)

"""What takes a list takes whatever can be iterated, as often as a call is repeated."""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oslo_vmware import api, pbm, spbm, vim_util
from oslo_vmware._lists import listed
from oslo_vmware.objects.datastore import Datastore
from oslo_vmware.simulator import VCenterSimulator

from .conftest import SessionMaker


class Bag:
    """Can be iterated, and nothing else."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)


SHAPES: dict[str, Callable[[list[Any]], Any]] = {
    'list': list,
    'tuple': tuple,
    'generator': lambda values: (value for value in values),
    'iterator': iter,
    'chain': lambda values: itertools.chain(values[:1], values[1:]),
    'set': set,
    'frozenset': frozenset,
    'keys': lambda values: dict.fromkeys(values).keys(),
    'values': lambda values: dict(enumerate(values)).values(),
    'deque': deque,
    'bag': Bag,
}


@pytest.fixture(params=SHAPES)
def shaped(request: pytest.FixtureRequest) -> Callable[[list[Any]], Any]:
    """Makes another kind of iterable of a list."""
    return SHAPES[request.param]


def ids(contents: Any) -> set[str]:
    return {content.obj.value for content in contents.objects}


def names(contents: Any) -> set[str]:
    return {one.name for content in contents.objects for one in content.propSet}


def test_reads(vc: VCenterSimulator, connect: SessionMaker, shaped: Any) -> None:
    """Names of properties, and references; none of them are none, in any shape."""
    session = connect(vc)
    wanted = ['name', 'runtime.powerState']
    found = session.invoke_api(
        vim_util, 'get_objects', session.vim, 'VirtualMachine', 100, shaped(wanted)
    )
    assert names(found) == set(wanted)
    machines = [content.obj for content in found.objects]
    found = session.invoke_api(
        vim_util,
        'get_properties_for_a_collection_of_objects',
        session.vim,
        'VirtualMachine',
        shaped(machines),
        shaped(wanted),
    )
    assert ids(found) == {machine.value for machine in machines}
    assert names(found) == set(wanted)
    read = session.invoke_api(
        vim_util, 'get_object_properties_dict', session.vim, machines[0], shaped(wanted)
    )
    assert set(read) == set(wanted)
    vc.calls.clear()
    nothing = vim_util.get_properties_for_a_collection_of_objects(
        session.vim, 'VirtualMachine', shaped([]), wanted
    )
    assert nothing == []
    assert not vc.calls
    all_there_is = vim_util.get_object_properties_dict(session.vim, machines[0], shaped([]))
    assert len(all_there_is) > len(wanted)


def test_a_read_that_is_repeated(vc: VCenterSimulator, connect: SessionMaker, shaped: Any) -> None:
    """The session expires before it: what was given is there for the second attempt as well."""
    session = connect(vc)
    everything = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    machines = [content.obj for content in everything.objects]
    vc.expire_sessions()
    found = session.invoke_api(
        vim_util,
        'get_properties_for_a_collection_of_objects',
        session.vim,
        'VirtualMachine',
        obj_list=shaped(machines),
        properties=shaped(['name']),
    )
    assert ids(found) == {machine.value for machine in machines}
    assert names(found) == {'name'}


def test_specifications(vc: VCenterSimulator, connect: SessionMaker, shaped: Any) -> None:
    """Steps, objects and properties of a filter."""
    session = connect(vc)
    factory = session.vim.client.factory
    steps = [vim_util.build_recursive_traversal_spec(factory)]
    where = vim_util.build_object_spec(
        factory, session.vim.service_content.rootFolder, shaped(steps)
    )
    what = vim_util.build_property_spec(factory, 'Datastore', shaped(['name']))
    spec = vim_util.build_property_filter_spec(factory, shaped([what]), shaped([where]))
    options = factory.create('ns0:RetrieveOptions')
    options.maxObjects = 100
    found = session.vim.RetrievePropertiesEx(
        session.vim.service_content.propertyCollector, specSet=[spec], options=options
    )
    assert names(found) == {'name'}
    assert len(found.objects) > 1


def test_policies(vc: VCenterSimulator, connect: SessionMaker, shaped: Any) -> None:
    """Hubs and ids of policies, in the old helpers and in the new ones."""
    session = connect(vc, pbm_wsdl_loc=pbm.get_pbm_wsdl_location('8.0'))
    stores = [
        content.obj for content in vim_util.get_objects(session.vim, 'Datastore', 100).objects
    ]
    hubs = pbm.convert_datastores_to_hubs(session.pbm.client.factory, shaped(stores))
    assert len(hubs) == len(stores)
    gold = pbm.get_profile_id_by_name(session, 'Gold')
    expected = {hub.hubId for hub in pbm.filter_hubs_by_profile(session, hubs, gold)}
    matching = pbm.filter_hubs_by_profile(session, shaped(hubs), gold)
    assert {hub.hubId for hub in matching} == expected
    assert expected
    assert pbm.filter_hubs_by_profile(session, shaped([]), gold) == []
    allowed = pbm.filter_datastores_by_hubs(shaped(matching), shaped(stores))
    assert {one.value for one in allowed} == expected
    assert [one.name for one in pbm.get_profiles_by_ids(session, shaped([gold]))] == ['Gold']
    assert pbm.get_profiles_by_ids(session, shaped([])) == []
    chosen = spbm.compatible_datastores(session, gold, shaped(stores))
    assert {one.value for one in chosen} == expected
    checked = spbm.check_compatibility(session, gold, shaped(stores))
    assert {one.datastore for one in checked} == {one.value for one in stores}
    assert set(spbm.policies_by_name(session, shaped(['Gold']))) == {'Gold'}
    assert set(spbm.policies_by_id(session, shaped([gold]))) == {gold.uniqueId}
    assert set(spbm.entities_of_policies(session, shaped([gold]))) == {gold.uniqueId}
    machines = [
        content.obj for content in vim_util.get_objects(session.vim, 'VirtualMachine', 100).objects
    ]
    asked = [spbm.entity(machine) for machine in machines]
    assert set(spbm.policies_of(session, shaped(asked))) == set(asked)
    assert len(spbm.compliance(session, shaped(asked))) == len(asked)
    assert len(spbm.vm_compliance(session, shaped(machines))) == len(machines)
    assert set(spbm.default_policies(session, shaped(stores))) == {one.value for one in stores}


def test_a_host_is_chosen(shaped: Any) -> None:
    """Of any hosts, and none of none."""
    assert Datastore.choose_host(shaped(['host'])) == 'host'
    assert Datastore.choose_host(shaped([])) is None


def test_a_text_is_one(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """A name in the place of several is that name, and not its characters."""
    session = connect(vc)
    found = vim_util.get_objects(session.vim, 'VirtualMachine', 100, 'name')
    assert names(found) == {'name'}
    machine = found.objects[0].obj
    assert set(vim_util.get_object_properties_dict(session.vim, machine, 'name')) == {'name'}
    seen = vim_util.get_properties_for_a_collection_of_objects(
        session.vim, 'VirtualMachine', [machine], 'name'
    )
    assert names(seen) == {'name'}


@pytest.mark.parametrize(
    'value', [None, '', 'name', b'name', 5, [], ['a'], ('a',), object(), {'a': 1}]
)
def test_what_stays_as_it_is(value: Any) -> None:
    """Also a list, which callers may go on to fill."""
    assert listed(value) is value


def test_what_a_factory_makes_stays_as_it_is(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """A single specification can be iterated, and is no list."""
    session: api.VMwareAPISession = connect(vc)
    made = session.vim.client.factory.create('ns0:PropertySpec')
    assert listed(made) is made
    reference = vim_util.get_moref('vm-1', 'VirtualMachine')
    assert listed(reference) is reference

"""A session, and the simulated inventory by name."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oslo_vmware import api, vim_util
from oslo_vmware.simulator import VCenterSimulator

from ..conftest import SessionMaker


@pytest.fixture
def session(vc: VCenterSimulator, connect: SessionMaker) -> Iterator[api.VMwareAPISession]:
    """A session that nobody told of PBM: it finds the description itself."""
    made = connect(vc)
    vc.calls.clear()
    return made


class Site:
    """The inventory of a simulator, as references and as the objects behind them."""

    def __init__(self, vc: VCenterSimulator) -> None:
        self.vc = vc

    def objects(self, type_: str) -> dict[str, Any]:
        found = [one for one in self.vc.world.objects.values() if one.is_a(type_)]
        return {one.name: one for one in found}

    def object(self, type_: str, name: str | None = None) -> Any:
        found = self.objects(type_)
        return found[name] if name else next(iter(found.values()))

    def ref(self, type_: str, name: str | None = None) -> Any:
        found = self.object(type_, name)
        return vim_util.get_moref(found.ref.value, found.ref.type)

    def refs(self, type_: str) -> dict[str, Any]:
        return {name: self.ref(type_, name) for name in self.objects(type_)}

    def policy_id(self, name: str) -> str:
        (found,) = [one for one in self.vc.policies.all() if one.name == name]
        return str(found.profileId.uniqueId)


@pytest.fixture
def site(vc: VCenterSimulator) -> Site:
    return Site(vc)


Counter = Callable[[], list[str]]


@pytest.fixture
def calls(vc: VCenterSimulator) -> Counter:
    """The operations of PBM since the last time it was asked, without the service content."""
    seen = 0

    def new() -> list[str]:
        nonlocal seen
        names = [call.operation for call in vc.calls]
        fresh, seen = names[seen:], len(names)
        return [
            name for name in fresh if name.startswith('Pbm') and name != 'PbmRetrieveServiceContent'
        ]

    return new

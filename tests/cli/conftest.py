"""Runs commands in process, against a simulated vCenter that all tests of a module share."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from oslo_vmware.cli.main import main
from oslo_vmware.simulator import Inventory, VCenterSimulator


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def data(self) -> Any:
        """The one document on stdout."""
        assert self.out, self.err
        return json.loads(self.out)

    @property
    def records(self) -> list[Any]:
        """The documents on stdout, a line each."""
        return [json.loads(line) for line in self.lines]


Run = Callable[..., Ran]


def run_command(*arguments: str, environ: dict[str, str] | None = None) -> Ran:
    """Run a command; it finds an empty environment unless told otherwise."""
    out, err = io.StringIO(), io.StringIO()
    code = main(arguments, environ or {}, out, err)
    return Ran(code, out.getvalue(), err.getvalue())


def environment_of(vc: VCenterSimulator) -> dict[str, str]:
    """What names a server in the environment."""
    return {
        'VSPHERE_HOST': f'{vc.host}:{vc.port}',
        'VSPHERE_USER': vc.username,
        'VSPHERE_PASSWORD': vc.password,
        'VSPHERE_CACERT': str(vc.cacert),
    }


@pytest.fixture(scope='module')
def vc() -> Iterator[VCenterSimulator]:
    """A vCenter with two datacenters, which itself makes no mistake; only to be looked at."""
    inventory = Inventory(
        datacenters=2, clusters=1, hosts_per_cluster=2, standalone_hosts=0, folders=2, vms=12
    )
    with VCenterSimulator(task_seconds=0.05, inventory=inventory) as simulator:
        yield simulator
    assert simulator.errors == []


@pytest.fixture
def run(vc: VCenterSimulator) -> Run:
    """Runs a command on that vCenter, and sees to it that it logs out and tells no password."""

    def running(*arguments: str, environ: dict[str, str] | None = None) -> Ran:
        ran = run_command(*arguments, environ=environment_of(vc) | (environ or {}))
        assert vc.password not in ran.out + ran.err
        assert vc.terminate_sessions() == 0
        return ran

    return running

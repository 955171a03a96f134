"""What an EnvironmentBrowser knows: what machines can be made of, and where they can go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator.world.data import types
from oslo_vmware.simulator.world.registry import Call
from tests.simulator.inventories import incomplete
from tests.simulator.vsphere import Client, connected

CLUSTER = 'Frankfurt/host/fra-cluster-01'
QUERY = vim.EnvironmentBrowser.ConfigOptionQuerySpec


@pytest.fixture(scope='module')
def server() -> Iterator[Client]:
    with connected() as made:
        yield made


@pytest.fixture
def browser(server: Client) -> Any:
    return server.at(CLUSTER).environmentBrowser


def test_versions_of_hardware(server: Client, browser: Any) -> None:
    """One version is the default, and machines are made with it."""
    found = browser.QueryConfigOptionDescriptor()
    (default,) = [one.key for one in found if one.defaultConfigOption]
    assert default == server.all(vim.VirtualMachine)[0].config.version
    assert list(found[0].host) == list(server.at(CLUSTER).host)


def test_guests_and_devices(browser: Any) -> None:
    """The default option knows the usual guests and the devices for them."""
    option = browser.QueryConfigOption(None, None)
    guests = {one.id: one for one in option.guestOSDescriptor}
    assert guests['ubuntu64Guest'].fullName == 'Ubuntu Linux (64-bit)'
    assert guests['windows2019srv_64Guest'].family == 'windowsGuest'
    assert guests['otherGuest64'].recommendedEthernetCard == vim.vm.device.VirtualVmxnet3
    kinds = {one.type for one in option.hardwareOptions.virtualDeviceOption}
    assert {vim.vm.device.VirtualDisk, vim.vm.device.ParaVirtualSCSIController} <= kinds
    assert vim.vm.device.VirtualIDEController in {type(one) for one in option.defaultDevice}


def test_one_version_and_some_guests(server: Client, browser: Any) -> None:
    """QueryConfigOptionEx takes a version, a host and the guests that are meant."""
    host = server.at(CLUSTER).host[0]
    spec = QUERY(key='vmx-19', host=host, guestId=['rhel8_64Guest', 'noGuest'])
    option = browser.QueryConfigOptionEx(spec)
    assert [one.id for one in option.guestOSDescriptor] == ['rhel8_64Guest']
    assert (option.version, option.hardwareOptions.hwVersion) == ('vmx-19', 19)


def test_where_machines_can_go(server: Client, browser: Any) -> None:
    """The target of a cluster, or of one host of it, lists datastores and networks."""
    cluster = server.at(CLUSTER)
    target = browser.QueryConfigTarget(None)
    assert {one.datastore.datastore for one in target.datastore} == set(cluster.datastore)
    plain = {one.network.network for one in target.network}
    groups = {one.portgroup for one in target.distributedVirtualPortgroup}
    assert plain | groups == set(cluster.network)
    assert target.numCpuCores == cluster.host[0].hardware.cpuInfo.numCpuCores
    only = browser.QueryConfigTarget(cluster.host[0])
    assert len(only.datastore) == len(cluster.host[0].datastore)
    assert browser.QueryTargetCapabilities(cluster.host[0]).vmotionSupported is True


def test_what_makes_no_sense(server: Client, browser: Any) -> None:
    """A host of another compute resource and an unknown version are invalid arguments."""
    stranger = server.at('Frankfurt/host/esx-fra-003.example.net').host[0]
    for ask in (
        lambda: browser.QueryConfigTarget(stranger),
        lambda: browser.QueryConfigOption('vmx-99', None),
    ):
        with pytest.raises(vmodl.fault.InvalidArgument):
            ask()
    empty = server.at('Frankfurt/host').CreateClusterEx('empty', vim.cluster.ConfigSpecEx())
    assert empty.environmentBrowser.QueryConfigTarget(None) is None
    assert empty.environmentBrowser.QueryConfigOption(None, None) is None


@pytest.mark.parametrize('operation', ['QueryConfigOption', 'QueryConfigTarget'])
def test_answers_are_complete(server: Client, operation: str) -> None:
    """pyVmomi's tables have nothing against the answers: all is there that must be."""
    world = server.vc.world
    owner = world.objects[server.at(CLUSTER)._moId].environmentBrowser  # type: ignore[attr-defined]
    answer = getattr(owner, operation)(Call(operation, owner.ref, types.Any()))
    assert list(incomplete(world, answer)) == []

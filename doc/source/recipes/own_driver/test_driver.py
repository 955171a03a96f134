"""A driver, and its tests against a vCenter in a box: ``pytest test_driver.py``."""

from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.simulator.objects.vm.virtual_machine import VirtualMachine


class Driver:
    """What is to be tested; yours is in a module of its own."""

    def __init__(self, session: api.VMwareAPISession) -> None:
        self.session = session

    def power_on(self, name: str) -> bool:
        """Start the machine of a name.

        :returns: False if it was running already
        """
        vim = self.session.vim
        found = self.session.invoke_api(
            vim_util, 'get_objects', vim, 'VirtualMachine', 100, ['name']
        )
        with vim_util.WithRetrieval(vim, found) as machines:
            machine = next(one.obj for one in machines if one.propSet[0].val == name)
        try:
            self.session.wait_for_task(self.session.invoke_api(vim, 'PowerOnVM_Task', machine))
        except exceptions.InvalidPowerStateException:
            return False
        return True


# Machines that are off, and tasks that take no time.
pytestmark = pytest.mark.vcenter(inventory=Inventory(vms=3, powered_on=0), task_seconds=0)


@pytest.fixture
def driver(vcenter: VCenterSimulator) -> Any:
    with api.VMwareAPISession(
        vcenter.host,
        vcenter.username,
        vcenter.password,
        api_retry_count=3,
        task_poll_interval=0.1,
        port=vcenter.port,
        cacert=vcenter.cacert,
    ) as session:
        yield Driver(session)


def state(vcenter: VCenterSimulator, name: str) -> str:
    """What became of a machine, by the simulator's own books."""
    machine = next(one for one in vcenter.world.of_type(VirtualMachine) if one.name == name)
    return str(machine.runtime.powerState)


def test_a_machine_is_started(vcenter: VCenterSimulator, driver: Driver) -> None:
    assert driver.power_on('fra-web-0001')
    assert state(vcenter, 'fra-web-0001') == 'poweredOn'
    assert not driver.power_on('fra-web-0001')


def test_a_session_that_expires(vcenter: VCenterSimulator, driver: Driver) -> None:
    vcenter.expire_sessions()
    assert driver.power_on('fra-web-0001')
    assert vcenter.count('Login') == 2


def test_a_task_that_fails(vcenter: VCenterSimulator, driver: Driver) -> None:
    vcenter.faults.fail_task('PowerOnVM_Task', fault='InsufficientResourcesFault')
    with pytest.raises(exceptions.VimFaultException) as raised:
        driver.power_on('fra-web-0001')
    assert raised.value.fault_list == ['InsufficientResourcesFault']
    assert state(vcenter, 'fra-web-0001') == 'poweredOff'


def test_what_the_server_refuses(vcenter: VCenterSimulator, driver: Driver) -> None:
    vcenter.faults.on('PowerOnVM_Task', fault='NoPermission')
    with pytest.raises(exceptions.NoPermissionException):
        driver.power_on('fra-web-0001')
    assert state(vcenter, 'fra-web-0001') == 'poweredOff'

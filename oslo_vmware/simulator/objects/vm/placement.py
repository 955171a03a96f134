"""On which host a machine runs."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects import places
from oslo_vmware.simulator.objects.vm.machine import Machine


def host_to_run(vm: Machine, wanted: Any = None) -> Any:
    """The host asked for; else the one that it is on, or where the rules of its cluster send it.

    :raises Fault: InvalidArgument, InvalidState, InvalidDatastore or NoCompatibleHost
    """
    owner = vm.owner
    if wanted is not None:
        return places.choose_host(owner, vm.home, wanted)
    reaching = [host for host in owner.usable_hosts if host.reaches(vm)]
    if not reaching:
        # It says what is missing.
        return places.choose_host(owner, vm.home)
    fitting = owner.placed(vm, reaching)
    return vm.host if vm.host in fitting else min(fitting, key=lambda host: len(host.vm))

"""Policies put on machines: on the home, on each disk, in one task.

PBM only tells who has which policy; VIM gives them (``VirtualMachineConfigSpec.vmProfile``,
``VirtualDeviceConfigSpec.profile``, vSphere API 5.5).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from oslo_vmware import vim_util
from oslo_vmware._i18n import _
from oslo_vmware.spbm import _calls, entities, errors, policies


class _Keep:
    def __repr__(self) -> str:
        return 'KEEP'


class _Default:
    def __repr__(self) -> str:
        return 'DEFAULT'


#: Leave a policy as it is.
KEEP = _Keep()
#: Let the server choose the datastore's default policy.
DEFAULT = _Default()

Address = int | tuple[int, int]


def policy_spec(
    session: Any,
    policy: Any = None,
    *,
    default: bool = False,
    replication_group: tuple[str, str] | None = None,
    params: Mapping[str, str] | None = None,
) -> list[Any]:
    """What ``vmProfile`` and ``profile`` of a specification take.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param policy: id, ``PbmProfileId`` or ``Policy``; None to remove the policy
    :param default: the datastore's default policy instead
    :param replication_group: (fault domain id, group id) to replicate to (vSphere 6.5)
    :param params: parameters of the policy, name to value (vSphere 6.7)
    :returns: list of one ``VirtualMachineProfileSpec`` (vSphere API 5.5)
    :raises ValueError: a default with a policy, or no policy with a group or parameters
    :raises PbmNotSupportedException: the server is too old for a group or parameters
    """
    _require(session, replication_group, params)
    create = session.vim.client.factory.create
    if policy is None:
        if replication_group is not None or params:
            raise ValueError(_('a replication group or parameters need a policy'))
        kind = 'Default' if default else 'Empty'
        return [create(f'ns0:VirtualMachine{kind}ProfileSpec')]
    if default:
        raise ValueError(_('either a policy or the default'))
    spec = create('ns0:VirtualMachineDefinedProfileSpec')
    spec.profileId = _calls.policy_id(policy)
    if replication_group is not None:
        domain, group = replication_group
        replication = create('ns0:ReplicationSpec')
        replication.replicationGroupId = create('ns0:ReplicationGroupId')
        replication.replicationGroupId.faultDomainId = create('ns0:FaultDomainId')
        replication.replicationGroupId.faultDomainId.id = domain
        replication.replicationGroupId.deviceGroupId = create('ns0:DeviceGroupId')
        replication.replicationGroupId.deviceGroupId.id = group
        spec.replicationSpec = replication
    if params:
        spec.profileParams = []
        for name, value in params.items():
            param = create('ns0:KeyValue')
            param.key, param.value = name, value
            spec.profileParams.append(param)
    return [spec]


def set_policies(
    session: Any,
    vm: Any,
    *,
    home: Any = KEEP,
    disks: Mapping[Address, Any] | None = None,
    replication_group: tuple[str, str] | None = None,
) -> Any:
    """Give a machine's home and disks their policies, in one ``ReconfigVM_Task``.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param vm: reference or ``'VirtualMachine:<id>'``
    :param home: policy of the home: id, ``PbmProfileId`` or ``Policy``; None to remove it,
                 :data:`DEFAULT` for the datastore's default, :data:`KEEP` to leave it
    :param disks: the same for disks, by device key, or by (bus number or device key of the
                  controller, unit number)
    :param replication_group: (fault domain id, group id) for all that get a policy here
    :returns: reference of the task, for ``session.wait_for_task``
    :raises DiskNotFoundException: the machine has no such disks; nothing was sent
    :raises PolicyNotFoundException: there are no such policies; nothing was sent
    :raises ValueError: nothing is to change, two addresses name one disk, or several disks have
                        an address
    """
    wanted = {address: one for address, one in (disks or {}).items() if one is not KEEP}
    if home is KEEP and not wanted:
        raise ValueError(_('there is no policy to change'))
    _require(session, replication_group, None)
    _require_policies(session, [home, *wanted.values()])
    create = session.vim.client.factory.create
    spec = create('ns0:VirtualMachineConfigSpec')
    if home is not KEEP:
        spec.vmProfile = _spec(session, home, replication_group)
    if wanted:
        changes = []
        for device, one in _addressed(entities.devices_of(session, vm), wanted):
            change = create('ns0:VirtualDeviceConfigSpec')
            change.operation = 'edit'
            change.device = device
            change.profile = _spec(session, one, replication_group)
            changes.append(change)
        spec.deviceChange = changes
    reference = vim_util.get_moref(_calls.place_id(vm), 'VirtualMachine')
    return session.invoke_api(session.vim, 'ReconfigVM_Task', reference, spec=spec)


def _require(
    session: Any, replication_group: tuple[str, str] | None, params: Mapping[str, str] | None
) -> None:
    """Refuse what the server is too old for, before a call."""
    if replication_group is not None:
        _calls.require_server(session, _('Replication with a policy'), (6, 5))
    if params:
        _calls.require_server(session, _('A parameter of a policy'), (6, 7))


def _require_policies(session: Any, given: Iterable[Any]) -> None:
    """Refuse policies that there are not: the task would fail without saying which."""
    ids = [
        _calls.policy_id(one) for one in given if not (one is None or one is KEEP or one is DEFAULT)
    ]
    # What is kept may have been deleted by others, and made anew with another id.
    if missing := policies.unknown_of(session, ids):
        raise errors.policy_not_found(missing)


def _spec(session: Any, policy: Any, group: tuple[str, str] | None) -> list[Any]:
    if policy is DEFAULT:
        return policy_spec(session, default=True)
    if policy is None:
        return policy_spec(session)
    return policy_spec(session, policy, replication_group=group)


def _addressed(devices: Iterable[Any], wanted: Mapping[Address, Any]) -> list[tuple[Any, Any]]:
    held = list(devices)
    buses = {one.key: _calls.get(one, 'busNumber') for one in held}
    by_address: dict[Address, list[Any]] = {}
    for device in held:
        if device.__class__.__name__ != 'VirtualDisk':
            continue
        by_address.setdefault(int(device.key), []).append(device)
        controller, unit = _calls.get(device, 'controllerKey'), _calls.get(device, 'unitNumber')
        if controller is None or unit is None:
            continue
        # There are a few buses of a kind; the keys of controllers begin far above that.
        for name in {buses.get(controller), controller} - {None}:
            by_address.setdefault((int(name), int(unit)), []).append(device)
    missing = [address for address in wanted if address not in by_address]
    if missing:
        exception = errors.DiskNotFoundException(
            _('The machine has no disk %s.') % ', '.join(map(str, missing))
        )
        exception.disks = tuple(missing)
        raise exception
    found: dict[int, tuple[Any, Any]] = {}
    for address, policy in wanted.items():
        if len(by_address[address]) > 1:
            # SCSI, NVMe and SATA controllers count their buses each from 0.
            keys = ', '.join(str(one.key) for one in by_address[address])
            raise ValueError(
                _('%(address)s is the address of several disks: say which by its key (%(keys)s)')
                % {'address': address, 'keys': keys}
            )
        (device,) = by_address[address]
        if device.key in found:
            raise ValueError(_('disk %s is named twice') % device.key)
        found[device.key] = (device, policy)
    return list(found.values())

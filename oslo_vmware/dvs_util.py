"""Port groups of a distributed virtual switch: specify, create, list, delete.

Everything is a function over a session: any object with ``invoke_api``, ``wait_for_task`` and
``vim``. A switch keeps its port groups in its property ``portgroup``, which has references only;
:func:`get_portgroups` reads it and then the names of all of them, so the cost is two calls
however many there are.

The specifications are filled field by field into what ``session.vim.client.factory`` makes, and
never read back: callers pass factories of their own.
"""

from typing import Any

from oslo_vmware import vim_util

__all__ = [
    'add_port_group',
    'delete_port_group',
    'get_dvs_moref',
    'get_port_group_spec',
    'get_portgroups',
    'get_trunk_vlan_spec',
    'get_vlan_spec',
]

_SWITCH = 'VmwareDistributedVirtualSwitch'
_PORT_GROUP = 'DistributedVirtualPortgroup'
# A boolean of the XML Schema; callers' tests compare it with this string.
_NOT_INHERITED = '0'


def get_dvs_moref(value: str) -> Any:
    """Make a reference to a distributed virtual switch.

    :param value: id of the switch, for example ``dvs-12``
    :returns: reference of type ``VmwareDistributedVirtualSwitch``
    """
    return vim_util.get_moref(value, _SWITCH)


def get_vlan_spec(session: Any, vlan_id: int) -> Any:
    """Specify one VLAN, which the switch tags frames with.

    :param session: session object
    :param vlan_id: number of the VLAN, 1 to 4094; 0 for untagged frames
    :returns: ``VmwareDistributedVirtualSwitchVlanIdSpec`` (vSphere API 4.0)
    """
    vlan = session.vim.client.factory.create('ns0:VmwareDistributedVirtualSwitchVlanIdSpec')
    vlan.vlanId = vlan_id
    vlan.inherited = _NOT_INHERITED
    return vlan


def get_trunk_vlan_spec(session: Any, start: int = 0, end: int = 4094) -> Any:
    """Specify a range of VLANs, whose tags the guests see and set.

    :param session: session object
    :param start: number of the first VLAN
    :param end: number of the last VLAN
    :returns: ``VmwareDistributedVirtualSwitchTrunkVlanSpec`` (vSphere API 4.0)
    """
    client_factory = session.vim.client.factory
    vlan_range = client_factory.create('ns0:NumericRange')
    vlan_range.start = start
    vlan_range.end = end
    vlan = client_factory.create('ns0:VmwareDistributedVirtualSwitchTrunkVlanSpec')
    vlan.vlanId = vlan_range
    vlan.inherited = _NOT_INHERITED
    return vlan


def get_port_group_spec(
    session: Any, name: str, vlan_id: int | None, trunk_mode: bool = False
) -> Any:
    """Specify a port group with ephemeral binding: a port lives as long as it is in use.

    :param session: session object
    :param name: name of the port group
    :param vlan_id: number of its VLAN, 0 for untagged frames; None leaves it to the switch
    :param trunk_mode: all VLANs, whatever ``vlan_id`` says
    :returns: ``DVPortgroupConfigSpec`` (vSphere API 4.0)
    """
    client_factory = session.vim.client.factory
    port_group = client_factory.create('ns0:DVPortgroupConfigSpec')
    port_group.name = name
    port_group.type = 'ephemeral'
    port_setting = client_factory.create('ns0:VMwareDVSPortSetting')
    if trunk_mode:
        port_setting.vlan = get_trunk_vlan_spec(session)
    elif vlan_id is not None:
        port_setting.vlan = get_vlan_spec(session, vlan_id)
    port_group.defaultPortConfig = port_setting
    return port_group


def add_port_group(
    session: Any, dvs_moref: Any, name: str, vlan_id: int | None = None, trunk_mode: bool = False
) -> Any:
    """Create a port group and wait until it is there.

    Uses ``CreateDVPortgroup_Task`` (vSphere API 5.0).

    :param session: session object
    :param dvs_moref: reference to the switch
    :param name: name of the port group
    :param vlan_id: number of its VLAN, 0 for untagged frames; None leaves it to the switch
    :param trunk_mode: all VLANs, whatever ``vlan_id`` says
    :returns: reference to the port group
    :raises DuplicateName: the datacenter has a network of that name
    """
    spec = get_port_group_spec(session, name, vlan_id, trunk_mode)
    task = session.invoke_api(session.vim, 'CreateDVPortgroup_Task', dvs_moref, spec=spec)
    return session.wait_for_task(task).result


def get_portgroups(session: Any, dvs_moref: Any) -> list[tuple[str, Any]]:
    """List the port groups of a switch, the one for its uplinks included.

    Uses ``RetrievePropertiesEx`` (vSphere API 4.1) twice: for the references, and for all names.

    :param session: session object
    :param dvs_moref: reference to the switch
    :returns: name of and reference to each port group
    """
    references = session.invoke_api(
        vim_util, 'get_object_property', session.vim, dvs_moref, 'portgroup'
    )
    if not references:
        return []
    page = session.invoke_api(
        vim_util,
        'get_properties_for_a_collection_of_objects',
        session.vim,
        _PORT_GROUP,
        references[0],
        ['name'],
    )
    found = []
    while page:
        for content in page.objects:
            # Without a name: the session may not see it.
            name = vim_util.propset_dict(getattr(content, 'propSet', None)).get('name')
            if name is not None:
                found.append((name, content.obj))
        page = session.invoke_api(vim_util, 'continue_retrieval', session.vim, page)
    return found


def delete_port_group(session: Any, portgroup_moref: Any) -> None:
    """Delete a port group and wait until it is gone.

    Uses ``Destroy_Task`` (VI API 2.0).

    :param session: session object
    :param portgroup_moref: reference to the port group
    """
    task = session.invoke_api(session.vim, 'Destroy_Task', portgroup_moref)
    session.wait_for_task(task)

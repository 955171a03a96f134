"""The types of the servers' APIs as classes: ``vim.VirtualMachineConfigSpec(name='x', numCPUs=2)``.

``from oslo_vmware.types import vim`` (or ``pbm``) needs no session, and costs next to nothing: the
description that ships with the package is opened when the first type is asked for. It is of the
newest version that there was, whose types have all members of the older ones.
:func:`of` gives the types as the server of a session describes them.
"""

from typing import Any

__all__ = ['of', 'pbm', 'vim']


def of(service: Any) -> Any:
    """The types of a service, in the version that its session speaks.

    What to take for a server that is newer than the package, and to ask whether a server's
    description knows a member or a type.

    :param service: ``session.vim`` or ``session.pbm``
    :returns: what has the types as attributes, as the modules ``vim`` and ``pbm`` have
    """
    # Imported here so that to import the package costs nothing.
    from oslo_vmware.types._namespace import Namespace

    client = service.client
    return Namespace(repr(service), lambda: client.schema, lambda: client.factory)

"""A bridge to pyVmomi: its objects by a session of this library, and both ways between the two.

With it a driver moves to pyVmomi call by call. Its session stays one: there is no second login, and
whichever side finds it expired renews it for both::

    from oslo_vmware import pyvmomi

    content = pyvmomi.service_instance(session).RetrieveContent()
    machine = pyvmomi.managed_object(session, vm_ref)
    task = machine.ReconfigVM_Task(spec=pyvmomi.to_pyvmomi(session, config_spec))
    session.wait_for_task(pyvmomi.reference(task))

A call that is made by pyVmomi's objects raises pyVmomi's faults (``vim.fault.…``), with the
session's exceptions for what pyVmomi has no fault for, such as no answer
(:class:`~oslo_vmware.exceptions.VimConnectionException`) and a change of which nobody knows
whether it was executed (:class:`~oslo_vmware.exceptions.VimOutcomeUnknownException`).

pyVmomi is imported here and nowhere else of the library; it is the extra ``pyvmomi``.
"""

from typing import Any

try:
    import pyVmomi  # noqa: F401 - to say so kindly where it is not there
except ModuleNotFoundError as exc:
    if exc.name != 'pyVmomi':
        raise
    raise ImportError(
        'oslo_vmware.pyvmomi needs the package pyvmomi, which is not installed; '
        "get it with: pip install 'pyvmomi>=8.0.3.0.1'"
    ) from None

from pyVmomi import VmomiSupport, pbm, vim

from oslo_vmware.pyvmomi import _convert, _stub
from oslo_vmware.pyvmomi._convert import reference

__all__ = [
    'from_pyvmomi',
    'managed_object',
    'pbm_service_instance',
    'reference',
    'service_instance',
    'to_pyvmomi',
]


def service_instance(session: Any) -> Any:
    """pyVmomi's root object, whose calls are made by a session.

    The first call logs in if nobody has. ``Logout`` and ``Disconnect`` of pyVmomi are the
    session's :meth:`~oslo_vmware.api.VMwareAPISession.logout`.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :returns: ``vim.ServiceInstance``, in the newest version that pyVmomi and the server know
    :raises VimConnectionException: the server did not say what it is
    """
    return vim.ServiceInstance('ServiceInstance', _stub.stub(session, _stub.VIM))


def pbm_service_instance(session: Any) -> Any:
    """The same for storage policies: the root object of PBM, authenticated by the same session.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :returns: ``pbm.ServiceInstance``
    :raises PbmNotSupportedException: the server has no storage policies
    """
    return pbm.ServiceInstance('ServiceInstance', _stub.stub(session, _stub.PBM))


def managed_object(session: Any, reference: Any) -> Any:
    """The managed object of a reference; :func:`reference` is the way back.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param reference: with ``value`` and ``_type``
    :returns: object of pyVmomi, such as ``vim.VirtualMachine``, which makes its calls by the
              session
    :raises TypeError: pyVmomi knows no type of that name
    """
    return _converter(session).managed_object(reference)


def to_pyvmomi(session: Any, value: Any) -> Any:
    """What an object of this library is in pyVmomi: a spec that is to be sent, or a result.

    Objects in which nothing was set are left out, as in requests. A type that pyVmomi is too old
    for becomes the one that its place is declared with, with the members that this has. Numbers
    and truth values in a place of type any, such as the ``value`` of an OptionValue, are sent by
    pyVmomi as what they are; this library sends them as texts.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`; managed objects make their calls
                    by it
    :param value: object of the factory or of a reply, reference, list of these, or simple value
    :returns: the same of pyVmomi's types; what is pyVmomi's already stays as it is
    :raises TypeError: a value does not fit its place, or pyVmomi has no type or member for it
    """
    return _converter(session).value(value, object)


def from_pyvmomi(value: Any) -> Any:
    """What an object of pyVmomi is in this library.

    What is not set in it is no attribute, as in replies. A fault becomes the
    ``LocalizedMethodFault`` that it is part of in objects.

    :param value: data object, managed object, fault, list of these, or simple value of pyVmomi
    :returns: object as a reply has it, reference, list, or simple value
    """
    return _convert.from_pyvmomi(value)


def _converter(session: Any) -> Any:
    made: dict[str, Any] = {}

    def stub_of(cls: Any) -> Any:
        is_pbm = VmomiSupport.GetWsdlNamespace(cls._version) == f'urn:{_stub.PBM}'
        namespace = _stub.PBM if is_pbm else _stub.VIM
        if namespace not in made:
            made[namespace] = _stub.stub(session, namespace)
        return made[namespace]

    return _convert.ToPyvmomi(stub_of)

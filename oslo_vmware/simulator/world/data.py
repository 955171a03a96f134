"""Values of the simulated vCenter.

The simulator's state is plain Python: numbers, strings, datetimes and lists as they are, a
managed object reference as :class:`Ref`, and a vSphere data object as an instance of a class
that carries the vSphere type's name. Those classes are made on first use, by name::

    from oslo_vmware.simulator.world.data import types

    disk = types.VirtualDisk(key=2000, capacityInKB=1048576)
    disk.backing            # None: what was never set is unset, not an error

Nothing here knows a schema. The codec checks names when a value goes out, so that a misspelt
field fails the first time it is sent instead of vanishing.
"""

import copy
from typing import TYPE_CHECKING, Any, NamedTuple, overload


class Ref(NamedTuple):
    """A managed object reference; equal references are equal values."""

    type: str
    value: str


class Typed(NamedTuple):
    """A value for a place of type *any* whose XSD type Python alone does not tell.

    ``Typed('long', 5)`` is sent with ``xsi:type="xsd:long"``, where ``5`` alone is an ``xsd:int``.
    """

    xsd_type: str
    value: Any


class DataObject:
    """A vSphere data object: its fields are its attributes, an unset field reads as ``None``."""

    wire_type = 'DynamicData'

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    if TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is not set. Dunder names must stay missing, or copy and
        # pickle take the None for a protocol method.
        if name.startswith('__'):
            raise AttributeError(name)
        return None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DataObject)
            and self.wire_type == other.wire_type
            and self.__dict__ == other.__dict__
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = ', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())
        return f'{self.wire_type}({fields})'


class _Types:
    """The data object classes by vSphere name, made when first asked for."""

    def __getattr__(self, name: str) -> type[DataObject]:
        if name.startswith('_'):
            raise AttributeError(name)
        made = type(name, (DataObject,), {'wire_type': name})
        setattr(self, name, made)
        return made

    def __getitem__(self, name: str) -> type[DataObject]:
        made: type[DataObject] = getattr(self, name)
        return made


types = _Types()


class Fault(Exception):
    """A vSphere fault that an operation answers with.

    ``raise Fault('InvalidPowerState', existingState='poweredOn', requestedState='poweredOn')``

    :param name: the fault's vSphere type, for example ``NotFound``
    :param message: text of the fault string and of ``localizedMessage``
    :param fields: the fault's own members
    """

    # Positional only: faults have members called name and message.
    def __init__(self, name: str, message: str | None = None, /, **fields: Any) -> None:
        self.name = name
        self.detail = types[name](**fields)
        self.message = message if message is not None else f'The operation failed: {name}.'
        super().__init__(self.message)

    def localized(self) -> DataObject:
        """The same fault as the ``LocalizedMethodFault`` that tasks and leases carry."""
        return types.LocalizedMethodFault(fault=self.detail, localizedMessage=self.message)


@overload
def merged(old: DataObject | None, new: DataObject) -> DataObject: ...


@overload
def merged(old: DataObject, new: DataObject | None) -> DataObject: ...


@overload
def merged(old: Any, new: Any) -> Any: ...


def merged(old: Any, new: Any) -> Any:
    """A value after a change that leaves out what stays: unset means unchanged.

    Data objects are merged field by field, and so are those in them; of another type, the new one
    takes the place of the old one.
    """
    if new is None:
        return old
    if not (isinstance(old, DataObject) and isinstance(new, DataObject)):
        return new
    if old.wire_type != new.wire_type:
        return new
    made = copy.copy(old)
    made.__dict__.update(
        (name, merged(old.__dict__.get(name), value))
        for name, value in new.__dict__.items()
        if value is not None
    )
    return made


def invalid_argument(argument: str) -> Fault:
    """What a client is told of an argument that makes no sense."""
    return Fault(
        'InvalidArgument',
        f'A specified parameter was not correct: {argument}',
        invalidProperty=argument,
    )


def no_permission(ref: Ref, privilege: str) -> Fault:
    """What a client is told who may not do that."""
    return Fault(
        'NoPermission',
        'Permission to perform this operation was denied.',
        object=ref,
        privilegeId=privilege,
    )


def system_error(error: Exception) -> Fault:
    """What a client is told of a mistake in the simulator."""
    return Fault('SystemError', f'A general system error occurred: {error}', reason=str(error))

"""What reading an attribute of a service gives: an operation, which says what it takes.

To read one and to call it looks nothing up. Only who asks for signature or documentation has the
description of the service asked: ``help(session.vim.CloneVM_Task)``, an editor, IPython.
"""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import inspect

    from oslo_vmware.soap.schema import Operation as Described
    from oslo_vmware.soap.schema import Schema


class Performer(Protocol):
    """A service, as far as its operations go."""

    client: Any

    def _perform(self, name: str, managed_object: Any, arguments: dict[str, Any]) -> Any: ...


class Operation:
    # The documentation of this class is that of the operation, below.

    def __init__(self, service: Performer, name: str) -> None:
        self.__name__ = self.__qualname__ = name
        self._service = service

    def __call__(self, /, *managed_object: Any, **arguments: Any) -> Any:
        if len(managed_object) != 1:
            raise TypeError(
                f'{self.__name__}() takes one argument by position, the managed object that it is '
                f'called on, and all others by name; {len(managed_object)} were given by position'
            )
        return self._service._perform(self.__name__, managed_object[0], arguments)

    def __get__(self, instance: object, owner: object = None) -> 'Operation':
        # pydoc and IPython take for a function what has this.
        return self

    def __deepcopy__(self, memo: object) -> 'Operation':
        # As of a function, which it was: a copy of its service would be another session.
        return self

    def __repr__(self) -> str:
        return f'<operation {self.__name__} of {self._service!r}>'

    @property
    def __signature__(self) -> 'inspect.Signature':
        from oslo_vmware.soap import wording

        return wording.signature(self._described())

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        from oslo_vmware.soap import wording

        return wording.documentation(self.__name__, self._described())

    def _described(self) -> 'Described | None':
        schema = schema_of(self._service)
        return schema.operation(self.__name__) if schema is not None else None


def type_of(managed_object: Any, operation: str) -> Any:
    """The type of the object that an operation is called on.

    :raises AttributeError: it is none; the message names the operation that wanted one
    """
    try:
        return managed_object._type
    except AttributeError as exc:
        raise AttributeError(
            f'{operation} is called on a managed object, and this is none: '
            f'{managed_object.__class__.__name__} has no _type'
        ) from exc


def schema_of(service: Performer) -> 'Schema | None':
    """The description of a service; None where something else stands for its client."""
    from oslo_vmware.soap.schema import Schema

    found = getattr(service.client, 'schema', None)
    return found if isinstance(found, Schema) else None


def names_of(service: Performer) -> list[str]:
    """Names of the operations that a service has."""
    schema = schema_of(service)
    return list(schema.operation_names()) if schema is not None else []


def meant(service: Performer, name: str) -> str:
    """The operation that somebody meant, in words to put behind a message; '' when none is near."""
    from oslo_vmware.soap.wording import nearest

    return nearest(name, names_of(service))

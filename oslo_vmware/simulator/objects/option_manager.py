"""Options by name: the advanced settings of a host, or those of the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from oslo_vmware.simulator.world.data import DataObject, Fault, Typed, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, managed

_TYPES: dict[type, str] = {bool: 'BoolOption', int: 'LongOption', str: 'StringOption'}


@managed('OptionManager')
class OptionManager(ManagedObject):
    """Options that can be read and set.

    :cvar defaults: all options there are, with the values that they have unless set; a number is
        a ``long`` on the wire
    :cvar open_names: beginnings of names that a client may invent options of
    """

    defaults: ClassVar[Mapping[str, Any]] = {}
    open_names: ClassVar[tuple[str, ...]] = ()
    # What was set.
    _set: Mapping[str, Any] = {}

    @property
    def values(self) -> dict[str, Any]:
        return {**self.defaults, **self._set}

    @property
    def setting(self) -> list[DataObject]:
        return [_option(key, value) for key, value in sorted(self.values.items())]

    @property
    def supportedOption(self) -> list[DataObject]:
        return [
            types.OptionDef(key=key, label=key, summary=key, optionType=_type_of(default))
            for key, default in sorted(self.defaults.items())
        ]

    def QueryOptions(self, call: Call) -> list[DataObject]:
        """All options, one of them, or those below a node: ``Net``, ``Net.`` or ``Net.X``."""
        if not call.name:
            return self.setting
        below = f'{call.name.rstrip(".")}.'
        found = [one for one in self.setting if one.key == call.name or one.key.startswith(below)]
        if not found:
            raise _invalid_name(call.name)
        return found

    def UpdateOptions(self, call: Call) -> None:
        known = self.values
        changes = {}
        for option in call.changedValue:
            if option.key not in known and not option.key.startswith(self.open_names or ('\0',)):
                raise _invalid_name(option.key)
            given = option.value
            # Servers take no int for a long.
            value = given.value if _kind(given) == 'long' else given
            if option.key in known and _kind(given) != _kind(_on_the_wire(known[option.key])):
                raise invalid_argument(option.key)
            changes[option.key] = value
        self._set = {**self._set, **changes}
        self.changed('setting')


def _option(key: str, value: Any) -> DataObject:
    return types.OptionValue(key=key, value=_on_the_wire(value))


def _on_the_wire(value: Any) -> Any:
    return Typed('long', value) if type(value) is int else value


def _kind(value: Any) -> Any:
    return value.xsd_type if isinstance(value, Typed) else type(value)


def _type_of(default: Any) -> DataObject:
    made = types[_TYPES[type(default)]](valueIsReadonly=False)
    if isinstance(default, bool):
        made.supported, made.defaultValue = True, default
    elif isinstance(default, int):
        made.min, made.max, made.defaultValue = 0, 2**31 - 1, default
    else:
        made.defaultValue = default
    return made


def _invalid_name(name: str) -> Fault:
    return Fault('InvalidName', f"The name '{name}' is not valid.", name=name)

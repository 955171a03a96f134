"""Specs and results from this library to pyVmomi, and back.

Both have the same types by the same names, so objects are taken over member by member. What
differs:

====================  ==========================================  ================================
what                  here                                        in pyVmomi
====================  ==========================================  ================================
not set               no attribute, or None                       None, ``[]``; required members
                                                                  ``''``, 0, False
array in a place      object ``ArrayOfX`` with a list ``X``       list with the type of its items
of type any
reference             ``value`` and ``_type``                     managed object
fault in an object    ``LocalizedMethodFault`` around the fault   the fault, the text in ``msg``
enumeration, name     text                                        text with a class; a class;
of type or method                                                 a method
base64                text; bytes in a place of type any          bytes
====================  ==========================================  ================================

Simple values become what they would be on the wire.
"""

import base64
import datetime
import functools
from collections.abc import Callable
from typing import Any

from pyVmomi import VmomiSupport
from suds import sudsobject

from oslo_vmware.soap.objects import (
    EmptyObject,
    Record,
    is_created,
    is_prepared,
    made_of,
    moref,
    type_class,
)
from oslo_vmware.soap.schema import XSD, split
from oslo_vmware.soap.values import TypedValue, converter, text_of, typed_text

MethodFault: Any = VmomiSupport.GetVmodlType('vmodl.MethodFault')
LocalizedMethodFault: Any = VmomiSupport.GetVmodlType('vmodl.LocalizedMethodFault')

_VIM = 'urn:vim25'
_LISTS = (list, tuple)
_LOCALIZED = 'LocalizedMethodFault'
_REFERENCE = 'ManagedObjectReference'

#: What pyVmomi's objects have beside the members that go over the wire, and its faults as well.
_INTERNAL = frozenset({'dynamicType', 'dynamicProperty'})
_INTERNAL_OF_FAULTS = _INTERNAL | {'msg'}

#: What names of types, methods and properties are in pyVmomi; they are texts on the wire.
_NAMES = (type, VmomiSupport.ManagedMethod, VmomiSupport.PropertyPath, VmomiSupport.Link)

#: What is pyVmomi's already.
_PYVMOMI = (
    VmomiSupport.DataObject,
    VmomiSupport.ManagedObject,
    VmomiSupport.Array,
    VmomiSupport.Enum,
    VmomiSupport.ManagedMethod,
    VmomiSupport.PropertyPath,
    VmomiSupport.binary,
)


# To pyVmomi


class ToPyvmomi:
    """Makes pyVmomi's values of those of this library.

    :param stub_of: gives the stub of managed objects of a class
    """

    def __init__(self, stub_of: Callable[[Any], Any]) -> None:
        self._stub_of = stub_of

    def value(self, value: Any, declared: Any, is_required: bool = False) -> Any:
        """A value in a place.

        :param declared: pyVmomi's type of the place, ``object`` for any
        :param is_required: whether an object stands there though nothing is set in it
        """
        if value is None or isinstance(value, _PYVMOMI):
            return value
        if isinstance(value, _LISTS):
            array, item = (
                (declared, declared.Item) if issubclass(declared, list) else (list, object)
            )
            items = (self.value(one, item, is_required) for one in value)
            return array(one for one in items if one is not None)
        if issubclass(declared, list):
            return self.value([value], declared, is_required)
        if hasattr(value, '_type') and hasattr(value, 'value'):
            return self.managed_object(value)
        if isinstance(value, sudsobject.Property):
            # As the factory makes a required member that is an enumeration.
            return self.value(value.value, declared)
        if isinstance(value, sudsobject.Object | dict):
            return self._object(value, declared, is_required)
        if isinstance(value, EmptyObject):
            named = _known_type(_VIM, value.type_name)
            if named is not None and issubclass(named, declared):
                return named()
        if value == '' and issubclass(declared, VmomiSupport.DataObject):
            # What an empty element is decoded to.
            return declared()
        return _simple(value, declared)

    def managed_object(self, reference: Any) -> Any:
        """The managed object of a reference; None of one that refers to nothing."""
        if reference.value is None:
            return None
        cls = _known_type(_VIM, str(reference._type))
        if cls is None:
            raise TypeError(f'pyVmomi knows no managed object type {reference._type}')
        guid = getattr(reference, '_serverGuid', None) or None
        return cls(str(reference.value), self._stub_of(cls), guid)

    def _object(self, value: Any, declared: Any, is_required: bool) -> Any:
        cls = _class_of(value)
        if cls is not None and issubclass(cls, list):
            return self.value(_only_member(value) or [], cls)
        if cls is LocalizedMethodFault:
            fault = self.value(getattr(value, 'fault', None), MethodFault)
            fault = MethodFault() if fault is None else fault
            fault.msg = getattr(value, 'localizedMessage', None)
            return fault
        is_known = cls is not None
        if cls is None:
            # Of a newer type: as much of it as the place has room for.
            cls = declared
        if not issubclass(cls, VmomiSupport.DataObject):
            name = value.__class__.__name__
            raise TypeError(f'pyVmomi knows no type {name}, and its place tells none')
        return self._filled(cls, value, is_known, is_required or cls is not declared)

    def _filled(self, cls: Any, value: Any, is_known: bool, is_wanted: bool) -> Any:
        made = cls()
        members = _members(value)
        # As in requests: what the factory has put there is none as long as nothing is set in it.
        is_wanted = (is_wanted and not is_prepared(value)) or not members
        types = _member_types(cls)
        for name, content in members:
            if content is None and self._is_empty_text(value, types.get(name)):
                setattr(made, name, '')
                is_wanted = True
                continue
            if content is None or (isinstance(content, _LISTS) and not content):
                continue
            if name not in types:
                if is_known:
                    raise TypeError(f'{cls.__name__} has no member {name}')
                continue
            declared, is_required = types[name]
            try:
                if declared is object and isinstance(content, _LISTS):
                    raise TypeError('a list does not say of what it is; an ArrayOf… object does')
                converted = self.value(content, declared, is_required)
                if converted is not None:
                    setattr(made, name, converted)
                    is_wanted = True
            except (ValueError, TypeError) as exc:
                raise TypeError(f'{cls.__name__}.{name}: {exc}') from exc
        return made if is_wanted else None

    @staticmethod
    def _is_empty_text(value: Any, member: Any) -> bool:
        """Whether None in an object is a required text that came empty, as in requests."""
        return (
            member is not None
            and member[1]
            and member[0] is str
            and isinstance(value, Record)
            and not is_created(value)
        )


def _simple(value: Any, declared: Any) -> Any:
    """A value that is no object, as it would arrive at what reads the wire."""
    if declared is object:
        if isinstance(value, datetime.datetime):
            return _in_a_zone(value)
        xsd_type, text = typed_text(value)
        if not xsd_type:
            raise TypeError(f'there is no place for a {type(value).__name__}')
        return _read(text, VmomiSupport.GetWsdlType(XSD, xsd_type))
    if isinstance(value, TypedValue):
        value = value.value
    if isinstance(value, datetime.datetime) and declared is datetime.datetime:
        return _in_a_zone(value)
    if declared not in _NAMES and not issubclass(declared, VmomiSupport.Enum | str):
        return _read(text_of(value, VmomiSupport.GetWsdlName(declared)), declared)
    return _read(text_of(value, 'string'), declared)


def _in_a_zone(value: datetime.datetime) -> datetime.datetime:
    """A time of vSphere is in UTC; pyVmomi would take one without a zone for local time."""
    return value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)


def _read(text: str, declared: Any) -> Any:
    """What pyVmomi makes of a text."""
    if declared is type:
        found = _known_type(_VIM, text)
        if found is None:
            raise TypeError(f'pyVmomi knows no type {text}')
        return found
    if declared is VmomiSupport.ManagedMethod:
        return _method(text)
    if declared is VmomiSupport.binary:
        return VmomiSupport.binary(base64.b64decode(text))
    if declared in (bool, datetime.datetime):
        convert = converter(VmomiSupport.GetWsdlName(declared))
        assert convert is not None
        try:
            found = convert(text)
        except KeyError:
            raise ValueError(f'{text!r} is no truth value') from None
        return _in_a_zone(found) if declared is datetime.datetime else found
    if issubclass(declared, VmomiSupport.DataObject | VmomiSupport.ManagedObject | list):
        raise TypeError(f'it takes a {declared.__name__}, not {text!r}')
    return declared(text)


def _method(name: str) -> Any:
    try:
        return VmomiSupport.GuessWsdlMethod(name)
    except KeyError:
        return VmomiSupport.UnknownManagedMethod(name)


@functools.cache
def _member_types(cls: Any) -> dict[str, tuple[Any, bool]]:
    """The types of the members of a type, by their names, and whether they are required."""
    internal = _INTERNAL_OF_FAULTS if issubclass(cls, MethodFault) else _INTERNAL
    return {
        one.name: (one.type, not one.flags & VmomiSupport.F_OPTIONAL)
        for one in cls._GetPropertyList()
        if one.name not in internal
    }


def _known_type(namespace: str, name: str) -> Any:
    """pyVmomi's type of a name; None without one."""
    if name in (_REFERENCE, f'ArrayOf{_REFERENCE}'):
        name = name.removesuffix('Reference')
    try:
        return VmomiSupport.GetWsdlType(namespace, name)
    except KeyError:
        pass
    try:
        return VmomiSupport.GuessWsdlType(name)
    except KeyError:
        return None


def _class_of(value: Any) -> Any:
    """pyVmomi's class for an object; None where it has none."""
    if isinstance(value, dict):
        return None
    cls = value.__class__
    namespace, name = split(getattr(cls, '__xsd_type__', '') or f'{{{_VIM}}}{cls.__name__}')
    # The name of the class of a stand-in may have a prefix.
    return _known_type(namespace, name.rpartition(':')[2])


def _members(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return [(name, getattr(value, name)) for name in value.__keylist__]


def _only_member(value: Any) -> Any:
    return next((content for _, content in _members(value)), None)


# From pyVmomi


def from_pyvmomi(value: Any, is_any: bool = False) -> Any:
    """What a value of pyVmomi is in this library.

    :param is_any: whether it stands in a place of type any
    """
    if value is None:
        return None
    if isinstance(value, datetime.datetime):
        # One without a zone is in local time there, and in UTC here.
        return value if value.tzinfo is not None else value.astimezone()
    if isinstance(value, VmomiSupport.ManagedObject):
        return reference(value)
    if isinstance(value, MethodFault):
        return _localized(value)
    if isinstance(value, VmomiSupport.DataObject):
        return _record(value)
    if isinstance(value, list):
        items = [from_pyvmomi(one, is_any) for one in value]
        return _wrapped(value, items) if is_any and isinstance(value, VmomiSupport.Array) else items
    return _plain(value, is_any)


def reference(managed_object: Any) -> Any:
    """The reference to a managed object of pyVmomi.

    :param managed_object: such as ``vim.VirtualMachine``
    :returns: with ``value`` and ``_type``, as :func:`oslo_vmware.vim_util.get_moref` makes it
    """
    made = moref(managed_object._moId, VmomiSupport.GetWsdlName(type(managed_object)))
    if managed_object._serverGuid is not None:
        made._serverGuid = managed_object._serverGuid
    return made


def _record(value: Any) -> Any:
    """A data object as the replies of the compiled engine have it."""
    members = {}
    for name, (declared, _) in _member_types(value.__class__).items():
        content = getattr(value, name)
        if issubclass(declared, list):
            if content:
                members[name] = [from_pyvmomi(one, declared.Item is object) for one in content]
        elif content is not None:
            members[name] = from_pyvmomi(content, declared is object)
    namespace, name = VmomiSupport.GetQualifiedWsdlName(type(value))
    return _made(namespace, name, members)


def _localized(value: Any) -> Any:
    fault, text = value, value.msg
    if isinstance(value, LocalizedMethodFault):
        fault, text = value.fault, value.localizedMessage
    members = {} if text is None else {'localizedMessage': text}
    return _made(_VIM, _LOCALIZED, {'fault': _record(fault)} | members)


def _wrapped(array: Any, items: list[Any]) -> Any:
    """An array where its own type says what it is."""
    item = array.Item
    namespace, name = VmomiSupport.GetQualifiedWsdlName(type(array))
    member = VmomiSupport.GetWsdlName(item)
    if item in _NAMES:
        name, member = 'ArrayOfString', 'string'
    elif issubclass(item, VmomiSupport.ManagedObject):
        namespace, name, member = _VIM, f'ArrayOf{_REFERENCE}', _REFERENCE
    return _made(namespace, name, {member: items})


def _made(namespace: str, name: str, members: dict[str, Any]) -> Any:
    return made_of(type_class(Record, name, f'{{{namespace}}}{name}'), members)


def _plain(value: Any, is_any: bool) -> Any:
    """A simple value as it comes out of a reply."""
    if isinstance(value, type):
        return VmomiSupport.GetWsdlName(value)
    if isinstance(value, VmomiSupport.UnknownManagedMethod):
        return value.name
    if isinstance(value, VmomiSupport.ManagedMethod):
        return value.info.wsdlName
    if isinstance(value, bytes):
        # Where the place does not tell, the value must.
        return bytes(value) if is_any else base64.b64encode(value).decode('ascii')
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    raise TypeError(f'pyVmomi has no values of type {type(value).__name__}')

"""A description of a service in flat form: what it declares, and nothing of XML.

:mod:`oslo_vmware.soap.wsdl` and :mod:`oslo_vmware.soap.xsd` make these tuples of strings and flags
of documents, :mod:`oslo_vmware.soap.stored` keeps them in a file, and a
:class:`~oslo_vmware.soap.schema.Schema` resolves from them what a codec wants to know. Names are in
Clark notation, as there.
"""

import abc
from collections.abc import Mapping
from typing import NamedTuple


class FieldDeclaration(NamedTuple):
    """One element of a type as declared.

    :ivar name: local name
    :ivar namespace: of the element on the wire, '' when it is unqualified
    :ivar type: Clark name of its type
    """

    name: str
    namespace: str
    type: str
    many: bool
    optional: bool
    nillable: bool


class Attribute(NamedTuple):
    """One XML attribute of a type; ``name`` is in Clark notation when it is qualified."""

    name: str
    type: str
    required: bool


class TypeDeclaration(NamedTuple):
    """One type as declared.

    :ivar source: the file, for messages
    :ivar kind: value of a :class:`~oslo_vmware.soap.schema.Kind`
    :ivar base: Clark name of the base type, of a simple type the type that it restricts
    :ivar text: Clark name of the simple type of its text, when it has text
    :ivar values: of an enumeration
    :ivar open: whether elements beyond the declared ones are allowed
    """

    source: str
    kind: str
    base: str | None = None
    fields: tuple[FieldDeclaration, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    text: str | None = None
    values: tuple[str, ...] = ()
    abstract: bool = False
    open: bool = False


class OperationDeclaration(NamedTuple):
    """One operation as declared; messages are already replaced by their elements."""

    source: str
    soap_action: str
    request: str
    response: str | None
    faults: tuple[str, ...]


class TypesAtHand(Mapping[str, TypeDeclaration]):
    """Types that are made of something when they are asked for."""

    @abc.abstractmethod
    def kind(self, tag: str) -> str | None:
        """The kind of a type, which is all that is asked of most; None when there is none."""


class Description(NamedTuple):
    """A service description in flat form.

    :ivar location: where it was read from
    :ivar namespace: target namespace of the service, or of the first schema without one
    :ivar prefixes: XML prefixes that the first document declares, by name
    :ivar types: type declarations by Clark name
    :ivar elements: Clark name of the type of each global element
    :ivar operations: operation declarations by name
    :ivar type_namespaces: the namespaces that hold types, sorted
    :ivar element_namespaces: the namespaces that hold elements, sorted
    :ivar address: URL of the service as the description gives it
    :ivar unqualified: whether any element is of no namespace
    """

    location: str
    namespace: str
    prefixes: Mapping[str, str]
    types: Mapping[str, TypeDeclaration]
    elements: Mapping[str, str]
    operations: Mapping[str, OperationDeclaration]
    # Whoever has them stored spares us to go through all names.
    type_namespaces: tuple[str, ...]
    element_namespaces: tuple[str, ...]
    address: str | None = None
    unqualified: bool = False

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of types and elements, sorted."""
        return tuple(sorted({*self.type_namespaces, *self.element_namespaces} - {''}))

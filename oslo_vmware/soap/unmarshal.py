"""Reply XML to the objects that suds would build.

A reply falls apart into tags and texts (:mod:`~oslo_vmware.soap.tokens`), several times faster
than elements are visited in a tree. lxml checks beforehand that it is well-formed, and makes no
tree of it. What a tag says is looked up (:mod:`~oslo_vmware.soap.start_tags`), or all tags of an
object together (:mod:`~oslo_vmware.soap.shapes`), and :func:`_members` is the loop that does so;
everything in it is there because it pays. Guard: the decode figure of the benchmarks.

This is for *plain* XML, without comments, CDATA and the like, as all servers write it. Of
anything else, and of faults, lxml makes the tree, and writes from that the same in plain XML.

What suds does is kept to the letter, users depend on it: a member that did not come is no
attribute, an element that repeats is a list, XML attributes get an underscore, an empty element
is ``None`` where its type is one of XML Schema's own and ``''`` elsewhere, a text with XML
attributes is a :class:`~oslo_vmware.soap.objects.Reference` whose class has the element's name.
Otherwise than in suds, what the description does not know never fails a reply: an element is
then decoded by its ``xsi:type`` or its shape, an unknown ``xsi:type`` names the class, and text
that is none of its type's stays text. A fault without members keeps its class.
"""

import re
import threading
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from oslo_vmware.soap import start_tags
from oslo_vmware.soap.objects import Record, made_of, object_class
from oslo_vmware.soap.schema import Schema, split
from oslo_vmware.soap.shapes import Entry
from oslo_vmware.soap.start_tags import Memory, NotPlainError, Plans, Scope, StartTag
from oslo_vmware.soap.tokens import Tokens
from oslo_vmware.soap.values import UNFIT

#: Namespace of envelope, body and fault, as it stands in Clark names.
ENVELOPE = '{http://schemas.xmlsoap.org/soap/envelope/}'

#: What comes before a document type declaration; all of it is optional. Each part is taken once: to
#: try the others again, when no declaration follows, takes twice the time with each comment.
_DOCTYPE = re.compile(rb'(?:\xef\xbb\xbf)?(?>\s+|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE', re.DOTALL)

#: How a plain reply begins: in UTF-8, with the start tags of envelope and body, and no header.
_OPENING = re.compile(
    rb"""(?:<\?xml\s+version=["']1\.0["'](?:\s+encoding=["'](?i:utf-8)["'])?\s*\?>)?\s*"""
    rb"""<([^\s<>/]*Envelope(?:\s[^<>]*)?)>\s*<([^\s<>/]*Body(?:\s[^<>]*)?)>\s*(?=<[^/])"""
)

#: How a document in UTF-8 begins: in no other can a document type hide from the search for one.
_IN_UTF_8 = re.compile(
    rb"""(?:\xef\xbb\xbf)?\s*<(?!\?xml\s[^>]*encoding\s*=\s*["'](?i:(?!utf-8["'])))[^\0]"""
)

#: How deep elements may nest, as lxml has it.
_MAX_DEPTH = 256

#: The largest text that lxml takes unless it is told, in bytes. Plain replies have no such limit.
_LARGE_TEXT = 10_000_000

# What is remembered of how messages begin, because that comes from whoever answers: of how many
# sets of declarations, of how many messages, and how long these may be. A server declares the same
# each time.
_MAX_SCOPES = 8
_MAX_MESSAGES = 128
_MAX_LENGTH = 4096

_TYPED = 'it has a document type, which SOAP forbids'


class XmlError(ValueError):
    """A document that is not well-formed, or has what SOAP forbids."""


class NotWellFormedError(XmlError):
    """A document that is no XML, or nests deeper than 256 elements."""


class _NoTree:
    """What lxml makes of a document that is only to be checked."""

    def doctype(self, *declaration: Any) -> None:
        raise XmlError(_TYPED)

    def close(self) -> None:
        pass


class _Parsers(threading.local):
    """Parsers of a thread, because one serves one at a time, and making one takes longer than a
    small reply.
    """

    def __init__(self) -> None:
        self.tree = _parser(None)
        self.check = _parser(_NoTree())


class _Depth(_NoTree):
    """Bounds the depth of a document for a parser that does not."""

    def __init__(self) -> None:
        self._depth = 0

    def start(self, _tag: str, _attributes: Any) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise NotWellFormedError('it is nested too deep')

    def end(self, _tag: str) -> None:
        self._depth -= 1


def _parser(target: Any, is_bounded: bool = True) -> Any:
    # The limits on depth and on the size of a text are what huge_tree lifts. Of the latter
    # libxml2 2.14 makes nothing where no tree is made.
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=not is_bounded,
        remove_comments=True,
        remove_pis=True,
        target=target,
    )


_parsers = _Parsers()


def parse(document: bytes) -> Any:
    """The root element of a document.

    :raises XmlError: it is not well-formed, declares a document type, or nests deeper than 256
                      elements
    """
    if b'<!DOCTYPE' in document and _DOCTYPE.match(document):
        raise XmlError(_TYPED)
    try:
        root = _parsed(document, _parsers.tree)
    except NotWellFormedError:
        if not _may_have_large_text(document):
            raise
        check(document)
        root = _parsed(document, _parser(None, is_bounded=False))
    if root.getroottree().docinfo.internalDTD is not None:
        # In an encoding that the search above cannot see through.
        raise XmlError(_TYPED)
    return root


def check(document: bytes) -> None:
    """Let pass what :func:`parse` takes.

    :raises XmlError: as there
    """
    try:
        _parsed(document, _parsers.check)
    except NotWellFormedError:
        if not _may_have_large_text(document):
            raise
        _parsed(document, _parser(_Depth(), is_bounded=False))


def _may_have_large_text(document: bytes) -> bool:
    """Whether a document may be well-formed but for a text larger than lxml takes untold."""
    return len(document) > _LARGE_TEXT and _IN_UTF_8.match(document) is not None


def _parsed(document: bytes, parser: Any) -> Any:
    try:
        return etree.fromstring(document, parser)
    except XmlError:
        raise
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise NotWellFormedError(f'it is not well-formed XML: {exc}') from None


class Decoder:
    """Makes objects of the replies of one service; any number of threads may use it.

    :param schema: what the service's types look like
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._plans = Plans(schema)
        self._scopes: dict[str, Scope] = {}
        self._plain_scopes: dict[tuple[bytes, str], Scope] = {}
        self._memory = Memory()

    def plain_members(
        self, document: bytes, declared: str, lists: Iterable[str] = ()
    ) -> dict[str, Any] | None:
        """The members of the message in a plain reply, as :meth:`members`.

        :param document: all of the reply
        :param declared: Clark name of the element that the message should be
        :param lists: as for :meth:`members`
        :returns: None of a fault, and of what can only be read by way of :func:`parse`
        :raises XmlError: it is not well-formed, nests deeper than 256 elements, or is another
                          message
        """
        opening = _OPENING.match(document)
        if opening is None or b'\r' in document:
            return None
        check(document)
        try:
            tokens = Tokens(document, opening.end())
            start = tokens.tags[0]
            scope = self._plain_scope(opening, start)
            if scope is None:
                return None
            _check_message(start, declared)
            members, end = self._members(tokens, scope, declared, lists)
        except NotPlainError:
            return None
        # Behind the message only body and envelope end.
        return members if all(tag[0] == '/' for tag in tokens.rest(end)) else None

    def members(self, element: Any, declared: str, lists: Iterable[str] = ()) -> dict[str, Any]:
        """The members of a message.

        :param element: the message's element
        :param declared: Clark name of the element that it should be
        :param lists: members that are lists even if nothing comes, and have all that comes
        :returns: values by name; what did not come is not there
        :raises XmlError: it is another message
        """
        tokens = Tokens(_written(element))
        start = tokens.tags[0]
        _check_message(start, declared)
        return self._members(tokens, self._scope(start), declared, lists)[0]

    def _members(
        self, tokens: Tokens, scope: Scope, declared: str, lists: Iterable[str]
    ) -> tuple[dict[str, Any], int]:
        """The members of a message, and where among the tokens its end tag is."""
        members: dict[str, Any] = {name: [] for name in lists}
        end = 1
        if not tokens.tags[0].endswith('/'):
            type_ = self.schema.element(declared)
            plan = self._plans.plan('' if type_ is None else type_.tag)
            end = _members(tokens, end, scope.starts(plan), members)
        return members, end

    def fault(self, element: Any) -> Any:
        """One fault of those in a SOAP fault's detail, always an object."""
        name = split(element.tag)[1]
        type_ = self.schema.element(element.tag)
        plan = self._plans.plan('' if type_ is None else type_.tag)
        tokens = Tokens(_written(element))
        start = tokens.tags[0]
        # Without an xsi:type the element's name is what it is called, whatever its type is.
        entry = StartTag(self._scope(start), start).entry(
            name, False, '', plan, object_class(Record, name)
        )
        members: dict[str, Any] = {}
        _members(tokens, 0, {start: entry}, members)
        value = members.popitem()[1]
        if not isinstance(value, Record):
            typed = element.get(start_tags.XSI_TYPE) or name
            value = object_class(Record, typed.rpartition(':')[2])()
        return value

    def _plain_scope(self, opening: re.Match[bytes], start: str) -> Scope | None:
        """What is known of start tags in a message, None if it is a fault, or not of SOAP."""
        key = (opening[0], start)
        scope = self._plain_scopes.get(key)
        if scope is None or scope.memory.is_full:
            around = [part.decode() for part in opening.groups()]
            envelope = StartTag(Scope(self._plans, ChainMap(), Memory()), around[0])
            body = StartTag(envelope.scope, around[1])
            message = StartTag(body.scope, start)
            if envelope.closed or body.closed or message.element == f'{ENVELOPE}Fault':
                return None
            if (envelope.element, body.element) != (f'{ENVELOPE}Envelope', f'{ENVELOPE}Body'):
                return None
            scope = self._scope(start, ''.join(start_tags.taken_apart(one)[1] for one in around))
            if len(opening[0]) + len(start) <= _MAX_LENGTH:
                if len(self._plain_scopes) >= _MAX_MESSAGES:
                    self._plain_scopes.clear()
                self._plain_scopes[key] = scope
        return scope

    def _scope(self, start: str, around: str = '') -> Scope:
        """What is known of start tags in a message.

        :param start: the message's own start tag
        :param around: the XML attributes of the elements around it, as written
        """
        written = around + start_tags.taken_apart(start)[1]
        scope = self._scopes.get(written)
        if scope is None or scope.memory.is_full:
            if len(written) > _MAX_LENGTH:
                return self._new_scope(written, Memory())
            if len(self._scopes) >= _MAX_SCOPES or self._memory.is_full:
                self._scopes.clear()
                self._plain_scopes.clear()
                self._memory = Memory()
            scope = self._scopes[written] = self._new_scope(written, self._memory)
        return scope

    def _new_scope(self, written: str, memory: Memory) -> Scope:
        scope = Scope(self._plans, ChainMap(), memory)
        return scope.within(start_tags.attributes_of(written))


def _check_message(start: str, declared: str) -> None:
    """Take a message for no other than it is, whatever its namespace.

    :param start: its start tag
    :param declared: Clark name of the element that it should be
    """
    name = start.split(maxsplit=1)[0].rstrip('/').rpartition(':')[2]
    if name != split(declared)[1]:
        raise XmlError(f'it is {name}, the answer to another question')


def _written(element: Any) -> bytes:
    """An element in plain XML."""
    written: bytes = etree.tostring(
        element, encoding='utf-8', xml_declaration=False, with_tail=False
    )
    return written


def _members(tokens: Tokens, at: int, starts: Mapping[str, Entry], members: dict[str, Any]) -> int:
    """Add the values of an element's children to what is known of it already.

    :param at: where among the tokens the first child's start tag is
    :param starts: what the children's start tags say
    :returns: where the element's end tag is
    """
    tags, texts = tokens.tags, tokens.texts
    while True:
        try:
            if (tag := tags[at])[0] == '/':
                return at
            following = tags[at + 1]
        except IndexError:
            at = tokens.more(at)
            continue
        entry = starts[tag]
        name, many, convert, empty, cls, attributes, inside, shapes = entry
        text = texts[at]
        at += 1
        if inside is None:
            value = empty and empty()
        elif following[0] != '/':
            for shape in shapes:
                end = at + shape.length
                if tags[end - 1 : end] == shape.last and tags[at:end] == shape.tags:
                    try:
                        value = shape.make(texts[at:end], entry)
                    except UNFIT:
                        continue
                    at = end
                    break
            else:
                content = attributes.copy()
                piece = tokens.piece
                end = _members(tokens, at, inside, content) + 1
                value = made_of(cls, content)
                if tokens.piece == piece:
                    shapes.keep(tags[at:end])
                at = end
        else:
            at += 1
            if not text:
                value = empty and empty()
            elif convert is None:
                value = text
            else:
                try:
                    value = convert(text)
                except UNFIT:
                    value = text
        if many:
            present = members.get(name)
            if present is not None:
                present.append(value)
            else:
                # suds takes an empty first item for an empty list.
                members[name] = [] if value is None else [value]
        elif name in members:
            present = members[name]
            if isinstance(present, list):
                present.append(value)
            else:
                members[name] = [present, value]
        else:
            members[name] = value

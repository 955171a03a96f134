"""Trouble on demand.

A rule says what happens to the next calls of an operation: it lets the first ``skip`` calls
pass, then takes effect ``times`` times (None: until :meth:`Faults.clear`), and is spent. An
operation is named as on the wire, with shell-style wildcards if need be; ``*`` is every request,
the download of a description (``GET /sdk/vimService.wsdl``) and the transfer of a file
(``PUT /folder/images/a.vmdk``) included. With ``target`` a rule
only sees calls on that managed object. A rule that no request can ever meet is refused.

Rules are looked at in the order in which they were made. Delays add up; of the others the first
that applies is the one that counts. With ``after`` the server first does what it was asked to
do, and the client does not learn of it.
"""

import dataclasses
import datetime
import difflib
import enum
import fnmatch
import threading
from collections.abc import Callable
from typing import Any, TypedDict, Unpack

from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, no_permission, types
from oslo_vmware.simulator.world.encoding import EncodeError, Encoder
from oslo_vmware.soap.schema import Field, Kind, Schema, is_float, is_integer, split

_METHOD_FAULT = '{urn:vim25}MethodFault'
_HTTP_METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')
# What every managed object answers, though no description has it.
_UNIVERSAL = ('Fetch',)
_HTML = '<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>'


class Effect(enum.Enum):
    """What a rule does."""

    DELAY = 'delay'
    FAULT = 'fault'
    DROP = 'drop'
    HTTP = 'http'
    BROKEN_XML = 'broken XML'
    TRUNCATE = 'truncate'
    EMPTY_REPLY = 'empty reply'
    TASK = 'task'
    STALL = 'stall'
    END = 'end'


class When(TypedDict, total=False):
    """To which calls a rule applies, see the module."""

    times: int | None
    skip: int
    target: str | None


@dataclasses.dataclass
class Rule:
    """One piece of trouble.

    :ivar fired: how often it has taken effect
    """

    operation: str
    effect: Effect
    times: int | None = 1
    skip: int = 0
    target: str | None = None
    after: bool = False
    seconds: float = 0.0
    fault: Fault | None = None
    status: int = 200
    content_type: str = 'text/html'
    body: bytes = b''
    after_bytes: int | None = None
    seen: int = 0
    fired: int = 0

    def applies(self, operation: str, target: Ref | None) -> bool:
        return (
            (self.times is None or self.fired < self.times)
            and fnmatch.fnmatchcase(operation, self.operation)
            and (self.target is None or (target is not None and target.value == self.target))
        )

    def fires(self) -> bool:
        """Count one call that the rule applies to; tells whether it takes effect."""
        self.seen += 1
        if self.seen <= self.skip:
            return False
        self.fired += 1
        return True


@dataclasses.dataclass(frozen=True)
class Trouble:
    """What is to happen to one call: a delay, and one rule besides."""

    delay: float = 0.0
    rule: Rule | None = None


class Faults:
    """The rules of one server, and who may not read what.

    :param root: the managed object that a missing privilege is about unless said otherwise
    :param schemas: of the services; supply the members of injected faults that are required and
        not given
    """

    def __init__(self, root: Callable[[], Ref], *schemas: Schema) -> None:
        self._services = [(schema, Encoder(schema)) for schema in schemas]
        self._operations = [*_UNIVERSAL, *(n for one in schemas for n in one.operation_names())]
        self._root = root
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._denied: dict[tuple[str, str | None], str] = {}

    def clear(self) -> None:
        """Forget all rules and allow everything."""
        with self._lock:
            self._rules.clear()
            self._denied.clear()

    # --- rules

    def on(
        self,
        operation: str,
        fault: str | Fault,
        *,
        times: int | None = 1,
        skip: int = 0,
        target: str | None = None,
        message: str | None = None,
        **fields: Any,
    ) -> Rule:
        """Answer with a vSphere fault instead of acting.

        :param fault: name of the fault's type
        :param fields: members of the fault; required ones not given get a plausible value
        :raises ValueError: there is no such fault, or it cannot have these members
        """
        made = self._fault(fault, message, fields)
        return self._add(Rule(operation, Effect.FAULT, times, skip, target, fault=made))

    def delay(self, operation: str, seconds: float, **when: Unpack[When]) -> Rule:
        """Let time pass before acting."""
        return self._add(Rule(operation, Effect.DELAY, seconds=seconds, **when))

    def drop(
        self,
        operation: str,
        *,
        after: bool = False,
        after_bytes: int | None = None,
        **when: Unpack[When],
    ) -> Rule:
        """Close the connection without a reply, before or after acting.

        :param after_bytes: of a file or disk, after so many bytes of it have passed
        """
        return self._add(Rule(operation, Effect.DROP, after=after, after_bytes=after_bytes, **when))

    def stall(
        self,
        operation: str,
        *,
        after_bytes: int = 0,
        seconds: float | None = None,
        **when: Unpack[When],
    ) -> Rule:
        """Stop reading an upload, or sending a download, and keep the connection open.

        :param operation: method and path, such as ``PUT /folder/*``
        :param after_bytes: how much of the file passes before
        :param seconds: how long it lasts; None is until the server stops
        """
        # No number of seconds is too many for the wait but threading's own.
        wait = threading.TIMEOUT_MAX if seconds is None else seconds
        return self._add(
            Rule(operation, Effect.STALL, seconds=wait, after_bytes=after_bytes, **when)
        )

    def end_early(self, operation: str, *, after_bytes: int, **when: Unpack[When]) -> Rule:
        """End the body of a file or disk after so many bytes, as if that were all of it.

        The reply of a download is complete and its status 200, as that of a host which has lost
        its datastore meanwhile; of an upload the rest is lost.

        :param operation: method and path, such as ``GET /nfc/*``
        """
        return self._add(Rule(operation, Effect.END, after_bytes=after_bytes, **when))

    def http(
        self,
        operation: str,
        *,
        status: int,
        content_type: str = 'text/html',
        body: str | bytes | None = None,
        after: bool = False,
        **when: Unpack[When],
    ) -> Rule:
        """Answer with an HTTP status and a page, as a proxy or a starting server does."""
        page = _HTML.format(status=status) if body is None else body
        return self._add(
            Rule(
                operation,
                Effect.HTTP,
                after=after,
                status=status,
                content_type=content_type,
                body=page.encode() if isinstance(page, str) else page,
                **when,
            )
        )

    def empty_body(
        self, operation: str, *, status: int = 200, after: bool = False, **when: Unpack[When]
    ) -> Rule:
        """Answer with a reply that has no body."""
        xml = 'text/xml; charset=utf-8'
        return self.http(operation, status=status, content_type=xml, body=b'', after=after, **when)

    def broken_xml(self, operation: str, **when: Unpack[When]) -> Rule:
        """Act, and answer with the first half of the reply as if it were all of it."""
        return self._add(Rule(operation, Effect.BROKEN_XML, after=True, **when))

    def truncate(self, operation: str, **when: Unpack[When]) -> Rule:
        """Act, and lose the connection in the middle of the reply; of a file as well."""
        return self._add(Rule(operation, Effect.TRUNCATE, after=True, **when))

    def empty_reply(self, operation: str, **when: Unpack[When]) -> Rule:
        """Answer as an operation without a result, which is what an ESX host does when the
        session has expired.
        """
        return self._add(Rule(operation, Effect.EMPTY_REPLY, **when))

    def fail_task(
        self,
        operation: str,
        fault: str | Fault,
        *,
        times: int | None = 1,
        skip: int = 0,
        message: str | None = None,
        **fields: Any,
    ) -> Rule:
        """Have the task of an operation end in an error instead of doing its work."""
        made = self._fault(fault, message, fields)
        return self._add(Rule(operation, Effect.TASK, times, skip, fault=made))

    # --- permissions

    def deny(
        self, wire_type: str, property: str | None = None, privilege: str = 'System.Read'
    ) -> None:
        """Forbid reading a property, with all below it, of all objects of a type.

        :param wire_type: a managed object type, base types count; or one object's id
        :param property: a property's name; None is all of them
        """
        with self._lock:
            self._denied[wire_type, property] = privilege

    def allow(self, wire_type: str, property: str | None = None) -> None:
        """Undo one :meth:`deny`."""
        with self._lock:
            self._denied.pop((wire_type, property), None)

    def denial(self, ref: Ref, ancestors: tuple[str, ...], path: str) -> Fault | None:
        """Why a property may not be read; None when it may."""
        if not self._denied:
            return None
        name = path.partition('.')[0].partition('[')[0]
        for who in (ref.value, *ancestors):
            for what in (name, None):
                privilege = self._denied.get((who, what))
                if privilege is not None:
                    return no_permission(ref, privilege)
        return None

    # --- what the server asks

    def trouble(self, operation: str, target: Ref | None) -> Trouble:
        """What is to happen to a call that has arrived."""
        delay = 0.0
        chosen: Rule | None = None
        with self._lock:
            for rule in self._rules:
                if rule.effect is Effect.TASK or not rule.applies(operation, target):
                    continue
                if rule.effect is Effect.DELAY:
                    delay += rule.seconds if rule.fires() else 0.0
                elif chosen is None and rule.fires():
                    chosen = rule
        return Trouble(delay, chosen)

    def task_fault(self, operation: str) -> Fault | None:
        """What the task of an operation is to fail with."""
        with self._lock:
            for rule in self._rules:
                if rule.effect is Effect.TASK and rule.applies(operation, None) and rule.fires():
                    return rule.fault
        return None

    # --- helpers

    def _add(self, rule: Rule) -> Rule:
        self._check_operation(rule.operation)
        with self._lock:
            self._rules.append(rule)
        return rule

    def _check_operation(self, pattern: str) -> None:
        """Refuse what names no operation, and no request for a path.

        :raises ValueError: it is misspelt
        """
        before, slash, _ = pattern.partition('/')
        requests = [f'{method} ' if slash else f'{method} /' for method in _HTTP_METHODS]
        if fnmatch.filter(requests, before) or fnmatch.filter(self._operations, pattern):
            return
        near = difflib.get_close_matches(pattern, self._operations, 1)
        raise ValueError(
            f'{pattern!r} is no operation of the vSphere API'
            + (f' (is {near[0]} meant?)' if near else '')
            + '; a file or page is named by method and path, such as PUT /folder/*'
        )

    def _fault(self, fault: str | Fault, message: str | None, fields: dict[str, Any]) -> Fault:
        """A fault that can be sent.

        :raises ValueError: it cannot, for a reason that the text tells
        """
        name = fault.name if isinstance(fault, Fault) else fault
        schema, encoder, tag = self._described(name)
        if isinstance(fault, Fault):
            made = fault
        else:
            made = Fault(name, message, **fields)
            self._complete(made.detail, schema, tag)
        try:
            encoder.fault(name, made.detail)
        except EncodeError as error:
            raise ValueError(f'the fault cannot be sent: {error}') from None
        return made

    def _described(self, name: str) -> tuple[Schema, Encoder, str]:
        """Where a fault is described, and its qualified name there."""
        for schema, encoder in self._services:
            tag = schema.lookup(name)
            if tag is not None and split(tag)[1] == name and schema.derives(tag, _METHOD_FAULT):
                return schema, encoder, tag
        raise ValueError(f'there is no fault {name} in the vSphere API')

    def _complete(self, value: DataObject, schema: Schema, tag: str) -> None:
        """Give required members that are not set a plausible value."""
        for field in schema.type(tag).fields:
            # Of a missing privilege servers always tell more than they must.
            wanted = not field.optional or field.name in ('object', 'privilegeId')
            if wanted and field.name not in value.__dict__:
                setattr(value, field.name, self._plausible(schema, field))

    def _plausible(self, schema: Schema, field: Field) -> Any:
        if field.many:
            return []
        if field.kind is Kind.MOREF:
            return self._root()
        if field.kind is Kind.ENUM:
            return schema.type(field.type).values[0]
        if field.name == 'privilegeId':
            return 'System.View'
        if field.kind is Kind.COMPLEX:
            made = types[schema.type(field.type).name]()
            self._complete(made, schema, field.type)
            return made
        if field.builtin == 'boolean':
            return False
        if field.builtin == 'dateTime':
            return datetime.datetime.now(datetime.UTC)
        return 0 if is_integer(field.builtin) or is_float(field.builtin) else field.name

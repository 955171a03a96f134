"""Broken replies by the million: ``python -m tests.differential.fuzz [RUNS] [SEED]``.

Mutates a RetrievePropertiesEx reply and a fault, and reads the result as the compiled engine
does. What must come out is a value, a SOAP fault or :class:`NotSoapError`, soon and without
growing memory; anything else is printed with the input and the seed, and fails the run. What
is read without a tree is read by way of one, too, and must be the same.
``guided`` does the same under atheris.
"""

import random
import re
import resource
import sys
import time
from collections import Counter
from typing import Any

import suds

from oslo_vmware.soap.call import Call
from oslo_vmware.soap.compiled import CompiledClient
from oslo_vmware.soap.descriptions import shipped_vim
from oslo_vmware.soap.errors import NotSoapError
from oslo_vmware.soap.transport import HttpTransport, Reply
from oslo_vmware.soap.unmarshal import XmlError
from tests.differential.comparison import differences

_ENVELOPE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    b'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body>'
    b'</soapenv:Envelope>'
)
REPLY = _ENVELOPE % (
    b'<RetrievePropertiesExResponse xmlns="urn:vim25"><returnval><token>1</token><objects>'
    b'<obj type="VirtualMachine">vm-1</obj><propSet><name>config.hardware.numCPU</name>'
    b'<val xsi:type="xsd:int">4</val></propSet><propSet><name>datastore</name>'
    b'<val xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference type="Datastore" '
    b'xsi:type="ManagedObjectReference">ds-1</ManagedObjectReference></val></propSet><propSet>'
    b'<name>config.hardware.device</name><val xsi:type="ArrayOfVirtualDevice"><VirtualDevice '
    b'xsi:type="VirtualDisk"><key>2000</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo">'
    b'<fileName>[ds] a&amp;b.vmdk</fileName><diskMode>persistent</diskMode><thinProvisioned>true'
    b'</thinProvisioned></backing><capacityInKB>1048576</capacityInKB></VirtualDevice></val>'
    b'</propSet><propSet><name>runtime.bootTime</name><val xsi:type="xsd:dateTime">'
    b'2026-01-02T03:04:05.678Z</val></propSet><missingSet><path>summary</path><fault><fault '
    b'xsi:type="NotAuthenticated"><object type="Folder">f</object><privilegeId>p</privilegeId>'
    b'</fault><localizedMessage/></fault></missingSet></objects></returnval>'
    b'</RetrievePropertiesExResponse>'
)
FAULT = _ENVELOPE % (
    b'<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>no</faultstring><detail>'
    b'<InvalidArgumentFault xmlns="urn:vim25" xsi:type="InvalidArgument"><faultCause>'
    b'<localizedMessage>why</localizedMessage></faultCause><invalidProperty>spec</invalidProperty>'
    b'</InvalidArgumentFault></detail></soapenv:Fault>'
)
_TAG = re.compile(rb'<[^<>]*>')
_TEXT = re.compile(rb'>[^<>]+<')
_TYPE = re.compile(rb'xsi:type="[^"]*"')
_TYPES = [
    b'xsd:int', b'xsd:boolean', b'xsd:dateTime', b'xsd:decimal', b'xsd:time', b'xsd:date',
    b'xsd:double', b'xsd:anyType', b'xsd:base64Binary', b'xsd:nothing', b'ManagedObjectReference',
    b'ArrayOfString', b'VirtualMachineConfigInfo', b'MethodFault', b'VirtualMachinePowerState',
    b'', b':', b'a:b:c', b'{urn:vim25}VirtualDisk', b'__class__',
]  # fmt: skip
_TEXTS = [
    b'9' * 5000, b'-0', b'1e999999', b'NaN', b'INF', b'0x', b'true', b'', b' ', b'\xff\xfe',
    b'&#0;',
    b'&#x110000;', b'&a;', b'2026-13-45T99:99:99Z', b'0000-00-00T00:00:00', b'9999-12-31T24:00:00Z',
    b'2026-01-02T03:04:05+99:99', b'24:00:00', b'2026-02-30', b'\xc2\xb2', b'1_000', b'\xd9\xa3',
    b'<![CDATA[x]]>', b'<!-- x -->', b'<?x y?>', b'x' * 20000,
    b'&#%s65;&#x%s42;' % (b'0' * 5000, b'0' * 5000), b'a&gt;b>c&amp;lt;&#13;\t\n', b'\xe1\x9a\x80',
    b'<a:b xmlns:a="urn:a">1</a:b>', b'<a b=\'"\' c=">" d="&#10;\n"/>', b'<x:a/>',
    b'<a xmlns:x=""/>', b'<a:b/><a xmlns:a="urn:a" xmlns:b="urn:a" a:c="1" b:c="2"/>',
]  # fmt: skip
_DOCTYPES = [
    b'<!DOCTYPE a>', b'<!DOCTYPE a [<!ENTITY a "aa">]>', b'<!DOCTYPE a SYSTEM "file:///etc/passwd">',
    b'<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
]  # fmt: skip

#: Seconds that one input may take; a busy machine stalls for some, an attack for minutes.
SLOWEST = 10.0


#: What only lxml's trees mind: a document that is well-formed otherwise is read all the same. The
#: first and the second are the look of URIs and of values, the last comes one level sooner there.
_ONLY_IN_TREES = re.compile('is not a valid URI|xml:id|Excessive depth in document')

#: HTTP statuses that replies come with, as often as they are to.
STATUSES = (200, 200, 500)


def mutated(source: random.Random, document: bytes | None = None) -> bytes:
    """A reply with a few things wrong with it.

    :param document: the reply; one of ours by default
    """
    if document is None:
        document = source.choice((REPLY, REPLY, FAULT))
    for _ in range(source.choice((1, 1, 1, 2, 3, 5))):
        document = source.choice(_MUTATIONS)(source, document)
    return document


def _flip(source: random.Random, document: bytes) -> bytes:
    changed = bytearray(document)
    for _ in range(source.randint(1, 4)):
        if changed:
            changed[source.randrange(len(changed))] = source.randrange(256)
    return bytes(changed)


def _cut(source: random.Random, document: bytes) -> bytes:
    return document[: source.randrange(len(document) + 1)]


def _remove(source: random.Random, document: bytes) -> bytes:
    start = source.randrange(len(document) + 1)
    return document[:start] + document[start + source.randint(1, 200) :]


def _repeat(source: random.Random, document: bytes) -> bytes:
    start = source.randrange(len(document) + 1)
    return document[:start] + document[start : start + source.randint(1, 200)] + document[start:]


def _replace(
    source: random.Random, document: bytes, pattern: re.Pattern[bytes], by: bytes
) -> bytes:
    found = list(pattern.finditer(document))
    if not found:
        return document
    chosen = source.choice(found)
    return document[: chosen.start()] + by + document[chosen.end() :]


def _swap(source: random.Random, document: bytes) -> bytes:
    tags = _TAG.findall(document)
    return _replace(source, document, _TAG, source.choice(tags)) if tags else document


def _text(source: random.Random, document: bytes) -> bytes:
    return _replace(source, document, _TEXT, b'>' + source.choice(_TEXTS) + b'<')


def _type(source: random.Random, document: bytes) -> bytes:
    return _replace(source, document, _TYPE, b'xsi:type="' + source.choice(_TYPES) + b'"')


def _doctype(source: random.Random, document: bytes) -> bytes:
    return document.replace(b'?>', b'?>' + source.choice(_DOCTYPES), 1)


def _nest(source: random.Random, document: bytes) -> bytes:
    depth = source.choice((10, 100, 200, 240, 255, 300, 2000))
    name = source.choice((b'x', b'val', b'VirtualDevice', b'fault'))
    nested = b'>' + b'<%s>' % name * depth + b'</%s>' % name * depth + b'<'
    return _replace(source, document, _TEXT, nested)


def _encode(source: random.Random, document: bytes) -> bytes:
    text = document.decode('utf-8', 'replace')
    return text.encode(source.choice(('utf-16', 'utf-16-be', 'utf-32', 'utf-7')), 'replace')


_MUTATIONS = (
    *(_flip, _cut, _remove, _repeat, _swap, _swap, _text, _text, _text),
    *(_type, _type, _type, _doctype, _nest, _encode),
)


class Reader:
    """Reads broken replies, and knows what may become of one."""

    def __init__(self) -> None:
        self._client = CompiledClient(shipped_vim(), 'https://localhost/sdk', HttpTransport())
        self._operation = self._client.operation('RetrievePropertiesEx')
        self._call = Call(self._operation.name)

    def outcome(self, document: bytes, status: int, name: str) -> str:
        """Read a reply.

        :param name: what to call the input when it is to be told
        :returns: what it came out as
        :raises AssertionError: it came out as something else, or took too long
        """
        started = time.process_time()
        try:
            plain = self._plain(document)
            reply = Reply(status, '', 'text/xml', document)
            self._client._result(self._operation, reply, self._call)
            outcome = 'value'
        except suds.WebFault:
            outcome = 'fault'
        except NotSoapError:
            outcome = 'NotSoapError'
        except Exception as exc:
            raise AssertionError(f'{name} ended in {exc!r}, status {status}: {document!r}') from exc
        seconds = time.process_time() - started
        assert seconds < SLOWEST, f'{name} took {seconds} s, status {status}: {document!r}'
        if plain is not None:
            found = self._differences(plain, document)
            assert not found, f'{name} is read otherwise by way of a tree, {found}: {document!r}'
        return outcome

    def _plain(self, document: bytes) -> Any:
        """What is read without a tree, None if nothing is."""
        assert self._operation.response is not None
        try:
            return self._client._codec.decoder.plain_members(document, self._operation.response)
        except XmlError:
            return None

    def _differences(self, plain: Any, document: bytes) -> list[str]:
        """What comes out otherwise by way of a tree."""
        reply = Reply(200, '', 'text/xml', document)
        try:
            members = self._client._members(self._operation, reply, self._call, ())
        except XmlError as exc:
            return [] if _ONLY_IN_TREES.search(str(exc)) else [str(exc)]
        except (suds.WebFault, NotSoapError) as exc:
            return [repr(exc)]
        # The names, then the values.
        return list(differences([*plain, *plain.values()], [*members, *members.values()]))


def run(runs: int, seed: int) -> Counter[str]:
    """Read that many broken replies.

    :returns: how many came out as what
    :raises AssertionError: one came out as something else, or took too long
    """
    reader = Reader()
    outcomes: Counter[str] = Counter()
    source = random.Random(seed)
    for number in range(runs):
        document = mutated(source)
        status = source.choice(STATUSES)
        outcomes[reader.outcome(document, status, f'input {number} of seed {seed}')] += 1
    return outcomes


def grown(before: int) -> float:
    """MiB by which the peak of the process' memory has grown since it was ``before``."""
    return (peak() - before) / 1024


def peak() -> int:
    """The peak of the process' memory in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == '__main__':
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    first_seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(2**32)
    print('seed', first_seed, flush=True)
    # What is loaded and compiled once is there after the first ones.
    warm = min(total // 10, 20_000)
    counted = run(warm, first_seed)
    at_first = peak()
    begun = time.monotonic()
    counted += run(total - warm, first_seed + 1)
    print(
        f'{total} inputs: {dict(counted)}; the last {total - warm} of them in '
        f'{time.monotonic() - begun:.0f} s, peak of memory grown by {grown(at_first):.1f} MiB'
    )
    assert grown(at_first) < 32, 'memory has grown'

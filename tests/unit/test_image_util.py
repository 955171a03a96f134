"""Descriptors of OVF packages that mean harm, or are odd: they cost what they weigh."""

import contextlib
import io
import random
import time
import tracemalloc
from typing import Any

import pytest

from oslo_vmware import exceptions, image_util
from oslo_vmware.image_util import get_vmdk_name_from_ovf
from tests.transfer.images import descriptor

GOOD = descriptor('d.vmdk').decode()
OPENING, CLOSING = GOOD.split('<References>')[0], '</Envelope>'
REST = GOOD.partition(OPENING)[2]

#: Seconds of the processor for one descriptor of those here; the largest has two megabytes.
SECONDS = 2.0
#: Bytes of memory for the same, with those of the descriptor.
MEMORY = 20_000_000


def named(document: str | bytes) -> Any:
    """What a descriptor names, read within the time that is allowed."""
    handle = io.BytesIO(document.encode() if isinstance(document, str) else document)
    began = time.process_time()
    try:
        return get_vmdk_name_from_ovf(handle)
    finally:
        assert time.process_time() - began < SECONDS


def within(content: str) -> str:
    """A good descriptor that begins with something else."""
    return OPENING + content + REST


def many(form: str, count: int) -> str:
    return ''.join(form % number for number in range(count))


ATTRIBUTES = many('b%d="" ', 200_000)
DECLARATIONS = many('xmlns:p%d="u" ', 20_000)
DECLARING = many('<a xmlns:q%d="v"/>', 20_000)
FILES = many('<File ovf:id="i%d" ovf:href="h"/>', 20_000)


REFUSED = {
    '100,000 open elements': ('<a>' * 100_000, 'more than 256 elements in it are open'),
    'elements nested too deeply': (
        within('<a>' * 256 + '</a>' * 256),
        'more than 256 elements in it are open',
    ),
    'too many elements': (within('<a/>' * 100_000), 'more than 100000 elements'),
    'too many elements of different names': (
        within(many('<a%d/>', 100_000)),
        'more than 100000 elements',
    ),
    'too many attributes': (
        within(f'<a {ATTRIBUTES}/>'),
        'tag or comment in it has more than',
    ),
    'too long an attribute': (within(f'<a b="{"x" * 1_800_000}"/>'), 'tag or comment in it has'),
    'too long a comment': (within(f'<!--{"x" * 1_800_000}-->'), 'tag or comment in it has'),
    'entities that multiply': (
        f'<!DOCTYPE a [<!ENTITY a "{"a" * 1000}"><!ENTITY b "{"&a;" * 1000}">]>'
        + within(f'<a>{"&b;" * 50}</a>'),
        'document type',
    ),
    'entities that multiply in UTF-16': (
        (
            f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY a "{"a" * 1000}">'
            f'<!ENTITY b "{"&a;" * 1000}">]>' + within(f'<a>{"&b;" * 50}</a>')
        ).encode('utf-16'),
        'document type',
    ),
    'a document type behind many comments': ('<!-- -->' * 1000 + '<!DOCTYPE a>' + GOOD, 'type'),
    'a size of thousands of digits': (
        GOOD.replace('ovf:id="file1"', f'ovf:id="file1" ovf:size="{"9" * 5000}"'),
        'a size in it has more than 18 digits',
    ),
    'pieces of thousands of digits': (
        GOOD.replace('ovf:id="file1"', f'ovf:id="file1" ovf:chunkSize="{"9" * 5000}"'),
        'a size in it has more than 18 digits',
    ),
    'half a character': (b'\xff\xfe' + within('').encode('utf-16-le') + b'\x00\xd8', 'decode'),
}


@pytest.mark.parametrize('kind', REFUSED)
def test_what_is_refused(kind: str) -> None:
    """Soon and in words, and at little cost: today an open element took longer with each other."""
    document, words = REFUSED[kind]
    with pytest.raises(exceptions.ImageTransferException, match=words):
        named(document)


READ = {
    'elements nested as deeply as may be': within('<a>' * 250 + '</a>' * 250),
    'many elements': within('<a/>' * 90_000),
    'many elements of different names': within(many('<a%d/>', 90_000)),
    'many elements in a long namespace': within(
        f'<a xmlns="urn:{"x" * 200_000}">{"<b/>" * 50_000}</a>'
    ),
    'many declarations of prefixes': within(f'<References {DECLARATIONS}>{DECLARING}</References>'),
    'many files': within(f'<References>{FILES}</References>'),
    'a long text': within(f'<a>{"x" * 1_500_000}</a>'),
    'many references to characters': within(f'<a>{"&#65;" * 200_000}</a>'),
    'many comments and nothing hostile': '<!-- -->' * 1000 + within('<!-- <!DOCTYPE a> -->'),
    'in UTF-16': GOOD.encode('utf-16'),
    'in UTF-16, and says so': b'\xff\xfe'
    + f'<?xml version="1.0" encoding="UTF-16"?>{GOOD}'.encode('utf-16-le'),
    'in UTF-16, and only says so': (
        f'<?xml version="1.0" encoding="UTF-16"?>{GOOD}'.encode('utf-16-be')
    ),
    'in Windows-1252': f'<?xml version="1.0" encoding="windows-1252"?><!-- ä -->{GOOD}'.encode(
        'windows-1252'
    ),
    'with a mark of its bytes': b'\xef\xbb\xbf' + GOOD.encode(),
    'with a size among blanks': GOOD.replace('ovf:id="file1"', 'ovf:id="file1" ovf:size=" 7 "'),
    'with a size in words': GOOD.replace('ovf:id="file1"', 'ovf:id="file1" ovf:size="many"'),
}


@pytest.mark.parametrize('kind', READ)
def test_what_is_read(kind: str) -> None:
    """The file of the first disk, in the time that any descriptor of that size takes."""
    assert named(READ[kind]) == 'd.vmdk'


WEIGHED = {
    '100,000 open elements': REFUSED['100,000 open elements'][0],
    'too many attributes': REFUSED['too many attributes'][0],
    'too long a comment': REFUSED['too long a comment'][0],
    'many elements of different names': within(many('<a%d/>', 20_000)),
    'many files': READ['many files'],
}


@pytest.mark.parametrize('kind', WEIGHED)
def test_memory(kind: str) -> None:
    """It is bounded, too, in what is refused and in what is read."""
    document = WEIGHED[kind]
    tracemalloc.start()
    try:
        with contextlib.suppress(exceptions.ImageTransferException):
            named(document)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ('size', 'number'),
    [('7', 7), (' 7\n', 7), ('0' * 5000 + '7', 7), ('0', 0), ('', None), ('-7', None), ('٣', None)],
)
def test_sizes(size: str, number: int | None) -> None:
    """A number of bytes, or nothing where there is none."""
    document = descriptor('d.vmdk', size=size)
    assert image_util.first_disk(io.BytesIO(document)).size == number


def test_which_names_count() -> None:
    """Those of OVF, by namespace and not by prefix, and those that have none."""
    other = (
        '<o:References xmlns:o="urn:other"><o:File ovf:id="file1" ovf:href="no"/>'
        '<File xmlns="urn:other" ovf:id="file1" ovf:href="no"/></o:References>'
        '<References xmlns:o="urn:other"><File o:id="file1" o:href="no"/></References>'
    )
    assert named(within(other)) == 'd.vmdk'
    assert named(within('<References xmlns="urn:other"><File id="file1" href="no"/></References>'))
    bare = '<E><References><File id="f" href="d"/></References><DiskSection><Disk fileRef="f"/>'
    assert named(bare + '</DiskSection></E>') == 'd'


class Trickle(io.BytesIO):
    """Gives less than it is asked for."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(7)


def test_a_descriptor_that_comes_slowly() -> None:
    """It is read to its end, however little comes at a time."""
    assert get_vmdk_name_from_ovf(Trickle(GOOD.encode())) == 'd.vmdk'


def test_any_bytes() -> None:
    """Whatever comes, it is a name or the documented exception."""
    chance = random.Random(8)
    for _ in range(3000):
        broken = bytearray(GOOD.encode())
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(broken))
            broken[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        try:
            assert isinstance(get_vmdk_name_from_ovf(io.BytesIO(broken)), str)
        except exceptions.ImageTransferException:
            pass

"""Replies with characters that XML cannot hold, made readable.

What people paste into the notes of a machine, servers hand out again: a byte that is not UTF-8, a
control character, raw or as a reference (``&#x1;``). One of them, and no parser reads the page that
it is on. So when a reply cannot be read, these characters are replaced by U+FFFD, the sign for
what is no character, and a warning says where the first one was. Replies that can be read are never
looked at here.

Only for UTF-8, which is what vSphere's servers speak.
"""

import logging
import re
from collections import deque
from collections.abc import Iterator

from oslo_vmware.soap.transport import Reply

LOG = logging.getLogger(__name__)

#: How much of a reply is mended at a time, in bytes.
_PIECE = 64 * 1024

#: How many characters of a name from a reply a warning shows, and how many names of a path.
_SHOWN = 80
_DEPTH_SHOWN = 12

#: What XML 1.0 does not allow, bytes that are not UTF-8 as surrogates; and all references to
#: characters, which may be to one that it does not allow.
_SUSPECT = re.compile(
    '[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|&#(?:x([0-9A-Fa-f]*)|([0-9]*));'
)
#: More digits than any character's number has, and Python makes no number of thousands.
_MAX_DIGITS = 7

_BEGINS = re.compile(rb'(?:\xef\xbb\xbf)?\s*<[^\0]')
_OTHER_ENCODING = re.compile(
    rb"""(?:\xef\xbb\xbf)?\s*<\?xml\s[^>]*encoding\s*=\s*["'](?!utf-?8["'])""", re.IGNORECASE
)
# Nothing is taken back that was taken: what is broken may be a tag of any length without an end.
_TAG = re.compile(rb'<(/?)([^\s<>/!?]++)([^<>]*+)>')
_OBJECT = re.compile(rb'<obj\s([^<>]*+)>([^<]*+)')
_TYPE = re.compile(rb'type="([^"]*+)"')
_PROPERTY = re.compile(rb'<(?:propSet|changeSet)[^<>]*+>\s*+(?:<op>\w*+</op>\s*+)?<name>([^<]*+)')


def mended(operation: str, reply: Reply) -> Reply | None:
    """A reply in which no character is left that XML cannot hold.

    :param operation: whose reply it is, for the warning
    :returns: None where there is nothing to mend
    """
    body = reply.body
    if not _BEGINS.match(body) or _OTHER_ENCODING.match(body):
        return None
    pieces: list[bytes] = []
    count, first = 0, -1
    for at, piece in _pieces(body):
        text = piece.decode('utf-8', 'surrogateescape')
        unfit = [found for found in _SUSPECT.finditer(text) if not _is_fit(found)]
        if unfit:
            if not count:
                before = text[: unfit[0].start()]
                first = at + len(before.encode('utf-8', 'surrogateescape'))
            count += len(unfit)
            text = _SUSPECT.sub(lambda found: found[0] if _is_fit(found) else '\ufffd', text)
            piece = text.encode('utf-8')
        pieces.append(piece)
    if not count:
        return None
    LOG.warning(
        'The reply to %s has %d character(s) that XML cannot hold, the first at byte %d in %s.'
        ' They are replaced by U+FFFD.',
        *(operation, count, first, _place(body, first)),
    )
    return reply._replace(body=b''.join(pieces))


def _pieces(body: bytes) -> Iterator[tuple[int, bytes]]:
    # Cut where a tag begins: no character and no reference goes across it.
    at = 0
    while at < len(body):
        end = body.find(b'<', at + _PIECE)
        end = end if end > 0 else len(body)
        yield at, body[at:end]
        at = end


def _is_fit(found: re.Match[str]) -> bool:
    hexadecimal, decimal = found.groups()
    digits = (hexadecimal or decimal or '').lstrip('0')
    if not digits or len(digits) > _MAX_DIGITS:
        return False
    code = int(digits, 16 if hexadecimal else 10)
    return (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )


def _place(body: bytes, at: int) -> str:
    """Where a byte is: the elements around it, and whose property it is, if it is one's."""
    path: list[bytes] = []
    for tag in _TAG.finditer(body, 0, at):
        closing, name, attributes = tag.groups()
        if closing:
            del path[-1:]
        elif not attributes.endswith(b'/'):
            path.append(name)
    place = '/'.join(_shown(name.rpartition(b':')[2]) for name in path[2:][-_DEPTH_SHOWN:])
    if not place:
        return 'the envelope'
    found = _last(_PROPERTY, body, at)
    if found and ({b'propSet', b'changeSet'} & set(path)):
        place += f', property {_shown(found[1])}'
        of = _last(_OBJECT, body, at)
        type_ = _TYPE.search(of[1]) if of else None
        if of and type_:
            place += f' of {_shown(type_[1])} {_shown(of[2])}'
    return place


def _last(pattern: re.Pattern[bytes], body: bytes, at: int) -> re.Match[bytes] | None:
    found = deque(pattern.finditer(body, 0, at), maxlen=1)
    return found[0] if found else None


def _shown(name: bytes) -> str:
    text = name.decode('utf-8', 'replace')[:_SHOWN]
    return ''.join(character if character.isprintable() else '?' for character in text)

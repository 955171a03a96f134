"""Which version of an API to speak with a server: the newest that both sides know.

A server refuses a version newer than its own, and answers an older one with what that version
had. Servers publish what they know (``vimServiceVersions.xml``, vSphere 4.0 and later).
"""

import re
from collections.abc import Sequence

from oslo_vmware.soap.unmarshal import XmlError, parse


def published(document: bytes, namespace: str) -> tuple[str, ...]:
    """The versions of an API that a server publishes, newest first.

    :param document: ``vimServiceVersions.xml`` as the server has it
    :param namespace: of the API, such as ``urn:vim25``
    :returns: versions, ``()`` when the document is something else
    """
    try:
        root = parse(document)
    except XmlError:
        return ()
    for found in root.iter('namespace'):
        if (found.findtext('name') or '').strip() == namespace:
            versions = [(version.text or '').strip() for version in found.iter('version')]
            return tuple(version for version in versions if version)
    return ()


def is_newer(version: str, other: str) -> bool:
    """Whether a version is newer than another one."""
    return _number(version) > _number(other)


def newest_not_newer(versions: Sequence[str], limit: str) -> str | None:
    """The newest of some versions that a server of another version knows.

    :param versions: in any order
    :param limit: version of the server
    """
    known = [version for version in versions if not is_newer(version, limit)]
    return max(known, key=_number, default=None)


def _number(version: str) -> tuple[int, ...]:
    # 6.7 and 6.7.0.0 are the same; 2.5u2 comes after 2.5.
    # Python refuses to make a number of thousands of digits, which anybody may send.
    numbers = [int(part) for part in re.findall(r'\d{1,9}', version)]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)

"""What nobody can tell from success: the cells of the matrix that do not hold, and why they cannot.

Each is an answer that is complete, says that all is well, and is not true. Nothing in HTTP, and
nothing that the caller knows, tells it from a true one.
"""

NO_SUCH_DATA = (
    'A file may have any content: a complete 200 with other data is one. Compare its checksum with '
    'one that came another way.'
)
NOT_STORED = (
    'Who answers 200 to an upload says that the data is stored. Verify the server (cacert), so '
    'that nobody stands in between, or read the file again.'
)

NO_VMDK = (
    'What does not begin as a VMDK is judged by its framing, because servers that stand in for '
    'vSphere give such. The manifest tells of nothing, because the server was never asked.'
)

_OTHER_DATA = (
    'an empty 200',
    'an empty envelope',
    'the reply of another operation',
    'the reply of another task',
    'a page with status 200',
    'a page of someone who passed nothing on',
    'a page that says to be XML',
    'promises less than comes',
    'a DOCTYPE',
    'a byte that is not UTF-8',
    'a control character',
)

#: By exchange and fault, why.
LISTED: dict[tuple[str, str], str] = {
    **{('GET /folder', fault): NO_SUCH_DATA for fault in _OTHER_DATA},
    ('GET /nfc', 'a page of someone who passed nothing on'): NO_VMDK,
    ('PUT /folder', 'a page of someone who passed nothing on'): NOT_STORED,
}


def cannot_be_told(exchange: str, fault: str) -> str | None:
    """Why a fault of an exchange cannot be told from success; None if it can."""
    return LISTED.get((exchange, fault))

"""Plain XML, taken apart into tags and the texts behind them.

In a document that is well-formed and has no comments, CDATA and the like, each ``<`` begins a tag
and each tag has one ``>``. So it falls apart at both signs into tags and texts by turns, which
:meth:`str.split` does for a whole piece of it at once.
"""

import itertools
from collections.abc import Iterator

from oslo_vmware.soap.start_tags import NotPlainError, unescaped

#: How much of a document is split at a time. The collector of garbage goes through what has been
#: split, so it should not be all.
_PIECE = 128 * 1024


class Tokens:
    """The tags of a document in plain XML and the texts behind them, a piece at a time.

    :param at: where the first tag begins
    :ivar tags: the tags as written, without their brackets; what is behind the last is ``/``
    :ivar texts: what is between each and the next
    :ivar piece: how many pieces there have been
    :raises NotPlainError: it is not in plain XML
    """

    def __init__(self, document: bytes, at: int = 0) -> None:
        # A rare character is found at once, and what stands before it is not.
        for sign in (b'!', b'?'):
            if document.find(sign, at) >= 0 and document.find(b'<' + sign, at) >= 0:
                raise NotPlainError('it has comments, CDATA or instructions')
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.piece = 0
        self._pieces = itertools.chain(_pieces(document, at), [['/', '']])
        self.more(0)

    def more(self, at: int) -> int:
        """Forget what is before a tag, and take the next piece.

        :returns: where the tag is now
        """
        piece = next(self._pieces, None)
        if piece is None:
            raise NotPlainError('it ends too early')
        self.piece += 1
        # The lists stay the same: they are at hand wherever they are read.
        self.tags[:] = self.tags[at:] + piece[::2]
        self.texts[:] = self.texts[at:] + piece[1::2]
        return 0

    def rest(self, at: int) -> Iterator[str]:
        """The tags from one on."""
        while True:
            yield from self.tags[at:]
            at = len(self.tags)
            try:
                self.more(at)
            except NotPlainError:
                return
            at = 0


def _pieces(document: bytes, at: int) -> Iterator[list[str]]:
    """Tags and texts by turns."""
    while at >= 0:
        end = document.find(b'<', at + _PIECE)
        piece = document[at + 1 : end if end > 0 else None].decode()
        tokens = piece.replace('>', '<').split('<')
        if len(tokens) != 2 * (piece.count('<') + 1):
            # There are others than those that end tags.
            tokens = [part for token in piece.split('<') for part in token.partition('>')[::2]]
        if '&' in piece:
            # Attributes stay as they are until they are taken apart.
            tokens[1::2] = map(unescaped, tokens[1::2])
        yield tokens
        at = end

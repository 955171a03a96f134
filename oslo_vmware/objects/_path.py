"""Names of files on datastores: ``[datastore] dir/file``."""

import posixpath
import re
from typing import Self

from oslo_vmware._i18n import _


def _closing(rest: str) -> int:
    """Where the bracket ends that was opened in front of a text; its length if nowhere."""
    depth = 1
    for found in re.finditer(r'[\[\]]', rest):
        depth += 1 if found[0] == '[' else -1
        if not depth:
            return found.start()
    return len(rest.partition(']')[0])


class DatastorePathError(ValueError, IndexError):
    """A text that is no path on a datastore; users know it by either of its bases."""


class DatastorePath:
    """The name of a file or directory on a datastore: ``[datastore] dir/file``.

    Paths go by POSIX rules: an absolute component discards what came before it.

    :param datastore_name: name of the datastore
    :param paths: components of the path
    :raises ValueError: the name is empty, or a component is None
    """

    def __init__(self, datastore_name: str, *paths: str) -> None:
        if not datastore_name:
            raise ValueError(_('A path on a datastore needs the name of the datastore.'))
        if any(path is None for path in paths):
            raise ValueError(_('No component of a path may be None: %s') % (paths,))
        self._datastore_name = datastore_name
        self._rel_path = posixpath.join(*paths) if paths else ''

    @property
    def datastore(self) -> str:
        """Name of the datastore."""
        return self._datastore_name

    @property
    def rel_path(self) -> str:
        """Path on the datastore."""
        return self._rel_path

    @property
    def basename(self) -> str:
        """Last component of the path."""
        return posixpath.basename(self._rel_path)

    @property
    def dirname(self) -> str:
        """Path without its last component."""
        return posixpath.dirname(self._rel_path)

    @property
    def parent(self) -> 'DatastorePath':
        """The directory that it is in; the root of a datastore is in itself."""
        return DatastorePath(self._datastore_name, self.dirname)

    def join(self, *paths: str) -> 'DatastorePath':
        """Go further down.

        :param paths: components of the path
        :returns: the new path; this one if there are no components
        :raises ValueError: a component is None
        """
        if not paths:
            return self
        if any(path is None for path in paths):
            raise ValueError(_('No component of a path may be None: %s') % (paths,))
        return DatastorePath(self._datastore_name, self._rel_path, *paths)

    @classmethod
    def parse(cls, datastore_path: str) -> Self:
        """Take a name apart.

        The name of a datastore may have brackets of its own. It ends at the one that closes the
        first, or else at the first that closes any.

        :param datastore_path: ``[datastore] dir/file``
        :raises DatastorePathError: it does not have that form
        """
        if not datastore_path:
            raise DatastorePathError(_('The path on a datastore is empty.'))
        _before, bracket, rest = datastore_path.partition('[')
        end = _closing(rest)
        name, path = rest[:end], rest[end + 1 :]
        if not (bracket and name):
            raise DatastorePathError(
                _('%r does not have the form "[datastore] path".') % datastore_path
            )
        return cls(name, path.strip())

    def __str__(self) -> str:
        if self._rel_path:
            return f'[{self._datastore_name}] {self._rel_path}'
        return f'[{self._datastore_name}]'

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self._datastore_name!r}, {self._rel_path!r})'

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DatastorePath)
            and self._datastore_name == other._datastore_name
            and self._rel_path == other._rel_path
        )

    def __hash__(self) -> int:
        return hash((self._datastore_name, self._rel_path))

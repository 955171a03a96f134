"""Which release of the library this is.

The version is written once, in ``setup.cfg``, and comes from the metadata of the installed
distribution. They are read at the first question, not at import. A copy of the package that
was never installed (a zip file, a bare checkout on ``PYTHONPATH``) has no metadata; it answers
with :data:`UNKNOWN`, which sorts below every release, rather than failing.
"""

import importlib.metadata
import re
from typing import Final

#: The answer when there is no installed distribution to ask.
UNKNOWN: Final = '0.0.0+unknown'


class VersionInfo:
    """Describe an installed distribution, with the methods that pbr's object of this name has.

    :param package: name of the distribution
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self._release: str | None = None

    def __repr__(self) -> str:
        return f'VersionInfo({self.package}:{self.release_string()})'

    def __str__(self) -> str:
        return self.version_string()

    def release_string(self) -> str:
        """Tell the version in full.

        :returns: for example ``5.0.0`` or ``5.0.0.dev3``
        """
        if self._release is None:
            try:
                self._release = importlib.metadata.version(self.package)
            except importlib.metadata.PackageNotFoundError:
                self._release = UNKNOWN
        return self._release

    def version_string(self) -> str:
        """Tell the version without the marks of a pre-release, development or local build.

        :returns: for example ``5.0.0``
        """
        release = self.release_string()
        numbers = re.match(r'\d+(?:\.\d+)*', release)
        return numbers.group() if numbers else release

    def cached_version_string(self, prefix: str = '') -> str:
        """Tell :meth:`version_string` with a text in front.

        :param prefix: text to put in front
        :returns: the prefix and the version
        """
        return prefix + self.version_string()


version_info = VersionInfo('oslo.vmware')

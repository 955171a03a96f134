"""What users' code hands in where a reference is expected."""

from typing import Any


class Proxy:
    """A reference in disguise, as Nova wraps them: only its class and attributes show.

    :ivar moref: the reference it stands for at the moment, or None
    """

    def __init__(self, moref: Any) -> None:
        self.moref = moref

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self.moref.__class__

    def __getattr__(self, name: str) -> Any:
        return getattr(self.moref, name)

    def __copy__(self) -> Any:
        raise AssertionError('a proxy may be re-pointed, so a copy of it is of no use')

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()

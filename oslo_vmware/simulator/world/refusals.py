"""What a client of the REST API is told instead of a vSphere fault."""

from __future__ import annotations


class Refusal(Exception):
    """A standard error of vAPI.

    :param name: as the API spells it: ``not_found``, ``already_exists``, ``invalid_argument`` …
    :param message: what is wrong, for people
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


def not_found(what: str, key: str) -> Refusal:
    return Refusal('not_found', f"There is no {what} '{key}'.")

"""Which function answers which request."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from oslo_vmware.simulator.world.refusals import Refusal
from oslo_vmware.simulator.world.sessions import Session


@dataclasses.dataclass(frozen=True)
class RestCall:
    """A request in the one form that both spellings have here.

    :ivar key: the id in the path; empty without one
    :ivar fields: of the body
    :ivar query: the first of each parameter
    """

    key: str
    fields: Mapping[str, Any]
    query: Mapping[str, str]
    session: Session

    def get(self, name: str, kind: type, default: Any = None) -> Any:
        """A field of the body or a parameter, which may be missing.

        :raises Refusal: invalid_argument for a value of another type
        """
        found = self.fields.get(name, self.query.get(name))
        if found is None:
            return default
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise Refusal('invalid_argument', f"The value of '{name}' is of the wrong type.")
        return found

    def need(self, name: str, kind: type) -> Any:
        """A field of the body or a parameter.

        :raises Refusal: invalid_argument
        """
        found = self.get(name, kind)
        if found is None:
            raise Refusal('invalid_argument', f"The request has no '{name}'.")
        return found


Handler: TypeAlias = Callable[[RestCall], Any]
#: Handlers by method, resource, and action; a resource ends in ``/id`` where the path has an id.
Routes: TypeAlias = dict[tuple[str, str, str], Handler]

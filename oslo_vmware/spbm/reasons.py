"""Why a datastore may not hold something: as data, and as a sentence to act on.

The reasons of PBM are faults (``PbmCompatibilityCheckFault`` and what derives from it, PBM API
1.0); those of the hosts are made by :mod:`oslo_vmware.spbm.usability`.
"""

import dataclasses
from typing import Any

from oslo_vmware.spbm import _calls, rules, values
from oslo_vmware.spbm.parts import Parts

#: The datastore lacks the capability.
MISSING = 'missing'
#: It has the capability, with another value.
MISMATCH = 'mismatch'
#: It takes only its default policy.
DEFAULT_ONLY = 'default-only'
#: The rules are another vendor's.
VENDOR = 'vendor'
#: No host that may use it reaches it.
UNREACHABLE = 'unreachable'
#: It is in maintenance, or about to be.
MAINTENANCE = 'maintenance'
#: The server says that it is not accessible.
INACCESSIBLE = 'inaccessible'
#: The account may not read it, or it is not there any more.
UNREADABLE = 'unreadable'
#: No datastore of the datastore cluster can be used.
NO_MEMBER = 'no-member'
#: Something else: see the message.
OTHER = 'other'

_KINDS = {
    'PbmPropertyMismatchFault': MISSING,
    'PbmCapabilityProfilePropertyMismatchFault': MISMATCH,
    'PbmDefaultProfileAppliesFault': DEFAULT_ONLY,
    'PbmIncompatibleVendorSpecificRuleSet': VENDOR,
}

#: Members of a fault that are equal in many.
_COMMON = (
    'hub',
    'capabilityInstanceId',
    'requirementPropertyInstance',
    'resourcePropertyInstance',
)


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    :ivar kind: one of this module's constants
    :ivar namespace: of the capability it is about, or None
    :ivar capability: its id, or None
    :ivar property: id of the property it is about, or None
    :ivar wanted: the value that the policy asks for, or None
    :ivar offered: the value that the datastore has, or None
    :ivar operator: ``NOT`` where the policy asks for anything but the value
    :ivar message: the server's text
    :ivar raw: the server's fault, or None
    """

    kind: str
    message: str
    namespace: str | None = None
    capability: str | None = None
    property: str | None = None
    wanted: Any = None
    offered: Any = None
    operator: str | None = None
    raw: Any = dataclasses.field(default=None, compare=False, repr=False)

    @classmethod
    def from_wire(cls, localized: Any, parts: Parts) -> 'Reason':
        """The reason of a decoded ``LocalizedMethodFault``.

        :param parts: of the answer that it is in
        """
        fault = _calls.get(localized, 'fault')
        parts.share(localized, ('localizedMessage',))
        parts.share(fault, _COMMON)
        name = fault.__class__.__name__
        capability = _calls.get(fault, 'capabilityInstanceId')
        wanted = _calls.get(fault, 'requirementPropertyInstance')
        offered = _calls.get(fault, 'resourcePropertyInstance')
        return cls(
            _KINDS.get(name, OTHER),
            _calls.text(localized, 'localizedMessage') or name,
            _calls.text(capability, 'namespace'),
            _calls.text(capability, 'id'),
            _calls.text(wanted, 'id'),
            parts.value(wanted),
            parts.value(offered),
            _calls.text(wanted, 'operator'),
            fault,
        )

    def sentence(self, datastore: str, *, cluster: bool = False) -> str:
        """What is the matter with a datastore, without the full stop.

        :param datastore: its name
        :param cluster: it is a datastore cluster
        """
        place = f'datastore cluster {datastore}' if cluster else f'datastore {datastore}'
        known = self.wanted is not None and self.capability is not None
        if self.kind in (MISSING, MISMATCH, VENDOR) and known:
            if self.namespace == rules.TAG_NAMESPACE:
                return self._about_tags(place)
            return self._about_capability(place)
        if self.kind == DEFAULT_ONLY:
            return f'{place} takes only its default policy: {self.message}'
        if self.kind in (UNREACHABLE, MAINTENANCE, INACCESSIBLE, UNREADABLE, NO_MEMBER):
            return f'{place} {self.message}'
        return f'{place}: {self.message}'

    def _about_tags(self, place: str) -> str:
        wanted = values.describe(self.wanted)
        has = f'; it has {_all(self.offered)}' if self.offered is not None else ''
        if self.operator == rules.NOT:
            return f'{place} must not have the tag {wanted} of category "{self.capability}"{has}'
        return f'{place} offers no tag {wanted} of category "{self.capability}"{has}'

    def _about_capability(self, place: str) -> str:
        if self.namespace == rules.DATA_SERVICE_NAMESPACE:
            if self.capability == rules.ENCRYPTION_SERVICE:
                return f'{place} has no encryption by its hosts'
            return f'{place} does not have what the data service policy {self.capability} asks for'
        name = f'{self.namespace}.{self.capability}'
        if self.property != self.capability:
            name += f'.{self.property}'
        wanted = values.describe(self.wanted)
        if self.kind == VENDOR:
            return f'{place} is of another vendor than the rule {name} = {wanted}'
        if self.offered is None:
            return f'{place} does not offer {name}; {wanted} is wanted'
        offered = values.describe(self.offered)
        return f'{place} offers {name} = {offered}; {wanted} is wanted'


def _all(offered: Any) -> str:
    if isinstance(offered, values.DiscreteSet):
        return ', '.join(values.describe(one) for one in offered.values) or 'none'
    return values.describe(offered)

"""The certificate of a host."""

from __future__ import annotations

import datetime

from oslo_vmware.simulator.objects.host.manager import HostManager
from oslo_vmware.simulator.world.data import DataObject, types
from oslo_vmware.simulator.world.registry import Call, managed

_ISSUED = datetime.datetime(2025, 1, 13, 8, 0, tzinfo=datetime.UTC)
_LASTS = datetime.timedelta(days=5 * 365)
_NAME = 'OU=VMware Engineering,O=VMware,L=Palo Alto,ST=California,C=US'


@managed('HostCertificateManager')
class HostCertificateManager(HostManager):
    """Tells of the certificate that vCenter's authority has given a host.

    No host listens, so that the certificate is told of and cannot be got. It cannot be replaced
    either.
    """

    moid_prefix = 'certificateManager'

    @property
    def certificateInfo(self) -> DataObject:
        ends = _ISSUED + _LASTS
        left = ends - self.world.now()
        return types.HostCertificateManagerCertificateInfo(
            kind='Machine',
            issuer='O=vcenter,C=US,DC=local,DC=vsphere,CN=CA',
            notBefore=_ISSUED,
            notAfter=ends,
            subject=f'emailAddress=vmca@vmware.com,CN={self.host.name},{_NAME}',
            status='good' if left > datetime.timedelta(days=240) else 'expiring',
        )

    def RetrieveCertificateInfoList(self, call: Call) -> list[DataObject]:
        return [self.certificateInfo]

    def ListCACertificateRevocationLists(self, call: Call) -> list[str]:
        return []

"""Key providers: the clusters of key servers that encryption relies on. No key is kept here."""

from __future__ import annotations

import copy

from oslo_vmware.simulator.world.data import DataObject, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed

_KMIP_PORT = 5696


@managed('CryptoManagerKmip')
class CryptoManagerKmip(ManagedObject):
    """Keeps the list of key providers and their servers."""

    def __init__(self, world: World) -> None:
        self._clusters: dict[str, DataObject] = {}
        super().__init__(world, 'CryptoManager')

    @property
    def enabled(self) -> bool:
        return bool(self._clusters)

    @property
    def kmipServers(self) -> list[DataObject]:
        return list(self._clusters.values())

    def ListKmipServers(self, call: Call) -> list[DataObject]:
        return self.kmipServers[: call.limit]

    def ListKmsClusters(self, call: Call) -> list[DataObject]:
        found = [copy.copy(one) for one in self.kmipServers]
        if call.includeKmsServers is False:
            for one in found:
                one.servers = []
        return found

    def RegisterKmsCluster(self, call: Call) -> None:
        name = call.clusterId.id
        if not name or name in self._clusters:
            raise invalid_argument('clusterId')
        self._put(name, call.managementType)

    def UnregisterKmsCluster(self, call: Call) -> None:
        del self._clusters[self._known(call.clusterId)]
        self._told()

    def RegisterKmipServer(self, call: Call) -> None:
        name = call.server.clusterId.id
        cluster = self._clusters.get(name) or self._put(name, 'vCenter')
        if any(one.name == call.server.info.name for one in cluster.servers):
            raise invalid_argument('server.info.name')
        cluster.servers = [*cluster.servers, _shown(call.server)]
        self._told()

    def UpdateKmipServer(self, call: Call) -> None:
        cluster = self._clusters[self._known(call.server.clusterId)]
        name = call.server.info.name
        if all(one.name != name for one in cluster.servers):
            raise invalid_argument('server.info.name')
        new = _shown(call.server)
        cluster.servers = [
            _with_changes(one, new) if one.name == name else one for one in cluster.servers
        ]
        self._told()

    def RemoveKmipServer(self, call: Call) -> None:
        cluster = self._clusters[self._known(call.clusterId)]
        left = [one for one in cluster.servers if one.name != call.serverName]
        if len(left) == len(cluster.servers):
            raise invalid_argument('serverName')
        cluster.servers = left
        if not left:
            # The last server takes the provider along.
            del self._clusters[cluster.clusterId.id]
        self._told()

    def MarkDefault(self, call: Call) -> None:
        chosen = self._known(call.clusterId)
        for name, cluster in self._clusters.items():
            cluster.useAsDefault = name == chosen
        self._told()

    def GetDefaultKmsCluster(self, call: Call) -> DataObject | None:
        found = (one.clusterId for one in self._clusters.values() if one.useAsDefault)
        return next(found, None)

    def IsKmsClusterActive(self, call: Call) -> bool:
        return self.enabled if call.cluster is None else call.cluster.id in self._clusters

    def _put(self, name: str, management: str | None) -> DataObject:
        self._clusters[name] = types.KmipClusterInfo(
            clusterId=types.KeyProviderId(id=name),
            servers=[],
            useAsDefault=not self._clusters,
            managementType=management or 'vCenter',
        )
        self._told()
        return self._clusters[name]

    def _known(self, provider: DataObject) -> str:
        if provider.id not in self._clusters:
            raise invalid_argument('clusterId')
        name: str = provider.id
        return name

    def _told(self) -> None:
        self.changed('kmipServers', 'enabled')


def _shown(spec: DataObject) -> DataObject:
    """A server as it is listed; the password of its specification is not kept."""
    made: DataObject = copy.copy(spec.info)
    made.port = made.port or _KMIP_PORT
    return made


def _with_changes(old: DataObject, new: DataObject) -> DataObject:
    """Unset means unchanged."""
    made = copy.copy(old)
    made.__dict__.update({name: value for name, value in vars(new).items() if value is not None})
    return made

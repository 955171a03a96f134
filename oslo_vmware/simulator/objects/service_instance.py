"""The root of the API: what the server is and where its managers are."""

import datetime
from typing import Any

from oslo_vmware.simulator.world.data import DataObject, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, anonymous, managed

_BUILD = '24322831'


def about(api_version: str, instance_uuid: str) -> DataObject:
    """The ``AboutInfo`` of a vCenter of an API version such as ``8.0.3.0``."""
    version = '.'.join([*api_version.split('.'), '0', '0'][:3])
    return types.AboutInfo(
        name='VMware vCenter Server',
        fullName=f'VMware vCenter Server {version} build-{_BUILD}',
        vendor='VMware, Inc.',
        version=version,
        build=_BUILD,
        localeVersion='INTL',
        localeBuild='000',
        osType='linux-x64',
        productLineId='vpx',
        apiType='VirtualCenter',
        apiVersion=api_version,
        instanceUuid=instance_uuid,
        licenseProductName='VMware VirtualCenter Server',
        licenseProductVersion=f'{api_version.split(".")[0]}.0',
    )


@managed('ServiceInstance')
class ServiceInstance(ManagedObject):
    """The one object whose id every client knows.

    :ivar managers: further members of the service content, for those who add managers
    """

    def __init__(self, world: World, moid: str = 'ServiceInstance', **properties: Any) -> None:
        self.managers: dict[str, ManagedObject] = {}
        super().__init__(world, moid, **properties)

    @property
    def content(self) -> DataObject:
        world = self.world
        return types.ServiceContent(
            about=world.about,
            rootFolder=world.root_folder,
            taskManager=world.task_manager,
            extensionManager=world.extension_manager,
            searchIndex=world.search_index,
            **self.managers,
        )

    @property
    def capability(self) -> DataObject:
        return types.Capability(
            provisioningSupported=True,
            multiHostSupported=True,
            userShellAccessSupported=False,
            supportedEVCMode=[],
            networkBackupAndRestoreSupported=True,
        )

    @property
    def serverClock(self) -> datetime.datetime:
        return self.world.now()

    @anonymous
    def RetrieveServiceContent(self, call: Call) -> DataObject:
        return self.content

    def CurrentTime(self, call: Call) -> datetime.datetime:
        return self.world.now()

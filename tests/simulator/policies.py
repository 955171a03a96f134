"""pyVmomi at /pbm, and what tests say with it."""

from __future__ import annotations

import ssl
import time
from typing import Any

from pyVmomi import SoapStubAdapter, VmomiSupport, pbm, vim

from oslo_vmware.simulator import Ref, VCenterSimulator

TAGS = 'http://www.vmware.com/storage/tag'
STORAGE = pbm.profile.ResourceType(resourceType='STORAGE')
SOLVER = Ref('PbmPlacementSolver', 'placementSolver')
PROFILES = Ref('PbmProfileProfileManager', 'ProfileManager')
INSTANCE = Ref('PbmServiceInstance', 'ServiceInstance')
STORAGE_XML = '<resourceType><resourceType>STORAGE</resourceType></resourceType>'


class Client:
    """pyVmomi at /pbm, as its users set it up."""

    def __init__(self, si: Any, vc: VCenterSimulator, version: str = 'pbm.version.version11'):
        self.vc = vc
        self.instance_of_vim = si
        cookie = si._stub.cookie.split('"')[1]
        VmomiSupport.GetRequestContext()['vcSessionCookie'] = cookie
        self.stub = SoapStubAdapter(
            host=vc.host,
            port=vc.port,
            path='/pbm',
            version=version,
            sslContext=ssl.create_default_context(cafile=vc.cacert),
        )
        self.instance = pbm.ServiceInstance('ServiceInstance', self.stub)
        self.content = self.instance.RetrieveContent()
        self.profiles: Any = self.content.profileManager
        self.solver: Any = self.content.placementSolver

    def named(self, name: str) -> Any:
        ids = self.profiles.QueryProfile(resourceType=STORAGE)
        found = [one for one in self.profiles.RetrieveContent(profileIds=ids) if one.name == name]
        assert len(found) == 1
        return found[0]

    def hub(self, name: str) -> Any:
        datastore = self.place(name)
        return pbm.placement.PlacementHub(hubType=datastore.type, hubId=datastore.value)

    def place(self, name: str) -> Ref:
        (found,) = [
            obj.ref
            for obj in self.vc.world.objects.values()
            if obj.ref.type in ('Datastore', 'StoragePod') and getattr(obj, 'name', '') == name
        ]
        return found

    def names(self, hubs: list[Any]) -> set[str]:
        objects: Any = self.vc.world.objects
        return {objects[hub.hubId].name for hub in hubs}


def rule(
    namespace: str, capability: str, value: Any, *, prop: str = '', operator: str | None = None
) -> Any:
    """A rule, made of pyVmomi's objects."""
    metadata, profile = pbm.capability.CapabilityMetadata, pbm.capability
    return profile.CapabilityInstance(
        id=metadata.UniqueId(namespace=namespace, id=capability),
        constraint=[
            profile.ConstraintInstance(
                propertyInstance=[
                    profile.PropertyInstance(id=prop or capability, operator=operator, value=value)
                ]
            )
        ],
    )


def tags(category: str, *wanted: str, operator: str | None = None) -> Any:
    prop = f'com.vmware.storage.tag.{category}.property'
    value = pbm.capability.types.DiscreteSet(values=list(wanted))
    return rule(TAGS, category, value, prop=prop, operator=operator)


def constraints(*rule_sets: list[Any]) -> Any:
    return pbm.profile.SubProfileCapabilityConstraints(
        subProfiles=[
            pbm.profile.SubProfileCapabilityConstraints.SubProfile(name='set', capability=rules)
            for rules in rule_sets
        ]
    )


def spec(name: str, *rule_sets: list[Any], **more: Any) -> Any:
    return pbm.profile.CapabilityBasedProfileCreateSpec(
        name=name, resourceType=STORAGE, constraints=constraints(*rule_sets), **more
    )


def wait(task: Any) -> None:
    """Wait with pyVmomi alone until a task has ended, and raise what it ended with."""
    while task.info.state in ('queued', 'running'):
        time.sleep(0.01)
    if task.info.error is not None:
        raise task.info.error


def entity(kind: str, key: str, **more: Any) -> Any:
    return pbm.ServerObjectRef(objectType=kind, key=key, **more)


def defined(policy: Any) -> list[Any]:
    return [vim.vm.DefinedProfileSpec(profileId=policy.profileId.uniqueId)]


def disk_of(vm: Any) -> Any:
    return next(
        device
        for device in vm.config.hardware.device
        if isinstance(device, vim.vm.device.VirtualDisk)
    )


def reconfigure(vm: Any, home: list[Any] | None = None, disk: list[Any] | None = None) -> None:
    config = vim.vm.ConfigSpec()
    if home is not None:
        config.vmProfile = home
    if disk is not None:
        config.deviceChange = [
            vim.vm.device.VirtualDeviceSpec(operation='edit', device=disk_of(vm), profile=disk)
        ]
    wait(vm.ReconfigVM_Task(spec=config))


def ids(found: list[Any]) -> list[str]:
    return [one.uniqueId for one in found]

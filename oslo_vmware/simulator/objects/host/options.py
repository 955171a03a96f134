"""The advanced options of a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from oslo_vmware.simulator.objects.host.manager import HostManager
from oslo_vmware.simulator.objects.option_manager import OptionManager
from oslo_vmware.simulator.world.registry import managed


@managed('OptionManager')
class HostOptions(HostManager, OptionManager):
    """Some of the many options that an ESXi host has; no client can invent others."""

    moid_prefix = 'EsxHostAdvSettings'
    shown_in = ('option', 'optionDef')

    defaults: ClassVar[Mapping[str, Any]] = {
        'Annotations.WelcomeMessage': '',
        'Config.Defaults.cpuidMask.mode.0.vmx': 'DISABLE',
        'Config.HostAgent.log.level': 'info',
        'Config.HostAgent.plugins.solo.enableMob': False,
        'DCUI.Access': 'root',
        'Disk.DiskMaxIOSize': 32767,
        'Mem.ShareForceSalting': 2,
        'Misc.LogToFile': 1,
        'NFS.HeartbeatFrequency': 12,
        'NFS.MaxVolumes': 32,
        'Net.BlockGuestBPDU': 0,
        'Net.TcpipHeapMax': 1536,
        'Net.TcpipHeapSize': 0,
        'Security.AccountLockFailures': 5,
        'Security.AccountUnlockTime': 900,
        'Syslog.global.logDir': '[] /scratch/log',
        'Syslog.global.logHost': '',
        'UserVars.ESXiShellInteractiveTimeOut': 0,
        'UserVars.ESXiShellTimeOut': 0,
        'UserVars.SuppressShellWarning': 0,
        'VMkernel.Boot.hyperthreading': True,
        'VMFS3.UseATSForHBOnVMFS5': 1,
    }

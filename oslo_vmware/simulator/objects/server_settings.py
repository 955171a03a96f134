"""The settings of the server itself, which clients may add to."""

from __future__ import annotations

from oslo_vmware.simulator.objects.option_manager import OptionManager


class ServerSettings(OptionManager):
    """``setting`` of the service content.

    Any name can be set, as on a vCenter, where each extension keeps its own there.
    """

    defaults = {
        'VirtualCenter.FQDN': 'vcenter.example.net',
        'VirtualCenter.InstanceName': 'vcenter.example.net',
        'VirtualCenter.MaxDBConnection': 50,
        'config.vpxd.hostnameUrl': 'vcenter.example.net',
        'config.log.level': 'info',
        'event.maxAge': 30,
        'event.maxAgeEnabled': True,
        'task.maxAge': 30,
        'task.maxAgeEnabled': True,
        'mail.smtp.port': 25,
        'mail.smtp.server': '',
        'vpxd.certmgmt.mode': 'vmca',
    }
    open_names = ('',)

"""Managers of the server: custom fields, licenses, settings, logs, key providers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from tests.simulator.vsphere import Client, connected, done

MACHINE = 'Frankfurt/vm/Production/fra-web-0001'
KEY = 'AAAAA-BBBBB-CCCCC-DDDDD-EEEEE'
PROVIDER = vim.encryption.KeyProviderId(id='hall-3')


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected() as made:
        yield made


# Custom fields


def test_a_custom_field_comes_and_goes(client: Client) -> None:
    """A field is set by its key or its name, shows up in filters and summaries, and goes again."""
    fields, machine = client.content.customFieldsManager, client.at(MACHINE)
    made = fields.AddCustomFieldDef('owner', vim.VirtualMachine)
    assert (made.name, made.managedObjectType) == ('owner', vim.VirtualMachine)
    assert made.key in {one.key for one in fields.field}
    with client.seen(machine, 'customValue', 'summary.customValue') as changed:
        fields.SetField(machine, made.key, 'blue')
    assert set(changed) == {'customValue', 'summary.customValue'}
    machine.setCustomValue('owner', 'green')
    assert [(one.key, one.value) for one in machine.customValue] == [(made.key, 'green')]
    assert [one.value for one in machine.summary.customValue] == ['green']
    fields.RenameCustomFieldDef(made.key, 'team')
    assert [one.name for one in machine.availableField] == ['team']
    fields.RemoveCustomFieldDef(made.key)
    assert list(machine.customValue) == list(machine.availableField) == []


def test_fields_are_for_kinds_of_objects(client: Client) -> None:
    """A field for machines is none of hosts; one for all may not have the name of one for some."""
    fields, host = client.content.customFieldsManager, client.all(vim.HostSystem)[0]
    made = fields.AddCustomFieldDef('rack', vim.HostSystem)
    other = fields.AddCustomFieldDef('rack', vim.VirtualMachine)
    assert [one.key for one in host.availableField] == [made.key]
    for refused in (
        lambda: fields.SetField(host, other.key, '7'),
        lambda: fields.SetField(host, 999, '7'),
        lambda: host.setCustomValue('nothing', '7'),
    ):
        with pytest.raises(vmodl.fault.InvalidArgument):
            refused()
    for kind in (None, vim.HostSystem):
        with pytest.raises(vim.fault.DuplicateName) as raised:
            fields.AddCustomFieldDef('rack', kind)
        assert raised.value.name == 'rack'


# Licenses


def test_licenses_are_kept_and_assigned(client: Client) -> None:
    """All evaluate at first; a key can be added, labelled, given to a host and taken away."""
    manager = client.content.licenseManager
    assignments = manager.licenseAssignmentManager
    host = client.all(vim.HostSystem)[0]
    (before,) = assignments.QueryAssignedLicenses(host._moId)
    assert before.assignedLicense.editionKey == 'eval'
    manager.AddLicense(KEY, [vim.KeyValue(key='room', value='3')])
    manager.UpdateLicenseLabel(KEY, 'room', '4')
    manager.UpdateLicense(KEY)
    (found,) = [one for one in manager.licenses if one.licenseKey == KEY]
    assert [(one.key, one.value) for one in found.labels] == [('room', '4')]
    manager.RemoveLicenseLabel(KEY, 'room')
    assignments.UpdateAssignedLicense(host._moId, KEY)
    (after,) = assignments.QueryAssignedLicenses(host._moId)
    assert (after.assignedLicense.licenseKey, after.entityDisplayName) == (KEY, host.name)
    with pytest.raises(vmodl.fault.NotSupported):
        manager.RemoveLicense(KEY)
    assignments.RemoveAssignedLicense(host._moId)
    manager.RemoveLicense(KEY)
    assert [one.licenseKey for one in manager.licenses] == ['00000-00000-00000-00000-00000']


def test_a_key_that_is_none_is_diagnosed(client: Client) -> None:
    """AddLicense raises nothing for a bad key; what is wrong is among the properties."""
    manager = client.content.licenseManager
    assert list(manager.DecodeLicense(KEY).properties) == []
    (wrong,) = manager.AddLicense('nonsense').properties
    assert wrong.key == 'diagnostic'
    assert 'nonsense' not in {one.licenseKey for one in manager.licenses}


# Settings


def test_settings_of_the_server(client: Client) -> None:
    """Options are read one by one or below a node, are set with their type, and may be new."""
    setting = client.content.setting
    (found,) = setting.QueryOptions('config.vpxd.hostnameUrl')
    assert found.value == 'vcenter.example.net'
    assert {one.key for one in setting.QueryOptions('event.')} == {
        'event.maxAge',
        'event.maxAgeEnabled',
    }
    setting.UpdateOptions([vim.option.OptionValue(key='foo.bar', value='baz')])
    assert [one.value for one in setting.QueryOptions('foo.bar')] == ['baz']
    with pytest.raises(vim.fault.InvalidName):
        setting.QueryOptions('no.such.option')


# Logs


def test_the_log_of_the_server(client: Client) -> None:
    """The log has what the server's events say; it is read in parts, and its end is told."""
    manager = client.content.diagnosticManager
    assert [one.key for one in manager.QueryDescriptions()] == ['vpxd:vpxd.log']
    done(client.at(MACHINE).Rename('fra-web-9001'))
    done(client.at(MACHINE.replace('0001', '9001')).Rename('fra-web-0001'))
    whole = manager.BrowseDiagnosticLog(None, 'vpxd:vpxd.log')
    assert any(re.search('VmRenamedEvent.*fra-web-9001', line) for line in whole.lineText)
    assert (whole.lineStart, whole.lineEnd) == (1, len(whole.lineText))
    part = manager.BrowseDiagnosticLog(None, 'vpxd:vpxd.log', 2, 2)
    assert (part.lineStart, part.lineEnd) == (2, 3)
    assert list(part.lineText) == whole.lineText[1:3]
    after = manager.BrowseDiagnosticLog(None, 'vpxd:vpxd.log', 2**31 - 1)
    assert (after.lineStart, list(after.lineText)) == (after.lineEnd + 1, [])
    host = client.all(vim.HostSystem)[0]
    assert 'hostd' in {one.key for one in manager.QueryDescriptions(host)}
    assert list(manager.BrowseDiagnosticLog(host, 'hostd').lineText) == []
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.BrowseDiagnosticLog(None, 'nothing.log')


# Key providers


def _server(name: str, **info: Any) -> Any:
    return vim.encryption.KmipServerSpec(
        clusterId=PROVIDER,
        info=vim.encryption.KmipServerInfo(name=name, **{'address': '', 'port': 0, **info}),
        password='secret of the server',
    )


def test_key_providers_are_listed(client: Client) -> None:
    """A provider has servers, is the default if it is the first, and goes with its last server."""
    manager = client.content.cryptoManager
    assert not manager.enabled
    manager.RegisterKmipServer(_server('one', address='192.0.2.1', userName='vc'))
    manager.RegisterKmipServer(_server('two', address='192.0.2.2', port=5697))
    (found,) = manager.ListKmipServers()
    assert (found.clusterId.id, found.useAsDefault) == ('hall-3', True)
    assert [(one.name, one.address, one.port) for one in found.servers] == [
        ('one', '192.0.2.1', 5696),
        ('two', '192.0.2.2', 5697),
    ]
    manager.UpdateKmipServer(_server('one', address='192.0.2.3', port=5696))
    (found,) = manager.kmipServers
    assert (found.servers[0].address, found.servers[0].userName) == ('192.0.2.3', 'vc')
    manager.RegisterKmsCluster(vim.encryption.KeyProviderId(id='hall-4'), 'nativeProvider')
    manager.MarkDefault(vim.encryption.KeyProviderId(id='hall-4'))
    assert manager.GetDefaultKmsCluster().id == 'hall-4'
    assert [len(one.servers) for one in manager.ListKmsClusters(False)] == [0, 0]
    assert manager.IsKmsClusterActive(PROVIDER)
    manager.UnregisterKmsCluster(vim.encryption.KeyProviderId(id='hall-4'))
    manager.RemoveKmipServer(PROVIDER, 'one')
    manager.RemoveKmipServer(PROVIDER, 'two')
    assert list(manager.ListKmipServers()) == []


@pytest.mark.parametrize(
    ('call', 'fault'),
    [
        (lambda manager: manager.MarkDefault(PROVIDER), vmodl.fault.InvalidArgument),
        (lambda manager: manager.RemoveKmipServer(PROVIDER, 'x'), vmodl.fault.InvalidArgument),
        (
            lambda manager: manager.RegisterKmsCluster(vim.encryption.KeyProviderId(id='')),
            vmodl.fault.InvalidArgument,
        ),
    ],
)
def test_unknown_providers(
    client: Client, call: Callable[[Any], Any], fault: type[Exception]
) -> None:
    """What names no provider is refused."""
    with pytest.raises(fault):
        call(client.content.cryptoManager)

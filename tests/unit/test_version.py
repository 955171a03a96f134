"""The version object."""

import configparser
import importlib.metadata
import pathlib

import pytest

from oslo_vmware import version


def test_is_the_version_of_the_project() -> None:
    """The installed package reports the version that setup.cfg says, as its users require it."""
    config = configparser.RawConfigParser()
    config.read(pathlib.Path(__file__).parents[2] / 'setup.cfg')
    assert version.version_info.package == config['metadata']['name']
    assert version.version_info.release_string() == config['metadata']['version']


@pytest.mark.parametrize(
    ('release', 'short'),
    [
        ('5.0.0', '5.0.0'),
        ('5.1', '5.1'),
        ('5.0.1.dev12', '5.0.1'),
        ('6.0.0rc1', '6.0.0'),
        ('5.0.0+site.3', '5.0.0'),
    ],
)
def test_short_and_full_form(monkeypatch: pytest.MonkeyPatch, release: str, short: str) -> None:
    """The full form keeps the marks of a build, the short form and the prefixed one drop them."""
    monkeypatch.setattr(importlib.metadata, 'version', lambda name: release)
    info = version.VersionInfo('anything')
    assert info.release_string() == release
    assert info.version_string() == short
    assert info.cached_version_string('oslo.vmware/') == f'oslo.vmware/{short}'
    assert str(info) == short


def test_without_metadata_it_still_answers() -> None:
    """A copy of the package that was never installed has a version below every release."""
    info = version.VersionInfo('a-distribution-that-nobody-installed')
    assert info.release_string() == version.UNKNOWN
    assert info.version_string() == '0.0.0'
    assert 'a-distribution-that-nobody-installed' in repr(info)

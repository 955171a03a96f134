"""Tell what is installed here, and which vCenter answers.

Two packages share the name oslo.vmware; this tells which of them is installed. Without a server it
tells what there is to tell without one.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import pathlib
import platform
from typing import Any

import oslo_vmware
from oslo_vmware.cli.context import Context
from oslo_vmware.version import UNKNOWN, version_info

_DISTRIBUTION = 'oslo.vmware'
_REBUILD = 'the rebuild, a drop-in for the package of the same name'


EXAMPLES = """\
oslo-vmware about
oslo-vmware about --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(context: Context) -> None:
    installed = _installed()
    found: dict[str, Any] = {'package': installed, 'vcenter': None}
    if context.may_connect:
        found['vcenter'] = _vcenter(context)
    context.out.data(found)
    context.out.facts(
        [
            ('Package', f'{_DISTRIBUTION} {installed["version"]}: {_REBUILD}'),
            ('Imported from', installed['imported_from']),
            ('SOAP engine', installed['soap_engine']),
            ('Python', installed['python']),
        ]
    )
    if installed['other_package']:
        context.out.warning(
            f'What pip has installed as {_DISTRIBUTION} is the other package, '
            f'{installed["other_package"]}; this one is imported from elsewhere.'
        )
    if found['vcenter'] is None:
        context.out.line('No server is named, so none was asked; --host or VSPHERE_HOST names one.')
        return
    context.out.line()
    context.out.facts(
        [(_WORDS[name], str(value or '')) for name, value in found['vcenter'].items()]
    )


def _installed() -> dict[str, Any]:
    from oslo_vmware.soap.client import engine_name

    version, other = version_info.release_string(), None
    try:
        distribution = importlib.metadata.distribution(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        if 'rebuilt' not in (distribution.metadata['Summary'] or ''):
            version, other = UNKNOWN, version
    return {
        'name': _DISTRIBUTION,
        'version': version,
        'is_rebuild': True,
        'other_package': other,
        'imported_from': str(pathlib.Path(oslo_vmware.__file__ or '').parent),
        'soap_engine': engine_name(),
        'python': f'{platform.python_version()} ({platform.python_implementation()})',
    }


_WORDS = {
    'server': 'Server',
    'trust': 'TLS',
    'product': 'Product',
    'version': 'Version',
    'build': 'Build',
    'api_version': 'API version',
    'instance_uuid': 'Instance UUID',
    'user': 'Logged in as',
}


def _vcenter(context: Context) -> dict[str, Any]:
    about = context.session.vim.service_content.about
    return {
        'server': context.settings.server,
        'trust': context.settings.trust,
        'product': about.fullName,
        'version': about.version,
        'build': about.build,
        'api_version': about.apiVersion,
        'instance_uuid': getattr(about, 'instanceUuid', None),
        'user': context.settings.user,
    }

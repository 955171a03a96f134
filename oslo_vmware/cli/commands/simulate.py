"""Run a simulated vCenter, to try things out and to test with; Ctrl-C ends it.

What it prints tells other commands where it is: paste it into another terminal.
"""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import CommandError, UsageError

if TYPE_CHECKING:
    from oslo_vmware.simulator import VCenterSimulator

_MISSING = (
    'The simulator needs two packages that are not all installed here: '
    "pip install 'pyvmomi>=9.1.1.0' trustme"
)


EXAMPLES = """\
oslo-vmware simulate --vms 50
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    try:
        from oslo_vmware.simulator import command
    except ImportError as missing:
        raise CommandError(f'{_MISSING}\n{missing}') from missing
    command.add_arguments(parser)


def run(context: Context) -> None:
    from oslo_vmware.simulator import command

    try:
        simulator = command.make(context.options)
    except ValueError as error:
        raise UsageError(str(error)) from error

    def tell(vc: VCenterSimulator) -> None:
        host = f'[{vc.host}]' if ':' in vc.host else vc.host
        found = {
            'VSPHERE_HOST': f'{host}:{vc.port}',
            'VSPHERE_USER': vc.username,
            'VSPHERE_PASSWORD': vc.password,
            'VSPHERE_CACERT': vc.cacert or '',
        }
        if context.options.no_tls:
            context.out.record({'url': vc.sdk_url})
            context.out.lines(
                f'# A simulated vCenter listens at {vc.sdk_url} without TLS. It is for other\n'
                '# programs: these commands speak to no server so. Ctrl-C ends it.'
            )
            return
        context.out.record({'url': vc.sdk_url, 'environment': found})
        for name, value in found.items():
            context.out.line(f'export {name}={shlex.quote(value)}')
        context.out.lines(
            '# A simulated vCenter listens. Paste these lines into another terminal, and see:\n'
            '# oslo-vmware check\n'
            '# Ctrl-C ends it.'
        )

    try:
        command.serve(simulator, tell)
    except ValueError as error:
        options = context.options
        raise CommandError(f'Cannot listen on {options.host}:{options.port}: {error}') from error

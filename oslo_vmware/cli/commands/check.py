"""Tell whether OpenStack will work with a vCenter, and what to do if not.

Looks at names, TLS, versions, clock, latency, sessions, storage policies, hosts, datastores and
the privileges of the account, and judges for Nova, Cinder, Glance and Ceilometer. Nothing is
changed, unless --write asks for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oslo_vmware.cli import connection
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import DONE, FAILED, NotConnectedError
from oslo_vmware.cli.output import Output

if TYPE_CHECKING:
    from oslo_vmware.cli.check import findings

EXAMPLES = """\
oslo-vmware check
oslo-vmware check --for nova --cluster compute --write datastore1
"""

_CONSUMERS = ('nova', 'cinder', 'glance', 'ceilometer')

#: How many reasons stand under a verdict; all of them stand above it.
_REASONS_TOLD = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--for',
        dest='consumers',
        action='append',
        choices=_CONSUMERS,
        help='judge for this one only; may be given several times',
    )
    parser.add_argument(
        '--cluster', metavar='NAME', help='look at what belongs to this cluster only'
    )
    parser.add_argument(
        '--write',
        metavar='DATASTORE',
        help='also write a file of 1 MiB there, read it, and delete it',
    )


def run(context: Context) -> int:
    from oslo_vmware.cli import check
    from oslo_vmware.cli.check.findings import CONSUMERS
    from oslo_vmware.cli.check.reach import Target

    settings, options = context.settings, context.options
    consumers = options.consumers or _CONSUMERS
    target = Target(
        settings.host,
        settings.user,
        # Asked for when it is needed: nobody types it for a server that cannot be reached.
        lambda: connection.ask_password(settings).password or '',
        settings.port,
        settings.cacert,
        settings.insecure,
    )
    wanted = check.Wanted(
        [name for name in CONSUMERS if name.lower() in consumers],
        options.cluster,
        options.write,
    )
    shown = _Shown(context.out)
    report = check.check(target, wanted, shown.finding)
    context.out.data(report.as_json())
    if not report.connected:
        raise NotConnectedError(f'{settings.server}: {report.findings[-1].found}')
    shown.verdicts(report.verdicts)
    return DONE if report.is_good else FAILED


class _Shown:
    """Shows findings as they come, with a heading for each theme."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._theme = ''

    def finding(self, finding: findings.Finding) -> None:
        if finding.theme != self._theme:
            self._theme = finding.theme
            self._out.heading(finding.theme[0].upper() + finding.theme[1:])
        say = {
            'fine': self._out.success,
            'warning': self._out.caution,
            'failed': self._out.failure,
        }.get(finding.outcome.value, self._out.note)
        say('\n'.join(filter(None, (f'{finding.subject}: {finding.found}', finding.advice))))

    def verdicts(self, verdicts: Sequence[findings.Verdict]) -> None:
        self._out.heading('Verdict')
        for verdict in verdicts:
            say = {
                'yes': self._out.success,
                'yes, with reservations': self._out.caution,
                'unknown': self._out.caution,
            }.get(verdict.answer.value, self._out.failure)
            reasons = list(verdict.reasons[:_REASONS_TOLD])
            more = len(verdict.reasons) - len(reasons)
            reasons += [f'and {more} more, see above'] if more else []
            say('\n'.join([f'{verdict.consumer}: {verdict.answer.value}', *reasons]))

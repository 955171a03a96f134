"""List all hosts: their state, and how busy they are."""

from __future__ import annotations

import argparse
import dataclasses

from oslo_vmware.cli import rows
from oslo_vmware.cli.context import Context

EXAMPLES = """\
oslo-vmware hosts
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(context: Context) -> None:
    hosts = rows.read_hosts(context.session)
    context.out.data([dataclasses.asdict(one) for one in hosts])
    rows.show_hosts(context.out, hosts)

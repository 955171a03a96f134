"""List all datastores: their type, and how full they are."""

from __future__ import annotations

import argparse
import dataclasses

from oslo_vmware.cli import rows
from oslo_vmware.cli.context import Context

EXAMPLES = """\
oslo-vmware datastores --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(context: Context) -> None:
    datastores = rows.read_datastores(context.session)
    context.out.data([dataclasses.asdict(one) for one in datastores])
    rows.show_datastores(context.out, datastores)

"""The privileges that ``oslo-vmware check`` asks for, as a table in the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator_tables import Row, Table
from sphinx.application import Sphinx

from oslo_vmware.cli.check.needs import NEEDS


class Privileges(Table):
    """The needs, as they are in the code."""

    head = ('privilege', 'on', 'for', 'what it is for')
    widths = (30, 14, 18, 38)

    def rows(self) -> Iterator[Row]:
        for need in NEEDS:
            consumers = ', '.join(need.consumers)
            yield (
                f'``{need.privilege}``',
                need.kind.value,
                consumers if need.must else f'({consumers})',
                need.why,
            )


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive('check-privileges', Privileges)
    return {'parallel_read_safe': True}

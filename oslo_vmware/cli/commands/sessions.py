"""List who is logged in: since when, from where, and idle for how long.

The own session is marked with a star. To see those of others takes the privilege
Sessions.TerminateSession on the root folder.
"""

from __future__ import annotations

import argparse

from oslo_vmware.cli import inventory, values
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.output import Cell, Styled, duration

# Nobody needs all of a key; so much of it is in the library's log, too.
_TAIL = 5


EXAMPLES = """\
oslo-vmware sessions
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(context: Context) -> None:
    session = context.session
    found, missing = inventory.read_object(
        session, session.vim.service_content.sessionManager, ['currentSession', 'sessionList']
    )
    own = found.get('currentSession')
    listed = getattr(found.get('sessionList'), 'UserSession', None) or [own]
    every = sorted(filter(None, listed), key=lambda one: one.loginTime)
    # The own one was active just now, by the clock of the server.
    now = max((one.lastActiveTime for one in every), default=None)
    data, rows = [], []
    for one in every:
        idle = (now - one.lastActiveTime).total_seconds() if now else 0.0
        is_own = own is not None and one.key == own.key
        address, agent = getattr(one, 'ipAddress', ''), getattr(one, 'userAgent', '')
        data.append(
            {
                'key': one.key[-_TAIL:],
                'own': is_own,
                'user': one.userName,
                'login_time': one.loginTime,
                'idle_seconds': idle,
                'address': address or None,
                'user_agent': agent or None,
                'calls': getattr(one, 'callCount', None),
            }
        )
        row: list[Cell] = [
            Styled('*' if is_own else '', 'good'),
            one.userName,
            values.when(one.loginTime),
            duration(idle),
            address,
            agent,
        ]
        rows.append(row)
    context.out.data(data)
    context.out.table(['', 'User', 'Logged in', '>Idle', 'From', 'Client'], rows)
    if 'sessionList' in missing:
        context.out.warning(f'Those of others are not shown: {missing["sessionList"]}')

"""List the recent tasks; with --follow go on with each change of theirs until Ctrl-C.

A vCenter counts as recent what runs, and what has ended in the last ten minutes.
"""

from __future__ import annotations

import argparse
from typing import Any

from oslo_vmware import vim_util
from oslo_vmware.cli import following, inventory, values
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.output import Cell, Styled

_STEP = ('TaskManager', 'recentTask')
_STYLES = {'success': 'good', 'error': 'bad', 'running': 'name', 'queued': 'dim'}


EXAMPLES = """\
oslo-vmware tasks --follow
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--follow', '-f', action='store_true', help='go on with each change')


def run(context: Context) -> None:
    session = context.session
    manager = session.vim.service_content.taskManager
    if context.options.follow:
        _follow(context, manager)
        return
    read = inventory.retrieve(session, {'Task': ['info']}, manager, [_STEP])
    infos = [found['info'] for _, found in read if 'info' in found]
    infos.sort(key=lambda info: info.queueTime)
    context.out.data([_data(info) for info in infos])
    if not infos:
        context.out.line('There are no recent tasks.')
        return
    context.out.table(
        ['Task', 'What', 'Object', 'State', '>%', 'Queued', 'By'], [_row(info) for info in infos]
    )
    for data in map(_data, infos):
        if data['error']:
            context.out.failure(f'{data["task"]}: {data["error"]}')


def _follow(context: Context, manager: Any) -> None:
    session = context.session

    step = vim_util.build_traversal_spec(session.vim.client.factory, 'tasks', *_STEP, False, [])
    spec = following.filter_spec(session, 'Task', 'info', manager, [step])
    shown: dict[str, dict[str, Any]] = {}
    for update in following.again(lambda: following.changes(session, spec)):
        if update is None:
            continue
        info = following.value(update, 'info')
        if info is None:
            # It has become too old to be recent.
            shown.pop(update.obj.value, None)
            continue
        data = _data(info)
        # All comes anew with a new session.
        if shown.get(data['task']) == data:
            continue
        shown[data['task']] = data
        context.out.record(data)
        percent = '' if data['progress'] is None else f' {data["progress"]} %'
        line = f'{data["task"]}  {data["what"]}  {data["object"] or ""}  {data["state"]}{percent}'
        if data['error']:
            line += f': {data["error"]}'
        context.out.line(Styled(line, _STYLES.get(data['state'], '')))


def _data(info: Any) -> dict[str, Any]:
    error = getattr(info, 'error', None)
    return {
        'task': str(info.key),
        'what': str(info.descriptionId),
        'object': _text(info, 'entityName'),
        'state': str(info.state),
        'progress': getattr(info, 'progress', None),
        'queued': info.queueTime,
        'started': getattr(info, 'startTime', None),
        'completed': getattr(info, 'completeTime', None),
        'user': _text(getattr(info, 'reason', None), 'userName'),
        # Some faults have no words but their name.
        'error': error and (_text(error, 'localizedMessage') or type(error.fault).__name__),
    }


def _text(holder: Any, name: str) -> str | None:
    found = getattr(holder, name, None)
    return None if found is None else str(found)


def _row(info: Any) -> list[Cell]:
    data = _data(info)
    return [
        data['task'],
        data['what'],
        data['object'] or '',
        Styled(data['state'], _STYLES.get(data['state'], '')),
        '' if data['progress'] is None else str(data['progress']),
        values.when(info.queueTime),
        data['user'] or '',
    ]

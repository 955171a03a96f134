"""List the latest events, the newest last; with --follow go on with new ones until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any

from oslo_vmware import api, vim_util
from oslo_vmware._clearing import clear_away
from oslo_vmware.cli import following, lookup, values
from oslo_vmware.cli.context import Context

# The most that a collector gives at a time.
_MOST = 1000
_PAGE = 100


EXAMPLES = """\
oslo-vmware events --last 50 /DC1
oslo-vmware events --follow --type VmPoweredOnEvent --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('object', nargs='?', help=f'only of this and what is below: {lookup.HELP}')
    parser.add_argument('--follow', '-f', action='store_true', help='go on with new ones')
    parser.add_argument(
        '--last', type=_count, default=25, metavar='N', help='so many of the latest, 25 by default'
    )
    parser.add_argument('--type', metavar='TYPE', help='only these, such as VmPoweredOnEvent')


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f'a number from 1 to {_MOST}, not {text!r}')
    return int(text)


def run(context: Context) -> None:
    spec = _filter(context)
    if context.options.follow:
        _follow(context, spec)
        return
    with _collector(context.session, spec, context.options.last) as collector:
        events = _latest(context.session, collector)[-context.options.last :]
    context.out.data([_data(event) for event in events])
    for event in events:
        _say(context, event)
    if not events:
        context.out.line('There are no such events.')


def _follow(context: Context, spec: Any) -> None:
    last = 0

    def begin() -> Iterator[Any]:
        # After a new login there may be more new ones than were asked for at first.
        return _endless(context.session, spec, _MOST if last else context.options.last)

    for event in following.again(begin):
        # What is new comes after what was there, and after a new login that comes once more.
        if event is not None and int(event.key) > last:
            last = int(event.key)
            context.out.record(_data(event))
            _say(context, event)


def _filter(context: Context) -> Any:
    factory = context.session.vim.client.factory
    spec = factory.create('ns0:EventFilterSpec')
    spec.disableFullMessage = False
    if context.options.object:
        spec.entity = factory.create('ns0:EventFilterSpecByEntity')
        spec.entity.entity = lookup.find(context.session, context.options.object)
        spec.entity.recursion = 'all'
    if context.options.type:
        spec.eventTypeId = [context.options.type]
    return spec


@contextlib.contextmanager
def _collector(session: api.VMwareAPISession, spec: Any, size: int) -> Iterator[Any]:
    """A reader of the history of events (EventHistoryCollector, VI API 2.0).

    :param size: how many events its latest page has at most
    """
    vim = session.vim
    collector = session.invoke_api(
        vim, 'CreateCollectorForEvents', vim.service_content.eventManager, filter=spec
    )
    try:
        session.invoke_api(vim, 'SetCollectorPageSize', collector, maxCount=size)
        yield collector
    finally:
        clear_away(session.vim, ('DestroyCollector', collector))


def _latest(session: api.VMwareAPISession, collector: Any) -> list[Any]:
    """The events of the latest page, the oldest first."""
    page = session.invoke_api(vim_util, 'get_object_property', session.vim, collector, 'latestPage')
    return sorted(getattr(page, 'Event', None) or [], key=lambda event: int(event.key))


def _endless(session: api.VMwareAPISession, spec: Any, size: int) -> Iterator[Any]:
    """The latest events, and then those that come; some twice, and none left out.

    The property collector tells that there are new ones. The event collector gives them, from where
    it was read up to: its latest page may be too small for all. In between there is None.
    """
    with _collector(session, spec, size) as collector:
        session.invoke_api(session.vim, 'ResetCollector', collector)
        yield from _latest(session, collector)
        news = following.filter_spec(session, 'EventHistoryCollector', 'latestPage', collector)
        for _ in following.changes(session, news):
            yield None
            while found := session.invoke_api(
                session.vim, 'ReadNextEvents', collector, maxCount=_PAGE
            ):
                yield from found


def _data(event: Any) -> dict[str, Any]:
    return {
        'key': int(event.key),
        'time': event.createdTime,
        'type': getattr(event, 'eventTypeId', None) or type(event).__name__,
        'user': str(getattr(event, 'userName', '')),
        'message': _message(event),
    }


def _message(event: Any) -> str:
    return str(getattr(event, 'fullFormattedMessage', ''))


def _say(context: Context, event: Any) -> None:
    data = _data(event)
    context.out.line(f'{values.when(event.createdTime)}  {data["type"]:<22}  {data["message"]}')

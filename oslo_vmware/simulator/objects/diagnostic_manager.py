"""Logs of the server and of its hosts, as far as there are any."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed

# Logs by key, with the names of their files: the server's own, and those of each host.
_SERVER = {'vpxd:vpxd.log': 'vpxd.log'}
_HOST = {'hostd': 'hostd.log', 'vmkernel': 'vmkernel.log', 'vpxa': 'vpxa.log'}


@managed('DiagnosticManager')
class DiagnosticManager(ManagedObject):
    """Shows logs line by line.

    :param lines: what the server's log has; nothing is logged about hosts
    """

    def __init__(self, world: World, lines: Callable[[], Sequence[str]]) -> None:
        self._lines = lines
        super().__init__(world, 'DiagnosticManager')

    def QueryDescriptions(self, call: Call) -> list[DataObject]:
        creator, logs = ('vpxd', _SERVER) if call.host is None else ('hostd', self._logs(call))
        return [
            types.DiagnosticManagerLogDescriptor(
                key=key,
                fileName=file,
                creator=creator,
                format='plain',
                mimeType='text/plain',
                info=types.Description(label=file, summary=f'{file}, plain text'),
            )
            for key, file in logs.items()
        ]

    def BrowseDiagnosticLog(self, call: Call) -> DataObject:
        """Lines from ``start`` on, which counts from 1; a start behind the last has none."""
        if call.key not in self._logs(call):
            raise invalid_argument('key')
        if (call.start is not None and call.start < 1) or (call.lines or 0) < 0:
            raise invalid_argument('start')
        lines = self._lines() if call.host is None else ()
        start = min(call.start or 1, len(lines) + 1)
        end = len(lines) if call.lines is None else min(start + call.lines - 1, len(lines))
        return types.DiagnosticManagerLogHeader(
            lineStart=start, lineEnd=end, lineText=list(lines[start - 1 : end])
        )

    def _logs(self, call: Call) -> dict[str, str]:
        if call.host is None:
            return _SERVER
        if not self.world.get(call.host).is_a('HostSystem'):
            raise Fault('InvalidArgument', 'That is no host.', invalidProperty='host')
        return _HOST

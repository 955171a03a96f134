"""Makes the picture of the command line that README and documentation show.

``python -m tools.picture`` runs commands against the simulator, at a terminal, and writes what that
shows as an SVG. The simulator's inventory is made up, and the same each time.
"""

from __future__ import annotations

import os
import pathlib
import pty
import re
import subprocess
import sys
import termios

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from oslo_vmware.simulator import Inventory, VCenterSimulator

PICTURE = pathlib.Path(__file__).parents[1] / 'doc/source/_static/command_line.svg'

_COLUMNS, _LINES = 106, 60
_COMMANDS = (
    'tree /Frankfurt/host',
    'datastores',
    'vm power on fra-build-0005',
    'events --last 3 fra-build-0005',
)
_INVENTORY = Inventory(clusters=2, hosts_per_cluster=3, nfs_datastores=2, vsan_datastores=1, vms=40)


def at_a_terminal(arguments: list[str], environ: dict[str, str]) -> str:
    """What a command shows on stdout at a terminal."""
    near, far = pty.openpty()
    termios.tcsetwinsize(far, (_LINES, _COLUMNS))
    process = subprocess.Popen(arguments, env=environ, stdout=far, stderr=subprocess.DEVNULL)
    os.close(far)
    shown = b''
    try:
        while piece := os.read(near, 65536):
            shown += piece
    except OSError:
        # That is how Linux tells that nobody has the other end.
        pass
    os.close(near)
    process.wait()
    return shown.decode().replace('\r\n', '\n')


def main() -> None:
    console = Console(
        record=True, width=_COLUMNS, file=open(os.devnull, 'w'), force_terminal=True  # noqa: SIM115
    )  # fmt: skip
    with VCenterSimulator(task_seconds=0.2, inventory=_INVENTORY) as vc:
        environ = os.environ | {
            'VSPHERE_HOST': f'{vc.host}:{vc.port}',
            'VSPHERE_USER': vc.username,
            'VSPHERE_PASSWORD': vc.password,
            'VSPHERE_CACERT': str(vc.cacert),
            'TERM': 'xterm',
            'TZ': 'UTC',
        }
        for number, line in enumerate(_COMMANDS):
            if number:
                console.print()
            console.print(Text(f'$ oslo-vmware {line}', 'bold'))
            shown = at_a_terminal([sys.executable, '-m', 'oslo_vmware', *line.split()], environ)
            console.print(Text.from_ansi(shown.rstrip()))
    picture = console.export_svg(
        title='oslo-vmware',
        theme=DIMMED_MONOKAI,
        # Fonts that are somewhere else are not fetched.
        code_format=re.sub(r'@font-face \{\{.*?\}\}', '', CONSOLE_SVG_FORMAT, flags=re.DOTALL),
        unique_id='oslo-vmware',
    )
    PICTURE.write_text('\n'.join(line.rstrip() for line in picture.splitlines()) + '\n')
    print(f'{PICTURE}: {PICTURE.stat().st_size:,} bytes')


if __name__ == '__main__':
    main()

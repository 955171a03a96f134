"""What the demo shows, one function for each step, in the order in which they run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from demo import connection, policies, transfer
from demo.runner import Stage, StepFailed, step
from demo.show import Progress
from oslo_vmware import exceptions, vim_util
from oslo_vmware.cli import inventory, rows
from oslo_vmware.cli.check.inventory import PAGE
from oslo_vmware.cli.commands import tree
from oslo_vmware.cli.connection import Settings
from oslo_vmware.cli.failures import NotConnectedError
from oslo_vmware.cli.output import Cell, Output, size

_MIB = 1024**2


@step('A vCenter to talk to')
def find_server(stage: Stage) -> None:
    """Start a simulated server, unless the environment names a real one."""
    if stage.server is None:
        vc = stage.cleanup.enter_context(connection.make_simulator())
        stage.simulator, stage.server = vc, connection.simulated(vc)
        kind = 'a simulated one, in this process; VSPHERE_HOST names another one'
    else:
        kind = 'yours; it is only looked at'
    stage.show.out.facts([('Server', kind), ('Address', f'https://{stage.server.server}/sdk')])


@step('Log in')
def log_in(stage: Stage) -> None:
    """Log in, and say who answered; prove on a simulated server that the TLS is worth its name."""
    server = _server(stage)
    stage.session = stage.cleanup.enter_context(connection.connected(server))
    about = stage.session.vim.service_content.about
    trust = server.trust
    if stage.simulator is not None:
        trust = "verified, with the simulator's own authority (cacert=vc.cacert)"
    stage.show.out.facts(
        [
            ('Product', about.fullName),
            ('API version', about.apiVersion),
            ('Logged in as', server.user),
            ('TLS', trust),
        ]
    )
    if stage.simulator is not None:
        _show_refusal(stage, server)


def _server(stage: Stage) -> Settings:
    if stage.server is None:
        raise StepFailed('There is no server yet: a step that finds one must come before.')
    return stage.server


def _show_refusal(stage: Stage, server: Settings) -> None:
    """Somebody who does not know the simulator's authority must not get through."""
    try:
        with connection.connected(dataclasses.replace(server, cacert=None)):
            raise StepFailed('A certificate of an unknown authority was accepted.')
    except NotConnectedError as refusal:
        if not isinstance(refusal.__cause__, exceptions.VimCertificateException):
            raise
    stage.show.out.success('Without that authority the certificate is refused.')


@step('The inventory')
def show_inventory(stage: Stage) -> None:
    """Everything there is, with one retrieval."""
    found = inventory.entities(stage.session)
    root = stage.session.vim.service_content.rootFolder
    top = inventory.grow(found, inventory.Entity(root, 'Inventory'))
    stage.show.tree(tree.node(top))
    stage.show.out.success(
        f'{len(found)} objects, in pages of {PAGE}: {inventory.in_words(top.counts)}.'
    )


@step('Hosts')
def show_hosts(stage: Stage) -> None:
    """How busy the hosts are."""
    stage.show.table(rows.read_hosts(stage.session), rows.show_hosts)


@step('Datastores')
def show_datastores(stage: Stage) -> None:
    """How full the datastores are."""
    stage.show.table(rows.read_datastores(stage.session), rows.show_datastores)


@step('Power a machine on', changes_something=True)
def power_on(stage: Stage) -> None:
    """Start a task, follow it, and look whether it did what it says."""
    session = stage.session
    off = [
        machine
        for machine in rows.read_machines(session)
        if not machine.running and not machine.template
    ]
    if not off:
        raise StepFailed('There is no machine that is powered off.')
    machine = off[0]
    stage.show.out.line(
        f'{machine.name} is off; it has {size(machine.memory)} of memory and '
        f'{machine.cpus} CPU{"s" if machine.cpus != 1 else ""}.'
    )
    task = session.invoke_api(session.vim, 'PowerOnVM_Task', machine.ref)
    with stage.show.progress(f'Powering on {machine.name}') as progress:
        info = session.wait_for_task(task, progress=progress.update)
    state = session.invoke_api(
        vim_util, 'get_object_property', session.vim, machine.ref, 'runtime.powerState'
    )
    if state != 'poweredOn':
        raise StepFailed(f'{machine.name} is {state} after {info.key} has ended in success.')
    stage.show.out.success(f'{machine.name} is on; {info.key} ended in {info.state}.')


@step('Storage policies')
def show_policies(stage: Stage) -> None:
    """Which datastores each storage policy allows, and why one does not fit."""
    try:
        found = policies.read_policies(stage.session)
    except exceptions.PbmNotSupportedException as none:
        stage.show.out.lines(str(none))
        return
    stage.show.table(found, _show_policies)
    refusal = policies.read_refusal(stage.session, [policy.name for policy in found])
    if refusal is not None:
        stage.show.out.line(f'Not for {refusal.policy}: {refusal.reason}.')


def _show_policies(out: Output, some: Sequence[policies.Policy]) -> None:
    lines: list[list[Cell]] = []
    for policy in some:
        allowed = policy.datastores or ['none']
        lines.append([policy.name, policy.asks_for, allowed[0]])
        lines.extend(['', '', datastore] for datastore in allowed[1:])
    out.table(['Policy', 'Asks for', 'Datastores that it allows'], lines)


@step('Move an image', changes_something=True)
def move_image(stage: Stage) -> None:
    """Write an image to the emptiest datastore, read it back, and compare."""
    datastores = [one for one in rows.read_datastores(stage.session) if one.free is not None]
    if not datastores:
        raise StepFailed('There is no datastore that a host can reach.')
    emptiest = max(datastores, key=lambda one: one.free or 0)
    place = transfer.find_place(stage.session, emptiest.name)
    stage.show.out.line(f'{transfer.SIZE // _MIB} MiB go to {place.text}.')
    sums = []
    for move, state in ((transfer.write, 'written'), (transfer.read, 'read back')):
        with stage.show.progress('Moving the image') as progress:
            begin = time.perf_counter()
            sums.append(move(stage.session, _server(stage), place, _moved(progress, state)))
            speed = transfer.SIZE / (time.perf_counter() - begin)
        stage.show.out.line(f'{state}, {speed / _MIB:.0f} MiB per second; SHA-256 {sums[-1][:16]}…')
    transfer.delete(stage.session, place)
    if sums[0] != sums[1]:
        raise StepFailed('What was read back is not what was written.')
    stage.show.out.success('What was read back is what was written; the file is gone again.')


def _moved(progress: Progress, state: str) -> transfer.Moved:
    # Steps that a log can take as well.
    return lambda done: progress.update(done * 100 // transfer.SIZE // 25 * 25, state)


@step('Lose the session', changes_something=True)
def lose_session(stage: Stage) -> None:
    """Have the server end the session, and go on."""
    vc = stage.simulator
    if vc is None:
        raise StepFailed('Only the simulator can be asked to end a session.')
    before = vc.count('Login')
    logged = len(stage.log.session_lines)
    if vc.terminate_sessions() != 1:
        raise StepFailed('The server had no session of ours to end, or more than one.')
    stage.show.out.line('The server has ended the session. The next call goes out all the same:')
    begin = time.perf_counter()
    machines = rows.read_machines(stage.session)
    seconds = time.perf_counter() - begin
    stage.show.logged(stage.log.session_lines[logged:])
    now = vc.count('Login')
    if now != before + 1:
        raise StepFailed(f'The server counted {before} logins before, and {now} now; not one more.')
    stage.show.out.success(
        f'{len(machines)} machines read in {seconds:.2f} s, with one new login: the server counted '
        f'{before} before and {now} now.'
    )


@step('Log out')
def log_out(stage: Stage) -> None:
    """Leave no session behind."""
    logged = len(stage.log.session_lines)
    stage.session.logout()
    stage.show.logged(stage.log.session_lines[logged:])
    # logout() never raises; what it could not do shows here.
    if stage.session.is_current_session_active():
        raise StepFailed('The session is still alive on the server.')
    stage.show.out.success('The session has ended.')

"""What the demo shows, one function for each step, in the order in which they run."""

from __future__ import annotations

import collections
import concurrent.futures
import time
from typing import Any

from demo import connection, inventory, transfer
from demo.runner import Stage, StepFailed, step
from demo.show import Row, TaskProgress, of, size
from oslo_vmware import api, exceptions, vim_util

_GHZ = 1000**3
_GIB = 1024**3
_MIB = 1024**2
# How often the progress of a task is looked at.
_LOOK_SECONDS = 0.2


@step('A vCenter to talk to')
def find_server(stage: Stage) -> None:
    """Start a simulated server, unless the environment names a real one."""
    if stage.server is None:
        vc = stage.cleanup.enter_context(connection.make_simulator())
        stage.simulator, stage.server = vc, connection.simulated(vc)
        kind = 'a simulated one, in this process; VSPHERE_HOST names another one'
    else:
        kind = 'yours; it is only looked at'
    stage.show.facts([('Server', kind), ('Address', stage.server.address)])


@step('Log in')
def log_in(stage: Stage) -> None:
    """Log in, and say who answered; prove on a simulated server that the TLS is worth its name."""
    server = _server(stage)
    with stage.show.waiting('Reading the description of the API, and logging in'):
        stage.session = connection.connect(server)
    stage.cleanup.callback(stage.session.close)
    about = stage.session.vim.service_content.about
    stage.show.facts(
        [
            ('Product', about.fullName),
            ('API version', about.apiVersion),
            ('Logged in as', server.user),
            ('TLS', _trust(stage, server)),
        ]
    )
    if stage.simulator is not None:
        _show_refusal(stage, server)


def _server(stage: Stage) -> connection.Server:
    if stage.server is None:
        raise StepFailed('There is no server yet: a step that finds one must come before.')
    return stage.server


def _trust(stage: Stage, server: connection.Server) -> str:
    if stage.simulator is not None:
        return "verified, with the simulator's own authority (cacert=vc.cacert)"
    if server.cacert:
        return f'verified, with {server.cacert}'
    if server.insecure:
        return 'not verified, as VSPHERE_INSECURE says'
    return 'verified, with the authorities that requests trusts'


def _show_refusal(stage: Stage, server: connection.Server) -> None:
    """Somebody who does not know the simulator's authority must not get through."""
    stranger = connection.Server(
        server.host, server.user, server.password, server.port, wsdl_loc=server.wsdl_loc
    )
    try:
        connection.connect(stranger).close()
    except exceptions.VimCertificateException:
        stage.show.success('Without that authority the certificate is refused.')
    else:
        raise StepFailed('A certificate of an unknown authority was accepted.')


@step('The inventory')
def show_inventory(stage: Stage) -> None:
    """Everything there is, with one retrieval."""
    entities = inventory.read_entities(stage.session)
    root = stage.session.vim.service_content.rootFolder
    tree = inventory.grow_tree(entities, root.value)
    stage.show.tree(tree)
    stage.show.success(
        f'{len(entities)} objects, in pages of {inventory.PAGE}: {inventory.in_words(tree.counts)}.'
    )


@step('Hosts')
def show_hosts(stage: Stage) -> None:
    """How busy the hosts are."""
    hosts = inventory.read_hosts(stage.session)
    machines = inventory.read_machines(stage.session)
    names, domain = inventory.without_domain([host.name for host in hosts])
    there = collections.Counter(machine.host for machine in machines)
    running = collections.Counter(machine.host for machine in machines if machine.running)
    rows: list[Row] = []
    for name, host in zip(names, hosts, strict=True):
        rows.append(
            [
                name,
                stage.show.bar(host.cpu_used, host.cpu),
                of(host.cpu_used, host.cpu, _GHZ),
                stage.show.bar(host.memory_used, host.memory),
                of(host.memory_used, host.memory, _GIB),
                f'{running[host.id]} of {there[host.id]}',
            ]
        )
    stage.show.table(['Host', 'CPU', '>GHz', 'Memory', '>GiB', '>Running'], rows)
    if domain:
        stage.show.line(f'All of them in {domain}.')


@step('Datastores')
def show_datastores(stage: Stage) -> None:
    """How full the datastores are."""
    rows: list[Row] = []
    for datastore in inventory.read_datastores(stage.session):
        used = None
        if datastore.capacity is not None and datastore.free is not None:
            used = datastore.capacity - datastore.free
        rows.append(
            [
                datastore.name,
                datastore.kind,
                stage.show.bar(used, datastore.capacity),
                size(used),
                size(datastore.free),
                size(datastore.capacity),
            ]
        )
    stage.show.table(['Datastore', 'Type', 'Space', '>Used', '>Free', '>Capacity'], rows)


@step('Power a machine on', changes_something=True)
def power_on(stage: Stage) -> None:
    """Start a task, follow it, and look whether it did what it says."""
    session = stage.session
    off = [
        machine
        for machine in inventory.read_machines(session)
        if not machine.running and not machine.template
    ]
    if not off:
        raise StepFailed('There is no machine that is powered off.')
    machine = off[0]
    stage.show.line(
        f'{machine.name} is off; it has {size(machine.memory)} of memory and '
        f'{machine.cpus} CPU{"s" if machine.cpus != 1 else ""}.'
    )
    task = session.invoke_api(session.vim, 'PowerOnVM_Task', machine.ref)
    info = _follow(stage, task, f'Powering on {machine.name}')
    state = session.invoke_api(
        vim_util, 'get_object_property', session.vim, machine.ref, 'runtime.powerState'
    )
    if state != 'poweredOn':
        raise StepFailed(f'{machine.name} is {state} after {info.key} has ended in success.')
    stage.show.success(f'{machine.name} is on; {info.key} ended in {info.state}.')


def _follow(stage: Stage, task: Any, text: str) -> Any:
    """Wait for a task, and show its progress meanwhile.

    :returns: the task's ``info`` at the end
    """
    with (
        concurrent.futures.ThreadPoolExecutor(1) as pool,
        stage.show.progress(text) as progress,
    ):
        waiting = pool.submit(stage.session.wait_for_task, task)
        while not waiting.done():
            state, percent = _progress(stage.session, task)
            if state in ('queued', 'running'):
                progress.update(state, percent)
            concurrent.futures.wait([waiting], _LOOK_SECONDS)
        info = waiting.result()
        progress.update(info.state, 100)
        return info


def _progress(session: api.VMwareAPISession, task: Any) -> tuple[str, int]:
    found = session.invoke_api(
        vim_util,
        'get_object_properties_dict',
        session.vim,
        task,
        ['info.state', 'info.progress'],
    )
    return str(found['info.state']), int(found.get('info.progress') or 0)


@step('Storage policies')
def show_policies(stage: Stage) -> None:
    """Which datastores each storage policy allows, and why one does not fit."""
    try:
        policies = inventory.read_policies(stage.session)
    except exceptions.PbmNotSupportedException as none:
        stage.show.line(str(none))
        return
    rows: list[Row] = []
    for policy in policies:
        allowed = policy.datastores or ['none']
        rows.append([policy.name, policy.asks_for, allowed[0]])
        rows.extend(['', '', datastore] for datastore in allowed[1:])
    stage.show.table(['Policy', 'Asks for', 'Datastores that it allows'], rows)
    refusal = inventory.read_refusal(stage.session, [policy.name for policy in policies])
    if refusal is not None:
        stage.show.line(f'Not for {refusal.policy}: {refusal.reason}.')


@step('Move an image', changes_something=True)
def move_image(stage: Stage) -> None:
    """Write an image to the emptiest datastore, read it back, and compare."""
    datastores = [one for one in inventory.read_datastores(stage.session) if one.free is not None]
    if not datastores:
        raise StepFailed('There is no datastore that a host can reach.')
    emptiest = max(datastores, key=lambda one: one.free or 0)
    place = transfer.find_place(stage.session, emptiest.name)
    stage.show.line(f'{transfer.SIZE // _MIB} MiB go to {place.text}.')
    sums = []
    for move, state in ((transfer.write, 'written'), (transfer.read, 'read back')):
        with stage.show.progress('Moving the image') as progress:
            begin = time.perf_counter()
            sums.append(move(stage.session, _server(stage), place, _moved(progress, state)))
            speed = transfer.SIZE / (time.perf_counter() - begin)
        stage.show.line(f'{state}, {speed / _MIB:.0f} MiB per second; SHA-256 {sums[-1][:16]}…')
    transfer.delete(stage.session, place)
    if sums[0] != sums[1]:
        raise StepFailed('What was read back is not what was written.')
    stage.show.success('What was read back is what was written; the file is gone again.')


def _moved(progress: TaskProgress, state: str) -> transfer.Moved:
    # Steps that a log can take as well.
    return lambda done: progress.update(state, done * 100 // transfer.SIZE // 25 * 25)


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
    stage.show.line('The server has ended the session. The next call goes out all the same:')
    begin = time.perf_counter()
    machines = inventory.read_machines(stage.session)
    seconds = time.perf_counter() - begin
    stage.show.logged(stage.log.session_lines[logged:])
    now = vc.count('Login')
    if now != before + 1:
        raise StepFailed(f'The server counted {before} logins before, and {now} now; not one more.')
    stage.show.success(
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
    stage.show.success('The session has ended.')

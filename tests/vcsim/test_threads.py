"""One session, sixteen threads, everything at once."""

from typing import Any

import pytest
from pyVmomi import vim

from oslo_vmware import api, exceptions, pbm, vim_util
from tests.functional.conftest import Crowd, SessionMaker
from tests.functional.test_transfer_simulator import Place
from tests.vcsim.conftest import ServerMaker
from tests.vcsim.test_files import search, upload

THREADS = 16
ROUNDS = 3


def machines(session: api.VMwareAPISession) -> list[Any]:
    result = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    return [content.obj for content in result.objects]


@pytest.mark.parametrize('expiring', [False, True], ids=['', 'session expires'])
def test_everybody_gets_their_own(
    start: ServerMaker, connect: SessionMaker, expiring: bool
) -> None:
    """Power, properties, policies, faults, files: no answer goes to another thread.

    When the session expires meanwhile, nobody notices.
    """
    vc = start('-vms', str(THREADS))
    session = connect(vc, pool_size=THREADS)
    place = Place(vc, session)  # type: ignore[arg-type]
    vms = machines(session)
    names = [place.read(vm, 'name') for vm in vms]
    policies = [profile.name for profile in pbm.get_all_profiles(session)]
    root = session.vim.service_content.rootFolder

    def work(number: int) -> list[str]:
        vm = vms[number]
        states = []
        for lap in range(ROUNDS):
            if expiring and number == 0:
                vc.expire_sessions()
            for operation in ('PowerOnVM_Task', 'PowerOffVM_Task'):
                session.wait_for_task(session.invoke_api(session.vim, operation, vm))
                states.append(place.read(vm, 'runtime.powerState'))
            assert place.read(vm, 'name') == names[number]
            upload(place, f'{number}/{lap}', f'{number} in round {lap}'.encode())
            if number % 4 == 0:
                assert [one.name for one in pbm.get_all_profiles(session)] == policies
            if number % 4 == 1:
                name = f'folder of {number}, {lap}'
                session.invoke_api(session.vim, 'CreateFolder', root, name=name)
                with pytest.raises(exceptions.DuplicateName) as raised:
                    session.invoke_api(session.vim, 'CreateFolder', root, name=name)
                assert raised.value.details['name'] == name
            if number % 4 == 2:
                gone = vim_util.get_moref(f'vm-gone-{number}-{lap}', 'VirtualMachine')
                with pytest.raises(exceptions.ManagedObjectNotFoundException) as missing:
                    place.read(gone, 'name')
                assert missing.value.details == {'obj': gone.value}
            if number % 4 == 3:
                assert len(machines(session)) == THREADS
        return states

    assert Crowd(THREADS, work).join() == [['poweredOn', 'poweredOff'] * ROUNDS] * THREADS
    for number in range(THREADS):
        assert {one.path for one in search(place, str(number)).file} == {'0', '1', '2'}
        assert place.content(f'{number}/2') == f'{number} in round 2'.encode()
    with vc.observer() as content:
        folders = {one.name for one in content.rootFolder.childEntity if type(one) is vim.Folder}
        assert len(folders) == ROUNDS * THREADS / 4
    if not expiring:
        assert vc.count('Login') == 1

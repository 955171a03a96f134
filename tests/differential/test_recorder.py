"""What the recorder keeps of a session, and what becomes of it on the way into the cases."""

import json
import pathlib

import pytest

from oslo_vmware import api, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.differential import record
from tests.differential.recorder import Recorder


def test_a_session_becomes_cases(vcenter: VCenterSimulator, tmp_path: pathlib.Path) -> None:
    """Arguments beside the bytes of both directions, one call of each shape, and no secrets."""
    recorder = Recorder(tmp_path / 'nova.jsonl')
    try:
        session = api.VMwareAPISession(
            vcenter.host,
            vcenter.username,
            vcenter.password,
            port=vcenter.port,
            api_retry_count=1,
            task_poll_interval=0.1,
            cacert=vcenter.cacert,
            soap_engine='reference',
        )
        for name in ('a folder', 'another'):
            folder = session.vim.service_content.rootFolder
            session.invoke_api(session.vim, 'CreateFolder', folder, name=name)
        session.invoke_api(vim_util, 'get_objects', session.vim, 'Datastore', 10)
        # Sent as its text, and of no kind that can be kept.
        index = session.vim.service_content.searchIndex
        session.invoke_api(session.vim, 'FindByInventoryPath', index, inventoryPath=object())
        session.logout()
    finally:
        recorder.close()
    lines = [json.loads(line) for line in recorder.path.read_text().splitlines()]
    assert vcenter.password in recorder.path.read_text()

    posted, *cases = record.choose([('nova', lines), ('cinder', lines)])
    arrived = sorted(vcenter.calls.counts)
    assert posted['posted'] == {'nova': arrived, 'cinder': arrived}
    assert [case['operation'] for case in cases].count('CreateFolder') == 1
    by_name = {case['operation']: case for case in cases}
    assert set(arrived) - by_name.keys() == {'FindByInventoryPath'}
    created = by_name['CreateFolder']
    assert created['sources'] == ['nova', 'cinder']
    assert created['arguments'] == {'name': 'a folder'}
    assert '>a folder<' in created['request']
    assert '<CreateFolderResponse' in created['reply']
    assert created['status'] == 200
    text = json.dumps(cases)
    assert vcenter.password not in text
    assert 'a secret' in by_name['Login']['request']
    assert by_name['Login']['arguments']['password'] == 'a secret'
    assert next(iter(set(record.UUID.findall(text)))).startswith('00000000-')


def test_a_source_that_was_not_recorded_is_missed(tmp_path: pathlib.Path) -> None:
    """Cases of some of the sources would pass for cases of all."""
    for source in record.SOURCES[:-1]:
        (tmp_path / f'{source}.jsonl').write_text('{"posted": {}}\n')
    with pytest.raises(FileNotFoundError):
        list(record.choose(record.read(tmp_path)))

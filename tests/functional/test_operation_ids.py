"""Operation ids that name the request of a service, so that two logs can be laid side by side."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from oslo_context import context

from oslo_vmware import _request, api, image_transfer, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import Crowd, SessionMaker
from tests.transfer.place import Place

UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
REQUEST = f'req-{UUID}'


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    """Each test begins and ends without a request."""
    vars(context._request_store).pop('context', None)
    yield
    vars(context._request_store).pop('context', None)


def call(session: api.VMwareAPISession) -> Any:
    """One call; what the server saw of it."""
    return session.invoke_api(session.vim, 'CurrentTime', 'ServiceInstance')


def seen(vc: VCenterSimulator) -> list[str]:
    return [one.op_id for one in vc.calls if one.op_id is not None]


def test_an_operation_id_ends_with_the_request(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """What it was without a request is still there, and the request's id is behind it."""
    vc.calls.clear()
    call(session)
    request = context.RequestContext()
    call(session)
    call(session)
    without, first, second = seen(vc)
    assert re.fullmatch(rf'oslo\.vmware-{UUID}', without)
    assert re.fullmatch(rf'oslo\.vmware-{UUID}-{REQUEST}', first)
    assert first.endswith(f'-{request.request_id}')
    assert second.endswith(f'-{request.request_id}')
    assert first != second


@pytest.mark.parametrize(
    ('request_id', 'ending'),
    [
        ('req-1', '-req-1'),
        ('req 1\r\nopID=forged <x>&\u20ac\0', '-req_1__opID_forged__x____'),
        ('r' * 1000, '-' + 'r' * _request.MAX_LENGTH),
        ('', ''),
        (None, ''),
        (7, ''),
        (b'req-1', ''),
    ],
)
def test_a_request_id_is_not_trusted(request_id: Any, ending: str) -> None:
    """It may come from outside: what is not safe in a log is replaced, and it has an end."""
    context._request_store.context = SimpleNamespace(request_id=request_id)
    assert _request.suffix() == ending


def test_each_thread_has_its_own_request(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """Of threads, or green threads, on one session each call names the request of its own."""
    vc.calls.clear()
    names = [f'req-{number:03}' for number in range(8)]

    def work(number: int) -> None:
        context.RequestContext(request_id=names[number])
        for _each in range(3):
            call(session)

    Crowd(8, work).join()
    call(session)
    *with_request, without = seen(vc)
    assert sorted(one[-7:] for one in with_request) == sorted(3 * names)
    assert re.fullmatch(rf'oslo\.vmware-{UUID}', without)


def test_threads_that_work_for_a_request_name_it(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """An image service that is called aside, and the reports for a lease, are of the request."""
    place = Place(vc, session)
    request = context.RequestContext()
    threads = []

    def download(_context: Any, _image_id: str) -> Any:
        threads.append(threading.current_thread())
        session.invoke_api(vim_util, 'get_object_property', session.vim, place.dc.ref, 'name')
        return [b'data']

    vc.calls.clear()
    image_transfer.download_flat_image(
        None, 30, SimpleNamespace(download=download), 'image', image_size=4, host=vc.host,
        port=vc.port, data_center_name=place.dc.name, datastore_name=place.ds.name,
        cookies=session.vim.client.cookiejar, file_path='x', cacerts=vc.cacert,
    )  # fmt: skip
    assert threads != [threading.current_thread()]
    assert seen(vc)
    assert all(one.endswith(request.request_id) for one in seen(vc))


def test_nobody_needs_oslo_context(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """It is not imported by us, and not missed where it is not there."""
    program = (
        'import sys\n'
        'sys.modules["oslo_context"] = None\n'
        'from oslo_vmware import api, image_transfer, _request\n'
        'assert "oslo_context.context" not in sys.modules\n'
        'assert _request.suffix() == "" and _request.current() is None\n'
    )
    subprocess.run([sys.executable, '-c', program], check=True, timeout=60)


def test_an_import_that_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread may come along while another is at the import of oslo.context."""
    monkeypatch.setitem(sys.modules, 'oslo_context.context', SimpleNamespace())  # type: ignore[arg-type]
    assert _request.suffix() == ''

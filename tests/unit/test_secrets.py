"""Secrets in texts, and errors that are rid of them."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from suds.sudsobject import Factory

from oslo_vmware import _secrets

SECRET = 'a"<b>\\&ü'


@pytest.mark.parametrize(
    'spelling',
    [
        SECRET,
        'a"&lt;b&gt;\\&amp;ü',
        'a&quot;&lt;b&gt;\\&amp;ü',
        'a&amp;quot;&amp;lt;b&amp;gt;\\&amp;amp;ü',
        'a%22%3Cb%3E%5C%26%C3%BC',
        'a"<b>\\\\&ü',
    ],
)
def test_a_secret_is_masked_however_it_is_spelt(spelling: str) -> None:
    """In XML, in XML in XML, in a URL and in a ``repr``; as text and as bytes."""
    secrets = _secrets.Secrets([SECRET, ''])
    assert secrets.masked(f'x{spelling}y') == 'x***y'
    assert secrets.masked_bytes(f'x{spelling}y'.encode() + b'\xff') == b'x***y\xff'


@pytest.mark.parametrize(
    ('text', 'masked'),
    [
        ('root', '***'),
        ('for root.', 'for ***.'),
        ('rootFolder', 'rootFolder'),
        ('uproot', 'uproot'),
    ],
)
def test_a_word_is_masked_as_a_word(text: str, masked: str) -> None:
    """The names of users are short, and parts of other words."""
    assert _secrets.Secrets([], ['root', '']).masked(text) == masked


def test_without_secrets_nothing_is_masked() -> None:
    """Not even what is empty."""
    assert _secrets.Secrets([]).masked('text') == 'text'


def connect_spec(password: str) -> Any:
    spec = Factory.object('HostConnectSpec')
    spec.userName, spec.password = 'root', password
    return spec


@pytest.mark.parametrize(
    ('arguments', 'headers', 'cookies'),
    [
        ({'password': 'secret-1'}, (), ()),
        ({'spec': connect_spec('secret-1')}, (), ()),
        ({'specs': [connect_spec('secret-1')]}, (), ()),
        ({}, [('vcSessionCookie', 'secret-1')], ()),
        ({}, (), [SimpleNamespace(name='a', value='"secret-1"')]),
        ({'sessionID': 'secret-1'}, (), [SimpleNamespace(name='a', value=None)]),
    ],
)
def test_what_is_secret_of_a_call(arguments: Any, headers: Any, cookies: Any) -> None:
    """Passwords wherever they stand, and what a session is known by."""
    secrets = _secrets.secrets_of('AddHost_Task', arguments, headers, cookies)
    assert secrets.masked('a secret-1 of root') == 'a *** of root'


@pytest.mark.parametrize('cookies', [None, {'a': 'b'}, [SimpleNamespace(value='en')], [object()]])
def test_what_is_no_secret(cookies: Any) -> None:
    """Short cookies say how to speak; and what is no jar has none."""
    secrets = _secrets.secrets_of('CurrentTime', {}, [('operationID', 'en')], cookies)
    assert secrets.masked('denied') == 'denied'


def test_an_error_is_rid_of_what_it_holds() -> None:
    """Its texts, its request, the variables on its way, and those of all that led to it."""

    def fail(variable: str) -> None:
        try:
            b'\xff secret-1'.decode()
        except UnicodeDecodeError as exc:
            raise OSError(5, f'{variable} failed', f'/{variable}') from exc

    try:
        fail('secret-1')
    except OSError as exc:
        problem: Any = exc
        problem.request = problem.response = io.BytesIO(b'secret-1')
        problem.note = 'secret-1'
    _secrets.conceal(problem, None, _secrets.Secrets(['secret-1']))
    assert (problem.request, problem.response, problem.note) == (None, None, '***')
    assert str(problem) == "[Errno 5] *** failed: '/***'"
    cause = problem.__cause__
    assert cause.object == b''
    assert 'secret-1' not in str(cause.args)
    assert problem.__traceback__.tb_next.tb_frame.f_locals == {}
    assert problem.__traceback__.tb_next.tb_frame.f_code is fail.__code__


def test_a_function_that_is_guarded() -> None:
    """It is the same to its callers, and its errors do not lead to its arguments."""

    @_secrets.guarded
    def function(given: str, *, named: str = '') -> str:
        """What it does."""
        if named:
            raise ValueError('no')
        return given

    assert function('a') == 'a'
    assert function.__doc__ == 'What it does.'
    with pytest.raises(ValueError, match='no') as raised:
        function('secret-1', named='secret-2')
    frames = []
    traceback = raised.value.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    assert len(frames) == 3
    assert 'secret' not in str([frame.f_locals for frame in frames[1:]])

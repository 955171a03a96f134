"""The public surface is what its users rely on: names, parameters, defaults, constants.

``api.json`` is the record of that surface and ``check_api.py`` the program that compares;
both are kept here word for word as they were agreed upon.
"""

import json
import pathlib
import types
from typing import Any

import pytest

from tests.contract import check_api

CONTRACT = json.loads((pathlib.Path(__file__).parent / 'api.json').read_text())


def part_of_contract(module: str) -> dict[str, Any]:
    """Cut the contract down to one module, with the private names that users reach in it."""
    return {
        'modules': {module: CONTRACT['modules'][module]},
        'reached_private': [
            entry for entry in CONTRACT['reached_private'] if entry['name'].startswith(f'{module}.')
        ],
    }


@pytest.mark.parametrize('module', CONTRACT['modules'])
def test_surface_is_as_agreed(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every name, parameter, default and constant of a module is there as users expect it."""
    checker = check_api.Checker('oslo_vmware')
    checker.check(part_of_contract(module))
    assert checker.checked > 0
    assert checker.deviations == 0, capsys.readouterr().out


def test_the_whole_contract(capsys: pytest.CaptureFixture[str]) -> None:
    """The program itself, run as anybody may run it, finds no deviation at all."""
    assert check_api.main([]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.endswith(' checked, 0 deviations\n')


def test_checker_sees_deviations(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is able to fail: a wrong value and a missing name are both counted."""
    broken = types.ModuleType('broken')
    broken.USER_AGENT = 'somebody else'  # type: ignore[attr-defined]
    broken.SOAP_COOKIE_KEY = 'vmware_soap_session'  # type: ignore[attr-defined]
    broken.CGI_COOKIE_KEY = 'vmware_cgi_ticket'  # type: ignore[attr-defined]
    checker = check_api.Checker('oslo_vmware')
    monkeypatch.setattr(checker, 'module', lambda name: broken)
    checker.check(part_of_contract('constants'))
    assert checker.deviations == 2

"""Every operation that the simulator serves has a test, by a client that is not ours."""

from __future__ import annotations

import pytest

from oslo_vmware.simulator import served

from .served import all_served, functions, table


def test_every_operation_has_its_test() -> None:
    """The table has a line for each operation that is there, and for no other."""
    assert set(table()) == all_served()


@pytest.mark.parametrize('file', sorted({test.partition('::')[0] for test in table().values()}))
def test_the_tests_are_there(file: str) -> None:
    """Whatever the table names is a test; that it calls the operation is seen when it runs."""
    named = {
        test.partition('::')[2].partition('[')[0]
        for test in table().values()
        if test.startswith(f'{file}::')
    }
    assert named <= functions(file)


def test_what_is_not_there() -> None:
    """Operations of the API that no simulated object has are told as such, not left out."""
    assert served.vim()['VirtualMachine']['PowerOnVM_Task']
    assert not served.vim()['VirtualMachine']['StartReplaying_Task']
    assert all(there for operations in served.pbm().values() for there in operations.values())

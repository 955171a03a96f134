"""What it does to send an operation twice, for every operation of every description."""

import pathlib
import re

import pytest

from oslo_vmware import wsdl
from oslo_vmware.soap.descriptions import described, shipped_vim
from oslo_vmware.soap.effects import Effect, effect_of
from oslo_vmware.soap.transport import HttpTransport

EFFECTS = pathlib.Path(__file__).with_name('effects.txt')


def listed() -> dict[str, Effect]:
    """The operations of ``effects.txt``."""
    text = re.sub('#.*', '', EFFECTS.read_text())
    parts = re.split(r'\[(\w+)\]', text)[1:]
    return {
        name: Effect(effect)
        for effect, names in zip(parts[::2], parts[1::2], strict=True)
        for name in names.split()
    }


LISTED = listed()


def test_every_operation_has_its_class() -> None:
    """One line for each operation of VIM and of all versions of PBM, looked at by a person."""
    operations = set(shipped_vim().schema.operation_names())
    for path in (wsdl.vim_wsdl_path().parents[1] / 'pbm').glob('*/pbmService.wsdl'):
        operations |= set(described(wsdl.file_url(path), HttpTransport()).schema.operation_names())
    assert len(operations) > 1000
    assert {name: effect_of(name) for name in operations} == LISTED


@pytest.mark.parametrize(
    ('operation', 'effect'),
    [
        # Reads despite their names.
        ('SearchDatastore_Task', Effect.READ),
        ('PlaceVm', Effect.READ),
        ('RecommendDatastores', Effect.READ),
        ('PbmCheckCompliance', Effect.READ),
        ('CreateImportSpec', Effect.READ),
        ('ContinueRetrievePropertiesEx', Effect.CURSOR),
        ('ReadNextEvents', Effect.CURSOR),
        ('Login', Effect.CONVERGENT),
        ('Logout', Effect.CONVERGENT),
        ('HttpNfcLeaseProgress', Effect.CONVERGENT),
        ('HttpNfcLeaseAbort', Effect.CONVERGENT),
        ('CreateFilter', Effect.CONVERGENT),
        ('CreateCollectorForEvents', Effect.CONVERGENT),
        ('CreateContainerView', Effect.CONVERGENT),
        ('AcquireGenericServiceTicket', Effect.CONVERGENT),
        ('RescanAllHba', Effect.CONVERGENT),
        ('RefreshDatastore', Effect.CONVERGENT),
        ('MakeDirectory', Effect.CONVERGENT),
        ('CreateFolder', Effect.CONVERGENT),
        ('PowerOnVM_Task', Effect.CONVERGENT),
        ('PowerOffVM_Task', Effect.CONVERGENT),
        ('DeleteDatastoreFile_Task', Effect.CONVERGENT),
        ('Destroy_Task', Effect.CONVERGENT),
        ('UnregisterVM', Effect.CONVERGENT),
        ('PbmDelete', Effect.CONVERGENT),
        ('HttpNfcLeaseComplete', Effect.CHANGE),
        ('CreateSnapshot_Task', Effect.CHANGE),
        ('CloneVM_Task', Effect.CHANGE),
        ('ReconfigVM_Task', Effect.CHANGE),
        ('PbmCreate', Effect.CHANGE),
        # What begins like a verb and is another.
        ('Findings', Effect.CHANGE),
        ('RecommissionVsanNode_Task', Effect.CHANGE),
        # No rule covers them.
        ('TransmogrifyVM_Task', Effect.CHANGE),
        ('', Effect.CHANGE),
    ],
)
def test_classes(operation: str, effect: Effect) -> None:
    """The classes that users rely on, and that what no rule covers is a change."""
    assert effect_of(operation) is effect


def test_what_may_be_repeated() -> None:
    """A token is spent and a change made; what reads or converges can be sent again."""
    assert [effect for effect in Effect if effect.is_repeatable] == [
        Effect.READ,
        Effect.CONVERGENT,
    ]

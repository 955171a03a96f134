"""Switches for operators, in the environment: ``1`` is on, and all else is off."""

import os

#: Repeat changes as older releases did, whether or not they may have been executed.
REPEAT_CHANGES = 'OSLO_VMWARE_REPEAT_CHANGES'


def is_on(name: str) -> bool:
    """Whether a switch is on; asked anew each time."""
    return os.environ.get(name, '').strip() == '1'

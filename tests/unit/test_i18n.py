"""Marked texts."""

import oslo_i18n

from oslo_vmware import _i18n


def test_marked_text_is_of_our_domain() -> None:
    """With lazy translation a marked text remembers whose catalogue to look it up in."""
    oslo_i18n.enable_lazy(True)
    try:
        text = _i18n._('The server at %s is silent.') % 'vc.example'
    finally:
        oslo_i18n.enable_lazy(False)
    assert str(text) == 'The server at vc.example is silent.'
    assert text.domain == 'oslo_vmware'

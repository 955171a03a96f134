"""Plans of the compiled engine are made when first met, whatever is met first."""

import pytest

from oslo_vmware.soap.descriptions import shipped_vim
from oslo_vmware.soap.unmarshal import Decoder, parse

MESSAGE = (
    '<RetrieveServiceContentResponse xmlns="urn:vim25"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    '<returnval>{}</returnval></RetrieveServiceContentResponse>'
)


def read(decoder: Decoder, content: str) -> object:
    document = MESSAGE.format(content).encode()
    declared = '{urn:vim25}RetrieveServiceContentResponse'
    return decoder.members(parse(document), declared)['returnval']


@pytest.mark.parametrize(
    'content',
    [
        '<about new="yes"/>',
        '<about new="yes">text</about>',
        '<about xsi:nil="true" new="yes"/>',
        '<about new="yes"><name>x</name></about>',
    ],
)
def test_a_type_that_is_first_met_with_an_unknown_attribute(content: str) -> None:
    """The first object of a type is read as all later ones."""
    decoder = Decoder(shipped_vim().schema)
    first = read(decoder, content)
    read(decoder, '<about><name>x</name></about>')
    later = read(decoder, content)
    assert str(first) == str(later)
    assert type(first.about) is type(later.about)

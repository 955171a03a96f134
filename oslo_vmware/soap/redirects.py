"""Lets a server redirect to itself, and nowhere else.

A document that is asked for (a description, the versions) is what *this* server says. A redirect
to another scheme, host or port would have it come from somebody whom nobody verified, or who is
reached from here and not from there; one to a ``file:`` URL would have it come from the disk.
"""

from urllib.parse import urljoin

import requests
from requests.utils import requote_uri

from oslo_vmware import _trust

#: What is said of an answer that leads away, behind the words beside its status.
LEADS_AWAY = 'it leads to another server, where nothing is asked'

#: How many redirections in a row are followed.
LONGEST = requests.models.DEFAULT_REDIRECT_LIMIT


def led_to(url: str, location: str) -> str | None:
    """Where an answer leads; None if that is away from the server.

    :param url: what was asked for
    :param location: the field ``Location`` of the answer
    """
    try:
        # What is compared must be what is gone to, letter by letter: not everybody sees the same
        # host in https://a\@b/.
        target = str(requote_uri(urljoin(url, location)))
        leads_away = _trust.origin_of(target) != _trust.origin_of(url)
    except ValueError:
        return None
    return None if leads_away else target


def check_length(count: int) -> None:
    """Follow no more than so many redirections.

    :raises requests.TooManyRedirects: it were more
    """
    if count > LONGEST:
        raise requests.TooManyRedirects(f'Exceeded {LONGEST} redirects.')


class OneServerSession(requests.Session):
    """Follows a redirect only if it stays; any other is the answer, as what it is."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        try:
            location = super().get_redirect_target(resp)
        except ValueError:
            location = '//'
        if location is None:
            return None
        target = led_to(str(resp.url), location)
        if target is None:
            resp.reason = f'{resp.reason}; {LEADS_AWAY}'
            return None
        # requests keeps every answer on the way, and each may be as large as an answer may be.
        resp._content = b''
        return target

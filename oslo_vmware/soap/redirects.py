"""Lets a server redirect to itself, and nowhere else.

A document that is asked for (a description, the versions) is what *this* server says. A redirect
to another scheme, host or port would have it come from somebody whom nobody verified, or who is
reached from here and not from there; one to a ``file:`` URL would have it come from the disk.
"""

from urllib.parse import urljoin

import requests

from oslo_vmware import _trust


class OneServerSession(requests.Session):
    """Follows a redirect only if it stays; any other is the answer, as what it is."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        try:
            target = super().get_redirect_target(resp)
            if target is None:
                return None
            # What is compared must be what is gone to, letter by letter: not everybody sees the
            # same host in https://a\@b/.
            target = requests.utils.requote_uri(urljoin(resp.url, target))
            leads_away = _trust.origin_of(target) != _trust.origin_of(resp.url)
        except ValueError:
            leads_away = True
        if leads_away:
            resp.reason = f'{resp.reason}; it leads to another server, where nothing is asked'
            return None
        # requests keeps every answer on the way, and each may be as large as an answer may be.
        resp._content = b''
        return target

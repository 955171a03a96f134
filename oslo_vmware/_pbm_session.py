"""How a session reaches PBM: for :mod:`oslo_vmware.pbm` and :mod:`oslo_vmware.spbm`, and internal.

What a session is here is whatever has ``invoke_api`` and a client ``pbm``, because users' stand-ins
for a session have no more.
"""

import threading
import weakref
from typing import Any

from oslo_vmware import exceptions, service, wsdl
from oslo_vmware._flights import Flights
from oslo_vmware._i18n import _
from oslo_vmware._process import PerProcess

_VCENTER = 'VirtualCenter'

# What is being asked by a session, so that threads which start together ask once.
_flights: 'weakref.WeakKeyDictionary[Any, Flights]' = weakref.WeakKeyDictionary()
_flights_lock = PerProcess(threading.Lock)


def description(vc_version: str) -> str | None:
    """URL of the newest description that is not newer than a vCenter; None for one before 5.5."""
    release = _release(vc_version)
    path = wsdl.pbm_wsdl_path(release) if release else None
    return wsdl.file_url(path) if path is not None else None


def release(session: Any) -> tuple[int, int] | None:
    """Major and minor version of a session's server; None where a stand-in does not say."""
    about = getattr(session.vim.service_content, 'about', None)
    version = getattr(about, 'version', None)
    return _release(version) if isinstance(version, str) else None


def _release(version: str) -> tuple[int, int] | None:
    """Major and minor of a dotted version; a missing minor is 0."""
    parts = version.split('.')[:2]
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None
    major, minor = (*map(int, parts), 0)[:2]
    return major, minor


def client(session: Any) -> Any:
    """The PBM client of a session, which is told the description to use if it knows none.

    :raises PbmNotSupportedException: the server has no PBM
    """
    if session.pbm is None:
        _flights_of(session).join('description', lambda: _choose_description(session))
    return session.pbm


def _choose_description(session: Any) -> None:
    if session.pbm is not None:
        # Somebody else was quicker; another choice would throw that client away.
        return
    about = session.vim.service_content.about
    location = description(about.version) if about.apiType == _VCENTER else None
    if location is None:
        raise exceptions.PbmNotSupportedException(
            _('%s has no storage policies: they need a vCenter of version 5.5 or later.')
            % about.fullName
        )
    session.pbm_wsdl_loc_set(location)


def service_content(session: Any, client: Any) -> Any:
    """PBM's service content, which may take a call the first time."""
    if isinstance(client, service.Service) and not client.knows_service_content:
        _flights_of(session).join(
            ('service content', id(client)),
            lambda: session.invoke_api(client, 'learn_service_content'),
        )
    return client.service_content


def _flights_of(session: Any) -> Flights:
    with _flights_lock.get():
        try:
            return _flights.setdefault(session, Flights())
        except TypeError:
            # A stand-in that cannot be a key shares with nobody.
            return Flights()


def login_count(session: Any) -> int | None:
    """How often a session has logged in, so that what is kept of it can go with the next time.

    :returns: None for a stand-in, which does not count
    """
    count = getattr(session, 'login_count', None)
    return count if isinstance(count, int) else None

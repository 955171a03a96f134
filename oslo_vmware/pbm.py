"""Storage policies (SPBM): the PBM service at ``/pbm`` of a vCenter, and what users ask of it.

PBM has no login of its own. A request is authenticated by the cookie of the VIM session, which
goes along as the SOAP header ``vcSessionCookie``: the bare value, without the quotes that the
HTTP cookie has. The HTTP cookie that PBM itself sets counts for nothing. A client of a session
therefore asks that session for its cookie at each call (:meth:`Pbm.follow_cookie`), so no login,
whoever made it, can leave it behind with an old one.

The helpers below take a session, and make every call through its ``invoke_api``. What PBM
refuses is an exception there, never an empty list. A session that knows no PBM description gets
the one for its vCenter at the first use of a helper.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from oslo_vmware import _pbm_session, exceptions, service
from oslo_vmware._lists import listed
from oslo_vmware.soap.call import Call
from oslo_vmware.soap.objects import moref

if TYPE_CHECKING:
    # The same with the operations, whose parameters and results checkers and editors then know.
    from oslo_vmware.types._operations_pbm import PbmService
else:
    PbmService = service.Service

LOG = logging.getLogger(__name__)

SERVICE_TYPE = 'PbmServiceInstance'

#: How many policies are asked for in one PbmRetrieveContent. The API names no limit here, but
#: 1000 for the calls of PBM that have one.
CONTENT_BLOCK = 1000

_STORAGE = 'STORAGE'
_REQUIREMENT = 'REQUIREMENT'
_DATASTORE = 'Datastore'
_STORAGE_POD = 'StoragePod'


class Pbm(PbmService):
    """Client of the PBM service.

    :param protocol: ``https`` or ``http``
    :param host: name or address of the vCenter; IPv6 without brackets
    :param port: port number
    :param wsdl_url: where the interface description is; see :func:`get_pbm_wsdl_location`
    :param cacert: see :class:`oslo_vmware.service.Service`, as for the rest
    :raises VimConnectionException: the description cannot be had
    """

    def __init__(
        self,
        protocol: str = 'https',
        host: str = 'localhost',
        port: int | None = 443,
        wsdl_url: str | None = None,
        cacert: str | None = None,
        insecure: bool = True,
        pool_maxsize: int = 10,
        connection_timeout: float | None = None,
        op_id_prefix: str = 'oslo.vmware',
        soap_engine: str | None = None,
    ) -> None:
        self._cookie: str | None = None
        self._present_cookie: Callable[[], str | None] | None = None
        super().__init__(
            wsdl_url,
            service.Service.build_base_url(protocol, host, port) + '/pbm',
            cacert,
            insecure,
            pool_maxsize,
            connection_timeout,
            op_id_prefix,
            soap_engine,
        )

    def set_soap_cookie(self, cookie: str | None) -> None:
        """Authenticate all further requests that :meth:`follow_cookie` has no cookie for.

        :param cookie: value of the VIM session's cookie, with or without the quotes that the
                       server put around it; a falsy value leaves the header out
        """
        self._cookie = cookie

    def follow_cookie(self, present_cookie: Callable[[], str | None]) -> None:
        """Authenticate each further request with the cookie there is when it is made.

        :param present_cookie: gives the value of the VIM session's cookie, or None
        """
        self._present_cookie = present_cookie

    def _soap_headers(self, op_id: str | None) -> Sequence[tuple[str, str]]:
        present = self._present_cookie() if self._present_cookie is not None else None
        cookie = (present or self._cookie or '').strip('"')
        authentication = (('vcSessionCookie', cookie),) if cookie else ()
        return (*authentication, *super()._soap_headers(op_id))

    def _seen_through(
        self, call: Call, op_id: str | None, arguments: dict[str, Any], ask: Callable[[], Any]
    ) -> Any:
        try:
            return super()._seen_through(call, op_id, arguments, ask)
        except exceptions.VimConnectionException as exc:
            if not exc.worth_repeating:
                raise
            # vCenter's proxy answers 503 while the PBM service behind it is down, with the
            # VIM service in best health: who catches this should know which one it is.
            raise exceptions.PbmUnavailableException(exc.msg, exc.cause) from exc

    def learn_service_content(self) -> None:
        """Have :attr:`service_content` at hand; as a call of its own it can be repeated."""
        self.service_content  # noqa: B018 - the property keeps what it reads

    def retrieve_service_content(self) -> Any:
        """``PbmRetrieveServiceContent`` of the root object (PBM API 1.0)."""
        return self.PbmRetrieveServiceContent(moref(service.SERVICE_INSTANCE, SERVICE_TYPE))

    def __repr__(self) -> str:
        return f'PBM Object({self.soap_url})'

    def __str__(self) -> str:
        return repr(self)


def get_all_profiles(session: Any) -> list[Any]:
    """All storage policies, of every category.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :returns: ``PbmProfile`` objects (``name``, ``profileId`` …), in the order of the server
    """
    client = _pbm_session.client(session)
    resource_type = client.client.factory.create('ns0:PbmProfileResourceType')
    resource_type.resourceType = _STORAGE
    profile_ids = session.invoke_api(
        client,
        'PbmQueryProfile',
        _pbm_session.service_content(session, client).profileManager,
        resourceType=resource_type,
    )
    return get_profiles_by_ids(session, profile_ids)


def get_profile_id_by_name(session: Any, profile_name: str) -> Any:
    """The id of the storage policy of a name.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param profile_name: exact name
    :returns: ``PbmProfileId`` object (``uniqueId``) of the first policy of that name, before
              others one that can be required of a machine or disk; None without any
    """
    named = [profile for profile in get_all_profiles(session) if profile.name == profile_name]
    if not named:
        return None
    named.sort(key=lambda profile: getattr(profile, 'profileCategory', None) != _REQUIREMENT)
    return named[0].profileId


def filter_hubs_by_profile(session: Any, hubs: Iterable[Any] | None, profile_id: Any) -> list[Any]:
    """The hubs that satisfy a storage policy (``PbmQueryMatchingHub``, PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param hubs: ``PbmPlacementHub`` objects to choose from; None for all that the server has
    :param profile_id: ``PbmProfileId`` object
    :returns: those hubs that do; none of no hubs, without a call
    """
    asked: Any = listed(hubs)
    if asked is not None and not len(asked):
        # On the wire an empty list looks like no list, and that means all hubs.
        return []
    client = _pbm_session.client(session)
    matching: list[Any] = session.invoke_api(
        client,
        'PbmQueryMatchingHub',
        _pbm_session.service_content(session, client).placementSolver,
        hubsToSearch=asked,
        profile=profile_id,
    )
    return matching


def convert_datastores_to_hubs(pbm_client_factory: Any, datastores: Iterable[Any]) -> list[Any]:
    """Name datastores to PBM.

    :param pbm_client_factory: ``session.pbm.client.factory``
    :param datastores: references of datastores or of datastore clusters
    :returns: one ``PbmPlacementHub`` object each
    """
    hubs = []
    for datastore in datastores:
        hub = pbm_client_factory.create('ns0:PbmPlacementHub')
        hub.hubId = datastore.value
        is_pod = getattr(datastore, '_type', None) == _STORAGE_POD
        hub.hubType = _STORAGE_POD if is_pod else _DATASTORE
        hubs.append(hub)
    return hubs


def filter_datastores_by_hubs(hubs: Iterable[Any], datastores: Iterable[Any]) -> list[Any]:
    """The datastores that hubs stand for.

    :param hubs: ``PbmPlacementHub`` objects
    :param datastores: references
    :returns: the references whose id is that of a hub, in their order
    """
    hub_ids = {hub.hubId for hub in hubs}
    return [datastore for datastore in datastores if datastore.value in hub_ids]


def get_profiles(session: Any, vm: Any) -> list[Any]:
    """The storage policies of a machine's home (``PbmQueryAssociatedProfile``, PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param vm: reference of the machine
    :returns: ``PbmProfileId`` objects
    """
    client = _pbm_session.client(session)
    entity = client.client.factory.create('ns0:PbmServerObjectRef')
    entity.key = vm.value
    entity.objectType = 'virtualMachine'
    profile_ids: list[Any] = session.invoke_api(
        client,
        'PbmQueryAssociatedProfile',
        _pbm_session.service_content(session, client).profileManager,
        entity=entity,
    )
    return profile_ids


def get_profiles_by_ids(session: Any, profile_ids: Iterable[Any]) -> list[Any]:
    """Storage policies by their ids (``PbmRetrieveContent``, PBM API 1.0).

    The server refuses a whole list for one id that it does not know. Then each is asked for by
    itself, and what is known comes back.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param profile_ids: ``PbmProfileId`` objects
    :returns: ``PbmProfile`` objects, in that order
    """
    ids: Any = listed(profile_ids)
    if not ids:
        return []
    if len(ids) > CONTENT_BLOCK:
        return [
            profile
            for start in range(0, len(ids), CONTENT_BLOCK)
            for profile in get_profiles_by_ids(session, ids[start : start + CONTENT_BLOCK])
        ]
    client = _pbm_session.client(session)
    try:
        profiles: list[Any] = session.invoke_api(
            client,
            'PbmRetrieveContent',
            _pbm_session.service_content(session, client).profileManager,
            profileIds=ids,
        )
    except exceptions.VimFaultException as fault:
        if not _is_invalid_argument(fault):
            raise
        if len(ids) == 1:
            LOG.warning('There is no storage policy %s.', ids[0].uniqueId)
            return []
        return [
            profile for profile_id in ids for profile in get_profiles_by_ids(session, [profile_id])
        ]
    return profiles


def _is_invalid_argument(fault: exceptions.VimFaultException) -> bool:
    # PBM may put a namespace prefix before the name.
    return [name.rpartition(':')[2] for name in fault.fault_list] == ['InvalidArgument']


def get_pbm_wsdl_location(vc_version: str | None) -> str | None:
    """Where the PBM description for a vCenter is.

    :param vc_version: the vCenter's version, such as ``8.0.3``
    :returns: ``file:`` URL of the newest description that is not newer than the vCenter, for
              ``VMwareAPISession.pbm_wsdl_loc_set``; None, with a warning, for a version before
              5.5 or what is no version
    """
    if not vc_version:
        return None
    location = _pbm_session.description(vc_version)
    if location is None:
        LOG.warning(
            'There is no description of storage policies (PBM) for vCenter %r: give a version '
            'from 5.5 on, such as 8.0.3.',
            vc_version,
        )
    return location

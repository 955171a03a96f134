"""Datastores: where a file is on one, by path and by URL, and which one to take.

A file has two names. ``[datastore] dir/file`` is what operations take (:class:`DatastorePath`);
``https://server/folder/dir/file?dcPath=datacenter&dsName=datastore`` is where its bytes are
(:class:`DatastoreURL`).
"""

import http.client
import logging
import random
import re
import urllib.parse
from collections.abc import Iterable
from typing import Any, Self

from oslo_vmware import _secrets, constants, exceptions, vim_util
from oslo_vmware._i18n import _
from oslo_vmware._lists import listed
from oslo_vmware._transfer import connection as _connection
from oslo_vmware.objects._path import DatastorePath, DatastorePathError

__all__ = [
    'Datastore',
    'DatastorePath',
    'DatastorePathError',
    'DatastoreURL',
    'get_datastore_by_ref',
    'get_dsc_ref_and_name',
    'get_recommended_datastore',
    'get_recommended_datastore_clone',
    'get_recommended_datastore_create',
    'sdrs_enabled',
]

LOG = logging.getLogger(__name__)

#: Objects on a page of a search.
_PAGE = 100


def get_datastore_by_ref(session: Any, ds_ref: Any) -> 'Datastore':
    """Read what is known of a datastore.

    :param session: session to read with
    :param ds_ref: reference of the datastore
    :returns: the datastore, with sizes in bytes as far as the server tells them
    :raises KeyError: the server does not tell its name
    """
    properties = session.invoke_api(
        vim_util,
        'get_object_properties_dict',
        session.vim,
        ds_ref,
        [
            'summary.type',
            'summary.name',
            'summary.capacity',
            'summary.freeSpace',
            'summary.uncommitted',
        ],
    )
    return Datastore(
        ds_ref,
        properties['summary.name'],
        capacity=properties.get('summary.capacity'),
        freespace=properties.get('summary.freeSpace'),
        uncommitted=properties.get('summary.uncommitted'),
        type=properties.get('summary.type'),
    )


def get_recommended_datastore(session: Any, sp_spec: Any) -> Any:
    """Ask Storage DRS where to place something (``RecommendDatastores``, vSphere API 5.0).

    :param session: session to ask with
    :param sp_spec: ``StoragePlacementSpec``
    :returns: ``key`` of the first recommendation, for applying it; None if there is none
    """
    result = session.invoke_api(
        session.vim,
        'RecommendDatastores',
        session.vim.service_content.storageResourceManager,
        storageSpec=sp_spec,
    )
    recommendations = getattr(result, 'recommendations', None)
    if not recommendations:
        fault = getattr(
            getattr(result, 'drsFault', None), 'reason', _('the server gives no reason')
        )
        LOG.error('Storage DRS recommends no datastore: %s', fault)
        return None
    return recommendations[0].key


def get_recommended_datastore_clone(
    session: Any,
    dsc_ref: Any,
    clone_spec: Any,
    vm_ref: Any,
    folder: Any,
    name: str,
    resource_pool: Any = None,
    host_ref: Any = None,
) -> Any:
    """Ask Storage DRS where to clone a virtual machine to.

    :param session: session to ask with
    :param dsc_ref: reference of the datastore cluster
    :param clone_spec: ``VirtualMachineCloneSpec``
    :param vm_ref: reference of the virtual machine
    :param folder: reference of the folder for the clone
    :param name: name of the clone
    :param resource_pool: reference of the resource pool
    :param host_ref: reference of the host
    :returns: as :func:`get_recommended_datastore`
    """
    sp_spec = vim_util.storage_placement_spec(
        session.vim.client.factory,
        dsc_ref,
        'clone',
        clone_spec=clone_spec,
        vm_ref=vm_ref,
        folder=folder,
        clone_name=name,
        res_pool_ref=resource_pool,
        host_ref=host_ref,
    )
    return get_recommended_datastore(session, sp_spec)


def get_recommended_datastore_create(
    session: Any,
    dsc_ref: Any,
    config_spec: Any,
    resource_pool: Any,
    folder: Any,
    host_ref: Any = None,
) -> Any:
    """Ask Storage DRS where to create a virtual machine.

    :param session: session to ask with
    :param dsc_ref: reference of the datastore cluster
    :param config_spec: ``VirtualMachineConfigSpec``
    :param resource_pool: reference of the resource pool
    :param folder: reference of the folder
    :param host_ref: reference of the host
    :returns: as :func:`get_recommended_datastore`
    """
    sp_spec = vim_util.storage_placement_spec(
        session.vim.client.factory,
        dsc_ref,
        'create',
        config_spec=config_spec,
        folder=folder,
        res_pool_ref=resource_pool,
        host_ref=host_ref,
    )
    return get_recommended_datastore(session, sp_spec)


def get_dsc_ref_and_name(session: Any, dsc_val: str) -> tuple[Any, Any]:
    """Find a datastore cluster.

    :param session: session to search with
    :param dsc_val: its id (``group-p123``) or its name
    :returns: reference and name, (None, None) if there is no such cluster
    """
    if re.match(r'group-p\d+', dsc_val):
        dsc_ref = vim_util.get_moref(dsc_val, 'StoragePod')
        try:
            name = session.invoke_api(vim_util, 'get_object_property', session.vim, dsc_ref, 'name')
            return dsc_ref, name
        except exceptions.ManagedObjectNotFoundException:
            LOG.debug('There is no datastore cluster with the id %s: is it a name?', dsc_val)
    pods = session.invoke_api(vim_util, 'get_objects', session.vim, 'StoragePod', _PAGE, ['name'])
    with vim_util.WithRetrieval(session.vim, pods) as found:
        for pod in found:
            name = vim_util.propset_dict(getattr(pod, 'propSet', None)).get('name')
            if name == dsc_val:
                return pod.obj, name
    return None, None


def sdrs_enabled(session: Any, dsc_ref: Any) -> Any:
    """Tell whether Storage DRS is on for a datastore cluster.

    :param session: session to read with
    :param dsc_ref: reference of the datastore cluster
    """
    entry = session.invoke_api(
        vim_util, 'get_object_property', session.vim, dsc_ref, 'podStorageDrsEntry'
    )
    return entry.storageDrsConfig.podConfig.enabled


class Datastore:
    """A datastore.

    :param ref: its reference
    :param name: its name
    :param capacity: its size in bytes
    :param freespace: bytes that are free
    :param uncommitted: bytes that thin disks may still take
    :param type: kind of the file system, such as ``VMFS``
    :param datacenter: the :class:`~oslo_vmware.objects.datacenter.Datacenter` it is in
    :raises ValueError: no reference or name, or more free than there is
    """

    def __init__(
        self,
        ref: Any,
        name: str,
        capacity: int | None = None,
        freespace: int | None = None,
        uncommitted: int | None = None,
        type: str | None = None,
        datacenter: Any = None,
    ) -> None:
        if name is None:
            raise ValueError(_('A datastore needs a name, not None.'))
        if ref is None:
            raise ValueError(_('A datastore needs a reference, not None.'))
        if freespace is not None and (capacity is None or capacity < freespace):
            raise ValueError(
                _('%(freespace)s bytes cannot be free of %(capacity)s.')
                % {'freespace': freespace, 'capacity': capacity}
            )
        self.ref = ref
        self.name = name
        self.capacity = capacity
        self.freespace = freespace
        self.uncommitted = uncommitted
        self.type = type
        self.datacenter = datacenter

    def build_path(self, *paths: str) -> DatastorePath:
        """Name a file on this datastore.

        :param paths: components of its path
        """
        return DatastorePath(self.name, *paths)

    def build_url(
        self, scheme: str, server: str, rel_path: str, datacenter_name: str | None = None
    ) -> 'DatastoreURL':
        """Say where the bytes of a file on this datastore are.

        :param scheme: ``https`` or ``http``
        :param server: host, with port or without
        :param rel_path: path of the file
        :param datacenter_name: path of the datacenter, by default the name of the datastore's own
        :raises ValueError: no datacenter is known
        """
        if self.datacenter is None and datacenter_name is None:
            raise ValueError(_('The URL of a file on %s needs a datacenter.') % self)
        if datacenter_name is None:
            datacenter_name = self.datacenter.name
        return DatastoreURL(scheme, server, rel_path, datacenter_name, self.name)

    def get_summary(self, session: Any) -> Any:
        """Read the ``DatastoreSummary`` (vSphere API 4.0).

        :param session: session to read with
        """
        return session.invoke_api(vim_util, 'get_object_property', session.vim, self.ref, 'summary')

    def get_connected_hosts(self, session: Any) -> list[Any]:
        """Find the hosts that can write to this datastore and are not in maintenance.

        :param session: session to read with
        :returns: references, in the order of the server's answer
        """
        # Nova counts on the AttributeError that a datastore without a summary ends in.
        if not self.get_summary(session).accessible:
            return []
        mounts = session.invoke_api(vim_util, 'get_object_property', session.vim, self.ref, 'host')
        candidates = [
            mount.key
            for mount in getattr(mounts, 'DatastoreHostMount', None) or ()
            if self.is_datastore_mount_usable(mount.mountInfo)
        ]
        if not candidates:
            return []
        result = session.invoke_api(
            vim_util,
            'get_properties_for_a_collection_of_objects',
            session.vim,
            'HostSystem',
            candidates,
            ['runtime'],
        )
        with vim_util.WithRetrieval(session.vim, result) as hosts:
            return [host.obj for host in hosts if _is_at_work(host)]

    @staticmethod
    def is_datastore_mount_usable(mount_info: Any) -> bool:
        """Tell whether a host can write through a mount of the datastore.

        :param mount_info: ``HostMountInfo`` (vSphere API 4.0)
        """
        writable = mount_info.accessMode == 'readWrite'
        mounted = getattr(mount_info, 'mounted', True)
        accessible = getattr(mount_info, 'accessible', False)
        return bool(writable and mounted and accessible)

    @staticmethod
    def choose_host(hosts: Iterable[Any]) -> Any:
        """Pick a host by chance, to spread the load.

        :returns: one of the hosts, None if there are none
        """
        candidates = listed(hosts)
        return random.choice(candidates) if candidates else None

    def __str__(self) -> str:
        return f'[{self.name}]'


def _is_at_work(host: Any) -> bool:
    runtime = vim_util.propset_dict(getattr(host, 'propSet', None)).get('runtime')
    return runtime is not None and not runtime.inMaintenanceMode


class DatastoreURL:
    """Where the bytes of a file on a datastore are.

    :param scheme: ``https`` or ``http``; others can be kept, but not connected to
    :param server: host, with port or without; an IPv6 address with brackets or without
    :param path: path on the datastore; what a URL cannot hold is encoded, ``%XX`` is left alone
    :param datacenter_path: inventory path of the datacenter
    :param datastore_name: name of the datastore
    """

    def __init__(
        self,
        scheme: str,
        server: str,
        path: str,
        datacenter_path: str | None,
        datastore_name: str,
    ) -> None:
        self._scheme = scheme
        self._server = server
        self._path = path
        self._datacenter_path = datacenter_path
        self._datastore_name = datastore_name

    @classmethod
    def urlparse(cls, url: str) -> Self:
        """Take a URL apart.

        :param url: of any scheme; the path stays as it is
        :raises ValueError: it does not name a server, a path, and a datastore
        """
        parts = urllib.parse.urlsplit(url, allow_fragments=False)
        query = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
        name = query.get('dsName')
        path = parts.path[len('/folder') :]
        if not (name and parts.netloc):
            raise ValueError(
                _('%r does not have the form "scheme://server/folder/path?dcPath=...&dsName=...".')
                % _connection.shown(url)
            )
        dc_path = query.get('dcPath')
        return cls(parts.scheme, parts.netloc, path, dc_path[0] if dc_path else None, name[0])

    @property
    def path(self) -> str:
        """Path on the datastore, without outer slashes."""
        return self._path.strip('/')

    @property
    def datacenter_path(self) -> str | None:
        """Inventory path of the datacenter."""
        return self._datacenter_path

    @property
    def datastore_name(self) -> str:
        """Name of the datastore."""
        return self._datastore_name

    def __str__(self) -> str:
        target = _connection.folder_target(self.path, self._datacenter_path, self._datastore_name)
        return f'{self._scheme}://{_connection.host_part(self._server)}{target}'

    @_secrets.guarded
    def connect(
        self,
        method: str,
        content_length: int,
        cookie: str | None,
        cacerts: bool | str | None = None,
        thumbprint: str | None = None,
    ) -> http.client.HTTPConnection:
        """Open a connection and send the request, all but its body.

        :param method: HTTP method
        :param content_length: bytes of the body
        :param cookie: the whole header
        :param cacerts: True to verify with the bundle of ``requests``, a path to verify with
                        that bundle or directory, None to verify with the system's, False not to
                        verify
        :param thumbprint: of the server's certificate, which must then have it
        :returns: connection, ready for ``send`` and ``getresponse``
        :raises ValueError: the scheme is neither ``http`` nor ``https``
        :raises VimConnectionException: the server cannot be reached, or is not trusted
        """
        headers = {'Content-Length': str(content_length)}
        return _connection.send_request(method, str(self), headers, cookie, cacerts, thumbprint)

    def get_transfer_ticket(self, session: Any, method: str) -> str:
        """Have one request for this URL allowed without a session.

        Uses ``AcquireGenericServiceTicket`` (vSphere API 5.0).

        :param session: session to ask with
        :param method: how the URL will be requested
        :returns: the cookie, ``vmware_cgi_ticket="..."``
        """
        spec = vim_util.get_http_service_request_spec(session.vim.client.factory, method, str(self))
        ticket = session.invoke_api(
            session.vim,
            'AcquireGenericServiceTicket',
            session.vim.service_content.sessionManager,
            spec=spec,
        )
        return f'{constants.CGI_COOKIE_KEY}="{ticket.id}"'

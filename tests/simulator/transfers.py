"""Clients for the simulator's files that are not ours: requests over pyVmomi's session."""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import requests
from pyVmomi import vim

from tests.simulator.vsphere import Client

GIB_IN_KIB = 1024 * 1024
DISK = vim.vm.device.VirtualDisk
CHANGE = vim.vm.device.VirtualDeviceSpec
Spec = vim.host.DatastoreBrowser.SearchSpec
Details = vim.host.DatastoreBrowser.FileInfo.Details


class Files:
    """The files of one datastore, over HTTP and through the managers.

    :ivar ds: the datastore, ``name`` is its name
    :ivar dc: its datacenter
    """

    def __init__(self, client: Client, datacenter: str = 'Frankfurt') -> None:
        self.client = client
        self.vc = client.vc
        self.dc = client.at(datacenter)
        self.datacenter = datacenter
        self.ds = self.dc.datastore[0]
        self.name: str = self.ds.name
        self.manager = client.content.fileManager
        self.disks = client.content.virtualDiskManager
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = self.vc.cacert

    @property
    def cookie(self) -> str:
        """The session's cookie, as a client sends it."""
        cookie: str = self.client.content.sessionManager._stub.cookie
        return cookie.partition(';')[0]

    @property
    def free(self) -> int:
        free: int = self.ds.summary.freeSpace
        return free

    def path(self, path: str = '') -> str:
        """A path as the managers want it."""
        return f'[{self.name}] {path}'

    def url(self, path: str, **query: str) -> str:
        names = {'dcPath': self.datacenter, 'dsName': self.name} | query
        return f'{self.vc.url}/folder/{urllib.parse.quote(path)}?{urllib.parse.urlencode(names)}'

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {'Cookie': self.cookie} | options.pop('headers', {})
        return self.http.request(method, self.url(path), headers=headers, timeout=30, **options)

    def put(self, path: str, data: Any) -> requests.Response:
        response = self.send('PUT', path, data=data)
        assert response.status_code in (200, 201), response.text
        return response

    def get(self, path: str) -> bytes:
        response = self.send('GET', path)
        assert response.status_code == 200, response.text
        return response.content

    def names(self, path: str = '', **spec: Any) -> list[str]:
        """What a search finds in a directory."""
        return [found.path for found in self.search(path, **spec).file]

    def search(self, path: str = '', **spec: Any) -> Any:
        task = self.ds.browser.SearchDatastore_Task(self.path(path), Spec(**spec))
        while task.info.state not in ('success', 'error'):
            time.sleep(0.005)
        if task.info.state == 'error':
            raise task.info.error
        return task.info.result

    def connection(self) -> http.client.HTTPSConnection:
        """A bare connection, for clients that misbehave."""
        context = ssl.create_default_context(cafile=self.vc.cacert)
        return http.client.HTTPSConnection(self.vc.host, self.vc.port, context=context, timeout=30)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is about to be."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def import_spec(
    files: Files, name: str, *, thin: bool = True, sizes: tuple[int, ...] = (GIB_IN_KIB,)
) -> Any:
    """What ImportVApp wants for a machine with disks of these sizes in KiB."""
    controller = vim.vm.device.ParaVirtualSCSIController(key=-1, busNumber=0, sharedBus='noSharing')
    changes = [CHANGE(operation='add', device=controller)]
    for unit, size in enumerate(sizes):
        backing = DISK.FlatVer2BackingInfo(fileName='', diskMode='persistent', thinProvisioned=thin)
        disk = DISK(
            key=-10 - unit, controllerKey=-1, unitNumber=unit, capacityInKB=size, backing=backing
        )
        changes.append(CHANGE(operation='add', fileOperation='create', device=disk))
    config = vim.vm.ConfigSpec(
        name=name,
        numCPUs=1,
        memoryMB=64,
        files=vim.vm.FileInfo(vmPathName=files.path()),
        deviceChange=changes,
    )
    return vim.vm.VmImportSpec(configSpec=config)


def settled(lease: Any) -> Any:
    """Wait until a lease is no longer initialising; returns it."""
    while lease.state == 'initializing':
        time.sleep(0.005)
    return lease


def disk_urls(lease: Any) -> list[str]:
    return [device.url for device in lease.info.deviceUrl if device.disk]

"""A stand-in for a session, as users' tests have them, with a server's book-keeping of leases."""

import http.cookiejar
import threading
from types import SimpleNamespace
from typing import Any

from oslo_vmware import exceptions, vim_util

FAULT = SimpleNamespace(
    fault=type('NoDiskSpace', (), {})(), localizedMessage='The datastore is full.'
)


class StandIn:
    """Has what a transfer asks a session for; nothing goes over the wire.

    :param url: URL of the disk in every lease
    :ivar calls: operations, with their arguments
    :ivar open_leases: leases that were given and neither completed nor aborted
    """

    def __init__(self, url: str = '', thumbprint: str | None = None, host: str = '') -> None:
        self.vim: Any = SimpleNamespace(
            client=SimpleNamespace(cookiejar=http.cookiejar.CookieJar(), factory=Factory()),
            service_content=SimpleNamespace(sessionManager='SessionManager'),
            get_http_cookie=lambda: '"52a-secret"',
        )
        self._host = host
        self._scheme = 'https'
        self.state = 'ready'
        self.error: Any = FAULT
        disk = SimpleNamespace(disk=True, url=url)
        if thumbprint:
            disk.sslThumbprint = thumbprint
        self.manifest: Any = None
        self.devices: list[Any] = [SimpleNamespace(url='https://127.0.0.1:1/nvram'), disk]
        self.vm = vim_util.get_moref('vm-7', 'VirtualMachine')
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.faults: dict[str, Exception] = {}
        self.open_leases = 0
        self.properties: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def operations(self) -> list[str]:
        return [name for name, _arguments in self.calls]

    @property
    def percents(self) -> list[int]:
        return [a['percent'] for name, a in self.calls if name == 'HttpNfcLeaseProgress']

    @property
    def ends(self) -> list[str]:
        ends = ('HttpNfcLeaseComplete', 'HttpNfcLeaseAbort')
        return [name for name in self.operations if name in ends]

    def wait_for_lease_ready(self, lease: Any) -> None:
        if self.state == 'error':
            raise exceptions.translate_fault(self.error)

    def invoke_api(self, module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if module is vim_util:
            return self._read(*args[1:])
        assert module is self.vim
        with self._lock:
            self.calls.append((method, kwargs))
        if method in self.faults:
            raise self.faults[method]
        if method in ('ImportVApp', 'ExportVm'):
            self.open_leases += 1
            return vim_util.get_moref('session[1]lease-1', 'HttpNfcLease')
        if method in ('HttpNfcLeaseComplete', 'HttpNfcLeaseAbort'):
            self.open_leases -= 1
        if method == 'HttpNfcLeaseGetManifest':
            return self.manifest
        if method == 'AcquireGenericServiceTicket':
            return SimpleNamespace(id='one-time-ticket')
        return None

    def _read(self, ref: Any, name: str) -> Any:
        if name in self.faults:
            raise self.faults[name]
        if name == 'info':
            return SimpleNamespace(deviceUrl=self.devices, entity=self.vm)
        return self.properties[name] if name in self.properties else getattr(self, name)


class Factory:
    """Makes objects that take any attribute."""

    def create(self, name: str) -> Any:
        return SimpleNamespace(_made_as=name)


class Cookie:
    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self.value = value

"""Lets the HTTP client read ``file:`` URLs, so that a description may lie on disk."""

import http
import io
import os
import stat
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

import requests
import requests.adapters


class Response(io.BytesIO):
    """The content of a file, with the face that requests expects of a raw HTTP response.

    :param stream: the content, bytes
    :param status: HTTP-like status code
    :param headers: mapping of header names to values, or None
    """

    def __init__(
        self, stream: bytes, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(stream)
        self.status = status
        self.headers: Mapping[str, str] = headers or {}
        self.reason = http.HTTPStatus(status).phrase
        self._original_response = self

    @property
    def msg(self) -> 'Response':
        """The headers' holder, as ``http.client`` names it."""
        return self

    def read(self, chunk_size: int | None = -1, **kwargs: Any) -> bytes:
        """Up to ``chunk_size`` bytes; options of real responses are accepted and unused."""
        return super().read(chunk_size)

    def info(self) -> 'Response':
        """The object that answers for the headers."""
        return self

    def get_all(self, name: str, default: Any = None) -> Any:
        """All values of a header as a list, ``default`` without one."""
        value = self.headers.get(name)
        return [value] if value else default

    def getheaders(self, name: str) -> list[str]:
        """All values of a header, ``[]`` without one."""
        values: list[str] = self.get_all(name, [])
        return values

    def release_conn(self) -> None:
        """Close the file; there is no connection to give back."""
        self.close()


class LocalFileAdapter(requests.adapters.HTTPAdapter):
    """Answers requests for ``file:`` URLs from the disk.

    :param pool_maxsize: accepted for the sake of callers; files need no pool
    """

    def __init__(self, pool_maxsize: int = 10) -> None:
        super().__init__(pool_connections=pool_maxsize, pool_maxsize=pool_maxsize)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Read the file.

        :returns: response with status 200, 404 when there is no such file, or 403 when it
                  cannot be read
        """
        path = urllib.request.url2pathname(urllib.parse.urlsplit(request.url or '').path)
        headers = {'Content-Type': 'text/xml'}
        try:
            # Opening a pipe waits for somebody to write, and a device may have no end.
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise PermissionError(path)
            with open(path, 'rb') as source:
                raw = Response(source.read(), 200, headers)
        except (FileNotFoundError, ValueError):  # the latter of a name that no file can have
            raw = Response(b'', 404)
        except OSError:
            raw = Response(b'', 403)
        return self.build_response(request, raw)  # type: ignore[arg-type]

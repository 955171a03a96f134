"""What stands between a client and its server: a relay whose other end changes, and a proxy.

Raw sockets and no code of ours. TLS passes through both untouched, so what a client makes of the
certificate at the other end is its own doing.
"""

import contextlib
import socket
import threading
from typing import Any, Self
from urllib.parse import urlsplit


class Listener:
    """Accepts connections on loopback, each for a thread of its own.

    :ivar connections: how many there were
    """

    def __init__(self, host: str = '127.0.0.1') -> None:
        self.host = host
        self.connections = 0
        self._listener = socket.create_server(
            (host, 0), family=socket.AF_INET6 if ':' in host else socket.AF_INET
        )
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._ended = False

    def serve(self, client: socket.socket) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended = True
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), timeout=5).close()
        self.cut()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def cut(self) -> None:
        """End all connections there are."""
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _spawn(self, function: Any, *args: Any) -> threading.Thread:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            client, _address = self._listener.accept()
            if self._ended:
                client.close()
                return
            self.connections += 1
            self._spawn(self._served, client)

    def _served(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            self.serve(client)

    def join(self, client: socket.socket, host: str, port: int, first: bytes = b'') -> None:
        """Pass on what comes, in both directions, until both have said all."""
        with socket.create_connection((host, port), timeout=10) as server:
            server.settimeout(None)
            server.sendall(first)
            self._open += [client, server]
            back = self._spawn(self._pump, server, client)
            self._pump(client, server)
            # Nobody may close a socket that somebody waits at.
            back.join()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class Relay(Listener):
    """Passes connections on to where ``target`` says when they are made.

    :param target: host and port
    """

    def __init__(self, target: tuple[str, int], host: str = '127.0.0.1') -> None:
        super().__init__(host)
        self.target = target

    def lead_to(self, host: str, port: int) -> None:
        """From now on be the address of another server; connections to the old one are cut."""
        self.target = host, port
        self.cut()

    def serve(self, client: socket.socket) -> None:
        self.join(client, *self.target)


class Proxy(Listener):
    """An HTTP proxy: tunnels (CONNECT) and requests with a complete URL.

    :param status: what it answers to CONNECT
    :ivar heads: request line and headers of all that it was asked, as text
    """

    def __init__(self, status: str = '200 Connection established') -> None:
        super().__init__()
        self.status = status
        self.heads: list[str] = []

    def serve(self, client: socket.socket) -> None:
        head = b''
        while b'\r\n\r\n' not in head:
            piece = client.recv(65536)
            if not piece:
                return
            head += piece
        end = head.index(b'\r\n\r\n') + 4
        self.heads.append(head[:end].decode('latin-1'))
        method, target, _version = self.heads[-1].split('\r\n')[0].split(' ')
        if method != 'CONNECT':
            where = urlsplit(target)
            self.join(client, str(where.hostname), where.port or 80, head)
            return
        client.sendall(f'HTTP/1.1 {self.status}\r\nProxy-Agent: test\r\n\r\n'.encode())
        if self.status.startswith('200'):
            host, _, port = target.rpartition(':')
            self.join(client, host.strip('[]'), int(port), head[end:])

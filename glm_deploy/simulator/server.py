"""The HTTP server: sockets, headers, streams, the access log, and the drain at the end."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from glm_deploy.simulator import endpoints, log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_deploy.simulator.endpoints import Answer
    from glm_deploy.simulator.engine import Engine


class Server(ThreadingHTTPServer):
    """Listens once it is made; `open_requests` counts the generations not answered to the end."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 2048

    def __init__(self, host: str, port: int, engine: Engine) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.engine = engine
        self.open_requests = 0
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the resolver for this host's name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""

    @contextmanager
    def open_request(self) -> Iterator[None]:
        """Count a request as open while it lasts."""
        with self._lock:
            self.open_requests += 1
        try:
            yield
        finally:
            with self._lock:
                self.open_requests -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "uvicorn"
    sys_version = ""
    # Each event of a stream is one small packet; they must not wait for each other.
    disable_nagle_algorithm = True
    # Buffered, so that head and body leave in one packet; http.server flushes after each request.
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `_head` writes the access log."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = urlsplit(self.path).path
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.command == "POST":
            with self.server.open_request():
                self._send(endpoints.answer(self.server.engine, "POST", path, headers, body))
        else:
            self._send(endpoints.answer(self.server.engine, self.command, path, headers, body))

    def _send(self, answer: Answer) -> None:
        if answer.events is None:
            self._head(answer, ("Content-Length", str(len(answer.body))))
            self.wfile.write(answer.body)
            return
        self._head(answer, ("Transfer-Encoding", "chunked"))
        for event in answer.events:
            self._chunk(f"data: {json.dumps(event)}\n\n")
        self._chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _head(self, answer: Answer, framing: tuple[str, str]) -> None:
        client = f"{self.client_address[0]}:{self.client_address[1]}"
        phrase = HTTPStatus(answer.status).phrase
        log.access(client, self.requestline, answer.status, phrase)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header(*framing)
        self.end_headers()

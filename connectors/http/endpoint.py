"""The HTTP endpoint of the connector that is sent changes: authentication, bounds and answers; a thread for each sender.

    POST /<dataset>            a JSON object, or a list of them
    Authorization: Bearer …
    Idempotency-Key: …         1 to 255 printable characters, unique to the request

200 after the commit; 400, 401, 404, 405, 409 (the key was used with another body), 411, 413 for what is wrong; 503 to ask again.
"""

from __future__ import annotations

import hmac
import json
import ssl
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from connectors.codes import ENDPOINT_TAKEN
from connectors.http.desk import Closed, Known, Other
from connectors.http.options import HttpPushOptions, secret
from contracts.faults import Unavailable

_SOCKET_SECONDS = 30.0
_KEY_CHARACTERS_MAX = 255
Receive = Callable[[str, str, bytes], Known]
"""Takes dataset, key and body; raises `Wrong`, `Other` and `Closed`."""


class Wrong(Exception):
    """The request cannot be taken; the message says why, and holds nothing of it."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Endpoint:
    """Listens from `start` to `stop`, and gives every good request to `receive`."""

    def __init__(self, options: HttpPushOptions, receive: Receive) -> None:
        host, _, port = options.listen.rpartition(":")
        context = tls(options)
        token = f"Bearer {secret(options.token_file)}".encode()
        handler = type("Handler", (_Handler,), {"options": options, "receive": staticmethod(receive), "token": token})
        try:
            self._server = _Server((host, int(port)), handler, context, options.senders_max)
        except (OSError, OverflowError) as error:
            raise Unavailable(ENDPOINT_TAKEN.fault(f"{options.listen}: {error}")) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="endpoint", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port, which the system chose where the options say 0."""
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Listen no more; requests that are being answered end by themselves."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def tls(options: HttpPushOptions) -> ssl.SSLContext | None:
    """The context for https; raises `Unavailable` when the certificate cannot be read."""
    if options.certificate_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(options.certificate_file, options.key_file)
    except (OSError, ssl.SSLError) as error:
        raise Unavailable(ENDPOINT_TAKEN.fault(f"{options.certificate_file}: {type(error).__name__}")) from error
    return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        context: ssl.SSLContext | None,
        senders_max: int,
    ) -> None:
        self._context = context
        self._places = threading.BoundedSemaphore(2 * senders_max)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each connection, up to a number; beyond it a connection is closed at once."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """In its own thread: the handshake, then the requests."""
        try:
            request.settimeout(_SOCKET_SECONDS)
            if self._context is not None:
                request = self._context.wrap_socket(request, server_side=True)
            super().process_request_thread(request, client_address)
        except OSError:
            self.shutdown_request(request)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that went away is no concern of the log; it asks again."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "concordat"
    sys_version = ""
    timeout = _SOCKET_SECONDS
    options: HttpPushOptions
    receive: Receive
    token: bytes

    def do_POST(self) -> None:
        """Take one request."""
        try:
            known = self.receive(self.path.removeprefix("/"), *self._request())
        except Wrong as wrong:
            self._answer(wrong.status, {"error": str(wrong)})
        except Other:
            self._answer(HTTPStatus.CONFLICT, {"error": "the Idempotency-Key was used with another body"})
        except Closed:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "not written yet: ask again with the same key"})
        else:
            self._answer(HTTPStatus.OK, {"accepted": known.accepted, "quarantined": known.quarantined})

    def do_GET(self) -> None:
        """Nothing is given here."""
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "POST only"})

    do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET  # noqa: N815 - the names are the standard library's

    def log_message(self, *_arguments: object) -> None:
        """Nothing: a path or a header may hold what a log must not."""

    def _request(self) -> tuple[str, bytes]:
        """Key and body, after everything that can be wrong with them."""
        given = self.headers.get("Authorization", "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, self.token):
            raise Wrong(HTTPStatus.UNAUTHORIZED, "a valid bearer token is needed")
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or len(lengths) != 1 or not lengths[0].isdecimal():
            raise Wrong(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        if int(lengths[0]) > self.options.body_bytes_max:
            raise Wrong(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {self.options.body_bytes_max} bytes")
        key = self.headers.get("Idempotency-Key", "")
        if not 1 <= len(key) <= _KEY_CHARACTERS_MAX or not key.isascii() or not key.isprintable():
            raise Wrong(HTTPStatus.BAD_REQUEST, "an Idempotency-Key of 1 to 255 printable characters is needed")
        body = self.rfile.read(int(lengths[0]))
        if len(body) != int(lengths[0]):
            raise Wrong(HTTPStatus.BAD_REQUEST, "the body ended too early")
        return key, body

    def _answer(self, status: HTTPStatus, document: dict[str, object]) -> None:
        """Send an answer; one that is not 200 ends the connection, whose rest may not have been read."""
        body = json.dumps(document).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status is HTTPStatus.SERVICE_UNAVAILABLE:
                self.send_header("Retry-After", "1")
            if status is HTTPStatus.UNAUTHORIZED:
                self.send_header("WWW-Authenticate", "Bearer")
            if status is not HTTPStatus.OK:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except (TimeoutError, OSError):
            self.close_connection = True

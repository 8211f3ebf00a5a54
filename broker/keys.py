"""Secret keys: made at random, wrapped by a root key, versioned, rotatable, and destroyed to make data unreadable.

Identifiers say what a key is for: `pseudonym/<reference>` (tokens under one agreement), `content/<reference>/<share>`
(values encrypted for the recipient), `subject/<year>` (the auditors' pseudonyms), `quarantine` (values at rest).
A derived key could never be destroyed, so none is derived.  Keys of agreements are made by the activating command, the
others by the process that first needs them.  `FileKeys` keeps them on this machine; a KMS fills the same `KeyProvider`.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker import codes
from broker.settings import Settings
from contracts.faults import Unavailable, Unusable

KEY_BYTES = 32
QUARANTINE = "quarantine"
_NONCE_BYTES = 12
_VERSION_BYTES = 4
_IDENTIFIER = re.compile(r"[A-Za-z0-9-]{1,64}(/[A-Za-z0-9-]{1,64}){0,3}", re.ASCII)


class KeyProvider(Protocol):
    """Where secret keys live.  What it returns is never printed, logged or written anywhere."""

    def key(self, identifier: str, version: int) -> bytes | None:
        """The 256-bit key, or None if it was never made or was destroyed."""
        ...

    def current(self, identifier: str) -> int:
        """The newest version, 0 if there is none; a destroyed version still counts."""
        ...

    def ensure(self, identifier: str) -> int:
        """The newest version, made now if there is none.  Safe when several processes ask at once."""
        ...

    def rotate(self, identifier: str) -> int:
        """Make a new version and return it; the older ones stay readable."""
        ...

    def destroy(self, identifier: str, version: int) -> None:
        """Forget one version for ever: what it protects is unreadable from now on.  It is never made again."""
        ...


class FileKeys:
    """Keys in files of mode 0600 below a directory of mode 0700, each wrapped by the root key with AES-256-GCM.

    Its identifier and version are bound in, so a file put in another's place does not open.  The root key is in
    `root_key_file` (default `root.key` in the directory), made on first use: who holds both holds everything, so on a
    real installation the file is a mounted secret on another medium.  Raises `Unavailable` for what cannot be read.
    """

    def __init__(self, directory: Path, root_key_file: Path | None = None) -> None:
        self._directory = directory
        _private_directory(directory)
        self._root = AESGCM(_root_key(root_key_file or directory / "root.key", made=root_key_file is None))

    def __repr__(self) -> str:
        return f"FileKeys({str(self._directory)!r})"

    def key(self, identifier: str, version: int) -> bytes | None:
        """See `KeyProvider`."""
        path = self._path(identifier, version)
        if path.with_suffix(".destroyed").exists():
            return None
        try:
            wrapped = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable(identifier, error.strerror or "cannot be read") from error
        try:
            return self._root.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _context(identifier, version))
        except (InvalidTag, ValueError) as error:
            raise _unavailable(identifier, "was changed, or belongs to another root key") from error

    def current(self, identifier: str) -> int:
        """See `KeyProvider`."""
        folder = self._path(identifier, 1).parent
        found = [int(p.stem) for p in folder.glob("*.*") if p.suffix in (".key", ".destroyed") and p.stem.isdecimal()]
        return max(found, default=0)

    def ensure(self, identifier: str) -> int:
        """See `KeyProvider`."""
        return self.current(identifier) or self._make(identifier, 1)

    def rotate(self, identifier: str) -> int:
        """See `KeyProvider`."""
        return self._make(identifier, self.current(identifier) + 1)

    def destroy(self, identifier: str, version: int) -> None:
        """See `KeyProvider`.  The marker is written first: a crash between the two leaves it to be done again."""
        path = self._path(identifier, version)
        if not path.exists():
            return
        marker = path.with_suffix(".destroyed")
        marker.touch(mode=0o600)
        with path.open("r+b") as file:  # journals and copies of the disk are beyond our reach: docs say so
            file.write(secrets.token_bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        _flush_directory(path.parent)

    def _make(self, identifier: str, version: int) -> int:
        """Make one version; if another process was first, its key is the key."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        context = _context(identifier, version)
        wrapped = nonce + self._root.encrypt(nonce, AESGCM.generate_key(KEY_BYTES * 8), context)
        _write_once(self._path(identifier, version), wrapped, below=self._directory)
        return version

    def _path(self, identifier: str, version: int) -> Path:
        if _IDENTIFIER.fullmatch(identifier) is None or version < 1:
            raise Unusable(codes.KEY_IDENTIFIER.fault(f"{identifier!r} version {version}"))
        return self._directory / identifier / f"{version}.key"


def installed(settings: Settings) -> FileKeys:
    """The key provider of this installation: `secrets` in its directory, its root key as the settings say."""
    return FileKeys(settings.directory / "secrets", settings.root_key_file)


def encrypt_at_rest(keys: KeyProvider, identifier: str, data: bytes, context: bytes) -> bytes:
    """`data` under the newest version of a key, made if there is none; `context` must be the same to read it.

    Form: version as four bytes big-endian, nonce of 12 bytes, AES-256-GCM ciphertext with its tag.
    """
    version = keys.ensure(identifier)
    secret = keys.key(identifier, version)
    if secret is None:
        raise _unavailable(identifier, f"version {version} was destroyed; rotate it")
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return version.to_bytes(_VERSION_BYTES, "big") + nonce + AESGCM(secret).encrypt(nonce, data, context)


def decrypt_at_rest(keys: KeyProvider, identifier: str, sealed: bytes, context: bytes) -> bytes | None:
    """The data in `sealed`; None if its key was destroyed, or if it was changed or made in another context."""
    version, rest = int.from_bytes(sealed[:_VERSION_BYTES], "big"), sealed[_VERSION_BYTES:]
    secret = keys.key(identifier, version) if version else None
    if secret is None or len(rest) < _NONCE_BYTES:
        return None
    try:
        return AESGCM(secret).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], context)
    except InvalidTag:
        return None


def _context(identifier: str, version: int) -> bytes:
    return f"concordat-key/1 {identifier} {version}".encode()


def _root_key(path: Path, *, made: bool) -> bytes:
    """The root key: 32 bytes, or 64 hexadecimal digits; made in our own directory, never in somebody else's place."""
    if made:
        _write_once(path, AESGCM.generate_key(KEY_BYTES * 8), below=path.parent)
    try:
        if path.stat().st_mode & 0o077 and made:
            raise _unavailable("root", "its file is open to others; set its mode to 0600")
        data = path.read_bytes()
    except OSError as error:
        raise _unavailable("root", error.strerror or "cannot be read") from error
    if len(data) == KEY_BYTES:
        return data
    text = data.strip()
    if re.fullmatch(rb"[0-9a-fA-F]{64}", text) is None:
        raise _unavailable("root", "its file holds neither 32 bytes nor 64 hexadecimal digits")
    return bytes.fromhex(text.decode())


def _private_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o077:
        raise _unavailable("root", "the directory of keys is open to others; set its mode to 0700")


def _write_once(path: Path, data: bytes, *, below: Path) -> None:
    """Write a whole file of mode 0600, or leave the one that is there: a half-written key is never seen."""
    for folder in reversed([parent for parent in path.parents if below in parent.parents]):
        folder.mkdir(mode=0o700, exist_ok=True)
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    _flush_directory(path.parent)


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(identifier: str, message: str) -> Unavailable:
    return Unavailable(codes.KEY_UNAVAILABLE.fault(f"key {identifier}: {message}"))

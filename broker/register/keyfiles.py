"""Private key files: PEM (PKCS 8), mode 0600, never written over."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from broker.register.codes import KEY_FILE
from contracts.faults import Unavailable

PrivateKey = Ed25519PrivateKey | X25519PrivateKey


def new_key(path: Path, *, encryption: bool = False) -> str:
    """Make a key at random, Ed25519 to sign or X25519 to receive encrypted fields; the public key in hexadecimal.

    The folder is made with mode 0700 where it is missing.  Raises `Unavailable` for a file that is there already.
    """
    key: PrivateKey = X25519PrivateKey.generate() if encryption else Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Unavailable(KEY_FILE.fault(f"{path}: {error.strerror}")) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
    return key.public_key().public_bytes_raw().hex()


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The Ed25519 private key in a file; raises `Unavailable`."""
    key = _read(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise Unavailable(KEY_FILE.fault(f"{path}: not an Ed25519 private key"))
    return key


def encryption_key(path: Path) -> X25519PrivateKey:
    """The X25519 private key in a file; raises `Unavailable`."""
    key = _read(path)
    if not isinstance(key, X25519PrivateKey):
        raise Unavailable(KEY_FILE.fault(f"{path}: not an X25519 private key"))
    return key


def public_key(path: Path) -> tuple[str, str]:
    """The kind (`ed25519` or `x25519`) and the public key, in hexadecimal, of a private key file; raises `Unavailable`."""
    key = _read(path)
    return ("ed25519" if isinstance(key, Ed25519PrivateKey) else "x25519"), key.public_key().public_bytes_raw().hex()


def _read(path: Path) -> PrivateKey:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Unavailable(KEY_FILE.fault(f"{path}: others may read it; its mode must be 0600"))
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise Unavailable(KEY_FILE.fault(f"{path}: {error.strerror}")) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Unavailable(KEY_FILE.fault(f"{path}: not a private key in PEM")) from error
    if not isinstance(key, Ed25519PrivateKey | X25519PrivateKey):
        raise Unavailable(KEY_FILE.fault(f"{path}: neither an Ed25519 nor an X25519 private key"))
    return key

"""The file provider of secret keys: random, wrapped, private, versioned, destroyable."""

from __future__ import annotations

import stat

import pytest

from broker.keys import QUARANTINE, FileKeys, decrypt_at_rest, encrypt_at_rest, installed
from broker.settings import Settings
from contracts.faults import Unavailable, Unusable

NAME = "pseudonym/DSA-2026-014"


@pytest.fixture
def keys(tmp_path):
    return FileKeys(tmp_path / "keys")


def test_a_key_is_made_once_and_read_by_another_process(keys, tmp_path):
    assert keys.current(NAME) == 0
    assert keys.key(NAME, 1) is None
    assert keys.ensure(NAME) == 1
    secret = keys.key(NAME, 1)
    assert secret is not None
    assert len(secret) == 32
    assert keys.ensure(NAME) == 1
    assert FileKeys(tmp_path / "keys").key(NAME, 1) == secret
    assert keys.ensure("pseudonym/OTHER") == 1
    assert keys.key("pseudonym/OTHER", 1) != secret


def test_nothing_is_open_to_others_and_no_file_holds_the_secret(keys, tmp_path):
    keys.ensure(NAME)
    keys.ensure("content/DSA-2026-014/departures")
    secret = keys.key(NAME, 1)
    for path in [tmp_path / "keys", *(tmp_path / "keys").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
        assert path.is_dir() or secret not in path.read_bytes()
    assert secret.hex() not in repr(keys)


def test_rotation_keeps_the_older_version_and_destruction_is_for_ever(keys):
    keys.ensure(NAME)
    old = keys.key(NAME, 1)
    assert keys.rotate(NAME) == 2
    assert keys.key(NAME, 1) == old
    assert keys.key(NAME, 2) != old
    keys.destroy(NAME, 2)
    assert keys.key(NAME, 2) is None
    assert keys.current(NAME) == 2
    assert keys.ensure(NAME) == 2, "a destroyed version is never made again"
    assert keys.key(NAME, 2) is None
    assert keys.rotate(NAME) == 3
    keys.destroy(NAME, 7)
    assert keys.current(NAME) == 3


def test_a_crash_between_marker_and_removal_counts_as_destroyed(keys, tmp_path):
    keys.ensure(NAME)
    (tmp_path / "keys" / NAME / "1.destroyed").touch(mode=0o600)
    assert keys.key(NAME, 1) is None


def test_a_key_file_in_anothers_place_or_changed_does_not_open(keys, tmp_path):
    keys.ensure(NAME)
    keys.ensure("pseudonym/OTHER")
    there = tmp_path / "keys" / NAME / "1.key"
    there.write_bytes((tmp_path / "keys" / "pseudonym/OTHER/1.key").read_bytes())
    with pytest.raises(Unavailable):
        keys.key(NAME, 1)
    there.write_bytes(b"short")
    with pytest.raises(Unavailable):
        keys.key(NAME, 1)


@pytest.mark.parametrize("identifier", ["", "../root", "/etc/passwd", "a/../b", "a//b", "a.key", "pseudonym/é", "a\n"])
def test_an_identifier_cannot_leave_the_directory(keys, identifier):
    with pytest.raises(Unusable):
        keys.key(identifier, 1)
    with pytest.raises(Unusable):
        keys.ensure(identifier)


def test_the_root_key_may_come_from_a_file_of_the_installation(tmp_path):
    root = tmp_path / "root"
    root.write_text("ab" * 32 + "\n")
    provider = FileKeys(tmp_path / "keys", root)
    provider.ensure(NAME)
    assert FileKeys(tmp_path / "keys", root).key(NAME, 1) == provider.key(NAME, 1)
    assert not (tmp_path / "keys" / "root.key").exists()
    root.write_text("cd" * 32)
    with pytest.raises(Unavailable):
        FileKeys(tmp_path / "keys", root).key(NAME, 1)
    root.write_text("short")
    with pytest.raises(Unavailable):
        FileKeys(tmp_path / "keys", root)
    with pytest.raises(Unavailable):
        FileKeys(tmp_path / "keys", tmp_path / "absent")


def test_an_open_key_directory_is_refused(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o755)
    (tmp_path / "keys").chmod(0o755)
    with pytest.raises(Unavailable):
        FileKeys(tmp_path / "keys")


def test_values_at_rest_open_with_their_key_and_context_only(keys):
    sealed = encrypt_at_rest(keys, QUARANTINE, b"canary", b"source.a/0/1")
    assert b"canary" not in sealed
    assert decrypt_at_rest(keys, QUARANTINE, sealed, b"source.a/0/1") == b"canary"
    assert decrypt_at_rest(keys, QUARANTINE, sealed, b"source.a/0/2") is None
    assert decrypt_at_rest(keys, QUARANTINE, sealed[:-1], b"source.a/0/1") is None
    assert decrypt_at_rest(keys, QUARANTINE, b"", b"source.a/0/1") is None
    keys.rotate(QUARANTINE)
    assert decrypt_at_rest(keys, QUARANTINE, sealed, b"source.a/0/1") == b"canary"
    keys.destroy(QUARANTINE, 1)
    assert decrypt_at_rest(keys, QUARANTINE, sealed, b"source.a/0/1") is None
    keys.destroy(QUARANTINE, 2)
    with pytest.raises(Unavailable):
        encrypt_at_rest(keys, QUARANTINE, b"canary", b"")


def test_the_settings_say_where_the_keys_of_this_installation_are(tmp_path):
    root = tmp_path / "root"
    root.write_text("ab" * 32)
    made = installed(Settings(directory=tmp_path / "state", root_key_file=root))
    made.ensure(NAME)
    assert FileKeys(tmp_path / "state" / "secrets", root).key(NAME, 1) == made.key(NAME, 1)

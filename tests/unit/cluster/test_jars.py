"""EXACT-JARS, against a Maven repository on this machine."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import threading

import pytest

from broker.cluster import jars
from contracts.faults import Unavailable


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A repository with two artefacts, and a lock that names them: its address, its directory, the lock."""
    root = tmp_path / "repository"
    entries = []
    for artifact, content in (("one", b"first jar"), ("two", b"second jar")):
        place = root / "org" / "example" / artifact / "1.0"
        place.mkdir(parents=True)
        (place / f"{artifact}-1.0.jar").write_bytes(content)
        (place / f"{artifact}-1.0.jar.sha1").write_text(hashlib.sha1(content, usedforsecurity=False).hexdigest())
        entries.append(
            {
                "group": "org.example",
                "artifact": artifact,
                "version": "1.0",
                "sha256": hashlib.sha256(content).hexdigest(),
                "size_bytes": len(content),
            }
        )
    lock = tmp_path / "jars.lock.json"
    lock.write_text(json.dumps({"kafka": "0.0", "jars": entries}))
    monkeypatch.setattr(jars, "LOCK_FILE", lock)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=root))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", root
    server.shutdown()
    server.server_close()
    thread.join()


def test_missing_jars_come_from_the_mirror_and_stay(mirror, tmp_path):
    address, _ = mirror
    seen: list[tuple[int, int]] = []
    found = jars.jars(tmp_path / "cache", address + "/", lambda done, total: seen.append((done, total)))
    assert {path.name for path in found.directory.iterdir()} == {"one-1.0.jar", "two-1.0.jar"}
    assert seen == [(1, 2), (2, 2)]
    assert jars.jars(tmp_path / "cache", "http://127.0.0.1:1", lambda *_: pytest.fail("fetched again")) == found


def test_bytes_that_are_not_the_locked_ones_never_reach_the_cache(mirror, tmp_path):
    address, root = mirror
    forged = root / "org" / "example" / "two" / "1.0" / "two-1.0.jar"
    forged.write_bytes(b"another!!!")
    forged.with_name("two-1.0.jar.sha1").write_text(hashlib.sha1(b"another!!!", usedforsecurity=False).hexdigest())
    with pytest.raises(Unavailable, match=r"KAF-004.*two-1.0.jar"):
        jars.jars(tmp_path / "cache", address)
    assert [path.name for path in (tmp_path / "cache" / "kafka-0.0").iterdir()] == ["one-1.0.jar"]
    assert not list((tmp_path / "cache").glob("fetch-*"))


def test_a_cached_jar_that_was_changed_is_fetched_again_and_a_stranger_removed(mirror, tmp_path):
    address, _ = mirror
    found = jars.jars(tmp_path / "cache", address)
    (found.directory / "one-1.0.jar").write_bytes(b"changed!!")
    (found.directory / "stranger.jar").write_bytes(b"")
    jars.jars(tmp_path / "cache", address)
    assert {path.name: path.read_bytes() for path in found.directory.iterdir()} == {
        "one-1.0.jar": b"first jar",
        "two-1.0.jar": b"second jar",
    }


def test_what_cannot_be_fetched_is_named(mirror, tmp_path):
    address, root = mirror
    (root / "org" / "example" / "one" / "1.0" / "one-1.0.jar").unlink()
    with pytest.raises(Unavailable, match=r"KAF-003.*org.example:one:1.0"):
        jars.jars(tmp_path / "cache", address)


def test_a_cache_that_cannot_be_written_is_named():
    with pytest.raises(Unavailable, match=r"KAF-003.*/proc/nowhere"):
        jars.jars(cache_directory=jars.Path("/proc/nowhere"))


def test_the_committed_lock_is_of_one_kafka():
    lock = jars.Lock(**json.loads(jars.LOCK_FILE.read_text()))
    found = jars.read_lock()
    assert len(found.jars) == len(lock.jars) == 46
    own = {jar.version for jar in found.jars if jar.group == "org.apache.kafka"}
    assert own == {found.kafka}
    assert len({jar.file_name for jar in found.jars}) == 46

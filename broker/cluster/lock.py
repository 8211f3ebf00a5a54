"""Remake `jars.lock.json`: `python -m broker.cluster.lock`, for whoever moves the project to another Kafka version."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from broker.cluster.jars import LOCK_FILE, Jar, Lock, maven_context, sha256_of

KAFKA = "4.3.1"
LOG4J = "2.25.4"
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA}",
    f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J}",  # Kafka logs through slf4j 1.7; its own POM brings no binding
)


def resolve(cache: Path, coordinates: Sequence[str] = COORDINATES) -> Lock:
    """Resolve Kafka, or other coordinates for it, and their closure from Maven Central into `cache`; describe what was found."""
    context = maven_context(cache, None)
    wanted = [context.create_dependency(coordinate) for coordinate in coordinates]
    for dependency in wanted:
        dependency.raw = True  # else the managed versions of log4j's POM replace Kafka's own
    inputs, transitive = context.resolver.resolve(wanted)
    found = []
    for dependency in [*inputs, *transitive]:
        path = Path(dependency.artifact.resolve())
        found.append(
            Jar(dependency.groupId, dependency.artifactId, dependency.version, sha256_of(path), path.stat().st_size),
        )
    return Lock(KAFKA, tuple(sorted(found, key=lambda jar: (jar.group, jar.artifact))))


def main() -> None:
    """Write the lock and say how many jars it names."""
    write(LOCK_FILE, COORDINATES)


def write(path: Path, coordinates: Sequence[str]) -> None:
    """Lock what `coordinates` need in a file."""
    with tempfile.TemporaryDirectory() as cache:
        lock = resolve(Path(cache), coordinates)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(lock), indent=1) + b"\n")
    sys.stdout.write(f"{len(lock.jars)} jars of Kafka {lock.kafka}, {sum(jar.size_bytes for jar in lock.jars)} bytes\n")


if __name__ == "__main__":
    main()

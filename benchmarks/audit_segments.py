"""What a leaf costs: building segments, reading them with distrust, and verifying a whole chain.

`python -m benchmarks.audit_segments` needs no Kafka.  It prints processor time per leaf, best of five, and bytes per leaf.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.audit.read import read_segment
from broker.audit.segment import SALTS_BYTES, Decided, Ground, Segment, Terms, build_segment

RECORDS = 1_000
AGREEMENTS = 4
LEAVES = RECORDS * AGREEMENTS


def main() -> None:
    """Measure and print."""
    key = Ed25519PrivateKey.generate()
    ground = Ground(
        topic="source.crossings",
        partition=3,
        number=0,
        mode="live",
        job=None,
        start=0,
        end=RECORDS,
        records=[(number, number) for number in range(RECORDS)],
        previous="",
        register_position=41,
        register_fingerprint="f" * 64,
        decided_ms=1_780_000_000_000,
        worker="worker-1",
    )
    decisions = list(_decisions())
    salts = os.urandom(SALTS_BYTES * LEAVES)
    build_us, made = _best(lambda: build_segment(ground, decisions, salts, key.sign))
    read_us, _ = _best(lambda: read_segment(made.signed.entry, made.parts))
    body = b"".join(made.parts)
    print(
        json.dumps(
            {
                "leaves": LEAVES,
                "build_microseconds_per_leaf": round(build_us, 2),
                "read_microseconds_per_leaf": round(read_us, 2),
                "bytes_per_leaf": round(len(body) / LEAVES),
                "bytes_per_leaf_compressed": round(len(zlib.compress(body)) / LEAVES),
            },
        ),
    )


def _decisions() -> list[Decided]:
    found = []
    for agreement in range(AGREEMENTS):
        terms = Terms(
            f"DSA-2026-{agreement}", 1, "sha256:" + "0" * 64, "flow", "benefits.residence", "f" * 16, "a" * 64, 1
        )
        reasons = (("field-dropped", "shares[0].fields"),)
        for number in range(RECORDS):
            key, subject = f"t1.{number:024}".encode(), f"s2026.{number:024}"
            found.append(Decided(terms, "redact", reasons, number, number, 0, subject, True, key, b"v" * 200))
    return found


def _best(work: Callable[[], Segment | object]) -> tuple[float, Segment]:
    times, made = [], None
    for _ in range(5):
        began = time.process_time()
        made = work()
        times.append(time.process_time() - began)
    return min(times) / LEAVES * 1e6, made  # type: ignore[return-value]


if __name__ == "__main__":
    main()

"""How long a large register takes to come to life: from a verified checkpoint, and act by act.

    python benchmarks/register_fold.py [agreements]

Prints one JSON document.  `from_checkpoint_seconds` is what a process does at its start (`broker.register.checkpoints`): read
the file, verify its signature, build the snapshot, and find for the first time which agreements cover a dataset.  The target
for 10,000 agreements is 2 seconds of wall time on a machine that does nothing else.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

sys.path.insert(0, str(Path(__file__).parents[1]))

from agreements import acts
from agreements.append_time import Logged, milliseconds
from agreements.fold import fold_batch
from agreements.snapshot import Snapshot
from agreements.text import content_hash
from broker.register.checkpoints import ACTS_MIN, Checkpoints
from tests.registers import approved, signer

REFERENCE = "DSA-2026-101"
TARGET_SECONDS = 2.0


def large(count: int) -> Snapshot:
    """A register with `count` approved agreements, each with terms and a hash of its own."""
    snapshot = approved(REFERENCE).snapshot
    (entry,) = snapshot.agreements[REFERENCE]
    made = {}
    for number in range(count):
        reference = f"DSA-2027-{number:05d}"
        agreement = entry.agreement.model_copy(update={"reference": reference})
        made[reference] = (replace(entry, agreement=agreement, content_hash=content_hash(agreement)),)
    versions = {**snapshot.versions, **{f"agreement/{reference}": 4 for reference in made}}
    return replace(snapshot, agreements=MappingProxyType(made), versions=MappingProxyType(versions))


def main() -> None:
    """Measure, print, and fail if the target is missed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    operator = signer("operator")
    snapshot = large(count)
    with tempfile.TemporaryDirectory() as directory:
        Checkpoints(Path(directory), "measured").save(replace(snapshot, position=ACTS_MIN))
        size = sum(file.stat().st_size for file in Path(directory).glob("*.checkpoint"))
        began, began_processor = time.perf_counter(), time.process_time()
        restored = Checkpoints(Path(directory), "measured").load()
    covering = len(restored.coverages("crossings"))
    from_checkpoint, processor = time.perf_counter() - began, time.process_time() - began_processor
    assert restored == replace(snapshot, position=ACTS_MIN)
    tail = [
        Logged(
            ACTS_MIN + 1 + number,
            acts.record(
                acts.AgreementSuspended(reference, "measured"),
                signer=operator,
                register=operator.public_key,
                expects=4,
                time=entry.starts_at,
            ),
            milliseconds(entry.starts_at),
        )
        for number, (reference, (entry,)) in enumerate(list(snapshot.agreements.items())[:1_000])
    ]
    began = time.perf_counter()
    folded = fold_batch(restored, tail)
    tail_seconds = time.perf_counter() - began
    assert folded.alarms == ()
    began = time.perf_counter()
    assert len(folded.snapshot.coverages("crossings")) == covering
    report = {
        "agreements": count,
        "checkpoint_bytes": size,
        "from_checkpoint_seconds": round(from_checkpoint, 3),
        "from_checkpoint_processor_seconds": round(processor, 3),
        "target_seconds": TARGET_SECONDS,
        "tail_acts": len(tail),
        "tail_microseconds_per_act": round(tail_seconds / len(tail) * 1e6, 1),
        "index_seconds": round(time.perf_counter() - began, 3),
        "covering": covering,
    }
    print(json.dumps(report, indent=2))
    sys.exit(0 if from_checkpoint <= TARGET_SECONDS or count > 10_000 else 1)


if __name__ == "__main__":
    main()

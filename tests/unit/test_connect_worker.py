"""The benchmark's Kafka Connect ends with the process that started it, however that ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.servers import until

STARTER = """
import sys
from pathlib import Path
from types import SimpleNamespace
from benchmarks import _connect
_connect.jars = lambda *_, **__: SimpleNamespace(class_path="")
_connect.find_java = lambda: SimpleNamespace(launcher=sys.argv[1])
kafka = SimpleNamespace(bootstrap_servers="", properties={})
with _connect.worker(Path(sys.argv[2]), kafka, SimpleNamespace(cache_directory=None, maven_repository="")):
    pass
"""


def test_no_worker_outlives_its_starter(tmp_path: Path) -> None:
    launcher = tmp_path / "java"
    launcher.write_text("#!/bin/sh\nexec sleep 600\n")
    launcher.chmod(0o700)
    lock = tmp_path / "connect" / "lock"
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(launcher), str(lock.parent)], cwd=Path(__file__).parents[2]
    )
    until(lambda: lock.exists() and lock.read_text())
    worker = Path("/proc") / lock.read_text()
    assert worker.exists()
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    until(lambda: not worker.exists())

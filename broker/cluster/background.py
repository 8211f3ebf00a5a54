"""A local Kafka that stays when the command that started it has ended: start, stop, status.

The process made here holds it as any other would (`LocalKafka`), and ends on SIGTERM or when every node has ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from broker import clock
from broker.cluster.codes import CODES, KAFKA_IN_USE, KAFKA_NOT_STARTED, KAFKA_NOT_STOPPED
from broker.cluster.local import LocalKafka, held_nodes, make_directory, running_pid, saved_connection
from broker.cluster.node import write_private
from contracts.faults import Failure, Refused, Unavailable, Unusable

_STOP_SECONDS = 90.0
_LOOK_SECONDS = 1.0
_KINDS = {kind.exit_status: kind for kind in (Unusable, Refused, Unavailable)}


class _Outcome(msgspec.Struct, frozen=True):
    """What the new process says on standard output, once: ready, or the fault that ended it."""

    code: str | None = None
    message: str = ""
    exit_status: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """A local Kafka as it is now.  `bootstrap_servers` is None while it starts; `detached` says that `stop` can stop it."""

    directory: str
    running: bool
    detached: bool
    process: int | None
    nodes: int | None
    bootstrap_servers: str | None
    logs: tuple[str, ...]


def status(directory: Path) -> Status:
    """What is known of the local Kafka in `directory`."""
    directory = directory.absolute()
    process, nodes = running_pid(directory), held_nodes(directory)
    connection = saved_connection(directory)
    return Status(
        directory=str(directory),
        running=process is not None,
        detached=process is not None and _detached(directory) == process,
        process=process,
        nodes=nodes,
        bootstrap_servers=connection.bootstrap_servers if connection is not None else None,
        logs=tuple(str(path) for path in sorted(directory.glob("node-*/kafka.log"))),
    )


def start(directory: Path, nodes: int, cache_directory: Path | None, repository: str | None) -> None:
    """Start it in a process of its own and wait until it is ready; raises what `LocalKafka` raises."""
    directory = directory.absolute()
    make_directory(directory)
    arguments = [str(directory), str(nodes), str(cache_directory or ""), repository or ""]
    with (directory / "background.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        with process.stdout as answer:
            line = answer.readline()
    except BaseException:
        process.terminate()
        raise
    if not line:
        message = f"it ended with status {process.wait()}; see {directory / 'background.log'}"
        raise Unavailable(KAFKA_NOT_STARTED.fault(message))
    outcome = msgspec.json.decode(line, type=_Outcome)
    if outcome.code is not None:
        process.wait()
        code = next(code for code in CODES if code.identifier == outcome.code)
        raise _KINDS[outcome.exit_status](code.fault(outcome.message))
    process.returncode = 0  # it stays, and is nobody's child to wait for


def stop(directory: Path) -> bool:
    """Stop it and wait for the end; False when none ran.  Raises `Refused` for one that another command runs itself."""
    directory = directory.absolute()
    process = running_pid(directory)
    if process is None:
        return False
    if _detached(directory) != process:
        raise Refused(KAFKA_IN_USE.fault(f"process {process} runs it in the foreground; end that process"))
    os.kill(process, signal.SIGTERM)
    limit = clock.monotonic_seconds() + _STOP_SECONDS
    while running_pid(directory) == process:
        if clock.monotonic_seconds() > limit:
            raise Unavailable(KAFKA_NOT_STOPPED.fault(f"process {process}, after {_STOP_SECONDS:.0f} s"))
        time.sleep(0.05)  # between two looks
    return True


def main(directory: Path, nodes: int, cache_directory: Path | None, repository: str | None) -> int:
    """The body of the process that stays."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        kafka = LocalKafka(directory, nodes, cache_directory=cache_directory, repository=repository)
        kafka.start()
    except Failure as failure:
        fault = failure.faults[0]
        _say(_Outcome(fault.code.identifier, fault.message, failure.exit_status))
        return failure.exit_status
    try:
        write_private(_process_file(directory), str(os.getpid()))
        _say(_Outcome())
        while not ended.wait(_LOOK_SECONDS) and not all(node.ended for node in kafka.nodes):
            pass
    finally:
        _process_file(directory).unlink(missing_ok=True)
        kafka.stop()
    return 0


def _say(outcome: _Outcome) -> None:
    try:
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # whoever started this has gone; it was to stay anyway


def _process_file(directory: Path) -> Path:
    return directory / "background.pid"


def _detached(directory: Path) -> int | None:
    try:
        return int(_process_file(directory).read_text())
    except (FileNotFoundError, ValueError):
        return None


if __name__ == "__main__":
    _, _directory, _nodes, _cache, _repository = sys.argv
    sys.exit(main(Path(_directory), int(_nodes), Path(_cache) if _cache else None, _repository or None))

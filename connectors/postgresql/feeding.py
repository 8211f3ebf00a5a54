"""A run of the stream's messages to the assembler: by the machine as long as they are plain, else by the decoder."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.postgresql.assembler import Assembler
from connectors.postgresql.decoder import Decoder
from connectors.postgresql.machine import Machine


def feed(messages: Sequence[bytes], assembler: Assembler, decoder: Decoder, machine: Machine | None) -> None:
    """Take all `messages`.  What the machine stops at is given to the decoder, one message at a time."""
    at = 0
    while machine is not None and assembler.plain and at < len(messages):
        fed = machine.feed(messages, at, assembler.running)
        assembler.take_fed(fed)
        assembler.take(decoder.feed(messages[fed.consumed : fed.consumed + 1]))
        at = fed.consumed + 1
    assembler.take(decoder.feed(messages[at:]))

"""The error codes of the time of acts (TRUSTED-TIME)."""

from __future__ import annotations

from contracts.faults import Code

UNTIMELY = Code(
    "AGR-090",
    "time not the record's",
    "an act, or the signature on an agreement in it, claims a time that is more than five minutes from the one at which Kafka"
    " appended it: the writer's clock is wrong, or somebody dates an act back or ahead",
    "the act is ignored by every reader and an alarm is raised",
    "set the writer's clock and act again; if every clock is right, find out who wrote it",
)
NOT_STAMPED = Code(
    "AGR-091",
    "record without Kafka's time",
    "the record carries its writer's time although earlier acts carry Kafka's own: `message.timestamp.type` of the register's topic was"
    " set back to `CreateTime`",
    "the act is ignored by every reader and an alarm is raised",
    "find out who changed the topic, and run `concordat provision apply`; then act again",
)
CODES = (UNTIMELY, NOT_STAMPED)

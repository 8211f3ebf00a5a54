"""Remake `connect.lock.json`: `python -m benchmarks._connect_lock`, for whoever moves the peer to another version."""

from __future__ import annotations

from benchmarks._connect import LOCK_FILE
from broker.cluster import lock

DEBEZIUM = "3.6.3.Final"
COORDINATES = (
    f"org.apache.kafka:connect-runtime:{lock.KAFKA}",
    f"org.apache.kafka:connect-json:{lock.KAFKA}",
    f"io.debezium:debezium-connector-postgres:{DEBEZIUM}",
    f"org.apache.logging.log4j:log4j-slf4j-impl:{lock.LOG4J}",
)

if __name__ == "__main__":
    lock.write(LOCK_FILE, COORDINATES)

"""Acts on Kafka: the register as an event log with one fenced writer per act."""

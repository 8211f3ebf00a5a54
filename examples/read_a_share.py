"""Read a department's share topic with nothing but Confluent's client: python read_a_share.py SERVERS REGISTRY USER PASSWORD_FILE TOPIC."""

import pathlib
import sys

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

servers, registry, user, password_file, topic = sys.argv[1:]
password = pathlib.Path(password_file).read_text().strip()
sign_in = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512"}
sign_in |= {"sasl.username": user, "sasl.password": password, "bootstrap.servers": servers}
place = {"group.id": f"{user}.example", "auto.offset.reset": "earliest", "isolation.level": "read_committed"}
deserialize = AvroDeserializer(SchemaRegistryClient({"url": registry, "basic.auth.user.info": f"{user}:{password}"}))
consumer = Consumer(sign_in | place)
consumer.subscribe([topic])  # not assign(): a topic that is not yours would look like an empty one
while (message := consumer.poll(10)) is not None:
    if message.error():
        sys.exit(str(message.error()))
    print(message.key().decode(), deserialize(message.value(), SerializationContext(topic, MessageField.VALUE)))
consumer.close()

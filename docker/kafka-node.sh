#!/bin/sh
# One Kafka node of the composition: writes its settings, formats its storage on the first start, then becomes Kafka.
# Wants NODE_ID, VOTERS (1@host:port,...), HOST, CLUSTER_ID, and the secrets kafka_admin and kafka_controller.
set -eu
umask 077

home=${KAFKA_HOME:-/opt/kafka}
secrets=${SECRETS:-/run/secrets}
settings=${SETTINGS:-/tmp/server.properties}
data=${DATA:-/var/lib/kafka/data}
admin=$(cat "$secrets/kafka_admin")
controller=$(cat "$secrets/kafka_controller")

cat "$(dirname "$0")/kafka.properties" - > "$settings" <<SETTINGS
node.id=$NODE_ID
controller.quorum.voters=$VOTERS
listeners=CLIENT://:9092,CONTROLLER://:9093
advertised.listeners=CLIENT://$HOST:9092,CONTROLLER://$HOST:9093
log.dirs=$data
listener.name.client.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="$admin";
listener.name.controller.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="controller" password="$controller" user_controller="$controller";
SETTINGS

# what the formatter prints shows credentials
"$home/bin/kafka-storage.sh" format --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$settings" \
    --add-scram "SCRAM-SHA-512=[name=admin,password=$admin]" > /dev/null 2>&1 \
    || { echo "the storage in $data could not be formatted" >&2; exit 1; }

exec "$home/bin/kafka-server-start.sh" "$settings"

"""Everything that speaks to Kafka: client, local cluster, provisioning.  The only importer of a Kafka client."""

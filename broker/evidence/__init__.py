"""Where verification gets its evidence: Kafka itself, or a directory that `audit export` wrote."""

"""What a local Kafka looks like on disk: its directories, its ports, and the settings of each node (all pure)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ADMIN = "admin"

_SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "CLIENT",
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    # the broker itself is ANONYMOUS on the controller's listener, which is bound to the loopback interface
    "super.users": f"User:{ADMIN};User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": "false",
    "connections.max.reauth.ms": "60000",
    "auto.create.topics.enable": "false",
    # an idle group keeps its place for ever: a worker that was away for a week must not start again from the beginning
    "offsets.retention.minutes": "2147483647",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.min.heartbeat.interval.ms": "250",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.segment.bytes": "67108864",
    "log.index.size.max.bytes": "1048576",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.cleaner.backoff.ms": "500",
    "log.initial.task.delay.ms": "500",
    "log.retention.check.interval.ms": "2000",
}
_SEVERAL = {
    "min.insync.replicas": "2",
    "unclean.leader.election.enable": "false",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "replica.lag.time.max.ms": "5000",
}


@dataclass(frozen=True, slots=True)
class Ports:
    """The two ports of one node, both on the loopback interface."""

    client: int
    controller: int


@dataclass(frozen=True, slots=True)
class NodePaths:
    """Where one node keeps what."""

    directory: Path

    @property
    def data(self) -> Path:
        """Kafka's log directory."""
        return self.directory / "data"

    @property
    def properties(self) -> Path:
        """`server.properties`; it holds the administrator's password, so its mode is 0600."""
        return self.directory / "server.properties"

    @property
    def logging(self) -> Path:
        """The settings of Kafka's own log."""
        return self.directory / "log4j2.properties"

    @property
    def log(self) -> Path:
        """Kafka's own log, warnings and worse."""
        return self.directory / "kafka.log"


def node_paths(directory: Path, node: int) -> NodePaths:
    """The paths of node `node`, counted from 1."""
    return NodePaths(directory / f"node-{node}")


def node_properties(node: int, ports: tuple[Ports, ...], data: Path, secret: str) -> str:
    """The text of `server.properties` of one node of `len(ports)`."""
    mine, several = ports[node - 1], len(ports) > 1
    listeners = f"CLIENT://127.0.0.1:{mine.client},CONTROLLER://127.0.0.1:{mine.controller}"
    login = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{ADMIN}" password="{secret}";'
    factor = str(len(ports))
    settings = {
        **_SETTINGS,
        **(_SEVERAL if several else {}),
        "node.id": str(node),
        "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{p.controller}" for n, p in enumerate(ports, 1)),
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.name.client.scram-sha-512.sasl.jaas.config": login,
        "log.dirs": str(data),
        "default.replication.factor": factor,
        "offsets.topic.replication.factor": factor,
        "transaction.state.log.replication.factor": factor,
        "transaction.state.log.min.isr": "2" if several else "1",
        "share.coordinator.state.topic.replication.factor": factor,
        "share.coordinator.state.topic.min.isr": "2" if several else "1",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def logging_properties(log: Path) -> str:
    """Log4j's settings: warnings and worse, in two files of 10 MB at most."""
    return f"""status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{ISO8601}} %p %c: %m%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=1
rootLogger.level=warn
rootLogger.appenderRef.file.ref=file
"""


def format_arguments(cluster: str, properties: Path, secret: str) -> str:
    """The formatter's command line as a Java argument file, so that no process list shows the secret."""
    words = ["kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", str(properties)]
    words += ["--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={secret}]"]
    return "".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for word in words)

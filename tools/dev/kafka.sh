# shellcheck shell=bash
# A Kafka broker of our own: broker and controller in one JVM (KRaft), small heap, own folder, free loopback ports.

# KAFKA_JIT=all compiles as a broker that stays would (a benchmark's); else the JVM starts fast and stays slow.
readonly KAFKA_JAVA=(env -u KAFKA_OPTS -u JAVA_TOOL_OPTIONS java -Xmx256m -XX:+UseSerialGC
    -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError "-Dlog4j2.configurationFile=$ROOT/tools/kafka/log4j2.xml")

kafka_brokers() {
    printf '127.0.0.1:%s' "$(recall env KAFKA_PORT)"
}

# A listener for clients that show a name and a password, where a test asks for it. Not SCRAM: librdkafka 2.0.2 gets that wrong.
kafka_sasl() {
    [[ ${KAFKA_SASL:-} == yes ]] || return 1
    port_for KAFKA_SASL_PORT
    [[ -n $(recall secrets KAFKA_SASL_PASSWORD) ]] || remember secrets KAFKA_SASL_PASSWORD "$(random_hex 16)"
}

kafka_configure() { # port, controller port
    local sasl='' password=''
    if kafka_sasl; then
        sasl=,SASL_PLAINTEXT://127.0.0.1:$FREE_PORT
        password=$(recall secrets KAFKA_SASL_PASSWORD)
    fi
    cat >"$INST/kafka/server.properties" <<CONF
# Written by ./dev at each start.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2$sasl
advertised.listeners=PLAINTEXT://127.0.0.1:$1$sasl
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_holdfast="$password";
inter.broker.listener.name=PLAINTEXT
log.dirs=$INST/kafka/data
auto.create.topics.enable=false
num.partitions=12
default.replication.factor=1
min.insync.replicas=1
# Records are limited to 256 KB by us; the broker's limit is above that, so that ours is the one that is met.
message.max.bytes=524288
log.message.timestamp.type=LogAppendTime
log.cleanup.policy=delete
log.retention.hours=168
log.retention.bytes=-1
log.segment.bytes=134217728
log.index.size.max.bytes=1048576
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# After a kill the broker is let in again when its old session has ended.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=5000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=8388608
controlled.shutdown.enable=true
CONF
}

kafka_format() {
    local id
    [[ ! -f $INST/kafka/data/meta.properties ]] || return 0
    step "formatting Kafka's storage"
    rm -rf -- "$INST/kafka/data"
    mkdir -p -- "$INST/kafka/data"
    id=$(random_hex 16 | xxd_base64url)
    quietly "$INST/log/kafka-format.log" "${KAFKA_JAVA[@]}" -XX:TieredStopAtLevel=1 -cp "$(kafka_classpath)" \
        kafka.tools.StorageTool format "--cluster-id=$id" -c "$INST/kafka/server.properties" ||
        die "$EXIT_NOT_STARTED" "Kafka's storage cannot be formatted"
}

xxd_base64url() { # hex on standard input -> 22 characters, the form of a cluster id
    python3 -c 'import base64, sys; print(base64.urlsafe_b64encode(bytes.fromhex(sys.stdin.read())).decode()[:22])'
}

kafka_answers() {
    grep -q 'Kafka Server started' "$INST/log/kafka.log" 2>/dev/null
}

# Starts the JVM and returns; it becomes ready while other things are prepared.
kafka_launch() {
    proc_alive kafka && return 0
    local port controller_port jit=(-XX:TieredStopAtLevel=1)
    [[ ${KAFKA_JIT:-} != all ]] || jit=()
    mkdir -p -- "$INST/kafka"
    port_for KAFKA_PORT
    port=$FREE_PORT
    port_for KAFKA_CONTROLLER_PORT
    controller_port=$FREE_PORT
    kafka_configure "$port" "$controller_port"
    kafka_format
    step "starting Kafka (127.0.0.1:$port)"
    proc_start kafka "${KAFKA_JAVA[@]}" "${jit[@]}" -cp "$(kafka_classpath)" kafka.Kafka "$INST/kafka/server.properties"
}

kafka_start() {
    local try
    for try in 1 2 3; do
        kafka_launch
        ! proc_await kafka 60 kafka_answers || return 0
        proc_stop kafka TERM 10
        warn "Kafka did not start (try $try of 3)"
    done
    die "$EXIT_NOT_STARTED" "Kafka does not start (log: $INST/log/kafka.log)"
}

# A clean stop takes the broker a second or two; its data survives a kill all the same.
kafka_stop() {
    proc_stop kafka TERM 20
}

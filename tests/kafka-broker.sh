#!/usr/bin/env bash
# A real Apache Kafka broker for tests: one node (KRaft) on the loopback. It listens in the clear on PORT; over TLS with a
# password (SASL_SSL, PLAIN and SCRAM) on PORT + 2; over TLS with a certificate of the client on PORT + 3.
#
#   tests/kafka-broker.sh start DIR PORT     starts it, and waits until it answers
#   tests/kafka-broker.sh stop DIR PORT      stops it; its data stays in DIR/data-PORT
#   tests/kafka-broker.sh kill DIR PORT      stops it as a power cut would
#
# PORT + 1 is its own. The jars are fetched once, from Maven Central, into DIR/libs; certificates are made once, in DIR/tls.
# Needs Java 17, Maven and OpenSSL.
set -euo pipefail

version=4.1.1

usage() {
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
[ $# = 3 ] || usage
mkdir -p "$2"
dir=$(cd "$2" && pwd)
port=$3
node=$dir/node-$port
tls=$dir/tls

# As Azure Event Hubs has it: these very letters, and a connection string. The tests know both.
# shellcheck disable=SC2016
user='$ConnectionString'
password='Endpoint=sb://test.example/;SharedAccessKeyName=listen;SharedAccessKey=c2VjcmV0'

fetch() {
  [ -f "$dir/libs/.complete-$version" ] && return
  echo "fetching Apache Kafka $version" >&2
  cat >"$dir/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>broker</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version>
  </dependency><dependency>
    <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
  </dependency></dependencies>
</project>
XML
  mvn -q -B -f "$dir/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir/libs" >&2
  touch "$dir/libs/.complete-$version"
}

# A key, and a certificate for NAME that the authority of the tests signs; only `localhost` is a name of the broker.
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$1" -keyout "$tls/$1.key" -out "$tls/$1.pem" \
    "${@:2}" 2>/dev/null
}

certify() {
  [ -f "$tls/.complete" ] && return
  rm -rf "$tls"
  mkdir -p "$tls"
  certificate authority
  certificate stranger
  certificate broker -CA "$tls/authority.pem" -CAkey "$tls/authority.key" -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE
  certificate client -CA "$tls/authority.pem" -CAkey "$tls/authority.key" -addext basicConstraints=critical,CA:FALSE
  cat "$tls/broker.key" "$tls/broker.pem" >"$tls/broker-store.pem"
  touch "$tls/.complete"
}

run() { java -Xms128m -Xmx512m -XX:+UseSerialGC -cp "$dir/libs/*" "$@"; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

is_alive() { [ -f "$node.pid" ] && kill -0 "$(cat "$node.pid")" 2>/dev/null; }

start() {
  fetch
  certify
  if is_alive; then
    echo "it runs already" >&2
    return
  fi
  cat >"$node.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1)),SASL_SSL://127.0.0.1:$((port + 2)),SSL://127.0.0.1:$((port + 3))
advertised.listeners=PLAINTEXT://127.0.0.1:$port,SASL_SSL://localhost:$((port + 2)),SSL://localhost:$((port + 3))
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
ssl.keystore.type=PEM
ssl.keystore.location=$tls/broker-store.pem
ssl.truststore.type=PEM
ssl.truststore.location=$tls/authority.pem
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_$user="$password";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data-$port
num.partitions=4
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES
  if [ ! -f "$dir/data-$port/meta.properties" ]; then
    run kafka.tools.StorageTool format -t "$(run kafka.tools.StorageTool random-uuid 2>/dev/null)" \
      -c "$node.properties" -S "SCRAM-SHA-256=[name=scram,password=secret]" >"$node.log" 2>&1
  fi
  setsid java -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Xms256m -Xmx512m -XX:+UseSerialGC -cp "$dir/libs/*" kafka.Kafka "$node.properties" \
    >>"$node.log" 2>&1 </dev/null &
  echo $! >"$node.pid"
  for _ in $(seq 240); do
    answers && return
    is_alive || break
    sleep 0.25
  done
  echo "it did not start:" >&2
  tail -20 "$node.log" >&2
  exit 1
}

stop() {
  is_alive || return 0
  kill "-$1" "$(cat "$node.pid")"
  for _ in $(seq 240); do
    is_alive || break
    sleep 0.25
  done
  if is_alive; then
    echo "it does not stop" >&2
    exit 1
  fi
  rm -f "$node.pid"
}

case $1 in
  start) start ;;
  stop) stop TERM ;;
  kill) stop KILL ;;
  *) usage ;;
esac

#!/usr/bin/env python3
"""Drives the HTTP doors with the clients that people use.

    http_doors.py --url http://127.0.0.1:8600 --token TOKEN

The token has to be for any source. Says what it did; exits with 1 if an answer was not as it should be. The last line
is how many records it was told are taken. Needs the packages of `requirements.txt` beside this file.
"""

import argparse
import base64
import gzip
import json
import sys
import time
import uuid

import requests

# Makes every body of this run one that was not sent before.
RUN = uuid.uuid4().hex[:12]


class Failed(Exception):
    """An answer that was not as it should be."""


def expect(found, expected, what):
    """Both are the same, or the client would not go on."""
    if found != expected:
        raise Failed(f"{what}: {found!r}, expected {expected!r}")


def line(n, of):
    """A line of a log that is nowhere else."""
    return f"{of} {RUN} {n}"


class Door:
    """Where to send, and with which token."""

    def __init__(self, url, token):
        self.url = url.rstrip("/")
        self.token = token

    def bearer(self, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return {"Authorization": f"Bearer {self.token}", **named}

    def post(self, path, body, headers, status=200):
        response = requests.post(self.url + path, data=body, headers=headers, timeout=30)
        expect(response.status_code, status, f"POST {path}: {response.text!r}")
        return response


def elasticsearch_bulk(door):
    """The bulk helpers of elasticsearch-py, with a password and with an API key."""
    from elasticsearch import Elasticsearch, helpers

    taken = 0
    api_key = base64.b64encode(f"sekisho:{door.token}".encode()).decode()
    for auth in ({"basic_auth": ("sekisho", door.token)}, {"api_key": api_key}, {"bearer_auth": door.token}):
        with Elasticsearch(door.url, **auth) as client:
            expect(client.info()["tagline"], "You Know, for Search", "info")
            kind = next(iter(auth))
            actions = [{"_index": "logs-app-default", "_op_type": "create", "message": line(n, kind)} for n in range(500)]
            succeeded, errors = helpers.bulk(client, actions, chunk_size=200)
            expect((succeeded, errors), (500, []), "helpers.bulk")
            taken += succeeded
    with Elasticsearch(door.url, basic_auth=("sekisho", door.token), http_compress=True) as client:
        actions = ({"_index": "x", "_source": {"message": line(n, "parallel")}} for n in range(300))
        results = list(helpers.parallel_bulk(client, actions, thread_count=2, chunk_size=100))
        expect([ok for ok, _ in results], [True] * 300, "helpers.parallel_bulk")
        taken += len(results)
        refused = list(helpers.streaming_bulk(client, [{"_op_type": "delete", "_index": "x", "_id": "1"}], raise_on_error=False))
        expect([(ok, item["delete"]["status"]) for ok, item in refused], [(False, 400)], "a deletion")
    return taken


def elasticsearch_wrong_password(door):
    """What elasticsearch-py makes of a wrong password."""
    from elasticsearch import AuthenticationException, Elasticsearch

    with Elasticsearch(door.url, basic_auth=("sekisho", "wrong")) as client:
        try:
            client.info()
        except AuthenticationException:
            return 0
    raise Failed("a wrong password was taken")


def opentelemetry_logs(door):
    """The OTLP exporter of OpenTelemetry, in protobuf, with and without gzip."""
    import logging

    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    try:
        from opentelemetry.instrumentation.logging.handler import LoggingHandler
    except ImportError:
        from opentelemetry.sdk._logs import LoggingHandler

    taken = 0
    for compression in (Compression.NoCompression, Compression.Gzip):
        exporter = OTLPLogExporter(f"{door.url}/v1/logs", headers=door.bearer(), compression=compression)
        failures = []
        export = exporter.export

        def told(batch, export=export, failures=failures):
            result = export(batch)
            if result.name != "SUCCESS":
                failures.append(result.name)
            return result

        exporter.export = told
        provider = LoggerProvider(resource=Resource.create({"service.name": "shop"}))
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        logger = logging.getLogger(f"doors.{compression.name}")
        logger.propagate = False
        logger.addHandler(LoggingHandler(logger_provider=provider))
        logger.setLevel(logging.INFO)
        for n in range(100):
            logger.info(line(n, compression.name))
        provider.shutdown()
        expect(failures, [], "the exporter")
        taken += 100
    return taken


def otlp_json(door):
    """OTLP in JSON, as the collector can send it."""
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": line(0, "otlp")}}
    body = {"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": [record]}]}]}
    answer = door.post("/v1/logs", json.dumps(body), door.bearer(Content_Type="application/json"))
    expect(answer.json(), {}, "the answer")
    refused = door.post("/v1/logs", "{", door.bearer(Content_Type="application/json"), 400)
    expect(refused.json()["code"], 3, "the code of a broken body")
    return 1


def splunk_events(door):
    """HEC: health, events, raw lines, and acknowledgements, as Vector and Fluent Bit use them."""
    health = requests.get(door.url + "/services/collector/health", timeout=30)
    expect((health.status_code, health.json()["code"]), (200, 17), "health")
    headers = {"Authorization": f"Splunk {door.token}", "X-Splunk-Request-Channel": str(uuid.uuid4())}
    events = "".join(json.dumps({"time": time.time(), "event": line(n, "hec")}) for n in range(50))
    taken = door.post("/services/collector/event", events, headers).json()
    expect((taken["text"], taken["code"]), ("Success", 0), "the answer")
    acks = door.post("/services/collector/ack", json.dumps({"acks": [taken["ackId"]]}), headers).json()
    expect(acks, {"acks": {str(taken["ackId"]): True}}, "the acknowledgement")
    packed = gzip.compress("\n".join(line(n, "raw") for n in range(50)).encode())
    basic = requests.auth._basic_auth_str("x", door.token)
    door.post("/services/collector/raw", packed, {"Authorization": basic, "Content-Encoding": "gzip"})
    nobody = door.post("/services/collector", events, {"Authorization": "Splunk wrong"}, 403)
    expect(nobody.json()["code"], 4, "the code of a wrong token")
    return 100


def loki_push(door):
    """Loki: JSON, and protobuf packed with snappy."""
    expect(requests.get(door.url + "/ready", timeout=30).status_code, 200, "ready")
    values = [[str(time.time_ns()), line(n, "loki")] for n in range(20)]
    body = gzip.compress(json.dumps({"streams": [{"stream": {"job": "shop"}, "values": values}]}).encode())
    headers = door.bearer(Content_Type="application/json", Content_Encoding="gzip", X_Scope_OrgID="tenant")
    door.post("/loki/api/v1/push", body, headers, 204)

    import snappy

    def field(number, content):
        assert len(content) < 128
        return bytes([number << 3 | 2, len(content)]) + content

    entry = field(2, field(1, b"\x08\x01") + field(2, line(0, "snappy").encode()))
    stream = field(1, b'{job="shop"}') + entry
    packed = snappy.compress(field(1, stream))
    door.post("/loki/api/v1/push", packed, door.bearer(Content_Type="application/x-protobuf"), 204)
    return 21


def firehose(door):
    """Amazon Data Firehose, with a record in gzip, as CloudWatch Logs makes them."""
    request_id = str(uuid.uuid4())
    packed = gzip.compress(json.dumps({"messageType": "DATA_MESSAGE", "run": RUN}).encode())
    records = [{"data": base64.b64encode(data).decode()} for data in (line(0, "firehose").encode(), packed)]
    headers = {
        "X-Amz-Firehose-Protocol-Version": "1.0",
        "X-Amz-Firehose-Request-Id": request_id,
        "X-Amz-Firehose-Access-Key": door.token,
        "Content-Type": "application/json",
    }
    body = json.dumps({"requestId": request_id, "timestamp": 1, "records": records})
    answer = door.post("/firehose", body, headers).json()
    expect((answer["requestId"], sorted(answer)), (request_id, ["requestId", "timestamp"]), "the answer")
    return 2


def okta_hook(door):
    """Okta's event hook: the question whether it is meant, and events."""
    url = f"{door.url}/okta/events"
    asked = requests.get(url, headers={"x-okta-verification-challenge": RUN}, timeout=30)
    expect((asked.status_code, asked.json()), (200, {"verification": RUN}), "the verification")
    body = {"eventId": RUN, "data": {"events": [{"uuid": f"{RUN}-{n}"} for n in range(2)]}}
    door.post("/okta/events", json.dumps(body), {"Authorization": door.token})
    return 2


def plain_ingest(door):
    """`/ingest`: a stream without a length, the test of Cloudflare Logpush, and what Pub/Sub pushes."""

    def lines():
        for n in range(100):
            yield (line(n, "stream") + "\n").encode()

    expect(door.post("/ingest/auto", lines(), door.bearer()).json(), {"accepted": 100}, "a stream")
    test = gzip.compress(b'{"content":"tests"}')
    headers = door.bearer(Content_Type="text/plain", Content_Encoding="gzip")
    expect(door.post("/ingest/auto", test, headers).json(), {"accepted": 0}, "the test of Logpush")
    data = base64.b64encode(json.dumps({"run": RUN}).encode()).decode()
    pushed = json.dumps({"message": {"data": data, "messageId": RUN}, "subscription": "s"})
    expect(door.post(f"/ingest/auto?token={door.token}", pushed, {}).json(), {"accepted": 1}, "Pub/Sub")
    door.post("/ingest/auto", "x", {}, 401)
    return 101


def msgpack_ingest(door):
    """`/ingest` in MessagePack, as Fluent Bit's `out_http` sends it unless told otherwise: a time and a map, one after the other."""
    import msgpack

    def entry(n):
        moment = msgpack.ExtType(0, int(time.time()).to_bytes(4, "big") + bytes(4))
        head = [moment, {}] if n % 2 else moment
        return msgpack.packb([head, {"log": line(n, "msgpack"), "n": n}])

    body = b"".join(entry(n) for n in range(50))
    for headers in (door.bearer(Content_Type="application/msgpack"), door.bearer(Content_Encoding="gzip", Idempotency_Key=RUN)):
        packed = gzip.compress(body) if "Content-Encoding" in headers else body
        expect(door.post("/ingest/auto", packed, headers).json(), {"accepted": 50}, "entries")
    door.post("/ingest/auto", b"PK\x03\x04workbook", door.bearer(), 415)
    return 100


def journal_upload(door):
    """The export format of systemd's journal, in chunks that do not end where entries do."""
    entries = b"".join(
        b"__CURSOR=%s-%d\nMESSAGE\n%s%s\n_COMM=sshd\n\n" % (RUN.encode(), n, (9).to_bytes(8, "little"), b"two\nlines")
        for n in range(50)
    )
    chunks = (entries[at : at + 37] for at in range(0, len(entries), 37))
    headers = door.bearer(Content_Type="application/vnd.fdo.journal")
    door.post("/upload", chunks, headers, 202)
    return 50


DRIVES = [
    elasticsearch_bulk,
    elasticsearch_wrong_password,
    opentelemetry_logs,
    otlp_json,
    splunk_events,
    loki_push,
    firehose,
    okta_hook,
    plain_ingest,
    msgpack_ingest,
    journal_upload,
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="such as http://127.0.0.1:8600")
    parser.add_argument("--token", required=True, help="a token for any source")
    settings = parser.parse_args()
    door = Door(settings.url, settings.token)
    taken, failed = 0, 0
    for drive in DRIVES:
        try:
            count = drive(door)
        except Exception as error:  # whatever a client raises is a finding
            failed += 1
            print(f"FAILED {drive.__name__}: {type(error).__name__}: {error}")
        else:
            taken += count
            print(f"ok {drive.__name__}: {count} records. {drive.__doc__}")
    print(f"records taken: {taken}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

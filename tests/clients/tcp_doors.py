#!/usr/bin/env python3
"""Real senders against the TCP doors of a running `sekisho run`.

Give the address of every door that listens; others are skipped, and so is every sender that is not
installed. What is sent are lines of an SSH server in which `MARKER-SENDER` is the user, so that a
query over the tables can count them; the last line of the output is the number sent by each sender,
as JSON. Exits with 1 if a door does not answer as its protocol says.

    pip install fluent-logger            # brings msgpack
    apt install rsyslog rsyslog-gnutls   # or: apt install syslog-ng-core; they exclude each other
    tcp_doors.py --ca ca.pem --cert client.pem --key client.key \\
        --syslog-tls localhost:6514 --lumberjack localhost:5044 --forward localhost:24224
"""

import argparse
import contextlib
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import zlib

TIMEOUT_S = 30
LINES = 3


class Skip(Exception):
    """Something is not there."""


def lines(args, sender):
    return [
        f"Failed password for invalid user {args.marker}-{sender} from 192.0.2.{n + 1} port 22 ssh2"
        for n in range(LINES)
    ]


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def connect(args, target, tls, client_certificate=True):
    """A connected socket; with TLS if the door has it."""
    sock = socket.create_connection(address(target), TIMEOUT_S)
    if not tls:
        return sock
    context = ssl.create_default_context(cafile=args.ca)
    if args.cert and client_certificate:
        context.load_cert_chain(args.cert, args.key)
    return context.wrap_socket(sock, server_hostname=address(target)[0])


def exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise AssertionError(f"closed after {data!r}, expected {count} bytes")
        data += more
    return data


def stamped(text, host="client"):
    return f"<86>{time.strftime('%b %e %H:%M:%S')} {host} sshd[7]: {text}"


# Syslog over TLS.


def syslog_python(args):
    messages = [stamped(text).encode() for text in lines(args, "syslog-python")]
    with connect(args, need(args.syslog_tls, "--syslog-tls"), True) as sock:
        sock.sendall(b"%d %s" % (len(messages[0]), messages[0]))
        for message in messages[1:]:
            sock.sendall(message + b"\n")
        sock.unwrap()
    return LINES


def syslog_openssl(args):
    host, port = address(need(args.syslog_tls, "--syslog-tls"))
    command = [program("openssl"), "s_client", "-quiet", "-no_ign_eof", "-verify_return_error"]
    command += ["-CAfile", args.ca, "-verify_hostname", host, "-connect", f"{host}:{port}"]
    if args.cert:
        command += ["-cert", args.cert, "-key", args.key]
    text = "".join(stamped(line) + "\n" for line in lines(args, "syslog-openssl"))
    subprocess.run(command, input=text.encode(), check=True, timeout=TIMEOUT_S, capture_output=True)
    return LINES


RSYSLOG = """
global(workDirectory="{folder}" defaultNetstreamDriverCAFile="{ca}" {certificate})
module(load="imfile")
input(type="imfile" file="{folder}/in.log" tag="sshd[7]:" facility="authpriv" severity="info")
action(type="omfwd" target="{host}" port="{port}" protocol="tcp" TCP_Framing="{framing}"
       StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="{host}"
       queue.type="LinkedList" queue.filename="q" queue.saveOnShutdown="on" action.resumeRetryCount="-1")
"""

SYSLOG_NG = """@version: 3.38
options {{ stats-freq(0); }};
source s {{ file("{folder}/in.log" program-override("sshd") follow-freq(1) flags(no-parse)); }};
destination d {{
    syslog("{host}" port({port}) transport("tls")
        tls(ca-file("{ca}") {certificate} peer-verify(required-trusted))
        disk-buffer(reliable(yes) disk-buf-size(1048576) dir("{folder}")));
}};
log {{ source(s); destination(d); }};
"""


def daemon(args, name, config, command):
    """Runs a syslog daemon until what it was given is sent."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tcp-doors-"))
    host, port = address(need(args.syslog_tls, "--syslog-tls"))
    (folder / "in.log").write_text("".join(line + "\n" for line in lines(args, name)))
    (folder / "conf").write_text(config.format(folder=folder, host=host, port=port, ca=os.path.abspath(args.ca)))
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command(folder), stdout=output, stderr=output)
        try:
            # There is no acknowledgement to wait for: the daemon is given time, and then ended.
            time.sleep(args.daemon_seconds)
            assert process.poll() is None, f"{name} ended: {log.read_text()}"
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)
    trouble = [line for line in log.read_text().splitlines() if "rror" in line]
    assert not trouble, f"{name}: {trouble}"
    shutil.rmtree(folder)
    return LINES


def rsyslog(args, framing):
    # A glob is true even if it finds nothing, so its results are asked for.
    if not any(any(pathlib.Path(lib).glob("*/rsyslog/lmnsd_gtls.so")) for lib in ("/usr/lib", "/usr/lib64")):
        raise Skip("rsyslog has no gtls")
    certificate = ""
    if args.cert:
        paths = os.path.abspath(args.cert), os.path.abspath(args.key)
        certificate = 'defaultNetstreamDriverCertFile="%s" defaultNetstreamDriverKeyFile="%s"' % paths
    config = RSYSLOG.replace("{certificate}", certificate).replace("{framing}", framing)
    executable = program("rsyslogd")
    return daemon(
        args,
        "rsyslog-" + framing,
        config,
        lambda folder: [executable, "-n", "-f", f"{folder}/conf", "-i", f"{folder}/pid"],
    )


def syslog_ng(args):
    certificate = ""
    if args.cert:
        paths = os.path.abspath(args.cert), os.path.abspath(args.key)
        certificate = 'cert-file("%s") key-file("%s")' % paths
    executable = program("syslog-ng")
    return daemon(
        args,
        "syslog-ng",
        SYSLOG_NG.replace("{certificate}", certificate),
        lambda folder: [executable, "-F", "-f", f"{folder}/conf", "--no-caps"]
        + ["-R", f"{folder}/persist", "-c", f"{folder}/ctl", "-p", f"{folder}/pid"],
    )


# Lumberjack.


def lumberjack(args):
    target = need(args.lumberjack, "--lumberjack")
    events = [
        {
            "@timestamp": f"2026-01-01T00:00:0{n}.000Z",
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "9.1.0"},
            "message": stamped(text),
            "log": {"offset": n * 100, "file": {"path": "/var/log/auth.log"}},
        }
        for n, text in enumerate(lines(args, "lumberjack"))
    ]
    frames = []
    for number, event in enumerate(events, 1):
        text = json.dumps(event).encode()
        frames.append(b"2J" + struct.pack(">II", number, len(text)) + text)
    packed = zlib.compress(b"".join(frames))
    window = b"2W" + struct.pack(">I", LINES)
    compressed = window + b"2C" + struct.pack(">I", len(packed)) + packed
    # The same batch twice is what a sender does that lost the acknowledgement.
    for batch in (compressed, window + b"".join(frames)):
        with connect(args, target, args.lumberjack_tls) as sock:
            sock.sendall(batch)
            number = 0
            while number == 0:
                kind, number = struct.unpack(">2sI", exactly(sock, 6))
                assert kind == b"2A", kind
            assert number == LINES, number
    with connect(args, target, args.lumberjack_tls) as sock:
        sock.sendall(b"2W\0\0\0\x01" + b"2D\0\0\0\x01\0\0\0\0")
        assert sock.recv(6) == b"", "version 1 was not refused"
    return LINES


def lumberjack_without_certificate(args):
    target = need(args.lumberjack, "--lumberjack")
    if not (args.lumberjack_tls and args.cert):
        raise Skip("the door asks for no certificate")
    try:
        with connect(args, target, True, client_certificate=False) as sock:
            sock.sendall(b"2W\0\0\0\x01")
            assert sock.recv(6) == b"", "a client without a certificate was served"
    except (ssl.SSLError, ConnectionError):
        pass
    return 0


# Forward.


def message_pack():
    try:
        import msgpack
    except ImportError:
        raise Skip("msgpack is not installed") from None
    return msgpack


def forward_fluent_logger(args):
    target = need(args.forward, "--forward")
    if args.forward_tls or args.forward_key:
        raise Skip("fluent-logger knows neither TLS nor keys")
    try:
        from fluent import sender
    except ImportError:
        raise Skip("fluent-logger is not installed") from None
    host, port = address(target)
    logger = sender.FluentSender("sekisho", host=host, port=port, nanosecond_precision=True)
    for text in lines(args, "fluent-logger"):
        assert logger.emit("auto", {"message": stamped(text)}), logger.last_error
    logger.close()
    return LINES


def unpacked(msgpack, sock):
    unpacker = msgpack.Unpacker(raw=False)
    while True:
        more = sock.recv(4096)
        if not more:
            raise AssertionError("closed, expected an answer")
        unpacker.feed(more)
        for answer in unpacker:
            return answer


def greet(msgpack, sock, key):
    """Proves to know the key; whether the door believed it."""
    kind, options = unpacked(msgpack, sock)
    assert kind == "HELO", kind
    digest = hashlib.sha512(b"salt" + b"client" + options["nonce"] + key.encode()).hexdigest()
    sock.sendall(msgpack.packb(["PING", "client", b"salt", digest, "", ""]))
    kind, believed, reason, host, digest = unpacked(msgpack, sock)
    assert kind == "PONG", kind
    if believed:
        expected = hashlib.sha512(b"salt" + host.encode() + options["nonce"] + key.encode()).hexdigest()
        assert digest == expected, "the door does not know the key"
    else:
        assert reason
    return believed


def forward_acknowledged(args):
    target = need(args.forward, "--forward")
    msgpack = message_pack()
    now = msgpack.ExtType(0, struct.pack(">II", int(time.time()), 0))
    records = [{"log": stamped(text)} for text in lines(args, "forward-ack")]
    entries = b"".join(msgpack.packb([[now, {}], record]) for record in records[1:])
    options = {"chunk": f"{args.marker}-1", "size": 1}
    messages = [
        ["sekisho.auto", [[now, records[0]]], options],
        ["sekisho.auto", gzip.compress(entries), {"chunk": f"{args.marker}-2", "compressed": "gzip"}],
    ]
    # The last one again is what a sender does that lost the acknowledgement.
    for message in [*messages, messages[-1]]:
        with connect(args, target, args.forward_tls) as sock:
            if args.forward_key:
                assert greet(msgpack, sock, args.forward_key), "the key was refused"
            sock.sendall(msgpack.packb(message))
            answer = unpacked(msgpack, sock)
            assert answer == {"ack": message[2]["chunk"]}, answer
    return LINES


def forward_wrong_key(args):
    target = need(args.forward, "--forward")
    if not args.forward_key:
        raise Skip("the door has no key")
    msgpack = message_pack()
    with connect(args, target, args.forward_tls) as sock:
        assert not greet(msgpack, sock, args.forward_key + "x"), "a wrong key was accepted"
        assert sock.recv(1) == b"", "the connection stayed open"
    return 0


def need(value, name):
    if not value:
        raise Skip(f"no {name}")
    return value


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Skip(f"{name} is not installed")
    return found


SENDERS = {
    "syslog-python": syslog_python,
    "syslog-openssl": syslog_openssl,
    "rsyslog-octet-counted": lambda args: rsyslog(args, "octet-counted"),
    "rsyslog-traditional": lambda args: rsyslog(args, "traditional"),
    "syslog-ng": syslog_ng,
    "lumberjack": lumberjack,
    "lumberjack-without-certificate": lumberjack_without_certificate,
    "fluent-logger": forward_fluent_logger,
    "forward-ack": forward_acknowledged,
    "forward-wrong-key": forward_wrong_key,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ca", help="the authority of the server's certificate, PEM")
    parser.add_argument("--cert", help="the client's certificate, PEM")
    parser.add_argument("--key", help="the key of it, PEM")
    parser.add_argument("--syslog-tls", metavar="HOST:PORT")
    parser.add_argument("--lumberjack", metavar="HOST:PORT")
    parser.add_argument("--lumberjack-tls", action="store_true")
    parser.add_argument("--forward", metavar="HOST:PORT")
    parser.add_argument("--forward-tls", action="store_true")
    parser.add_argument("--forward-key")
    parser.add_argument("--marker", default="tcpdoors", help="the beginning of the user names that are sent")
    parser.add_argument("--daemon-seconds", type=float, default=8, help="how long a syslog daemon runs")
    args = parser.parse_args()
    sent, failed = {}, False
    for name, send in SENDERS.items():
        try:
            sent[name] = send(args)
            print(f"ok      {name}")
        except Skip as reason:
            print(f"skipped {name}: {reason}")
        except Exception as error:  # every sender is tried, whatever happened to the one before
            failed = True
            print(f"FAILED  {name}: {type(error).__name__}: {error}")
    print(json.dumps({name: count for name, count in sent.items() if count}))
    return 1 if failed else 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())

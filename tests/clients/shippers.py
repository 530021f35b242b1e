#!/usr/bin/env python3
"""Real shippers send to a running Sekisho, and every line must become one right row.

usage: shippers.py PROGRAM PACKAGES [--kafka HOST:PORT]

PROGRAM is the sekisho to test; PACKAGES a folder made by packages.sh. Starts `sekisho run` with every door on a port of
its own, lets each shipper send LINES lines of sshd with user names of its own, and counts distinct names by `sekisho sql`.
A shipper that is not there is skipped and named. Exit 1 if a row is missing, doubled or wrong.
"""
import argparse
import gzip
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

LINES = 500
PATIENCE = 60


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def sshd(shipper, number):
    return f"Accepted password for {shipper}-{number} from 203.0.113.{number % 250 + 1} port {40000 + number} ssh2"


def run(command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options)


def certificates(folder):
    """A CA, and certificates of it for the server and a client."""
    def openssl(*arguments):
        run(["openssl", *arguments], cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem")
    for name in ("server", "client"):
        (folder / f"{name}.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Service:
    """A running Sekisho."""

    def __init__(self, program, folder, kafka):
        self.program, self.folder = program, folder
        self.ports = {name: free_port() for name in ("http", "syslog", "syslog_tls", "lumberjack", "forward")}
        certificates(folder)
        settings = f"""
data = "{folder}/data"
zone = "UTC"
[listen]
http = "127.0.0.1:{self.ports['http']}"
syslog_udp = "127.0.0.1:{self.ports['syslog']}"
syslog_tcp = "127.0.0.1:{self.ports['syslog']}"
syslog_tls = "127.0.0.1:{self.ports['syslog_tls']}"
lumberjack = "127.0.0.1:{self.ports['lumberjack']}"
forward = "127.0.0.1:{self.ports['forward']}"
[tls]
certificate = "{folder}/server.pem"
key = "{folder}/server.key"
[store]
epoch_secs = 1
"""
        if kafka:
            settings += f'[[kafka]]\nbrokers = ["{kafka}"]\ntopics = ["sekisho-shippers"]\nsource = "auto"\ngroup = "sekisho-test-{os.getpid()}"\n'
        self.settings = folder / "sekisho.toml"
        self.settings.write_text(settings)
        self.token = run([program, "token", "new", "any", "-c", str(self.settings)]).stdout.strip()
        self.log = open(folder / "sekisho.log", "w")
        self.process = subprocess.Popen([program, "run", "-c", str(self.settings)], stdout=self.log, stderr=self.log)
        self.wait_until_up()

    def wait_until_up(self):
        for _ in range(PATIENCE * 10):
            if self.process.poll() is not None:
                sys.exit(f"sekisho ended:\n{(self.folder / 'sekisho.log').read_text()}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['http']}/healthz", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        sys.exit("sekisho does not answer")

    def rows(self, shipper):
        """How many rows, and how many different names, a shipper has."""
        query = (f"SELECT count(*) AS n, count(DISTINCT user_name) AS names, "
                 f"count(*) FILTER (WHERE status_id = 1 AND activity = 'logon' AND src_ip LIKE '203.0.113.%') AS good "
                 f"FROM events WHERE user_name LIKE '{shipper}-%'")
        found = json.loads(run([self.program, "sql", "-c", str(self.settings), "--format", "ndjson", query]).stdout)
        return found["n"], found["names"], found["good"]

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Packages:
    """Programs that were unpacked, not installed."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        libraries = [self.folder / "usr/lib/x86_64-linux-gnu", self.folder / "lib/x86_64-linux-gnu", self.folder / "usr/lib/syslog-ng"]
        self.environment = dict(os.environ, LD_LIBRARY_PATH=":".join(map(str, libraries)))

    def find(self, *places):
        for place in places:
            if (self.folder / place).exists():
                return str(self.folder / place)
        return None


def rsyslog(service, packages, shipper, action, modules=""):
    """Runs rsyslogd on a file of lines until everything is sent."""
    program = packages.find("usr/sbin/rsyslogd")
    plugins = packages.folder / "usr/lib/x86_64-linux-gnu/rsyslog"
    if not program:
        return "no rsyslogd"
    folder = service.folder / shipper
    folder.mkdir()
    (folder / "lines").write_text("".join(sshd(shipper, n) + "\n" for n in range(LINES)))
    (folder / "rsyslog.conf").write_text(f"""
global(workDirectory="{folder}" defaultNetstreamDriverCAFile="{service.folder}/ca.pem")
module(load="imfile" mode="polling" pollingInterval="1")
{modules}
input(type="imfile" file="{folder}/lines" tag="sshd[77]:" severity="info" facility="authpriv")
{action}
""")
    process = subprocess.Popen([program, "-n", "-f", str(folder / "rsyslog.conf"), "-i", str(folder / "pid"), "-M", str(plugins)],
                               env=packages.environment, stdout=subprocess.DEVNULL, stderr=open(folder / "stderr", "w"))
    return process


def rsyslog_cases(service, packages, kafka):
    ports, token = service.ports, service.token
    tcp = f'action(type="omfwd" target="127.0.0.1" port="{ports["syslog"]}" protocol="tcp"'
    yield "rsyslog-lines", lambda name: rsyslog(service, packages, name, tcp + ")")
    yield "rsyslog-counted", lambda name: rsyslog(
        service, packages, name, tcp + ' TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")')
    yield "rsyslog-udp", lambda name: rsyslog(
        service, packages, name, f'action(type="omfwd" target="127.0.0.1" port="{ports["syslog"]}" protocol="udp")')
    yield "rsyslog-tls", lambda name: rsyslog(
        service, packages, name,
        f'action(type="omfwd" target="127.0.0.1" port="{ports["syslog_tls"]}" protocol="tcp" StreamDriver="gtls" StreamDriverMode="1" '
        'StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost")')
    if packages.find("usr/lib/x86_64-linux-gnu/rsyslog/omelasticsearch.so"):
        yield "rsyslog-bulk", lambda name: rsyslog(
            service, packages, name,
            'template(name="doc" type="list" option.json="on") { constant(value="{\\"message\\":\\"") property(name="msg") '
            'constant(value="\\",\\"program\\":\\"") property(name="programname") constant(value="\\",\\"host\\":\\"") property(name="hostname") '
            'constant(value="\\",\\"pid\\":\\"77\\",\\"@timestamp\\":\\"") property(name="timereported" dateFormat="rfc3339") constant(value="\\"}") }\n'
            f'action(type="omelasticsearch" server="127.0.0.1" serverport="{ports["http"]}" template="doc" searchIndex="logs" bulkmode="on" '
            f'uid="sekisho" pwd="{token}" action.resumeRetryCount="-1")',
            modules='module(load="omelasticsearch")')
    if kafka:
        yield "rsyslog-kafka", lambda name: rsyslog(
            service, packages, name,
            f'action(type="omkafka" broker=["{kafka}"] topic="sekisho-shippers" template="RSYSLOG_SyslogProtocol23Format")',
            modules='module(load="omkafka")')


def syslog_ng(service, packages, shipper, destination):
    program = packages.find("usr/sbin/syslog-ng")
    if not program:
        return "no syslog-ng"
    folder = service.folder / shipper
    folder.mkdir()
    (folder / "lines").write_text("".join(sshd(shipper, n) + "\n" for n in range(LINES)))
    modules = packages.folder / "usr/lib/syslog-ng/3.38"
    (folder / "syslog-ng.conf").write_text(f"""@version: 3.38
@module affile
@module afsocket
options {{ keep-hostname(yes); }};
source s {{ file("{folder}/lines" program-override("sshd[77]") flags(no-parse) follow-freq(1)); }};
destination d {{ {destination} }};
log {{ source(s); destination(d); }};
""")
    return subprocess.Popen(
        [program, "-F", "-f", str(folder / "syslog-ng.conf"), "-p", str(folder / "pid"), "-R", str(folder / "persist"), "-c", str(folder / "ctl"),
         f"--module-path={modules}"],
        env=packages.environment, stdout=subprocess.DEVNULL, stderr=open(folder / "stderr", "w"))


def syslog_ng_cases(service, packages):
    ports, token = service.ports, service.token
    yield "syslogng-lines", lambda name: syslog_ng(service, packages, name, f'network("127.0.0.1" port({ports["syslog"]}) transport("tcp"));')
    yield "syslogng-counted", lambda name: syslog_ng(service, packages, name, f'syslog("127.0.0.1" port({ports["syslog"]}) transport("tcp"));')
    yield "syslogng-tls", lambda name: syslog_ng(
        service, packages, name,
        f'syslog("127.0.0.1" port({ports["syslog_tls"]}) transport("tls") tls(ca-file("{service.folder}/ca.pem") peer-verify(required-trusted)));')
    if packages.find("usr/lib/syslog-ng/3.38/libhttp.so"):
        body = '"<86>1 $ISODATE host sshd 77 - - $MSG\\n"'
        yield "syslogng-http", lambda name: syslog_ng(
            service, packages, name,
            f'http(url("http://127.0.0.1:{ports["http"]}/ingest/linux.sshd") headers("Authorization: Bearer {token}") method("POST") '
            f'body({body}) batch-lines(100) batch-timeout(500));')


def journal(service, packages, shipper):
    """systemd-journal-upload of a journal that was made for it."""
    upload = packages.find("lib/systemd/systemd-journal-upload", "usr/lib/systemd/systemd-journal-upload")
    remote = packages.find("lib/systemd/systemd-journal-remote", "usr/lib/systemd/systemd-journal-remote")
    if not upload or not remote:
        return "no systemd-journal-upload"
    folder = service.folder / shipper
    folder.mkdir()
    now = int(time.time() * 1_000_000)
    entries = "".join(
        f"__REALTIME_TIMESTAMP={now + n}\n__MONOTONIC_TIMESTAMP={n + 1}\n_BOOT_ID={'0' * 31}1\n_HOSTNAME=host\nSYSLOG_IDENTIFIER=sshd\n_PID=77\nPRIORITY=6\nMESSAGE={sshd(shipper, n)}\n\n"
        for n in range(LINES))
    run([remote, "--output", str(folder / "made.journal"), "-"], input=entries, env=packages.environment)
    return subprocess.Popen(
        [upload, "--url", f"http://sekisho:{service.token}@127.0.0.1:{service.ports['http']}", f"--file={folder}/made.journal", f"--save-state={folder}/state"],
        env=packages.environment, stdout=subprocess.DEVNULL, stderr=open(folder / "stderr", "w"))


def curl(service, shipper):
    """NDJSON and text, packed and not, as one writes it by hand."""
    if not shutil.which("curl"):
        return "no curl"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    lines = "".join(f"<86>1 {stamp} host sshd 77 - - {sshd(shipper, n)}\n" for n in range(LINES))
    path = service.folder / "body.gz"
    path.write_bytes(gzip.compress(lines.encode()))
    run(["curl", "--silent", "--show-error", "--fail", "--data-binary", f"@{path}", "-H", f"Authorization: Bearer {service.token}",
         "-H", "Content-Encoding: gzip", f"http://127.0.0.1:{service.ports['http']}/ingest/linux.sshd"])
    return None


def clients(service, name, arguments):
    """Runs one of the other drivers of this folder against the service."""
    driver = pathlib.Path(__file__).with_name(f"{name}.py")
    done = subprocess.run([sys.executable, str(driver), *arguments], capture_output=True, text=True, check=False)
    print(f"{'ok' if done.returncode == 0 else 'WRONG':8} {name}.py")
    if done.returncode != 0:
        print((done.stdout + done.stderr)[-4000:])
    return done.returncode == 0


def drivers(service):
    """The drivers of clients in Python, and what they are told."""
    ports, folder = service.ports, service.folder
    yield "http_doors", ["--url", f"http://127.0.0.1:{ports['http']}", "--token", service.token]
    yield "tcp_doors", ["--lumberjack", f"localhost:{ports['lumberjack']}", "--forward", f"localhost:{ports['forward']}",
                        "--syslog-tls", f"localhost:{ports['syslog_tls']}", "--ca", str(folder / "ca.pem")]


def kcat(service, packages, shipper, kafka, codec):
    program = shutil.which("kcat") or packages.find("usr/bin/kcat")
    if not program:
        return "no kcat"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    lines = "".join(f"<86>1 {stamp} host sshd 77 - - {sshd(shipper, n)}\n" for n in range(LINES))
    run([program, "-P", "-b", kafka, "-t", "sekisho-shippers", "-z", codec], input=lines, env=packages.environment)
    return None


def cases(service, packages, kafka):
    yield from rsyslog_cases(service, packages, kafka)
    yield from syslog_ng_cases(service, packages)
    yield "journal-upload", lambda name: journal(service, packages, name)
    yield "curl", lambda name: curl(service, name)
    if kafka:
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            yield f"kcat-{codec}", lambda name, codec=codec: kcat(service, packages, name, kafka, codec)


def wait_for(service, shipper):
    found = (0, 0, 0)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = service.rows(shipper)
        if found[1] >= LINES:
            break
        time.sleep(1)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("packages", type=pathlib.Path)
    parser.add_argument("--kafka")
    parser.add_argument("--only", help="the shippers whose names contain this")
    arguments = parser.parse_args()
    packages = Packages(arguments.packages)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        service = Service(arguments.program, pathlib.Path(folder), arguments.kafka)
        running = []
        for name, start in cases(service, packages, arguments.kafka):
            if arguments.only and arguments.only not in name:
                continue
            started = start(name)
            if isinstance(started, str):
                print(f"skipped  {name}: {started}")
                continue
            running.append((name, started))
        for name, process in running:
            rows, names, good = wait_for(service, name)
            right = rows == names == good == LINES
            print(f"{'ok' if right else 'WRONG':8} {name:18} {rows} rows, {names} of {LINES} lines, {good} read right")
            if process is not None:
                process.terminate()
                process.wait()
            if not right:
                failed.append(name)
                stderr = service.folder / name / "stderr"
                if stderr.exists():
                    print(stderr.read_text()[-2000:])
        for name, told in drivers(service):
            if not arguments.only and not clients(service, name, told):
                failed.append(name)
        service.stop()
        if failed:
            print((service.folder / "sekisho.log").read_text()[-4000:])
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

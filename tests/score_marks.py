"""Holds the scores of the sources that Sekisho reads to their marks.

usage: score_marks.py CORPORA OUT SET...

This adds up, per source of ours, the fields that have a mark. A peer's user `-` means that there is
none, and is left out. Failures are counted here: records that others call a failed authentication and we do too.
"""
import collections
import ipaddress
import json
import re
import sys

MARKS = {"src_ip": 0.99, "user_agent": 0.99, "user": 0.97, "failure": 0.99}
OURS = {
    "linux.sshd": lambda p, s, raw: bool(re.search(r" sshd(-session)?(\[\d+\])?: ", raw)),
    "mail.postfix": lambda p, s, raw: bool(re.search(r" postfix[^ ]*/\w+\[", raw)),
    "mail.dovecot": lambda p, s, raw: bool(re.search(r" dovecot(\[\d+\])?: ", raw)),
    "web.combined": lambda p, s, raw: (p in ("apache", "nginx") and s in ("access", "ingress_controller")) or s in ("nginx", "apache2"),
}


def address(text):
    try:
        return ipaddress.ip_address(str(text).strip("[]"))
    except ValueError:
        return str(text).lower()


# Where we differ on purpose: the peer believes an X-Forwarded-For of any length from anybody, which the
# client can write itself; we believe the last address that is neither private nor a trusted proxy.
DIFFER = {"beats/nginx/access/test.log#4"}

corpora, out, sets = sys.argv[1], sys.argv[2], sys.argv[3:]
totals = collections.defaultdict(collections.Counter)
misses = collections.defaultdict(list)
for name in sets:
    golden = [json.loads(line) for line in open(f"{corpora}/given/{name}.ndjson")]
    found = {}
    for line in open(f"{out}/{name}.out"):
        row = json.loads(line)
        found[row["id"]] = row
    for source, is_ours in OURS.items():
        chosen = [r for r in golden if r.get("raw") and r["id"] not in DIFFER and is_ours(str(r.get("product")).lower(), str(r.get("stream")).lower(), r["raw"])]
        for record in chosen:
            expect, row = record["expect"], found.get(record["id"], {})
            for field, wanted in (("src_ip", expect.get("src_ip")), ("user_agent", expect.get("user_agent")), ("user", expect.get("user_any"))):
                if wanted in (None, [], ["-"], ""):
                    continue
                have = row.get(field)
                if field == "user":
                    names = {n for w in wanted for n in (w.lower(), w.lower().split("\\")[-1], w.lower().split("@")[0])}
                    good = have is not None and (have.lower() in names or have.lower().split("@")[0] in names)
                elif field == "src_ip":
                    good = have is not None and address(have) == address(wanted)
                else:
                    good = have is not None and str(have).lower() == str(wanted).lower()
                totals[source][field, good] += 1
                if not good:
                    misses[source, field].append((record["id"], wanted, have))
            if expect.get("outcome") == "failure" and "authentication" in (expect.get("category") or []):
                good = row.get("outcome") == "failure"
                totals[source]["failure", good] += 1
                if not good:
                    misses[source, "failure"].append((record["id"], "failure", row.get("outcome")))

below = 0
for source, counts in sorted(totals.items()):
    for field, mark in MARKS.items():
        good, bad = counts[field, True], counts[field, False]
        if good + bad == 0:
            continue
        share = good / (good + bad)
        verdict = "ok" if share >= mark else "BELOW"
        below += share < mark
        print(f"{source:14} {field:10} {good:5} of {good + bad:5}  {share:7.2%}  mark {mark:.0%}  {verdict}")
        for miss in misses[source, field][:5]:
            print("    ", *miss)
sys.exit(1 if below else 0)

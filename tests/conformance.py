#!/usr/bin/env python3
"""Compares our normal form with what other tools made of the same records, product by product.

usage: conformance.py CORPORA ROWS [--write docs/conformance.md]

CORPORA holds given/{beats_oss,crowdsec,panther_norm}.ndjson: real records with another tool's fields. ROWS holds our rows of
each, SET.rows. A user `-` of the other tool is no user, and one that is our actor is explained by that. tests/conformance.csv lists the differences that are understood, with the reason: `record` is a record, its file
or a beginning with `*`, `theirs` the other tool's value if not any. Any other difference counts against the marks below. Exit 1 if a mark is missed.
"""
import argparse
import collections
import csv
import datetime
import fnmatch
import ipaddress
import json
import pathlib
import re
import sys

# What a field must reach, as a share of the records in which the other tool has it.
MARKS = {"time": 0.99, "src_ip": 0.99, "user_agent": 0.99, "user": 0.97, "outcome": 1.0, "failure": 1.0}
SETS = ("beats_oss", "crowdsec", "panther_norm")
STATUS = {1: "success", 2: "failure"}
ACTOR = "another convention: the peer's user is who did it, which is our `actor_name`; our user is whose account was changed"
# Products that we read, by what the other tool calls them.
PRODUCTS = {
    "AWS.CloudTrail": "aws.cloudtrail", "AWS.ALB": "aws.alb", "Azure.Audit": "entra.audit", "Box.Event": "box.event",
    "GSuite.ActivityEvent": "google.*", "GSuite.Reports": "google.*", "GitHub.Audit": "github.audit", "Okta.SystemLog": "okta.system",
    "OneLogin.Events": "onelogin.event", "OnePassword.SignInAttempt": "onepassword.signin", "OnePassword.ItemUsage": "onepassword.signin",
    "Slack.AuditLogs": "slack.audit", "Duo.Authentication": "duo.auth", "Microsoft365.Audit.AzureActiveDirectory": "m365.audit",
    "Microsoft365.Audit.Exchange": "m365.audit", "Microsoft365.Audit.SharePoint": "m365.audit", "Microsoft365.Audit.General": "m365.audit",
    "Auth0.Events": "auth0.log", "Dropbox.TeamEvent": "dropbox.event", "Salesforce.Login": "salesforce.login",
}
LINES = (
    ("linux.sshd", re.compile(r" sshd(-session)?(\[\d+\])?: ")),
    ("mail.postfix", re.compile(r" postfix[^ ]*/\w+\[")),
    ("mail.dovecot", re.compile(r" dovecot(\[\d+\])?: ")),
)
WEB = {("apache", "access"), ("nginx", "access"), ("nginx", "ingress_controller")}


def ours(record):
    """The source that should read a record, or None where we read nothing of the product."""
    product, stream = str(record.get("product")), str(record.get("stream"))
    if product in PRODUCTS:
        return PRODUCTS[product]
    for source, pattern in LINES:
        if pattern.search(record["raw"]):
            return source
    if (product.lower(), stream.lower()) in WEB or stream.lower() in ("nginx", "apache2"):
        return "web.combined"
    return None


def instant(value):
    if isinstance(value, (int, float)):
        return datetime.datetime.fromtimestamp(value / 1000, datetime.timezone.utc)
    text = re.sub(r"(\.\d{6})\d+", r"\1", str(value).replace("Z", "+00:00"))
    text = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text)
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=datetime.timezone.utc)


def address(text):
    try:
        return ipaddress.ip_address(str(text).strip("[]"))
    except ValueError:
        return str(text).lower()


def names(users):
    users = users if isinstance(users, list) else [users]
    return {form for user in users for form in (str(user).lower(), str(user).lower().split("\\")[-1], str(user).lower().split("@")[0])}


def same(field, wanted, have, record):
    if have is None:
        return False
    if field == "time":
        try:
            a, b = instant(have), instant(wanted)
        except ValueError:
            return False
        if record.get("no_year"):
            return (a.month, a.day, a.minute, a.second) == (b.month, b.day, b.minute, b.second)
        return abs((a - b).total_seconds()) < 0.0015
    if field == "user":
        return bool(names(wanted) & names(have))
    if field == "src_ip":
        return address(wanted) == address(have)
    return str(wanted).lower() == str(have).lower()


def fields(record, row):
    """What is compared: the field, the other tool's value, ours."""
    expect = record["expect"]
    # A `-` is how logs say that nobody is named. As a name it would be one person for all anonymous requests.
    users = [user for user in expect.get("user_any") or [] if user not in ("", "-", None)]
    yield "time", expect.get("time"), row.get("time")
    yield "src_ip", expect.get("src_ip"), row.get("src_ip")
    yield "user_agent", expect.get("user_agent"), row.get("user_agent")
    yield "user", users or None, row.get("user_name") or row.get("user_uid")
    if expect.get("outcome") in ("success", "failure"):
        outcome = STATUS.get(row.get("status_id"), "unknown")
        yield ("failure" if expect["outcome"] == "failure" else "outcome"), expect["outcome"], outcome


def first_rows(path):
    found = {}
    for line in open(path, encoding="utf-8"):
        row = json.loads(line)
        found.setdefault(row.get("id"), row)
    return found


def reason(known, record, field, wanted):
    """Why a difference is none of ours, if it is listed: for the record, its file, or the other tool's value."""
    for listed_record, listed_field, theirs, why in known:
        if field != listed_field or listed_record not in (record, record.split("#")[0]) and not record.startswith(listed_record.rstrip("*") if listed_record.endswith("*") else "\0"):
            continue
        values = wanted if isinstance(wanted, list) else [wanted]
        if not theirs or any(fnmatch.fnmatchcase(str(value), theirs) for value in values):
            return why
    return None


def compare(corpora, rows, known):
    """Per source: counts per field, and the differences."""
    counts, differences = collections.defaultdict(collections.Counter), collections.defaultdict(list)
    for name in SETS:
        found = first_rows(rows / f"{name}.rows")
        for line in open(corpora / "given" / f"{name}.ndjson", encoding="utf-8"):
            record = json.loads(line)
            if not record.get("raw"):
                continue
            row, source = found.get(record["id"], {}), ours(record)
            if source is None:
                counts["others"]["records"] += 1
                if row.get("class_uid") == 3002 and row.get("status_id") == 1 and record["expect"].get("outcome") == "failure":
                    differences["others"].append((record["id"], "outcome", record["expect"].get("outcome"), "success", None))
                continue
            counts[source]["records"] += 1
            for field, wanted, have in fields(record, row):
                if wanted is None:
                    continue
                good = same(field, wanted, have, record)
                why = None if good else reason(known, record["id"], field, wanted)
                if not good and field == "user" and same(field, wanted, row.get("actor_name"), record):
                    why = ACTOR
                counts[source][field, "good" if good else "known" if why else "bad"] += 1
                if not good:
                    differences[source].append((record["id"], field, wanted, have, why))
    return counts, differences


def table(counts):
    """The table, and the marks that are missed."""
    lines = ["| source | records | " + " | ".join(MARKS) + " |", "|---|--:|" + "--:|" * len(MARKS)]
    missed = []
    for source in sorted(counts):
        if source == "others":
            continue
        cells = []
        for field, mark in MARKS.items():
            good, bad, known = (counts[source][field, kind] for kind in ("good", "bad", "known"))
            if good + bad + known == 0:
                cells.append("")
                continue
            cells.append(f"{good} of {good + bad + known}" + (f" ({known} explained)" if known else ""))
            if good + bad and good / (good + bad) < mark:
                missed.append(f"{source}: {field} {good} of {good + bad}, the mark is {mark:.0%}")
        lines.append(f"| `{source}` | {counts[source]['records']} | " + " | ".join(cells) + " |")
    return lines, missed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=pathlib.Path)
    parser.add_argument("rows", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    arguments = parser.parse_args()
    listed = pathlib.Path(__file__).with_name("conformance.csv")
    known = [(line["record"], line["field"], line["theirs"], line["why"]) for line in csv.DictReader(open(listed, encoding="utf-8"))]
    counts, differences = compare(arguments.corpora, arguments.rows, known)
    lines, missed = table(counts)
    print("\n".join(lines))
    print(f"\n{counts['others']['records']} records of products that we do not read; taken for a success of theirs: {len(differences['others'])}")
    for source in sorted(differences):
        for record, field, wanted, have, why in differences[source]:
            if why is None:
                print(f"difference  {record} {field}: theirs {wanted!r}, ours {have!r}")
    if differences["others"]:
        missed.append(f"{len(differences['others'])} records of other products became a sign-in that succeeded")
    if arguments.write:
        explained = collections.Counter((source, field, why) for source in differences for _, field, _, _, why in differences[source] if why)
        reasons = [f"| `{source}` | {field} | {number} | {why} |" for (source, field, why), number in sorted(explained.items())]
        head = arguments.write.read_text(encoding="utf-8").split("<!-- measured -->")[0]
        body = ["<!-- measured -->", "", *lines, "", "| source | field | records | why we differ |", "|---|---|--:|---|", *reasons, ""]
        arguments.write.write_text(head + "\n".join(body), encoding="utf-8")
    for text in missed:
        print(f"MISSED      {text}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

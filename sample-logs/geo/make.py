#!/usr/bin/env python3
"""Makes City.mmdb and ASN.mmdb from places.csv, in the shape of GeoLite2.

Real databases may not be shipped, so the sample logs have their own: only addresses and AS numbers
that are reserved for documentation (RFC 5737, 3849 and 5398), at invented operators.

    pip install mmdb_writer==0.2.7
    python3 make.py            # the same input gives the same bytes
"""

import csv
import pathlib
import time

import mmdb_writer
from netaddr import IPSet

HERE = pathlib.Path(__file__).resolve().parent
# The writer takes the time of the build from the clock; a fixed one makes the files reproducible.
BUILT = 1_793_491_200  # 2026-11-01T00:00:00Z


def city(row):
    record = {"country": {"iso_code": row["country"]}}
    if row["city"]:
        record["city"] = {"names": {"en": row["city"]}}
    record["location"] = {
        "accuracy_radius": int(row["accuracy"]),
        "latitude": float(row["lat"]),
        "longitude": float(row["lon"]),
    }
    return record


def asn(row):
    return {"autonomous_system_number": int(row["asn"]), "autonomous_system_organization": row["org"]}


def make(name, database_type, record_of, rows):
    writer = mmdb_writer.MMDBWriter(
        ip_version=6,
        ipv4_compatible=True,
        database_type=database_type,
        languages=["en"],
        description="Addresses for documentation at invented operators",
        # Readers are strict: MaxMind's own files hold unsigned 32-bit integers.
        int_type="u32",
    )
    for row in rows:
        writer.insert_network(IPSet([row["cidr"]]), record_of(row))
    writer.to_db_file(str(HERE / name))


def main():
    time.time = lambda: BUILT
    with open(HERE / "places.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    make("City.mmdb", "Sekisho-Sample-City", city, rows)
    make("ASN.mmdb", "Sekisho-Sample-ASN", asn, rows)


if __name__ == "__main__":
    main()

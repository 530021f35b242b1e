#!/usr/bin/env bash
# Compares our normal form with what other tools made of the same real records: tests/conformance.py says how.
# usage: tests/conformance.sh CORPORA [--write docs/conformance.md]   (a folder with given/*.ndjson and to_envelope.py)
set -euo pipefail
cd "$(dirname "$0")/.."
corpora=$1
shift
[ -f "$corpora/to_envelope.py" ] || { echo "no to_envelope.py in $corpora: skipped"; exit 0; }
out=target/conformance
mkdir -p "$out"
for set in beats_oss crowdsec panther_norm; do
  python3 "$corpora/to_envelope.py" "$corpora/given/$set.ndjson" > "$out/$set.in"
  cargo run --quiet --locked -- normalise --zone UTC --envelope "$out/$set.in" > "$out/$set.rows"
done
python3 tests/conformance.py "$corpora" "$out" "$@"

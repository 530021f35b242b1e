#!/usr/bin/env bash
# Compares the normal form with what other tools made of the same real lines, and fails below the marks.
# usage: tests/score.sh FOLDER   (a folder with given/*.ndjson, to_envelope.py, from_normal.py and score.py)
set -euo pipefail
cd "$(dirname "$0")/.."
corpora=$1
[ -f "$corpora/score.py" ] || { echo "no score.py in $corpora: skipped"; exit 0; }
out=target/score
mkdir -p "$out"
for set in beats_oss crowdsec; do
  python3 "$corpora/to_envelope.py" "$corpora/given/$set.ndjson" > "$out/$set.in"
  cargo run --quiet --locked -- normalise --zone UTC --envelope "$out/$set.in" > "$out/$set.rows"
  python3 "$corpora/from_normal.py" "$out/$set.rows" > "$out/$set.out"
done
python3 tests/score_marks.py "$corpora" "$out" beats_oss crowdsec

#!/usr/bin/env bash
# Measures the whole program on made-up logs: how fast `sekisho replay --store` and `sekisho normalise`
# are by the CPU time they take, from a file to tables and to NDJSON.
#
#   benches/end-to-end.sh [PROGRAM] [RECORDS]
#
# PROGRAM is target/release/sekisho if nothing else is said (cargo build --release), RECORDS 200000
# of each source.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${1:-target/release/sekisho}
records=${2:-200000}
[[ -x $program ]] || { echo "there is no program at $program; build it: cargo build --release" >&2; exit 2; }
cargo build --quiet --release --workspace --bins
generate=${CARGO_TARGET_DIR:-target}/release/sekisho-generate

folder=$(mktemp -d)
trap 'rm -r -- "$folder"' EXIT
"$generate" people 0 > "$folder/people.csv"

# Runs a command and prints a row: its speed by user CPU time, and its times in seconds.
measure() {
    local name=$1 bytes=$2
    shift 2
    local TIMEFORMAT='%U %S %R' times
    times=$( { time "$@" > "$folder/out" 2> "$folder/err"; } 2>&1 ) || { cat "$folder/err" >&2; exit 2; }
    awk -v name="$name" -v records="$records" -v bytes="$bytes" '{
        printf "| %s | %.0f k | %.1f | %.1f | %.1f | %.1f |\n", name, records / $1 / 1e3, bytes / $1 / 1e6, $1, $2, $3
    }' <<< "$times"
}

echo "| what | records/s | MB/s | user s | system s | elapsed s |"
echo "|---|--:|--:|--:|--:|--:|"
for source in entra.signin m365.audit linux.sshd mail.postfix mail.dovecot web.combined; do
    log="$folder/$source.log"
    "$generate" "$source" "$records" > "$log"
    bytes=$(wc -c < "$log")
    measure "normalise $source" "$bytes" "$program" normalise --source "$source" --zone Asia/Tokyo --year 2026 "$log"
    measure "replay --store $source" "$bytes" "$program" replay --source "$source" --zone Asia/Tokyo --year 2026 \
        --people "$folder/people.csv" --networks sample-logs/networks.csv \
        --geo sample-logs/geo/City.mmdb --geo sample-logs/geo/ASN.mmdb \
        --alerts "$folder/alerts.ndjson" --store "$folder/$source.tables" "$log"
    rm -r -- "$folder/$source.tables" "$log"
done

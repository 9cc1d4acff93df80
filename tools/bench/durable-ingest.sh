#!/usr/bin/env bash
# Sets the store's durable ingest in proportion to a bare group-commit log with the
# same bytes, and that to fio with the same sync pattern, all on one disk.
# Run in the repository's root: tools/bench/durable-ingest.sh [ROUNDS]
#
# Needs fio (Debian 12: apt-get install fio) and about 2 GB where MILLRACE_BENCH_DIR
# points, else in the folder for temporary files. It writes 500 KB fragments and says
# nothing of a machine that does something else meanwhile: run it on an idle one.
#
# Everything runs once in each round (7), in turn, because disks have moods; the table
# has the median of all rounds in MB/s. With W writers that each wait for their
# fragment, a group is half of them, so fio syncs after every W/2 fragments; "early" is
# with the write-back of what was written started every megabyte, as the store does.
set -euo pipefail

rounds=${1:-7}
count=${COUNT:-1000} # fragments per run
dir=$(mktemp -d "${MILLRACE_BENCH_DIR:-${TMPDIR:-/tmp}}/millrace-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT
command -v fio >/dev/null || { echo "fio is missing" >&2; exit 1; }
go test -c -o "$dir/store.test" ./internal/store

run_fio() { # name writers option...
	local name=$1 writers=$2
	shift 2
	fio --minimal --name="$name" --directory="$dir" --rw=write --bs=500000 --size=$((count * 500000)) \
		--ioengine=psync --fallocate=none --fdatasync=$((writers / 2)) --end_fsync=1 --unlink=1 "$@" |
		awk -F';' -v row="$name/$writers" '{ print row, $48 / 1000 }'
}

run_store() {
	MILLRACE_BENCH_DIR=$dir "$dir/store.test" -test.run '^$' -test.bench 'DurableIngest' -test.benchtime "${count}x" |
		awk '/MB\/s/ { sub("BenchmarkDurableIngest/", "", $1); sub("-[0-9]+$", "", $1); for (i = 2; i <= NF; i++) if ($i == "MB/s") print $1, $(i - 1) }'
}

for ((round = 1; round <= rounds; round++)); do
	echo "round $round of $rounds" >&2
	for writers in 50 400; do
		run_fio fio "$writers"
		run_fio early-fio "$writers" --sync_file_range=write:2
	done
	run_store
done | sort | awk '
	{ row = $1; if (!(row in n)) order[++rows] = row; v[row, ++n[row]] = $2 + 0 }
	function median(row, i, j, t) {
		for (i = 2; i <= n[row]; i++)
			for (j = i; j > 1 && v[row, j] < v[row, j - 1]; j--) { t = v[row, j]; v[row, j] = v[row, j - 1]; v[row, j - 1] = t }
		return v[row, int((n[row] + 1) / 2)]
	}
	function part(a, b) { return b > 0 ? sprintf("%3.0f %%", 100 * a / b) : "" }
	END {
		for (i = 1; i <= rows; i++) m[order[i]] = median(order[i])
		split("50 400", writers, " ")
		for (w = 1; w <= 2; w++) {
			W = "/" writers[w]
			printf "%s writers%12s\n", writers[w], "MB/s"
			printf "  %-12s %8.0f\n", "fio", m["fio" W]
			printf "  %-12s %8.0f\n", "early fio", m["early-fio" W]
			printf "  %-12s %8.0f  %s of fio\n", "log", m["log" W], part(m["log" W], m["fio" W])
			printf "  %-12s %8.0f  %s of early fio\n", "early log", m["early-log" W], part(m["early-log" W], m["early-fio" W])
			for (l = 1; l <= 4; l *= 2) {
				row = "lanes-" l W
				printf "  %-12s %8.0f  %s of the log, %s of the early log\n", l " lanes", m[row], part(m[row], m["log" W]), part(m[row], m["early-log" W])
			}
		}
	}'

#!/usr/bin/env bash
# Runs every fuzz target of the module in the current directory, one after the
# other, for FUZZTIME each. Go keeps what it finds under testdata/fuzz of the
# package; commit it.
set -euo pipefail

grep -rl --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do
	grep -o '^func Fuzz[A-Za-z0-9_]*' "$file" | cut -c6- | while read -r target; do
		echo "== $target (${file#./}), ${FUZZTIME:=30s}"
		go test -run '^$' -fuzz "^${target}\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 1s "./$(dirname "${file#./}")"
	done
done

package main

import "runtime/debug"

// serverGCPercent is how much a server's heap may grow before it is collected.
// Most of it is media in pooled memory that holds no pointers, and the rest
// makes little garbage: collecting often costs next to nothing, and keeps the
// process at the size that it needs.
const serverGCPercent = 20

// tuneCollector sets the collector up for a server, unless the operator has.
func tuneCollector(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(serverGCPercent)
	}
}

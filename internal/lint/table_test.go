package lint_test

import "strings"

// modulePath is the import path of the root package.
const modulePath = "github.com/millrace/millrace"

// A row says what one package may import. Packages are named relative to the
// root, which is "."; a name that ends in "/..." stands for every package
// below it (and, in mayImport, for the package itself as well).
type row struct {
	pkg       string
	mayImport []string
	stdOnly   bool // besides ours, nothing but the standard library
}

// importTable is the whole table. A package without a row is an error, so that
// a new package states its place in the house on the day it is made.
func importTable() []row {
	formats := []string{"internal/timeline", "internal/fmp4", "internal/ts", "internal/hls", "internal/dash"}
	stores := []string{".", "internal/pack", "internal/store"}
	session := []string{".", "internal/wire/...", "mkv", "internal/fragment", "internal/limit", "internal/memory", "internal/store", "internal/tail"}
	client := []string{".", "mkv", "media", "credentials", "internal/wire/..."}

	api := concat(session, formats, []string{
		"media", "producer/...", "consumer/...", "internal/pack", "internal/auth", "internal/certs", "internal/device", "internal/ingest",
		"internal/clock", "internal/egress", "internal/playback", "internal/retention", "internal/fleet",
	})

	return []row{
		{".", nil, true},
		{"mkv", nil, true},
		{"media", nil, true},
		{"credentials", []string{".", "internal/wire", "internal/wire/profile"}, true},
		{"producer", concat(client, []string{"producer/spool"}), true},
		{"producer/producertest", []string{".", "mkv", "internal/wire"}, true},
		{"producer/spool", []string{"."}, true},
		{"producer/...", concat(client, []string{"producer/..."}), false},
		{"consumer", concat(client, []string{"consumer/checkpoint"}), true},
		{"consumer/checkpoint", nil, true},
		{"consumer/export", concat(client, []string{"consumer", "internal/timeline", "internal/fmp4", "internal/ts"}), false}, // which mux, and know nothing of a server
		{"consumer/consumertest", []string{".", "mkv", "internal/wire", "producer/producertest"}, true},
		{"consumer/checkpoint/checkpointtest", []string{"consumer/checkpoint"}, false},
		{"consumer/...", concat(client, []string{"consumer/..."}), false},
		{"internal/config", nil, false},
		{"internal/clock", nil, false},
		{"internal/limit", []string{"."}, false},
		{"internal/memory", []string{"."}, true},
		{"internal/wire", []string{"."}, true},
		{"internal/wire/client", []string{".", "credentials", "internal/wire", "internal/wire/profile"}, true},
		{"internal/wire/profile", nil, true},
		{"internal/wire/...", []string{".", "internal/wire/..."}, true},
		{"internal/pack", []string{"."}, false},
		{"internal/hls", []string{".", "internal/timeline"}, true},
		{"internal/dash", []string{"."}, false},
		{"internal/store", []string{".", "internal/pack"}, false},
		{"internal/store/disk", stores, false},
		{"internal/store/s3", stores, false},
		{"internal/store/sqlite", stores, false},
		{"internal/store/postgres", stores, false},
		{"internal/store/mem", stores, false},
		{"internal/store/fault", stores, false},
		{"internal/store/storetest", stores, false},
		{"internal/store/fill", []string{".", "internal/store", "internal/store/disk", "internal/store/sqlite"}, false},
		{"internal/audit", nil, true},
		{"internal/trace", nil, false},
		{"internal/keyfile", nil, true},
		{"internal/auth", []string{".", "internal/keyfile", "internal/store", "internal/wire/..."}, false},
		{"internal/certs", []string{"internal/keyfile"}, false},
		{"internal/device", []string{".", "internal/auth", "internal/certs", "internal/store"}, false},
		{"internal/fragment", []string{".", "mkv", "media"}, false},
		{"internal/timeline", []string{".", "mkv", "media"}, true},
		{"internal/fmp4", []string{".", "media", "internal/timeline"}, false},
		{"internal/ts", []string{".", "media", "internal/timeline"}, false},
		{"internal/tail", []string{".", "internal/memory", "internal/store"}, false},
		{"internal/retention", []string{".", "internal/store"}, false},
		{"internal/fleet", []string{".", "internal/store"}, false},
		{"internal/ingest", session, false},
		{"internal/egress", session, false},
		{"internal/playback", concat(formats, []string{".", "mkv", "media", "internal/limit", "internal/memory", "internal/store", "internal/tail"}), false},
		{"internal/api", api, false},
		{"internal/console", []string{"."}, false},
		{"internal/player", []string{"internal/wire"}, true},
		{"internal/upkeep", []string{".", "internal/config", "internal/pack", "internal/store", "internal/store/disk", "internal/store/sqlite"}, false},
		{"internal/server", []string{".", "mkv", "media", "internal/..."}, false},
		{"internal/crowd", concat(client, []string{"producer"}), true},
		{"internal/demo", nil, true},
		{"internal/lint", nil, true},
		{"cmd/millrace", []string{
			".", "mkv", "media", "credentials", "producer/...", "consumer/...",
			"internal/server", "internal/config", "internal/wire/...", "internal/demo",
			"internal/upkeep", "internal/certs", "internal/pack",
		}, false},
		{"examples/frames", []string{"consumer"}, true},
		{"testdata/gen", nil, true},
	}
}

func concat(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// rowOf finds the row of pkg: its own, or else the longest "/..." above it.
func rowOf(table []row, pkg string) (row, bool) {
	var best row
	found := false
	for _, r := range table {
		if r.pkg == pkg {
			return r, true
		}
		prefix, wild := strings.CutSuffix(r.pkg, "...")
		if wild && strings.HasPrefix(pkg, prefix) && len(r.pkg) > len(best.pkg) {
			best, found = r, true
		}
	}
	return best, found
}

// allows reports whether the row lets its package import pkg of ours.
func (r row) allows(pkg string) bool {
	for _, allowed := range r.mayImport {
		base, wild := strings.CutSuffix(allowed, "/...")
		if pkg == base || wild && strings.HasPrefix(pkg, base+"/") {
			return true
		}
	}
	return false
}

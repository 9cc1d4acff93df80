//go:build !linux

package spool

import "os"

// dataSync makes what was written to f durable. On darwin this is the full sync
// that reaches the medium.
func dataSync(f *os.File) error { return f.Sync() }

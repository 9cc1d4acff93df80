//go:build race

package sqlite_test

// raced says that the race detector slows everything down.
const raced = true

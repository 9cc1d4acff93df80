package spool_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childDir names the directory in which a process is to write until it is killed.
const childDir = "MILLRACE_SPOOL_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
	}
	goleak.VerifyTestMain(m)
}

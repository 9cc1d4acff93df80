package certs_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets certmagic's look after a lock be, which ends some seconds after
// the lock was given back.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"))
}

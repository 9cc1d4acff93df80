package decode_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// asFFmpeg has the test binary behave as a child of ours.
const asFFmpeg = "MILLRACE_TEST_FFMPEG"

func TestMain(m *testing.M) {
	if os.Getenv(asFFmpeg) != "" {
		os.Exit(standIn())
	}
	goleak.VerifyTestMain(m)
}

package server_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if data := os.Getenv(childData); data != "" {
		os.Exit(serveAsChild(data))
	}
	if film := os.Getenv(childFilm); film != "" {
		os.Exit(produceAsChild(film))
	}
	if work := os.Getenv(childWork); work != "" {
		os.Exit(consumeAsChild(work))
	}
	// net/http keeps idle connections of its default client for a while.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

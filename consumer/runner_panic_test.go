package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

const panicsEnv = "MILLRACE_TEST_HANDLER_PANICS"

// TestAHandlerThatPanicsEndsTheProgram runs itself as another process.
func TestAHandlerThatPanicsEndsTheProgram(t *testing.T) {
	if os.Getenv(panicsEnv) != "" {
		y := newYard(t, 1)
		y.began = time.Now().Add(-time.Minute)
		err := y.client().Run(t.Context(), consumer.RunnerOptions{App: "plates", Store: &y.store},
			func(context.Context, millrace.StreamName, *consumer.Reader) error { panic("what is this") })
		fmt.Println("run has ended with", err)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), panicsEnv+"=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(string(out), "panic: what is this") || strings.Contains(string(out), "run has ended") {
		t.Errorf("it ended with %v\n%s", err, out)
	}
}

// client returns one that speaks to the yard.
func (y *yard) client() *consumer.Client {
	return &consumer.Client{
		Endpoint:    "http://control",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  &http.Client{Transport: y},
	}
}

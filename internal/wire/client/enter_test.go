package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// Whoever paces a client is asked before each attempt, also of what nobody waits
// for, and told what became of it.
func TestEveryAttemptWaitsToBeLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		statuses := []int{200, 0, 503, 200}
		away := errors.New("away")
		var refuse bool
		c := client.New(client.Settings{
			Endpoint: "http://control:8080", Region: "eu-west-1",
			Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
			HTTP: &http.Client{Transport: transport(func(*http.Request, map[string]any) (int, string) {
				status := statuses[0]
				statuses = statuses[1:]
				return status, `{"DataEndpoint":"http://data"}`
			})},
			Enter: func(_ context.Context, endpoint string) (func(error), error) {
				if refuse {
					return nil, away
				}
				said = append(said, client.HostOf(endpoint))
				return func(err error) { said = append(said, fmt.Sprint(err == nil)) }, nil
			},
		})
		defer c.Close()
		ask := func() (string, error) { return c.DataEndpoint(t.Context(), "gate", client.PutMedia) }
		if _, err := ask(); err != nil {
			t.Fatal(err)
		}
		c.ForgetEndpoint("gate", client.PutMedia)
		if e, err := ask(); err != nil || e != "http://data" { // that of before
			t.Error(e, err)
		}
		if err := c.DeleteKey(t.Context(), "AKID"); err != nil { // and again after the 503
			t.Error(err)
		}
		want := []string{"control:8080", "true", "control:8080", "false", "control:8080", "false", "control:8080", "true"}
		if !slices.Equal(said, want) {
			t.Errorf("was told %q, want %q", said, want)
		}
		refuse = true
		if _, err := c.DescribeStream(t.Context(), "gate"); !errors.Is(err, away) {
			t.Errorf("who may not enter gets %v", err)
		}
	})
}

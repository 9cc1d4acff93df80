package consumertest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/consumertest"
	"github.com/millrace/millrace/internal/wire/client"
)

// dial is a client of a server.
func dial(t *testing.T, s *consumertest.Server) *client.Client {
	t.Helper()
	return dialAs(t, s, millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"})
}

func dialAs(t *testing.T, s *consumertest.Server, c millrace.Credentials) *client.Client {
	t.Helper()
	conn := client.New(client.Settings{
		Endpoint: s.Endpoint(), Region: "us-east-1", HTTP: s.HTTPClient(), Tries: 1, Credentials: millrace.StaticCredentials(c),
	})
	t.Cleanup(conn.Close)
	return conn
}

// read is what a getMedia call brings, and the error that ended it.
func read(ctx context.Context, c *client.Client, start millrace.StartSelector) ([]byte, error) {
	body, _, err := c.OpenMedia(ctx, "gate", start)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

var (
	earliest = millrace.StartSelector{Type: millrace.StartEarliest}
	short    = consumertest.Config{Pipes: true, Idle: time.Millisecond}
)

func behind(n millrace.FragmentNumber) millrace.StartSelector {
	return millrace.StartSelector{Type: millrace.StartFragmentNumber, Number: n}
}

// documents are fragments as they are sent, at a time when they are of any age.
func documents(s *consumertest.Server, fragments ...consumertest.Fragment) []byte {
	var all [][]byte
	for _, f := range fragments {
		all = append(all, f.Document(time.Since(f.ServerTime)))
	}
	return slices.Concat(all...)
}

// list calls getMediaForFragmentList.
func list(t *testing.T, c *client.Client, s *consumertest.Server, numbers ...string) ([]byte, error) {
	t.Helper()
	body := []byte(`{"StreamName":"gate","Fragments":["` + join(numbers) + `"]}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.DataEndpoint()+"/getMediaForFragmentList", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDTEST/20261122/us-east-1/kinesisvideo/aws4_request, SignedHeaders=host;x-amz-date, Signature="+string(bytes.Repeat([]byte("0"), 64)))
	req.Header.Set("X-Amz-Date", "20261122T120000Z")
	resp, err := s.HTTPClient().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}

func join(numbers []string) string {
	var b []byte
	for i, n := range numbers {
		if i > 0 {
			b = append(b, `","`...)
		}
		b = append(b, n...)
	}
	return string(b)
}

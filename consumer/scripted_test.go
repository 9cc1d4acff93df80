package consumer_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/consumertest"
)

// idle is how long a loop of the tests waits for another fragment, in the time of
// its bubble.
const idle = time.Second

// quiet is a server in memory whose responses do not end by themselves.
func quiet(t *testing.T, c consumertest.Config) (*consumertest.Server, *consumer.Client) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	c.Pipes = true
	if c.Idle == 0 {
		c.Idle = -1
	}
	s := consumertest.Start(t, c)
	return s, &consumer.Client{
		Endpoint:    s.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  s.HTTPClient(),
	}
}

// fromStart is a live loop over all that there is.
func fromStart() consumer.LiveOptions {
	return consumer.LiveOptions{
		Start: millrace.StartSelector{Type: millrace.StartEarliest},
		Until: consumer.Until{Idle: idle},
	}
}

// take writes a frame into a ledger.
func take(l *consumertest.Ledger, f consumer.Frame) {
	l.Take(consumertest.Got{
		Number: f.Fragment.Number, Index: f.Index, Track: uint64(f.Track), Timecode: f.Timecode, Key: f.Key, Data: f.Data,
	})
}

// readAll takes every frame of a loop, and returns what ended it.
func readAll(ctx context.Context, r *consumer.Reader) (*consumertest.Ledger, error) {
	var l consumertest.Ledger
	for f, err := range r.Frames(ctx) {
		if err != nil {
			return &l, err
		}
		take(&l, f)
	}
	return &l, nil
}

// everything holds what a loop brings against all that a stream keeps.
func everything(t *testing.T, s *consumertest.Server, r *consumer.Reader) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 365*24*time.Hour) // of the bubble
	defer cancel()
	l, err := readAll(ctx, r)
	if err != nil {
		return err
	}
	return l.Compare(s.Stream("gate").All(), consumertest.Comparison{})
}

// torture is how much longer campaigns are to be; 0 is that they are not run.
func torture() int {
	n, _ := strconv.Atoi(os.Getenv("MILLRACE_TORTURE")) // what is no number is none
	return n
}

package producer_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

func TestAClientClosesAllThatIsOpen(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		s, c := served(t, producertest.Config{})
		for _, name := range []millrace.StreamName{"gate", "door"} {
			up, err := c.Open(t.Context(), name, producer.StreamConfig{Tracks: tracks()})
			if err != nil {
				t.Fatal(err)
			}
			write(t, up, 0, "Ab")
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if len(durables(s, "gate")) != 1 || len(durables(s, "door")) != 1 {
			t.Errorf("durable are %q and %q", durables(s, "gate"), durables(s, "door"))
		}
		if left := slices.Collect(c.Streams()); len(left) > 0 {
			t.Errorf("%d streams are open", len(left))
		}
		if err := c.Close(t.Context()); err != nil {
			t.Errorf("second close: %v", err)
		}
	})
}

func TestAClientThatClosesSaysWhatIsNotDurable(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		_, c := served(t, producertest.Config{After: silent()})
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
		if err != nil {
			t.Fatal(err)
		}
		write(t, up, 0, "AB")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stream gate: 2 fragments") {
			t.Errorf("error %v", err)
		}
	})
}

func TestAClosedClientOpensNothing(t *testing.T) {
	c := &producer.Client{Endpoint: "http://control.test"}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()}); !errors.Is(err, producer.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

// An outage of an hour is logged once a minute, and that it is over once.
func TestTheLogIsNoFlood(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s, c := served(t, producertest.Config{After: refusing(500, "InternalFailure")})
		time.AfterFunc(time.Hour, func() { s.SetAfter(producertest.Step{}) })
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
		if err != nil {
			t.Fatal(err)
		}
		write(t, up, 0, "Ab")
		if err := up.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	text := log.String()
	if n := strings.Count(text, "stream waits"); n < 10 || n > 61 {
		t.Errorf("waits are logged %d times", n)
	}
	if n := strings.Count(text, "stream goes on"); n != 1 {
		t.Errorf("the end is logged %d times:\n%s", n, text)
	}
	if strings.Contains(text, "secret") || !strings.Contains(text, "stream=gate") {
		t.Errorf("log:\n%s", text)
	}
}

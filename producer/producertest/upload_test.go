package producertest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// clock is the time of the frames.
var clock = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// upload sends frames a second apart, of which those with a capital letter are
// key frames, and waits until all is durable.
func upload(t *testing.T, s *producertest.Server, letters string) (producer.Stats, error) {
	t.Helper()
	c := &producer.Client{
		Endpoint:    s.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  s.HTTPClient(),
		Dial:        s.Dial,
		TLS:         s.ClientTLS(),
	}
	up, err := c.Open(t.Context(), "gate", producer.StreamConfig{
		Tracks: []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}},
	})
	if err != nil {
		return producer.Stats{}, err
	}
	for i, letter := range letters {
		f := media.Frame{
			Track: 1, PTS: time.Duration(clock.UnixNano()) + time.Duration(i)*time.Second,
			Key: letter >= 'A' && letter <= 'Z', Data: []byte(strings.Repeat(string(letter), 100)),
		}
		if err := up.Write(t.Context(), f); err != nil {
			break // Close says why
		}
	}
	err = up.Close(t.Context())
	return up.Stats(), err
}

// durable is the first letters of the frames that are durable, and a space
// between fragments.
func durable(s *producertest.Server) string {
	var words []string
	for _, f := range s.Persisted("gate") {
		words = append(words, word(f))
	}
	return strings.Join(words, " ")
}

func word(f producertest.Fragment) string {
	var b strings.Builder
	for _, frame := range f.Frames {
		b.WriteByte(frame.Data[0])
	}
	return b.String()
}

func TestAGoodServerKeepsWhatItIsSent(t *testing.T) {
	for name, config := range map[string]producertest.Config{
		"loopback": {},
		"pipes":    {Pipes: true},
		"TLS":      {TLS: true},
		"both":     {Pipes: true, TLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir())
			s := producertest.Start(t, config)
			if _, err := upload(t, s, "AbcDeF"); err != nil {
				t.Fatal(err)
			}
			if got := durable(s); got != "Abc De F" {
				t.Errorf("durable are %q", got)
			}
		})
	}
}

func TestAServerStandsInABubble(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		s := producertest.Start(t, producertest.Config{Pipes: true, Steps: []producertest.Step{
			{Faults: []producertest.Fault{{At: producertest.AtPersisted, Delay: time.Hour, Do: producertest.Reset}}},
		}})
		if _, err := upload(t, s, "AbC"); err != nil {
			t.Fatal(err)
		}
		if got := durable(s); got != "Ab Ab C" && got != "Ab C Ab C" {
			t.Errorf("durable are %q", got)
		}
	})
}

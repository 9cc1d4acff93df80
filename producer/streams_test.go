package producer_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
)

func TestAClientListsTheStreamsThatAreOpen(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	c := &producer.Client{
		Endpoint:    "http://127.0.0.1:1",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}),
	}
	names := func() (list []millrace.StreamName) {
		for s := range c.Streams() {
			list = append(list, s.Name())
		}
		return list
	}
	if got := names(); got != nil {
		t.Errorf("open are %v before anything is", got)
	}
	var streams []*producer.Stream
	for _, name := range []millrace.StreamName{"gate", "yard", "attic"} {
		s, err := c.Open(t.Context(), name, producer.StreamConfig{Tracks: tracks()})
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, s)
	}
	if got, want := names(), []millrace.StreamName{"gate", "yard", "attic"}; !slices.Equal(got, want) {
		t.Errorf("open are %v, want %v", got, want)
	}
	streams[1].Abort()
	if got, want := names(), []millrace.StreamName{"gate", "attic"}; !slices.Equal(got, want) {
		t.Errorf("open are %v, want %v", got, want)
	}
	for s := range c.Streams() {
		s.Abort()
		break
	}
	streams[2].Abort()
	if got := names(); got != nil {
		t.Errorf("open are %v after all were closed", got)
	}
}

// A name that no server takes may come from a file of settings. It must not lead
// out of the spool's directory either.
func TestANameThatIsNoneIsAnErrorOfOpen(t *testing.T) {
	beside := t.TempDir()
	c := &producer.Client{Endpoint: "http://control.test", Spool: filepath.Join(beside, "spool")}
	for _, name := range []millrace.StreamName{"", "a/../../elsewhere", "a\r\nb", "a b", millrace.StreamName(strings.Repeat("x", 257))} {
		if up, err := c.Open(t.Context(), name, producer.StreamConfig{Tracks: tracks(), Buffer: producer.BufferRules{Spool: true}}); err == nil {
			up.Abort()
			t.Errorf("%.20q is a name", name)
		}
	}
	if list, err := os.ReadDir(beside); err != nil || len(list) > 0 {
		t.Errorf("there are %v, %v", list, err)
	}
}

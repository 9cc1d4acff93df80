package consumer_test

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

// An echo answers with the same list and the same media over and over.
type echo struct{ list, media []byte }

func (e *echo) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	body := e.media
	switch r.URL.Path {
	case "/getDataEndpoint":
		body = []byte(`{"DataEndpoint":"http://data"}`)
	case "/listFragments":
		body = e.list
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// newEcho has fragments of so many frames.
func newEcho(fragments, frames, size int) *echo {
	var e echo
	entry := func(f stored) string {
		at := seconds(vaultTime(f.server))
		return `{"FragmentNumber":"` + f.number().String() + `","FragmentSizeInBytes":1000,"FragmentLengthInMilliseconds":2000,"ServerTimestamp":` + at + `,"ProducerTimestamp":` + at + `}`
	}
	block := mkv.AppendSimpleBlockHeader(nil, 1, 0, mkv.FlagKeyframe, size)
	block = append(block, make([]byte, size)...)
	var list []string
	for _, f := range shelve(fragments, 0) {
		list = append(list, entry(f))
		e.media = append(append(e.media, f.document()...), bytes.Repeat(block, frames)...)
	}
	e.list = []byte(`{"Fragments":[` + strings.Join(list, ",") + `]}`)
	return &e
}

func (e *echo) client(t testing.TB) *consumer.Client {
	t.Setenv("HOME", t.TempDir())
	return &consumer.Client{
		Endpoint: "http://control", HTTPClient: &http.Client{Transport: e},
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
	}
}

func TestAnArchiveCostsNoAllocationsAFrame(t *testing.T) {
	cost := func(frames int) (allocations uint64) {
		c := newEcho(20, frames, 500).client(t)
		var before, behind runtime.MemStats
		for range 2 { // the first has the client made
			n := 0
			runtime.ReadMemStats(&before)
			for _, err := range c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{}).Frames(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			runtime.ReadMemStats(&behind)
			if n != 20*frames {
				t.Fatalf("%d frames", n)
			}
		}
		return behind.Mallocs - before.Mallocs
	}
	few, many := cost(10), cost(1010)
	if perFrame := (float64(many) - float64(few)) / 20_000; perFrame > 0.01 {
		t.Errorf("%.3f allocations a frame: %d for few, %d for many", perFrame, few, many)
	}
}

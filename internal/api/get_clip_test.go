package api_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/playback"
)

// clipBody asks for a clip from one second to another.
func clipBody(clock string, from, to float64) string {
	at := func(s float64) string {
		return strconv.FormatFloat(float64(filmed().UnixMilli())/1000+s, 'f', 3, 64)
	}
	return fmt.Sprintf(`{"StreamName":"door","ClipFragmentSelector":{"FragmentSelectorType":%q,"TimestampRange":{"StartTimestamp":%s,"EndTimestamp":%s}}}`,
		clock, at(from), at(to))
}

func TestGetClip(t *testing.T) {
	x := newCinema(t, nil)
	x.seconds(5)
	got := post(t, x.handler, "/getClip", clipBody("PRODUCER_TIMESTAMP", 1, 3))
	if got.status != 200 || got.header.Get("Content-Type") != "video/mp4" || got.header.Get("Content-Length") != strconv.Itoa(len(got.body)) {
		t.Fatalf("%d %v %.200s", got.status, got.header, got.body)
	}
	if got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("header %v", got.header)
	}
	if want := x.get(t, filePath("media.mp4", 1, 3.5, "&cut=fragment"), nil); want.body != got.body {
		t.Errorf("%d bytes, the file has %d", len(got.body), len(want.body))
	}
	if x.spent != (limit.Cost{Metadata: 3, Media: 3}) {
		t.Errorf("spent %+v", x.spent)
	}
	if len(x.served) == 0 || x.served[0].Operation != "GetClip" || x.served[0].Err != nil || x.sent < int64(len(got.body)) {
		t.Errorf("told of %+v, %d bytes", x.served, x.sent)
	}
	if by := post(t, x.handler, "/getClip", clipBody("SERVER_TIMESTAMP", 1, 3.1)); by.status != 200 {
		t.Errorf("by the server's clock: %d %s", by.status, by.body)
	}
}

// TestWhatGetClipRefuses is the table of its members and errors.
func TestWhatGetClipRefuses(t *testing.T) {
	x := newCinema(t, nil)
	x.seconds(3)
	post(t, x.handler, "/createStream", `{"StreamName":"live","DataRetentionInHours":0}`)
	good := clipBody("PRODUCER_TIMESTAMP", 0, 2)
	for _, tc := range []struct {
		name, body string
		status     int
		kind, text string
	}{
		{"no stream", strings.Replace(good, `"StreamName":"door",`, "", 1), 400, "InvalidArgumentException", "StreamName or StreamARN"},
		{"a stream that is not there", strings.Replace(good, "door", "gate", 1), 404, "ResourceNotFoundException", ""},
		{"a stream that keeps nothing", strings.Replace(good, "door", "live", 1), 400, "NoDataRetentionException", "retention"},
		{"no selector", `{"StreamName":"door"}`, 400, "InvalidArgumentException", "clipFragmentSelector"},
		{"no type", strings.Replace(good, `"FragmentSelectorType":"PRODUCER_TIMESTAMP",`, "", 1), 400, "InvalidArgumentException", "fragmentSelectorType"},
		{"an unknown type", clipBody("WALL_CLOCK", 0, 2), 400, "InvalidArgumentException", "enum value set"},
		{"no range", `{"StreamName":"door","ClipFragmentSelector":{"FragmentSelectorType":"PRODUCER_TIMESTAMP"}}`, 400, "InvalidArgumentException", "timestampRange"},
		{"no start", strings.Replace(good, "StartTimestamp", "x", 1), 400, "InvalidArgumentException", "startTimestamp"},
		{"no end", strings.Replace(good, "EndTimestamp", "x", 1), 400, "InvalidArgumentException", "endTimestamp"},
		{"a reversed range", clipBody("PRODUCER_TIMESTAMP", 2, 1), 400, "InvalidArgumentException", "later than start"},
		{"an empty range", clipBody("PRODUCER_TIMESTAMP", 1, 1), 400, "InvalidArgumentException", "later than start"},
		{"more than a day", clipBody("PRODUCER_TIMESTAMP", 0, 86401), 400, "InvalidArgumentException", "24 hours"},
		{"milliseconds", strings.ReplaceAll(good, `"StartTimestamp":1705486236.000`, `"StartTimestamp":1705486236000`), 400, "", "imestamp"},
		{"the server's future", clipBody("SERVER_TIMESTAMP", 0, 7200), 400, "InvalidArgumentException", "future"},
		{"nothing in the range", clipBody("PRODUCER_TIMESTAMP", 100, 200), 404, "ResourceNotFoundException", "No fragments found in the stream for the streaming request."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := post(t, x.handler, "/getClip", tc.body)
			if got.status != tc.status || tc.kind != "" && got.errorType() != tc.kind || !strings.Contains(got.body, tc.text) {
				t.Errorf("%d %s %s, want %d %s %s", got.status, got.errorType(), got.body, tc.status, tc.kind, tc.text)
			}
			if got.header.Get("Content-Type") != "application/json" {
				t.Errorf("type %s", got.header.Get("Content-Type"))
			}
		})
	}
	if got := ask(t, x.handler, "guest", "POST", "/getClip", good, nil); got.errorType() != "NotAuthorizedException" {
		t.Errorf("one that may not: %d %s", got.status, got.body)
	}
}

// A clip by the server's clock that begins before the stream does is the service's
// to refuse, as a session is; the default gives what there is.
func TestAClipFromBeforeTheOldestFragment(t *testing.T) {
	for strict, want := range map[bool]int{true: 400, false: 200} {
		x := newCinema(t, func(c *api.Config, _ *playback.FilesConfig) { c.Archive.StrictRanges = strict })
		x.seconds(3)
		got := post(t, x.handler, "/getClip", clipBody("SERVER_TIMESTAMP", -10, 2))
		if got.status != want || strict && (got.errorType() != "InvalidArgumentException" || !strings.Contains(got.body, "before the oldest fragment")) {
			t.Errorf("strict %t: %d %.300s", strict, got.status, got.body)
		}
		if got := post(t, x.handler, "/getClip", clipBody("PRODUCER_TIMESTAMP", -10, 2)); got.status != 200 {
			t.Errorf("by the producer's clock, strict %t: %d %.300s", strict, got.status, got.body)
		}
		if got := post(t, x.handler, "/getClip", clipBody("SERVER_TIMESTAMP", 1, 2)); got.status != 200 {
			t.Errorf("from a later one on, strict %t: %d %.300s", strict, got.status, got.body)
		}
	}
}

func TestGetClipSpendsPoints(t *testing.T) {
	x := newCinema(t, func(c *api.Config, _ *playback.FilesConfig) {
		c.Archive.Points = limit.NewPoints(limit.Cost{Metadata: 100, Media: 5}, clock)
	})
	x.seconds(3)
	body := clipBody("PRODUCER_TIMESTAMP", 0, 10)
	if got := post(t, x.handler, "/getClip", body); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := post(t, x.handler, "/getClip", body); got.status != 400 || got.errorType() != "ClientLimitExceededException" {
		t.Errorf("beyond the points: %d %s", got.status, got.body)
	}
}

func TestAsManyFilesAsMayBeWritten(t *testing.T) {
	x := newCinema(t, func(_ *api.Config, f *playback.FilesConfig) { f.MaxOpen = 1 })
	x.seconds(1)
	held := make(chan struct{})
	release := make(chan struct{})
	go func() {
		r, err := http.NewRequestWithContext(t.Context(), "GET", filePath("media.mp4", 0, 1, ""), nil)
		if err == nil {
			err = signer("root").Sign(r, emptyHash, clock())
		}
		if err != nil {
			t.Error(err)
		}
		r.RequestURI = r.URL.RequestURI()
		x.handler.ServeHTTP(&slowWriter{header: http.Header{}, held: held, release: release}, r)
		close(held)
	}()
	<-held
	got := x.get(t, filePath("media.mp4", 0, 1, ""), nil)
	if got.status != 429 || got.errorType() != "ClientLimitExceededException" {
		t.Errorf("%d %s", got.status, got.body)
	}
	close(release)
	<-held
	if got := x.get(t, filePath("media.mp4", 0, 1, ""), nil); got.status != 200 {
		t.Errorf("afterwards: %d", got.status)
	}
}

// A slowWriter tells of the first write and waits.
type slowWriter struct {
	header        http.Header
	held, release chan struct{}
	wrote         bool
}

func (w *slowWriter) Header() http.Header { return w.header }
func (w *slowWriter) WriteHeader(int)     {}

func (w *slowWriter) Write(b []byte) (int, error) {
	if !w.wrote {
		w.wrote = true
		w.held <- struct{}{}
		select {
		case <-w.release:
		case <-time.After(10 * time.Second):
		}
	}
	return len(b), nil
}

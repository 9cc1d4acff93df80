package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/tail"
	"github.com/millrace/millrace/internal/wire"
)

// TestACallThatNeverBecameASessionLeavesItsPlace: here because its connection
// cannot be taken over. Otherwise nobody could write to the stream any more.
func TestACallThatNeverBecameASessionLeavesItsPlace(t *testing.T) {
	control := mem.NewControl()
	create(t, newHandler(t, config(control)), "cam")
	numbers := fragment.NewNumberer(1, time.Time{}, time.Now, func() (uint32, error) { return 2, nil })
	fragments := tail.New(tail.Config{Numbers: numbers, Now: time.Now})
	logger := slog.New(slog.DiscardHandler)
	media := api.NewMedia(api.MediaConfig{
		Streams: control, Tail: fragments, Logger: logger,
		Sessions: ingest.New(ingest.Config{Tail: fragments, RefuseNew: true, SessionsPerStream: 1, Logger: logger}),
	})
	for range 3 {
		r := httptest.NewRequest(http.MethodPost, "/putMedia", nil)
		r.Header.Set(wire.HeaderStreamName, "cam")
		r.Header.Set("x-amzn-fragment-timecode-type", "RELATIVE")
		r.Header.Set("x-amzn-producer-start-timestamp", "1")
		err := media.PutMedia(httptest.NewRecorder(), r, &api.MediaCall{Principal: auth.Principal{Root: true}})
		if err == nil || millrace.CodeOf(err) == millrace.CodeConnectionLimit {
			t.Fatalf("%v, want that it cannot be taken over", err)
		}
	}
}

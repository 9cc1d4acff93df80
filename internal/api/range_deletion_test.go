package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
)

const (
	deleteMedia   = "/millrace/v1/deleteMedia"
	listDeletions = "/millrace/v1/listDeletions"
)

// rangeRows are the rules of our own operations on ranges of time.
func rangeRows() []validationRow {
	with := func(members string) string { return `{"StreamName":"cam"` + members + `}` }
	times := func(start, end string) string {
		return with(`,"TimestampType":"SERVER_TIMESTAMP","StartTimestamp":` + start + `,"EndTimestamp":` + end)
	}
	reason := func(text string) string {
		return with(`,"TimestampType":"PRODUCER_TIMESTAMP","StartTimestamp":1,"EndTimestamp":2,"Reason":"` + text + `"`)
	}
	const p, l = deleteMedia, listDeletions
	return []validationRow{
		{"range: a range of numbers", p, times("1705489836.421", "1705489837"), fine},
		{"range: a range of texts", p, times(`"2024-01-17T11:10:36.421Z"`, `"2024-01-17T12:10:37+01:00"`), fine},
		{"range: a range before 1970", p, times("-2", "-1"), fine},
		{"range: one millisecond", p, times("1", "1.001"), fine},
		{"range: less than a millisecond", p, times("1", "1.0001"), badArg},
		{"range: an empty range", p, times("1", "1"), badArg},
		{"range: the end before the start", p, times("2", "1"), badArg},
		{"range: a time that is none", p, times(`"yesterday"`, "2"), badJSON},
		{"range: a time beyond the year 9999", p, times("1", "1e13"), badArg},
		{"range: the start is required", p, with(`,"TimestampType":"SERVER_TIMESTAMP","EndTimestamp":2`), badArg},
		{"range: the end is required", p, with(`,"TimestampType":"SERVER_TIMESTAMP","StartTimestamp":1`), badArg},
		{"range: the clock is required", p, with(`,"StartTimestamp":1,"EndTimestamp":2`), badArg},
		{"range: the producer's clock", p, with(`,"TimestampType":"PRODUCER_TIMESTAMP","StartTimestamp":1,"EndTimestamp":2`), fine},
		{"range: a clock that is none", p, with(`,"TimestampType":"MEDIA_TIMESTAMP","StartTimestamp":1,"EndTimestamp":2`), badArg},
		{"range: a reason", p, reason("asked for by „Größe“"), fine},
		{"range: a reason that clears the screen", p, reason(`a\u001b[2J`), badArg},
		{"range: a reason of two lines", p, reason(`a\nb`), badArg},
		{"range: a reason that goes backwards", p, reason("a\u202eb"), badArg},
		{"range: a reason of 1024 bytes", p, reason(n("r", 1024)), fine},
		{"range: a reason of 1025 bytes", p, reason(n("r", 1023) + "é"), badArg},
		{"range: constraints come before existence", p, `{"StreamName":"door","StartTimestamp":1,"EndTimestamp":2}`, badArg},
		{"deletions: of all", l, ``, fine},
		{"deletions: of a stream", l, `{"StreamName":"cam"}`, fine},
		{"deletions: of a name that nobody knows", l, `{"StreamName":"door"}`, missing},
		{"deletions: of an ARN", l, `{"StreamARN":"$arn"}`, fine},
		{"deletions: of the ARN of an unknown stream", l, `{"StreamARN":"$other"}`, missing},
		{"deletions: of an ARN that is none", l, `{"StreamARN":"cam"}`, badArg},
		{"deletions: of a name and an ARN that disagree", l, `{"StreamName":"door","StreamARN":"$arn"}`, badArg},
		{"deletions: a page of one", l, `{"MaxResults":1}`, fine},
		{"deletions: a page of 1000", l, `{"MaxResults":1000}`, fine},
		{"deletions: a page of 1001", l, `{"MaxResults":1001}`, badArg},
		{"deletions: a page of none", l, `{"MaxResults":0}`, badArg},
		{"deletions: a token that is none", l, `{"NextToken":"abc"}`, badArg},
		{"deletions: a token with strange characters", l, `{"NextToken":"a b"}`, badArg},
	}
}

// A steps notes in which order a deletion is carried out.
type steps struct {
	store.Control
	idlePlane

	taken    []string
	deletion store.Deletion // that was hidden
	failing  string         // the step that fails
}

var errStep = errors.New("the step fails")

func (s *steps) take(step string) error {
	s.taken = append(s.taken, step)
	if s.failing == step {
		return errStep
	}
	return nil
}

func (s *steps) AddDeletion(ctx context.Context, d store.Deletion) (store.Deletion, error) {
	if err := s.take("record"); err != nil {
		return d, err
	}
	return s.Control.AddDeletion(ctx, d)
}

func (s *steps) Floor(millrace.Stream) millrace.FragmentNumber {
	_ = s.take("floor")
	return millrace.NewFragmentNumber(5, clock(), 7)
}

func (s *steps) Covered(_ context.Context, _ millrace.Stream, d store.Deletion) (api.Covered, error) {
	return api.Covered{Fragments: 3, Bytes: 4567}, s.take("count")
}

func (s *steps) Hide(d store.Deletion) {
	_ = s.take("hide")
	s.deletion = d
}

func stepsHandler(t *testing.T, failing string) (*steps, *api.Handler) {
	t.Helper()
	s := &steps{Control: mem.NewControl(), failing: failing}
	c := config(s)
	c.Media = s
	h := newHandler(t, c)
	create(t, h, "cam")
	return s, h
}

const aRange = `{"StreamName":"cam","TimestampType":"PRODUCER_TIMESTAMP","StartTimestamp":1705489836.421,"EndTimestamp":1705489999,"Reason":"because"}`

func TestDeletedRangeIsRecordedBeforeItIsHidden(t *testing.T) {
	s, h := stepsHandler(t, "")
	got := post(t, h, deleteMedia, aRange)
	if got.status != http.StatusOK || got.body != `{"DeletionId":1,"FragmentCount":3,"ByteCount":4567}` {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if diff := cmp.Diff([]string{"floor", "count", "record", "hide"}, s.taken); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	stream, err := s.Stream(t.Context(), "cam")
	if err != nil {
		t.Fatal(err)
	}
	want := store.Deletion{
		ID: 1, Stream: stream.Key, Clock: store.ProducerClock, From: clock(), To: time.Unix(1_705_489_999, 0).UTC(),
		Last: millrace.NewFragmentNumber(5, clock(), 7), Name: "cam", At: clock(), By: "root", Reason: "because",
	}
	kept, err := s.Deletions(t.Context(), stream.Key, 0, 0)
	if err != nil || len(kept) != 1 || kept[0] != want {
		t.Errorf("the record is %+v, %v\nwant %+v", kept, err, want)
	}
	if s.deletion != want {
		t.Errorf("hidden was %+v\nwant %+v", s.deletion, want)
	}
}

func TestDeletionThatFailsHidesNothing(t *testing.T) {
	for _, step := range []string{"count", "record"} {
		s, h := stepsHandler(t, step)
		if got := post(t, h, deleteMedia, aRange); got.status != http.StatusInternalServerError {
			t.Errorf("%s fails: %d %s", step, got.status, got.body)
		}
		if last := s.taken[len(s.taken)-1]; last != step {
			t.Errorf("%s fails, and then comes %s", step, last)
		}
		if kept, _ := s.Deletions(t.Context(), millrace.StreamKey{}, 0, 0); len(kept) != 0 {
			t.Errorf("%s fails, and the record is %+v", step, kept)
		}
	}
}

func TestGuestDeletesNothing(t *testing.T) {
	_, h := stepsHandler(t, "")
	for path, body := range map[string]string{deleteMedia: aRange, listDeletions: `{}`} {
		for _, body := range []string{body, strings.Replace(aRange, "cam", "door", 1)} {
			if got := ask(t, h, "guest", http.MethodPost, path, body, nil); got.errorType() != denied {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		if got := ask(t, h, "", http.MethodPost, path, body, nil); got.errorType() != "MissingAuthenticationTokenException" {
			t.Errorf("%s without a signature: %d %s", path, got.status, got.body)
		}
	}
}

// TestDeletionsOfANameOutliveItsStreams: what is listed by name is of every
// stream that ever had it; what is listed by ARN is of that one.
func TestDeletionsOfANameOutliveItsStreams(t *testing.T) {
	c := config(mem.NewControl())
	h := newHandler(t, c)
	running(t, h)
	remove := func(reason, stream string) {
		t.Helper()
		got := post(t, h, deleteMedia, fmt.Sprintf(
			`{"StreamName":"%s","TimestampType":"SERVER_TIMESTAMP","StartTimestamp":1,"EndTimestamp":2,"Reason":"%s"}`, stream, reason))
		if got.status != http.StatusOK {
			t.Fatal(got.body)
		}
	}
	create(t, h, "door")
	first := create(t, h, "cam")
	remove("one", "cam")
	remove("two", "door")
	post(t, h, "/deleteStream", `{"StreamARN":"`+first+`"}`)
	waitGone(t, h, "cam")
	wantReasons(t, post(t, h, listDeletions, `{"StreamName":"cam"}`), "one")
	second := create(t, h, "cam")
	remove("three", "cam")

	wantReasons(t, post(t, h, listDeletions, `{}`), "one", "two", "three")
	wantReasons(t, post(t, h, listDeletions, `{"StreamName":"cam"}`), "one", "three")
	wantReasons(t, post(t, h, listDeletions, `{"StreamARN":"`+second+`"}`), "three")
	if got := post(t, h, listDeletions, `{"StreamARN":"`+first+`"}`); got.errorType() != missing {
		t.Errorf("of a stream that has gone: %d %s", got.status, got.body)
	}
}

func waitGone(t *testing.T, h http.Handler, name string) {
	t.Helper()
	for statusOf(t, h, name) != "none" {
		time.Sleep(time.Millisecond)
	}
}

func wantReasons(t *testing.T, got reply, want ...string) {
	t.Helper()
	var reasons []string
	for _, part := range strings.Split(got.body, `"Reason":"`)[1:] {
		reason, _, _ := strings.Cut(part, `"`)
		reasons = append(reasons, reason)
	}
	if diff := cmp.Diff(want, reasons); diff != "" || got.status != http.StatusOK {
		t.Errorf("answered %d %s, reasons (-want +got):\n%s", got.status, got.body, diff)
	}
}

// TestDeletionsArePaged reads a list of more records than are looked at in one
// go, page by page.
func TestDeletionsArePaged(t *testing.T) {
	control := mem.NewControl()
	h := newHandler(t, config(control))
	create(t, h, "cam")
	create(t, h, "door")
	for i := range 1203 {
		s, err := control.Stream(t.Context(), []millrace.StreamName{"cam", "door"}[i%2])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := control.AddDeletion(t.Context(), store.Deletion{Stream: s.Key, Name: s.Name, Reason: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		member     string
		pages, all int
	}{{"", 4, 1203}, {`"StreamName":"cam",`, 2, 602}} {
		pages, all, token := 0, 0, ""
		for pages == 0 || token != "" {
			got := post(t, h, listDeletions, `{`+tc.member+`"MaxResults":400,"NextToken":"`+token+`"}`)
			if got.status != http.StatusOK {
				t.Fatal(got.body)
			}
			pages++
			all += strings.Count(got.body, "DeletionId")
			token = got.field(t, "NextToken")
			if pages == 1 {
				for _, other := range []string{
					listDeletions + ` {"StreamName":"door","NextToken":"` + token + `"}`, `/listStreams {"NextToken":"` + token + `"}`,
				} {
					path, body, _ := strings.Cut(other, " ")
					if got := post(t, h, path, body); got.errorType() != badArg {
						t.Errorf("the token in another list: %d %s", got.status, got.body)
					}
				}
			}
		}
		if pages != tc.pages || all != tc.all {
			t.Errorf("%s: %d records in %d pages, want %d in %d", tc.member, all, pages, tc.all, tc.pages)
		}
	}
}

// TestDeletionOfAStreamThatGoesMeanwhile: the control state has the last word.
func TestDeletionOfAStreamThatGoesMeanwhile(t *testing.T) {
	control := mem.NewControl()
	c := config(fault.Control{Control: control, Fail: func(method string) error {
		if method != "AddDeletion" {
			return nil
		}
		s, err := control.Stream(t.Context(), "cam")
		return errors.Join(err, control.BeginDelete(t.Context(), s.Key, ""))
	}})
	h := newHandler(t, c)
	create(t, h, "cam")
	if got := post(t, h, deleteMedia, aRange); got.errorType() != missing {
		t.Errorf("%d %s", got.status, got.body)
	}
}

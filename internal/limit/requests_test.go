package limit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/limit"
)

// A watch is a clock that stands still until it is moved.
type watch struct{ at time.Time }

func (w *watch) now() time.Time { return w.at }

func (w *watch) move(d time.Duration) { w.at = w.at.Add(d) }

func newWatch() *watch { return &watch{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

const account = "111122223333"

func requests(w *watch) *limit.Requests {
	return limit.NewRequests(map[string]limit.Rate{
		"Describe": {Account: 300, Resource: 5},
		"List":     {Account: 50},
		"Put":      {Resource: 5},
		"Delete":   {Account: 10, Resource: 1},
	}, w.now)
}

// admitted is how many of so many requests are let through.
func admitted(r *limit.Requests, n int, operation, resource string) (through int) {
	for range n {
		if r.Admit(operation, account, resource) == nil {
			through++
		}
	}
	return through
}

func TestAsManyRequestsComeAtOnceAsInOneSecond(t *testing.T) {
	for _, tc := range []struct {
		operation, resource string
		want                int
	}{
		{"Describe", "cam", 5},
		{"List", "", 50},
		{"Put", "cam", 5},
		{"Put", "", 1000}, // the bound is on a resource, and there is none
		{"Delete", "cam", 1},
		{"Unbounded", "cam", 1000},
	} {
		if got := admitted(requests(newWatch()), 1000, tc.operation, tc.resource); got != tc.want {
			t.Errorf("%s on %q: %d, want %d", tc.operation, tc.resource, got, tc.want)
		}
	}
	if got := admitted(limit.NewRequests(nil, nil), 1000, "List", ""); got != 1000 {
		t.Errorf("without rates: %d", got)
	}
}

func TestRequestsComeBackEvenly(t *testing.T) {
	w := newWatch()
	r := requests(w)
	admitted(r, 100, "Put", "cam")
	for range 50 {
		w.move(100 * time.Millisecond)
		first := admitted(r, 3, "Put", "cam")
		w.move(100 * time.Millisecond)
		if second := admitted(r, 3, "Put", "cam"); first != 0 || second != 1 {
			t.Fatalf("in 200 ms of 5 a second come %d and %d", first, second)
		}
	}
	w.move(time.Hour)
	if got := admitted(r, 100, "Put", "cam"); got != 5 {
		t.Errorf("after an hour %d", got)
	}
}

func TestOneResourceAndOneOperationDoNotHinderOthers(t *testing.T) {
	w := newWatch()
	r := requests(w)
	for i := range 60 {
		if got := admitted(r, 100, "Describe", fmt.Sprint("cam", i)); got != 5 {
			t.Fatalf("stream %d: %d", i, got)
		}
	}
	if got := admitted(r, 100, "Describe", "another"); got != 0 { // the account's 300 are used up
		t.Errorf("over the account's rate: %d", got)
	}
	if got := admitted(r, 100, "Put", "cam0"); got != 5 {
		t.Errorf("another operation: %d", got)
	}
}

// TestWhatIsRefusedUsesNothingUp is L1: of the two buckets none is touched when
// the other one refuses.
func TestWhatIsRefusedUsesNothingUp(t *testing.T) {
	w := newWatch()
	r := requests(w)
	if got := admitted(r, 1000, "Delete", "one"); got != 1 {
		t.Fatalf("%d", got)
	}
	for i := range 9 { // 999 refusals have cost the account nothing
		if got := admitted(r, 1, "Delete", fmt.Sprint(i)); got != 1 {
			t.Fatalf("stream %d was refused", i)
		}
	}
	if got := admitted(r, 1000, "Delete", "last"); got != 0 {
		t.Fatalf("over the account's rate: %d", got)
	}
	w.move(100 * time.Millisecond) // one for the account
	if got := admitted(r, 1000, "Delete", "last"); got != 1 {
		t.Errorf("1000 refusals have cost the stream something: %d", got)
	}
}

func TestARefusalSpeaksAsTheServiceDoes(t *testing.T) {
	r := requests(newWatch())
	admitted(r, 5, "Describe", "front door")
	err := r.Admit("Describe", account, "front door")
	const want = "Limit exceeded on number of requests for Describe API for resource 'front door'"
	if err == nil || millrace.CodeOf(err) != millrace.CodeRateLimit || err.(*millrace.Error).Message != want {
		t.Errorf("%v", err)
	}
	admitted(r, 50, "List", "")
	err = r.Admit("List", account, "")
	const of = "Limit exceeded on number of requests for List API for resource '111122223333'"
	if err == nil || err.(*millrace.Error).Message != of {
		t.Errorf("%v", err)
	}
}

func TestAClockThatStepsBackRefillsNothing(t *testing.T) {
	w := newWatch()
	r := requests(w)
	admitted(r, 100, "Put", "cam")
	w.move(-time.Hour)
	if got := admitted(r, 100, "Put", "cam"); got != 0 {
		t.Errorf("an hour back: %d", got)
	}
	w.move(200 * time.Millisecond)
	if got := admitted(r, 100, "Put", "cam"); got != 1 {
		t.Errorf("200 ms later: %d", got)
	}
}

// TestABucketThatIsForgottenComesBackFull is L2: of 10,000 names some are
// forgotten, those that were used longest ago.
func TestABucketThatIsForgottenComesBackFull(t *testing.T) {
	r := requests(newWatch())
	for i := range 10_000 {
		admitted(r, 6, "Put", fmt.Sprint(i))
	}
	if got := admitted(r, 100, "Put", "9999"); got != 0 {
		t.Errorf("the newest was forgotten: %d", got)
	}
	if got := admitted(r, 100, "Put", "0"); got != 5 {
		t.Errorf("the oldest was kept, or came back with %d", got)
	}
}

// TestNamesThatAreMadeUpLeaveNoTrace: beyond the account's rate they do not push
// anything out.
func TestNamesThatAreMadeUpLeaveNoTrace(t *testing.T) {
	w := newWatch()
	r := requests(w)
	admitted(r, 1, "Delete", "cam")
	for i := range 20_000 {
		_ = r.Admit("Delete", account, fmt.Sprint("made up ", i))
	}
	w.move(100 * time.Millisecond) // one for the account, and a tenth for the stream
	if got := admitted(r, 1, "Delete", "cam"); got != 0 {
		t.Error("the bucket of a stream was pushed out")
	}
}

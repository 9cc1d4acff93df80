package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
)

// An idlePlane has no media.
type idlePlane struct{}

func (idlePlane) Drop(context.Context, millrace.Stream) error       { return nil }
func (idlePlane) RetentionChanged(millrace.Stream)                  {}
func (idlePlane) Floor(millrace.Stream) (n millrace.FragmentNumber) { return n }
func (idlePlane) Hide(store.Deletion)                               {}
func (idlePlane) Covered(context.Context, millrace.Stream, store.Deletion) (api.Covered, error) {
	return api.Covered{}, nil
}

// A plane notes what it is told.
type plane struct {
	idlePlane

	mu      sync.Mutex
	told    []string
	failing func(millrace.Stream) error
}

func (p *plane) Drop(_ context.Context, s millrace.Stream) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Status != millrace.StatusDeleting {
		p.told = append(p.told, "drop of an active stream")
	}
	p.told = append(p.told, fmt.Sprintf("drop %s %d", s.Name, s.Key.Generation))
	if p.failing != nil {
		return p.failing(s)
	}
	return nil
}

func (p *plane) RetentionChanged(s millrace.Stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, fmt.Sprintf("retention of %s is %v", s.Name, s.Retention))
}

func (p *plane) heard() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	told := p.told
	p.told = nil
	return told
}

func wantHeard(t *testing.T, p *plane, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, p.heard()); diff != "" {
		t.Errorf("the media plane heard (-want +got):\n%s", diff)
	}
}

// statusOf is the status that DescribeStream answers with.
func statusOf(t *testing.T, h http.Handler, name string) string {
	t.Helper()
	got := post(t, h, "/describeStream", `{"StreamName":"`+name+`"}`)
	if got.status == http.StatusNotFound {
		return "none"
	}
	return got.field(t, "StreamInfo", "Status")
}

// start runs the handler's background work until the function it returns is
// called.
func start(t *testing.T, h *api.Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func TestDeletionDropsMediaAndFreesTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p plane
		c := config(mem.NewControl())
		c.Media = &p
		h := newHandler(t, c)
		defer start(t, h)()
		for generation := 1; generation <= 2; generation++ {
			arn := create(t, h, "cam")
			if got := post(t, h, "/deleteStream", `{"StreamARN":"`+arn+`"}`); got.status != 200 {
				t.Fatal(got.body)
			}
			synctest.Wait()
			wantHeard(t, &p, fmt.Sprintf("drop cam %d", generation))
			if s := statusOf(t, h, "cam"); s != "none" {
				t.Errorf("status = %s", s)
			}
		}
	})
}

func TestDeletionIsFinishedAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		control := mem.NewControl()
		before := newHandler(t, config(control)) // its process ends before it has begun to drop
		for i := range 250 {                     // more than one pass reads at once
			arn := create(t, before, fmt.Sprintf("cam-%03d", i))
			post(t, before, "/deleteStream", `{"StreamARN":"`+arn+`"}`)
		}
		create(t, before, "kept")
		if s := statusOf(t, before, "cam-000"); s != "DELETING" {
			t.Fatalf("status = %s", s)
		}

		var p plane
		c := config(control)
		c.Media = &p
		after := newHandler(t, c)
		defer start(t, after)()
		synctest.Wait()
		if told := p.heard(); len(told) != 250 {
			t.Errorf("%d streams were dropped: %v", len(told), told)
		}
		if s := statusOf(t, after, "cam-249"); s != "none" {
			t.Errorf("status = %s", s)
		}
		if s := statusOf(t, after, "kept"); s != "ACTIVE" {
			t.Errorf("status of the other = %s", s)
		}
	})
}

func TestDeletionThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		p := plane{failing: func(s millrace.Stream) error {
			if broken.Load() && s.Name == "bad" {
				return errors.New("the disk is gone")
			}
			return nil
		}}
		c := config(mem.NewControl())
		c.Media = &p
		h := newHandler(t, c)
		defer start(t, h)()
		for _, name := range []string{"bad", "good"} {
			post(t, h, "/deleteStream", `{"StreamARN":"`+create(t, h, name)+`"}`)
		}
		synctest.Wait()
		if statusOf(t, h, "bad") != "DELETING" || statusOf(t, h, "good") != "none" {
			t.Errorf("bad is %s and good is %s", statusOf(t, h, "bad"), statusOf(t, h, "good"))
		}

		time.Sleep(10 * time.Minute)
		tries := len(p.heard())
		if tries < 10 || tries > 20 { // 1, 2, 4 … 60 seconds apart
			t.Errorf("%d tries in ten minutes", tries)
		}
		broken.Store(false)
		time.Sleep(time.Minute)
		if s := statusOf(t, h, "bad"); s != "none" {
			t.Errorf("status = %s", s)
		}
		p.heard()
		time.Sleep(time.Hour)
		wantHeard(t, &p) // nothing is left to try

		broken.Store(true)
		post(t, h, "/deleteStream", `{"StreamARN":"`+create(t, h, "bad")+`"}`)
		time.Sleep(3500 * time.Millisecond)
		if tries := len(p.heard()); tries != 3 { // at once, after 1 second and after 3
			t.Errorf("%d tries: patience starts anew with each trouble", tries)
		}
	})
}

// TestDeletionsThatFailHoldUpNoOther: there are more of them than are read at
// once, and they come first.
func TestDeletionsThatFailHoldUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plane{failing: func(s millrace.Stream) error {
			if strings.HasPrefix(s.Name.String(), "bad") {
				return errors.New("the disk is gone")
			}
			return nil
		}}
		c := config(mem.NewControl())
		c.Media = &p
		h := newHandler(t, c)
		for i := range 150 {
			post(t, h, "/deleteStream", `{"StreamARN":"`+create(t, h, fmt.Sprintf("bad-%03d", i))+`"}`)
		}
		post(t, h, "/deleteStream", `{"StreamARN":"`+create(t, h, "good")+`"}`)
		defer start(t, h)()
		synctest.Wait()
		if s := statusOf(t, h, "good"); s != "none" {
			t.Errorf("status = %s", s)
		}
	})
}

func TestDeletionSurvivesAControlStateThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Bool
		failing.Store(true)
		control := fault.Control{Control: mem.NewControl(), Fail: func(method string) error {
			if failing.Load() && (method == "List" || method == "FinishDelete") {
				return errors.New("input/output error")
			}
			return nil
		}}
		h := newHandler(t, config(control))
		defer start(t, h)()
		post(t, h, "/deleteStream", `{"StreamARN":"`+create(t, h, "cam")+`"}`)
		time.Sleep(time.Minute)
		failing.Store(false)
		time.Sleep(2 * time.Minute)
		if s := statusOf(t, h, "cam"); s != "none" {
			t.Errorf("status = %s", s)
		}
	})
}

func TestStreamThatIsBeingDeleted(t *testing.T) {
	for _, op := range streamOperations() {
		t.Run(op.path[1:], func(t *testing.T) {
			h := memHandler(t) // nobody runs it, so the deletion does not end
			arn := create(t, h, "cam")
			v := version(t, h, "cam")
			post(t, h, "/deleteStream", `{"StreamARN":"`+arn+`"}`)
			body := `{"StreamName":"cam"` + op.rest + `}`
			got := post(t, h, op.path, strings.ReplaceAll(body, "$version", v))
			if got.errorType() != op.deleting {
				t.Errorf("%d %s, want %q", got.status, got.body, op.deleting)
			}
		})
	}
	t.Run("a stale version comes before the state", func(t *testing.T) {
		h := memHandler(t)
		arn := create(t, h, "cam")
		post(t, h, "/deleteStream", `{"StreamARN":"`+arn+`"}`)
		got := post(t, h, "/deleteStream", `{"StreamARN":"`+arn+`","CurrentVersion":"stale"}`)
		if got.errorType() != staleV {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestMediaPlaneHearsOfRetention(t *testing.T) {
	var p plane
	c := config(mem.NewControl())
	c.Media = &p
	h := newHandler(t, c)
	create(t, h, "cam")
	change := func(operation string, hours int) reply {
		return post(t, h, "/updateDataRetention", fmt.Sprintf(
			`{"StreamName":"cam","CurrentVersion":"%s","Operation":"%s_DATA_RETENTION","DataRetentionChangeInHours":%d}`,
			version(t, h, "cam"), operation, hours))
	}
	change("INCREASE", 24)
	wantHeard(t, &p, "retention of cam is 48h0m0s")
	change("DECREASE", 48)
	wantHeard(t, &p, "retention of cam is 0s")
	change("DECREASE", 1)
	wantHeard(t, &p)
	post(t, h, "/updateStream", `{"StreamName":"cam","CurrentVersion":"`+version(t, h, "cam")+`"}`)
	wantHeard(t, &p)
}

// TestWhatHasExpiredStaysGone: a retention that grows does not bring back what
// it has let go before, whatever the wall clock says.
func TestWhatHasExpiredStaysGone(t *testing.T) {
	for name, tc := range map[string]struct {
		kept    time.Duration // KeptSince before, from the present; 0 is none
		changes []int         // hours, from 24
		want    time.Duration // KeptSince, from the present; 0 is none
	}{
		"raised":                    {0, []int{1}, -24 * time.Hour},
		"lowered":                   {0, []int{-1}, 0},
		"lowered and raised":        {0, []int{-20, 20}, -4 * time.Hour},
		"raised and lowered":        {0, []int{20, -20}, -24 * time.Hour},
		"lowered to none":           {0, []int{-24}, 0},
		"raised from none":          {0, []int{-24, 1}, 1}, // the present
		"raised twice":              {0, []int{1, 1}, -24 * time.Hour},
		"where more has gone":       {-time.Hour, []int{1}, -time.Hour},
		"where less has gone":       {-50 * time.Hour, []int{1}, -24 * time.Hour},
		"lowered where it has gone": {-time.Hour, []int{-20}, -time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			present := clock().Add(-100 * time.Hour)
			c := config(mem.NewControl())
			c.Since = func(d time.Duration) time.Time { return present.Add(-d) }
			h := newHandler(t, c)
			create(t, h, "cam")
			s, err := c.Control.Stream(t.Context(), "cam")
			if err != nil {
				t.Fatal(err)
			}
			if tc.kept != 0 {
				err = c.Control.KeepSince(t.Context(), map[millrace.StreamKey]time.Time{s.Key: present.Add(tc.kept)})
			}
			for _, hours := range tc.changes {
				operation := "INCREASE"
				if hours < 0 {
					operation, hours = "DECREASE", -hours
				}
				r := post(t, h, "/updateDataRetention", fmt.Sprintf(
					`{"StreamName":"cam","CurrentVersion":"%s","Operation":"%s_DATA_RETENTION","DataRetentionChangeInHours":%d}`,
					version(t, h, "cam"), operation, hours))
				if r.status != http.StatusOK {
					t.Fatalf("%d %s", r.status, r.body)
				}
			}
			s, serr := c.Control.Stream(t.Context(), "cam")
			if err = errors.Join(err, serr); err != nil {
				t.Fatal(err)
			}
			want := present.Add(tc.want)
			switch tc.want {
			case 0:
				want = time.Time{}
			case 1:
				want = present
			}
			if s.KeptSince != want {
				t.Errorf("kept since %v, want %v", s.KeptSince, want)
			}
		})
	}
}

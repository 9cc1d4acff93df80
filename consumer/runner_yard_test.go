package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
)

const (
	yardPeriod    = time.Second // of fragments
	yardFragments = 4000        // at most
)

// A yard is a server with many streams, each of which gets a fragment every
// yardPeriod, and the application that reads them. It implements
// http.RoundTripper.
type yard struct {
	t       *testing.T
	began   time.Time
	numbers map[string]int // by fragment number

	mu      sync.Mutex
	tags    map[millrace.StreamName]map[string]string // of the streams there are
	broken  int                                       // calls of listStreams that fail
	steps   map[millrace.StreamName][]step
	inside  map[millrace.StreamName]string // who handles a step of it
	overlap int                            // steps that began while another worker's had not ended
	saved   map[string]int                 // how far positions were saved
	store   checkpoint.Memory
}

// A step is a fragment that a worker has handled.
type step struct {
	worker string
	n      int
}

func newYard(t *testing.T, streams int) *yard {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	y := &yard{
		t: t, numbers: map[string]int{}, tags: map[millrace.StreamName]map[string]string{},
		steps: map[millrace.StreamName][]step{}, inside: map[millrace.StreamName]string{}, saved: map[string]int{},
	}
	for n := range yardFragments {
		y.numbers[number(n).String()] = n
	}
	for n := range streams {
		y.tags[camera(n)] = nil
	}
	return y
}

func camera(n int) millrace.StreamName { return millrace.StreamName(fmt.Sprintf("cam-%02d", n)) }

func (y *yard) add(name millrace.StreamName, tags map[string]string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.tags[name] = tags
}

func (y *yard) remove(name millrace.StreamName) {
	y.mu.Lock()
	defer y.mu.Unlock()
	delete(y.tags, name)
}

func (y *yard) breakLists(calls int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.broken = calls
}

func (y *yard) RoundTrip(r *http.Request) (*http.Response, error) {
	var in struct {
		StreamName          millrace.StreamName
		StreamNameCondition struct{ ComparisonValue string }
		StartSelector       struct{ StartSelectorType, AfterFragmentNumber, ContinuationToken string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	tags, found := y.tags[in.StreamName]
	switch path := r.URL.Path; {
	case path == "/listStreams":
		if y.broken > 0 {
			y.broken--
			return nil, errNetwork
		}
		return answerJSON(r, map[string]any{"StreamInfoList": y.list(in.StreamNameCondition.ComparisonValue)}), nil
	case !found:
		return respond(r, 404, strings.NewReader("{}")), nil
	case path == "/listTagsForStream":
		return answerJSON(r, map[string]any{"Tags": tags}), nil
	case path == "/getDataEndpoint":
		return answerJSON(r, map[string]any{"DataEndpoint": "http://data"}), nil
	case path == "/getMedia":
		s := in.StartSelector
		next := y.numbers[s.AfterFragmentNumber+s.ContinuationToken] + 1 // the earliest is 1
		return respond(r, 200, &yardBody{ctx: r.Context(), yard: y, next: next}), nil
	}
	return nil, fmt.Errorf("request to %s", r.URL)
}

func answerJSON(r *http.Request, v any) *http.Response {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return respond(r, 200, bytes.NewReader(b))
}

func (y *yard) list(prefix string) []map[string]any {
	all := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(y.tags)) {
		if strings.HasPrefix(string(name), prefix) {
			arn := fmt.Sprintf("arn:aws:kinesisvideo:eu-central-1:123456789012:stream/%s/1700000000000", name)
			all = append(all, map[string]any{"StreamName": name, "StreamARN": arn, "Status": "ACTIVE"})
		}
	}
	return all
}

// A yardBody has fragments from one on, each when its time has come.
type yardBody struct {
	ctx  context.Context
	yard *yard
	next int
	left []byte
}

func (b *yardBody) Read(p []byte) (int, error) {
	if len(b.left) == 0 {
		t := time.NewTimer(time.Until(b.yard.began.Add(time.Duration(b.next) * yardPeriod)))
		defer t.Stop()
		select {
		case <-t.C:
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		}
		b.left = document(b.next, false, 2)
		b.next++
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

// A hand is a worker.
type hand struct {
	yard   *yard
	name   string
	stop   context.CancelFunc
	done   chan error
	open   func(stream millrace.StreamName) error // before the loop; nil does nothing
	handle func(stream millrace.StreamName) error // before each step; nil does nothing

	mu     sync.Mutex
	frozen chan struct{} // closed when it goes on; nil while it works
	log    handLog
}

// A handLog is what a worker was told.
type handLog struct {
	taken   []time.Time
	left    []error
	trouble []error
}

// was returns what the worker was told up to now.
func (h *hand) was() handLog {
	h.mu.Lock()
	defer h.mu.Unlock()
	return handLog{slices.Clone(h.log.taken), slices.Clone(h.log.left), slices.Clone(h.log.trouble)}
}

// note notes what a worker is told.
func (h *hand) note(f func(*handLog)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.log)
}

// hire lets a worker work until the test ends.
func (y *yard) hire(name string, change func(h *hand, o *consumer.RunnerOptions)) *hand {
	if y.began.IsZero() {
		y.began = time.Now()
	}
	ctx, stop := context.WithCancel(context.Background())
	h := &hand{yard: y, name: name, stop: stop, done: make(chan error, 1)}
	o := consumer.RunnerOptions{
		App: "plates", Store: handStore{&y.store, h}, Owner: name, TTL: 30 * time.Second, Poll: 5 * time.Second,
		Live: consumer.LiveOptions{Start: millrace.StartSelector{Type: millrace.StartEarliest}},
	}
	o.Events.Taken = func(millrace.StreamName) { h.note(func(l *handLog) { l.taken = append(l.taken, time.Now()) }) }
	o.Events.Left = func(_ millrace.StreamName, err error) { h.note(func(l *handLog) { l.left = append(l.left, err) }) }
	o.Events.Trouble = func(err error) { h.note(func(l *handLog) { l.trouble = append(l.trouble, err) }) }
	if change != nil {
		change(h, &o)
	}
	go func() { h.done <- y.client().Run(ctx, o, h.read) }()
	return h
}

// fire stops a worker in good order.
func (h *hand) fire() {
	h.yard.t.Helper()
	h.stop()
	if err := <-h.done; err != nil {
		h.yard.t.Errorf("%s: %v", h.name, err)
	}
}

// read is the handler.
func (h *hand) read(ctx context.Context, stream millrace.StreamName, r *consumer.Reader) error {
	if h.open != nil {
		if err := h.open(stream); err != nil {
			return err
		}
	}
	for f, err := range r.Fragments(ctx) {
		if err != nil {
			return err
		}
		if h.handle != nil {
			if err := h.handle(stream); err != nil {
				return err
			}
		}
		h.yard.enter(stream, h.name)
		time.Sleep(time.Millisecond) // it is work
		h.wait()
		h.yard.leave(stream, step{h.name, h.yard.numbers[f.Number.String()]})
	}
	return nil
}

func (y *yard) enter(stream millrace.StreamName, worker string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.inside[stream] != "" {
		y.overlap++
	}
	y.inside[stream] = worker
}

func (y *yard) leave(stream millrace.StreamName, s step) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.inside[stream] == s.worker {
		y.inside[stream] = ""
	}
	y.steps[stream] = append(y.steps[stream], s)
}

// freeze stops the worker in the middle of whatever it does, and thaw lets it go
// on: calls of the store that were made arrive then.
func (h *hand) freeze() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.frozen = make(chan struct{})
}

func (h *hand) thaw() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.frozen)
	h.frozen = nil
}

func (h *hand) wait() {
	h.mu.Lock()
	frozen := h.frozen
	h.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
}

// A handStore is the way of a worker to the store. It notices positions that move
// backwards.
type handStore struct {
	*checkpoint.Memory
	hand *hand
}

func (s handStore) Acquire(ctx context.Context, k checkpoint.Key, owner string, ttl time.Duration) (checkpoint.Record, error) {
	s.hand.wait()
	return s.Memory.Acquire(context.WithoutCancel(ctx), k, owner, ttl)
}

func (s handStore) Release(ctx context.Context, k checkpoint.Key, owner string) error {
	s.hand.wait()
	return s.Memory.Release(context.WithoutCancel(ctx), k, owner)
}

func (s handStore) Save(ctx context.Context, k checkpoint.Key, r checkpoint.Record) error {
	s.hand.wait()
	if err := s.Memory.Save(context.WithoutCancel(ctx), k, r); err != nil || k.App != "plates" {
		return err
	}
	var p consumer.Position
	if err := p.UnmarshalText(r.Position); err != nil {
		return err
	}
	y := s.hand.yard
	y.mu.Lock()
	defer y.mu.Unlock()
	n := y.numbers[p.Fragment.String()]
	if n < y.saved[k.Stream] {
		y.t.Errorf("%s has moved %s from %d to %d", s.hand.name, k.Stream, y.saved[k.Stream], n)
	}
	y.saved[k.Stream] = n
	return nil
}

// handled returns how many fragments of a stream were handled.
func (y *yard) handled(name millrace.StreamName) int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return len(y.steps[name])
}

// overlaps returns how many steps began while another worker's had not ended.
func (y *yard) overlaps() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.overlap
}

// holds returns how many streams each worker has.
func (y *yard) holds() map[string]int {
	all := map[string]int{}
	for e, err := range y.store.List(context.Background(), "plates") {
		if err != nil {
			y.t.Fatal(err)
		}
		if e.Owner != "" {
			all[e.Owner]++
		}
	}
	return all
}

func (y *yard) wantHolds(want map[string]int) {
	y.t.Helper()
	if got := y.holds(); !maps.Equal(got, want) {
		y.t.Errorf("workers have %v, want %v", got, want)
	}
}

// wantSteps checks that every fragment of every stream was handled, up to one
// that is not older than late, in order, and none of them twice, but for repeats
// where a worker has taken over from another that could not save any more.
func (y *yard) wantSteps(streams int, late time.Duration, repeats int) {
	y.t.Helper()
	y.mu.Lock()
	defer y.mu.Unlock()
	newest := int(time.Since(y.began)/yardPeriod) - int(late/yardPeriod)
	for n := range streams {
		name := camera(n)
		done, last, again := 0, "", 0
		for _, s := range y.steps[name] {
			if s.n <= done && s.worker != last {
				again += done - s.n + 1
				done = s.n - 1
			}
			if s.n != done+1 {
				y.t.Errorf("%s: %d comes after %d", name, s.n, done)
			}
			done, last = s.n, s.worker
		}
		if done < newest {
			y.t.Errorf("%s: %d were handled, of %d", name, done, newest)
		}
		if again > repeats {
			y.t.Errorf("%s: %d were handled again", name, again)
		}
	}
}

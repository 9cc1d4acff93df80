package server_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/producer/producertest"
)

// What workers are put to.
const (
	workers       = 3 // at once
	workerStreams = 3
	workerFrames  = 2500
	workerKills   = 30
	workerTTL     = time.Second
	workerPoll    = 100 * time.Millisecond

	shortWorkers     = 3 // times shorter in make test
	shortWorkerKills = 6

	// workerRepeats is how long before a worker's death it may have handed out what
	// the next one hands out again: positions are saved once a second, and a machine
	// may be busy.
	workerRepeats = 2500 * time.Millisecond
)

// TestKilledWorkersRepeatLittleAndMissNothing has several processes share streams by
// a Runner, and kills one after the other at random moments. Together they hand out
// each frame that is kept, and of what one had handed out the next one repeats no
// more than the last moments.
func TestKilledWorkersRepeatLittleAndMissNothing(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	seed := newSeed(t)
	shorter, kills := shortWorkers, shortWorkerKills
	if setting(t, "MILLRACE_TORTURE", 0) > 0 {
		shorter, kills = 1, workerKills
	}
	t.Logf("%s=%d", seedVariable, seed)
	f := newFleet(t, seed, workerFrames/shorter)
	f.run(kills)
	f.check()
}

// A fleet is workers in processes of their own, and what they work on.
type fleet struct {
	*outage
	cameras []*cameraChild
	films   []film
	work    work
	results []string // files
	crew    []*consumerChild
}

func newFleet(t *testing.T, seed uint64, frames int) *fleet {
	t.Helper()
	f := &fleet{outage: &outage{t: t, rand: newRand(seed), data: t.TempDir()}}
	f.restartServer()
	for i := range workerStreams {
		f.films = append(f.films, film{
			Endpoint: f.server.url, Stream: millrace.StreamName(fmt.Sprint("cam-", i)), Spool: filepath.Join(t.TempDir(), "spool"),
			To: frames, Pace: pursuitPace, Close: true,
			Footage: producertest.Footage{
				Seed: seed + uint64(i), Began: time.Now().Add(-time.Hour).Truncate(time.Second), Every: 40 * time.Millisecond, Keys: 6, Size: 500,
			},
		})
		f.cameras = append(f.cameras, startCamera(t, f.films[i]))
	}
	f.work = work{Endpoint: f.server.url, Store: filepath.Join(t.TempDir(), "positions")}
	return f
}

// hire starts a worker, whose results go to a file of its own.
func (f *fleet) hire() *consumerChild {
	w := f.work
	w.Owner = fmt.Sprint("worker-", len(f.results))
	w.Results = filepath.Join(f.data, w.Owner+".results")
	f.results = append(f.results, w.Results)
	return startConsumer(f.t, w)
}

func (f *fleet) run(kills int) {
	for range workers {
		f.crew = append(f.crew, f.hire())
	}
	for deadline := time.Now().Add(pursuitTimeout); kills > 0 || !f.done(); kills-- {
		time.Sleep(time.Duration(200+f.rand.IntN(800)) * time.Millisecond)
		if time.Now().After(deadline) {
			f.t.Fatalf("the workers are not done: %v", f.missing())
		}
		if kills <= 0 {
			continue
		}
		i := f.rand.IntN(workers)
		if complaint := f.crew[i].kill(); complaint != "" {
			f.t.Fatalf("a worker said: %s", complaint)
		}
		f.crew[i] = f.hire()
	}
	for _, w := range f.crew {
		if complaint := w.kill(); complaint != "" {
			f.t.Errorf("a worker said: %s", complaint)
		}
	}
}

// done reports whether everything that is kept was handed out, and nothing is to
// come any more.
func (f *fleet) done() bool {
	for _, c := range f.cameras {
		if !c.over() {
			return false
		}
	}
	return len(f.missing()) == 0
}

// A delivery is a frame that a worker was handed.
type delivery struct {
	sighting
	worker int
	at     time.Time
}

// deliveries are those of each stream, in the order of time.
func (f *fleet) deliveries() map[string][]delivery {
	all := map[string][]delivery{}
	for i, name := range f.results {
		file, err := os.Open(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			f.t.Fatal(err)
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			var stream, number, sum string
			var index int
			var nanos int64
			if n, _ := fmt.Sscanf(lines.Text(), "%s %s %d %s %d.", &stream, &number, &index, &sum, &nanos); n < 5 {
				break // it was being written
			}
			parsed, err := millrace.ParseFragmentNumber(number)
			if err != nil {
				f.t.Fatal(err)
			}
			all[stream] = append(all[stream], delivery{sighting{parsed, index, sum}, i, time.Unix(0, nanos)})
		}
		_ = file.Close()
	}
	for _, list := range all {
		slices.SortStableFunc(list, func(a, b delivery) int { return a.at.Compare(b.at) })
	}
	return all
}

// missing names streams of which not everything was handed out.
func (f *fleet) missing() (streams []string) {
	deliveries := f.deliveries()
	for _, film := range f.films {
		seen := map[sighting]bool{}
		for _, d := range deliveries[string(film.Stream)] {
			seen[d.sighting] = true
		}
		for _, s := range f.keptOf(film.Stream) {
			if !seen[s] {
				streams = append(streams, fmt.Sprintf("%s: frame %d of %s", film.Stream, s.index, s.number))
				break
			}
		}
	}
	return streams
}

func (f *fleet) keptOf(stream millrace.StreamName) (all []sighting) {
	fragments, err := f.server.archive(string(stream))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, g := range fragments {
		for i, frame := range g.Frames {
			all = append(all, sighting{g.Number, i, sum(frame.Data)})
		}
	}
	return all
}

// check holds repeats against their bound.
func (f *fleet) check() {
	f.t.Helper()
	for stream, list := range f.deliveries() {
		first := map[sighting]delivery{}
		last := map[int]time.Time{} // of each worker
		repeats, moves := 0, 0
		for i, d := range list {
			if i > 0 && list[i-1].worker != d.worker {
				moves++
			}
			before, again := first[d.sighting]
			if !again {
				first[d.sighting] = d
			} else if repeats++; before.worker == d.worker {
				f.t.Errorf("%s: one worker had frame %d of %s twice", stream, d.index, d.number)
			} else if age := last[before.worker].Sub(before.at); age > workerRepeats {
				f.t.Errorf("%s: frame %d of %s was repeated, which had been handed out %v before the worker's last", stream, d.index, d.number, age)
			}
			last[d.worker] = d.at
		}
		f.checkOrder(stream, list)
		f.t.Logf("%s: %d frames, %d repeated, in %d turns of %d workers", stream, len(first), repeats, moves+1, len(f.results))
	}
}

// checkOrder: frames that are new come in order.
func (f *fleet) checkOrder(stream string, list []delivery) {
	f.t.Helper()
	var newest sighting
	seen := map[sighting]bool{}
	for _, d := range list {
		if !seen[d.sighting] && cmp.Or(d.number.Compare(newest.number), cmp.Compare(d.index, newest.index)) < 0 {
			f.t.Errorf("%s: frame %d of %s came behind %d of %s", stream, d.index, d.number, newest.index, newest.number)
			return
		}
		if !seen[d.sighting] {
			newest = d.sighting
		}
		seen[d.sighting] = true
	}
}

// share works on all streams with others, by a Runner.
func (w work) share(ctx context.Context) error {
	store, err := checkpoint.OpenFile(w.Store)
	if err != nil {
		return err
	}
	results, err := os.OpenFile(w.Results, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer results.Close()
	o := consumer.RunnerOptions{App: "work", Store: store, Owner: w.Owner, Prefix: "cam-", TTL: workerTTL, Poll: workerPoll}
	o.Live.Start = millrace.StartSelector{Type: millrace.StartEarliest}
	return w.client().Run(ctx, o, func(ctx context.Context, stream millrace.StreamName, reader *consumer.Reader) error {
		for frame, err := range reader.Frames(ctx) {
			if err != nil {
				return err
			}
			line := fmt.Sprintf("%s %s %d %s %d.\n", stream, frame.Fragment.Number, frame.Index, sum(frame.Data), time.Now().UnixNano())
			if _, err := results.WriteString(line); err != nil {
				return err
			}
		}
		return nil
	})
}

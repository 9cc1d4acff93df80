package server_test

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/mkv"
)

// A witness is a producer and a reader who behave, beside those who do not: at
// its end it says whether they lost anything, and how long their frames took.
type witness struct {
	t     testing.TB
	p     *put
	g     *get
	stop  chan struct{}
	work  sync.WaitGroup
	sent  int
	seen  []uint64 // numbers of frames
	delay []time.Duration
	clock sync.Map     // frame number to when it was sent
	count atomic.Int64 // of seen
}

// The witness's frames.
const (
	witnessFrame = 20 * time.Millisecond
	witnessGOP   = 25 // frames of a fragment
	witnessSize  = 2000
)

// testify starts a witness on a stream.
func (r *rig) testify(stream string) *witness {
	r.t.Helper()
	w := &witness{t: r.t, stop: make(chan struct{})}
	w.g = r.get(stream, map[string]any{"StartSelectorType": "NOW"})
	w.p = r.put(stream, nil)
	w.work.Go(w.send)
	w.work.Go(w.read)
	return w
}

func (w *witness) send() {
	tick := time.NewTicker(witnessFrame)
	defer tick.Stop()
	body := header(1)
	payload := make([]byte, witnessSize)
	for i := 0; ; i++ {
		binary.BigEndian.PutUint64(payload, uint64(i))
		frame := block(1, int16(i%witnessGOP*20), string(payload))
		if i%witnessGOP == 0 {
			frame = cluster(uint64(i*20), frame)
		}
		w.clock.Store(uint64(i), time.Now())
		if err := w.p.send(append(body, frame...), 0); err != nil {
			w.t.Errorf("witness: send: %v", err)
			return
		}
		body, w.sent = nil, i+1
		select {
		case <-tick.C:
		case <-w.stop:
			if err := w.p.send(endOfFragment(), 0); err != nil {
				w.t.Errorf("witness: send: %v", err)
			}
			w.p.end()
			return
		}
	}
}

func (w *witness) read() {
	for {
		e, err := w.g.reader.Next()
		if err != nil {
			return // all was read, or it will be missed
		}
		if e.ID != mkv.IDSimpleBlock {
			continue
		}
		b, err := mkv.ParseBlock(e.Data())
		if err != nil {
			w.t.Errorf("witness: %v", err)
			return
		}
		if len(b.Payload) != witnessSize {
			continue // another producer's
		}
		i := binary.BigEndian.Uint64(b.Payload)
		sent, _ := w.clock.Load(i)
		w.seen = append(w.seen, i)
		w.count.Add(1)
		w.delay = append(w.delay, time.Since(sent.(time.Time)))
	}
}

// verdict ends the witness and checks what it says: nothing was lost, and half
// of the frames were not slower than typical, none slower than worst.
func (w *witness) verdict(typical, worst time.Duration) {
	w.t.Helper()
	close(w.stop)
	acks := w.p.rest()
	persisted := 0
	for _, a := range acks {
		switch a.EventType {
		case "PERSISTED":
			persisted++
		case "ERROR":
			w.t.Errorf("witness: %s", a)
		}
	}
	if w.p.failed != nil {
		w.t.Errorf("witness: the answer ended with %v", w.p.failed)
	}
	w.awaitLast()
	w.g.close()
	w.work.Wait()
	if want := (w.sent + witnessGOP - 1) / witnessGOP; persisted != want {
		w.t.Errorf("witness: %d fragments PERSISTED of %d", persisted, want)
	}
	for i, n := range w.seen {
		if n != uint64(i) {
			w.t.Fatalf("witness: frame %d came in the place of %d", n, i)
		}
	}
	if len(w.seen) != w.sent {
		w.t.Errorf("witness: %d frames seen of %d", len(w.seen), w.sent)
	}
	slices.Sort(w.delay)
	if len(w.delay) == 0 {
		return
	}
	half, last := w.delay[len(w.delay)/2], w.delay[len(w.delay)-1]
	w.t.Logf("witness: %d frames, half of them within %v, 99%% within %v, all within %v", len(w.delay), half, w.delay[len(w.delay)*99/100], last)
	if half > typical || last > worst {
		w.t.Errorf("witness: half of the frames took %v, the slowest %v", half, last)
	}
}

// awaitLast waits until the reader has what was sent last.
func (w *witness) awaitLast() {
	for range 500 {
		if w.count.Load() >= int64(w.sent) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

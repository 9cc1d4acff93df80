package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A model is what a buffer is compared with: every frame that was written, and
// what is known of it.
type model struct {
	*bench
	rand      *rand.Rand
	bytes     map[*fragment][]byte // what each fragment is to hold
	largest   int64                // fragment
	frames    int                  // that Write took
	confirmed int                  // of them, in fragments that were persisted
	withheld  int                  // or let go behind a gate
	sent      []*fragment          // over the connection that is up, in order
	at        *fragment            // the last of them
}

func newModel(t *testing.T, c *Client, seed uint64, o StreamConfig) *model {
	return &model{bench: newBench(t, c, o), rand: rand.New(rand.NewPCG(seed, 1)), bytes: map[*fragment][]byte{}}
}

// write writes a frame, and notes whether it was taken into the fragment.
func (m *model) write(key bool, n int) {
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Millisecond)
	defer cancel()
	m.now += time.Second
	if key {
		stamp := uint64(m.now.Milliseconds())
		if err := m.s.begin(ctx, fragmentHead{timecode: stamp, first: m.now, cluster: spoolHead(stamp)}); err != nil {
			m.refused(err)
			return
		}
		if f := m.s.open; f != nil {
			m.bytes[f] = spoolHead(stamp)
		}
	}
	if m.s.open == nil && !m.s.buffer.omitted.rest {
		return // nothing was begun
	}
	data := pattern(n, m.now)
	f := m.s.open
	had := 0
	if f != nil {
		had = f.frames
	}
	err := m.s.appendFrame(ctx, frameInfo{m.now, key}, nil, data)
	if err != nil {
		m.refused(err)
		return
	}
	m.frames++
	if f != nil && f.frames > had {
		m.bytes[f] = append(m.bytes[f], data...)
		m.largest = max(m.largest, f.size)
	}
}

func (m *model) refused(err error) {
	if !errors.Is(err, ErrBufferFull) && !errors.Is(err, context.DeadlineExceeded) {
		m.t.Fatalf("write: %v", err)
	}
}

// step does one thing that may happen.
func (m *model) step() {
	switch k := m.rand.IntN(100); {
	case k < 12:
		m.write(true, 1+m.rand.IntN(3000))
	case k < 60:
		m.write(false, 1+m.rand.IntN(3000))
	case k < 75:
		m.sendNext()
	case k < 85 && len(m.sent) > 0:
		m.confirm(m.rand.IntN(len(m.sent))) // in any order
	case k < 87 && len(m.sent) > 0:
		m.reject()
	case k < 90: // the link breaks
		m.s.mu.Lock()
		for _, f := range m.sent {
			m.s.unsend(f)
		}
		m.s.mu.Unlock()
		m.sent, m.at = nil, nil
	case k < 92:
		m.s.end()
	case k < 94:
		m.s.Gate(m.rand.IntN(2) == 0)
	default:
		time.Sleep(time.Duration(m.rand.IntN(20)) * time.Second)
		synctest.Wait() // what grew too old meanwhile is gone
	}
	m.check()
}

// sendNext has the connection take the next fragment, whole if it has ended, and
// checks that it is the right one with the right bytes.
func (m *model) sendNext() {
	f := m.next(m.at)
	if f == nil {
		return
	}
	if m.at != nil && f.ordinal <= m.at.ordinal {
		m.t.Fatalf("fragment %d is sent behind %d", f.ordinal, m.at.ordinal)
	}
	got, err := m.read(f)
	if err != nil || !bytes.Equal(got, m.bytes[f]) {
		m.t.Fatalf("fragment %d has %d bytes, err = %v, want %d", f.ordinal, len(got), err, len(m.bytes[f]))
	}
	if f.open() && m.rand.IntN(2) == 0 {
		m.s.mu.Lock()
		m.s.sentTo(f, cursor{at: f.size / 2}, f.size/2, time.Now())
		m.s.mu.Unlock()
		return
	}
	if !f.open() {
		m.send(f)
		m.sent, m.at = append(m.sent, f), f
	}
}

func (m *model) confirm(i int) {
	f := m.sent[i]
	m.sent = append(m.sent[:i:i], m.sent[i+1:]...)
	if !f.settled {
		m.confirmed += f.frames
	}
	m.settle(f, persisted)
	m.settle(f, rejected) // once and for all
}

func (m *model) reject() {
	f := m.sent[0]
	m.sent = m.sent[1:]
	m.settle(f, rejected)
	m.settle(f, persisted)
}

func (m *model) keptFrames() (n int) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	for f := m.s.queue.first; f != nil; f = f.next {
		n += f.frames
	}
	return n
}

func (m *model) droppedFrames() (n int) {
	m.tell()
	for _, d := range m.dropped {
		n += d.Frames
	}
	return n + m.s.buffer.omitted.frames
}

// check compares what has to hold at any time.
func (m *model) check() {
	s := m.s
	var last uint64
	var bytes int64
	count := 0
	for f := s.queue.first; f != nil; f = f.next {
		if f.ordinal <= last || f.settled {
			m.t.Fatalf("fragment %d behind %d, settled is %v", f.ordinal, last, f.settled)
		}
		last = f.ordinal
		if f.body != nil {
			bytes += f.size
		}
		count++
	}
	limit := s.config.Buffer.MaxBytes + m.largest + 2*3001
	switch {
	case bytes != s.queue.bytes || count != s.queue.count:
		m.t.Fatalf("%d fragments with %d bytes are counted as %d with %d", count, bytes, s.queue.count, s.queue.bytes)
	case bytes > limit:
		m.t.Fatalf("%d bytes are kept, which is above %d", bytes, limit)
	case s.buffer.pool.held > s.buffer.pool.limit+m.largest+2*slabSize:
		m.t.Fatalf("%d bytes of slabs are held", s.buffer.pool.held)
	}
	st := m.stats()
	if sum := st.Persisted + st.Rejected + st.Dropped + st.Withheld + st.Pending; st.Begun != sum {
		m.t.Fatalf("begun are %d, and %d became something: %+v", st.Begun, sum, st)
	}
}

func TestWhateverHappensEveryFrameIsAccountedFor(t *testing.T) {
	rounds := 2
	if n, err := strconv.Atoi(os.Getenv("MILLRACE_TORTURE")); err == nil {
		rounds = 100 * n
	}
	for name, o := range map[string]StreamConfig{
		"the oldest goes":                  {},
		"the newest goes":                  {Buffer: BufferRules{OnFull: FullDropNewest}},
		"errors":                           {Buffer: BufferRules{OnFull: FullFail}},
		"writers wait":                     {Mode: Offline},
		"thinned":                          {Buffer: BufferRules{OnSlow: SlowThin}},
		"jumping":                          {Buffer: BufferRules{OnSlow: SlowJump}},
		"too old":                          {Buffer: BufferRules{MaxAge: 30 * time.Second}},
		"delayed":                          {Mode: Delayed, Delay: 10 * time.Second},
		"on the disk":                      {Buffer: BufferRules{Spool: true}},
		"spilling":                         {Buffer: BufferRules{Spool: true, SpillAfter: 20 * time.Second}},
		"on a small disk":                  {Buffer: BufferRules{Spool: true, SpoolBytes: 1 << 20}},
		"on a small disk, the newest goes": {Buffer: BufferRules{Spool: true, SpoolBytes: 1 << 20, OnFull: FullDropNewest}},
		"on a small disk, writers wait":    {Buffer: BufferRules{Spool: true, SpoolBytes: 1 << 20, OnFull: FullWait}},
		"on a small disk, errors":          {Buffer: BufferRules{Spool: true, SpoolBytes: 1 << 20, OnFull: FullFail}},
	} {
		for seed := range uint64(rounds) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { account(t, seed, o) })
			})
		}
	}
}

func account(t *testing.T, seed uint64, o StreamConfig) {
	o.Buffer.MaxBytes = 60_000
	m := newModel(t, &Client{Memory: 1 << 20, Spool: t.TempDir()}, seed, o)
	gates := seed%2 == 1
	for range 800 {
		if !gates {
			m.s.Gate(true)
		}
		before, dropped := m.keptFrames(), m.droppedFrames()
		frames, confirmed, withheld := m.frames, m.confirmed, m.stats().Withheld
		m.step()
		if m.stats().Withheld > withheld {
			// what went away and is in no report was behind the gate
			m.withheld = m.withheldAfter(before, dropped, frames, confirmed)
		}
		if got := m.confirmed + m.droppedFrames() + m.withheld + m.keptFrames(); got != m.frames {
			t.Fatalf("%d frames were written, and %d accounted for", m.frames, got)
		}
	}
	m.close()
	if o.Buffer.OnFull == FullByMode && m.confirmed == 0 {
		t.Error("nothing was confirmed, which tests nothing")
	}
}

// withheldAfter is how many frames have been let go behind a gate, by what is in
// no report.
func (m *model) withheldAfter(before, dropped, frames, confirmed int) int {
	gone := before + m.frames - frames - m.keptFrames() - (m.droppedFrames() - dropped) - (m.confirmed - confirmed)
	if gone < 0 {
		m.t.Fatalf("%d frames too many", -gone)
	}
	return m.withheld + gone
}

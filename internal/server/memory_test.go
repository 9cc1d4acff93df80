package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// The load of TestMemoryStaysWithinItsBudget, and what it may take.
const (
	budget   = 64 << 20
	beside   = 48 << 20 // heap beside the budget: connections, the store, and the test's own clients
	giants   = 8        // producers of large frames
	gnats    = 8        // producers of tiny fragments
	laggards = 30       // readers that take little or nothing
	burden   = 4        // fragments of a giant
	swarm    = 250      // fragments of a gnat
)

// A siege is producers that send each fragment until they are told that it
// is kept, and readers that are slow.
type siege struct {
	*rig
	noise []byte
	over  chan struct{} // closed when the producers are done

	mu       sync.Mutex // guards what follows
	kept     map[string][sha256.Size]byte
	refusals map[string]int
}

// One budget bounds it all: the heap stays below it, nobody is told to skip
// media, everything that was acknowledged reads back, and other streams go on.
func TestMemoryStaysWithinItsBudget(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // as the server's command does
	r := startWith(t, server.Options{WriteTimeout: 3 * time.Second}, func(c *config.Server) {
		c.Memory, c.MaxSessions, c.ReaderIdleTimeout = budget, 100, 2*time.Second
	})
	for _, name := range []string{"giant", "gnat", "witness"} {
		r.create(name, 24)
	}
	c := newSiege(r)
	watch := watchHeap()
	w := r.testify("witness")
	c.run()
	live, all := watch()
	w.verdict(typicalDelay, worstDelay)
	t.Logf("%d fragments were kept; refusals: %v; live heap at most %d MiB, with garbage %d MiB",
		len(c.kept), c.refusals, live>>20, all>>20)
	if live > budget+beside {
		t.Errorf("%d bytes of heap were live", live)
	}
	if all > (budget+beside)*5/4 {
		t.Errorf("the heap had %d bytes", all)
	}
	for code := range c.refusals {
		if !strings.HasPrefix(code, "5000 ") && !strings.HasPrefix(code, "4003 ") {
			t.Errorf("somebody was told %s, on which clients skip media", code)
		}
	}
	if want := giants*burden + gnats*swarm; len(c.kept) != want {
		t.Errorf("%d fragments were kept, want %d", len(c.kept), want)
	}
	c.readBack("giant")
	c.readBack("gnat")
	if len(c.kept) > 0 {
		t.Errorf("%d fragments that were acknowledged are not there", len(c.kept))
	}
}

func newSiege(r *rig) *siege {
	c := &siege{
		rig: r, noise: make([]byte, 3<<20), over: make(chan struct{}),
		kept: map[string][sha256.Size]byte{}, refusals: map[string]int{},
	}
	noise := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(c.noise); i += 8 {
		binary.LittleEndian.PutUint64(c.noise[i:], noise.Uint64())
	}
	return c
}

// run returns when all has been kept.
func (c *siege) run() {
	var producers, readers sync.WaitGroup
	for i := range laggards {
		readers.Go(func() { c.lag(i) })
	}
	for i := range giants {
		producers.Go(func() { c.produce("giant", i, burden, c.giant) })
	}
	for i := range gnats {
		producers.Go(func() { c.produce("gnat", i, swarm, c.gnat) })
	}
	producers.Wait()
	close(c.over)
	readers.Wait()
}

// giant is a fragment of three frames of 1.5 to 3 MiB; gnat one of a byte.
func (c *siege) giant(id, n int) (frames [][]byte) {
	half := len(c.noise) / 2
	for i := range 3 {
		frames = append(frames, c.noise[:half+(id*7919+n*104729+i*1299709)%half])
	}
	return frames
}

func (c *siege) gnat(int, int) [][]byte { return [][]byte{c.noise[:1]} }

// produce sends so many fragments, each again until it is kept.
func (c *siege) produce(stream string, id, count int, frames func(id, n int) [][]byte) {
	for n := 0; n < count; {
		p, err := c.tryPut(c.putHead(stream, nil))
		if err != nil || p.status != http.StatusOK {
			c.t.Errorf("%s %d: %v %v", stream, id, err, p)
			return
		}
		s := &sending{siege: c, p: p, first: n, timecode: uint64(id) << 32, hashes: map[uint64][sha256.Size]byte{}}
		var work sync.WaitGroup
		work.Go(func() { s.send(count, func(n int) [][]byte { return frames(id, n) }) })
		n += s.listen()
		p.close()
		work.Wait()
	}
}

// A sending is one call of a producer.
type sending struct {
	*siege
	p        *put
	first    int    // fragment that it begins with
	timecode uint64 // of the first fragment of all

	sent   sync.Mutex // guards what follows
	hashes map[uint64][sha256.Size]byte
}

// send sends fragments up to count, or until the call ends.
func (s *sending) send(count int, frames func(n int) [][]byte) {
	if s.p.send(header(1), 0) != nil {
		return
	}
	for n := s.first; n < count; n++ {
		timecode := s.timecode + uint64(n)
		parts := [][]byte{cluster(timecode)}
		for i, f := range frames(n) {
			parts = append(parts, mkv.AppendSimpleBlockHeader(nil, 1, int16(i), mkv.FlagKeyframe, len(f)), f)
		}
		sum, size := sha256.New(), 0
		for _, part := range parts {
			sum.Write(part)
			size += len(part)
		}
		s.sent.Lock()
		s.hashes[timecode] = [sha256.Size]byte(sum.Sum(nil))
		s.sent.Unlock()
		parts = append(parts, endOfFragment())
		for _, part := range parts {
			if _, err := fmt.Fprintf(s.p.conn, "%x\r\n", len(part)); err != nil {
				return
			}
			if _, err := (&net.Buffers{part, []byte("\r\n")}).WriteTo(s.p.conn); err != nil {
				return
			}
		}
	}
	s.p.end()
}

// listen takes acknowledgements up to the end of the answer. It returns how many
// fragments were kept.
func (s *sending) listen() (kept int) {
	for a := range s.p.acks {
		s.mu.Lock()
		switch a.EventType {
		case "PERSISTED":
			s.sent.Lock()
			s.kept[a.FragmentNumber] = s.hashes[*a.FragmentTimecode]
			s.sent.Unlock()
			kept++
		case "ERROR":
			s.refusals[fmt.Sprint(a.ErrorId, " ", a.ErrorCode)]++
		}
		s.mu.Unlock()
	}
	return kept
}

// lag reads slowly, or not at all, from the beginning or at the live edge, and
// comes again when it was cut off.
func (c *siege) lag(i int) {
	selector := earliest()
	if i%3 == 0 {
		selector = map[string]any{"StartSelectorType": "NOW"}
	}
	buf := make([]byte, 32<<10)
	for {
		conn := c.deafReader("giant", selector)
		for open := true; open; {
			select {
			case <-c.over:
				conn.Close()
				return
			case <-time.After(100 * time.Millisecond):
			}
			_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
			if i%2 == 0 {
				buf = buf[:1] // which shows only that it is open
			}
			_, err := conn.Read(buf)
			open = err == nil || errors.Is(err, os.ErrDeadlineExceeded)
		}
		conn.Close()
	}
}

// readBack reads a stream and checks each fragment against what was sent.
func (c *siege) readBack(stream string) {
	c.t.Helper()
	g := c.get(stream, earliest())
	defer g.close()
	sum, number, in := hash.Hash(nil), "", false
	for {
		e, err := g.reader.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			c.t.Errorf("%s: %v", stream, err)
			return
		}
		switch {
		case e.ID == mkv.IDCluster && e.Kind == mkv.Start:
			sum, in = sha256.New(), true
			sum.Write(e.Raw)
		case e.ID == mkv.IDCluster:
			in = false
		case in:
			sum.Write(e.Raw)
		case e.ID == mkv.IDTags && bytes.Contains(e.Raw, []byte(wire.TagFragmentNumber)):
			number = valueOf(e, wire.TagFragmentNumber)
		case e.ID == mkv.IDTags && bytes.Contains(e.Raw, []byte(wire.TagContinuationToken)):
			if want, acked := c.kept[number]; acked && want != [sha256.Size]byte(sum.Sum(nil)) {
				c.t.Errorf("%s: fragment %s is not what was sent", stream, number)
			}
			delete(c.kept, number)
		}
	}
}

// valueOf is the value of a tag.
func valueOf(e mkv.Element, name string) string {
	tags, _ := mkv.ParseTags(e.Data())
	for _, t := range tags {
		for _, s := range t.Simple {
			if s.Name == name {
				return s.String
			}
		}
	}
	return ""
}

// watchHeap looks at the heap until the function that it returns is called,
// which tells the most that was live after a collection, and the most of all.
func watchHeap() (stop func() (live, all uint64)) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	var most [2]uint64
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(samples)
			for i := range samples {
				most[i] = max(most[i], samples[i].Value.Uint64())
			}
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	return func() (uint64, uint64) {
		close(done)
		work.Wait()
		return most[0], most[1]
	}
}

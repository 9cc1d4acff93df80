package producer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// footage is a recording of one track whose frames are a second apart.
func footage(size int) producertest.Footage {
	return producertest.Footage{Seed: 7, Began: clock, Every: time.Second, Size: size}
}

// capture writes frames of the footage, from number from to before number to.
func capture(t *testing.T, s *told, f producertest.Footage, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		must(t, s.Write(t.Context(), frameAt(1, f.Time(n).Sub(clock), n == from || f.Key(n), string(f.Data(n)))))
	}
}

// compare holds what a server keeps of a stream, in the order of its times,
// against the footage, less what was reported as dropped.
func (y *yard) compare(name millrace.StreamName, f producertest.Footage, written int, dropped []producer.Dropped) {
	y.t.Helper()
	missing := func(n int) bool {
		for _, d := range dropped {
			if at := f.Time(n); !at.Before(d.From) && !at.After(d.To) {
				return true
			}
		}
		return false
	}
	if err := f.Compare(y.server.Persisted(name), producertest.Comparison{Written: written, Missing: missing, Millis: true}); err != nil {
		y.t.Errorf("%s: %v", name, err)
	}
}

// framesOf counts what was dropped for a reason, and fails for other reasons.
func framesOf(t *testing.T, dropped []producer.Dropped, reason producer.DropReason) (frames int) {
	t.Helper()
	for _, d := range dropped {
		if d.Reason != reason {
			t.Errorf("dropped %+v", d)
		}
		frames += d.Frames
	}
	return frames
}

func TestASpoolAtItsBoundGivesUpTheOldestAndTheRestGoesOn(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		const written = 400
		f := footage(20_000)
		gate := y.open("gate", producer.StreamConfig{Tracks: tracks(), Buffer: producer.BufferRules{Spool: true, SpoolBytes: 1 << 20}})
		lane := y.open("lane", producer.StreamConfig{Tracks: tracks(), Buffer: producer.BufferRules{Spool: true}})
		y.server.SetNetwork(producertest.Down)
		capture(t, gate, f, 0, written)
		capture(t, lane, f, 0, written)
		if got := gate.Stats(); got.Spooled > 1<<20 || got.Spooled < 512<<10 {
			t.Errorf("stats %+v", got)
		}
		y.server.SetNetwork(producertest.Up)
		y.close(gate, lane)
		y.compare("gate", f, written, gate.dropped)
		y.compare("lane", f, written, nil)
		kept := 0
		for _, k := range y.server.Persisted("gate") {
			kept += len(k.Frames)
		}
		if lost := framesOf(t, gate.dropped, producer.DropFull); lost == 0 || lost+kept != written {
			t.Errorf("%d frames are reported and %d are durable, of %d", lost, kept, written)
		}
		if gate.countNotices(producer.ErrSpool) != 0 || len(lane.dropped) != 0 {
			t.Errorf("told of %v; the other stream has dropped %v", gate.notices, lane.dropped)
		}
	})
}

func TestASpoolAtItsBoundRefusesFramesWhereThatIsAskedForAndTheRestGoesOn(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		f := footage(20_000)
		gate := y.open("gate", producer.StreamConfig{
			Tracks: tracks(),
			Buffer: producer.BufferRules{Spool: true, SpoolBytes: 1 << 20, OnFull: producer.FullFail},
		})
		y.server.SetNetwork(producertest.Down)
		written := 0
		for ; ; written++ {
			err := gate.Write(t.Context(), frameAt(1, f.Time(written).Sub(clock), f.Key(written), string(f.Data(written))))
			if errors.Is(err, producer.ErrBufferFull) {
				break
			}
			must(t, err)
		}
		if got := gate.Stats(); got.Spooled < 512<<10 || got.Buffered > 512<<10 {
			t.Errorf("refused with stats %+v", got)
		}
		y.server.SetNetwork(producertest.Up)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		must(t, gate.Flush(ctx))
		capture(t, gate, f, written, written+20) // there is room again
		y.close(gate)
		y.compare("gate", f, written+20, nil)
		if len(gate.dropped) != 0 || gate.countNotices(producer.ErrSpool) != 0 {
			t.Errorf("dropped %v, told of %v", gate.dropped, gate.notices)
		}
	})
}

func TestAFlippedBitInASpoolCostsOneFragmentAndTheRestGoesOn(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		o := producer.StreamConfig{Tracks: tracks(), Buffer: producer.BufferRules{Spool: true}}
		y.server.SetNetwork(producertest.Down)
		gate, lane := y.open("gate", o), y.open("lane", o)
		for i, word := range strings.Fields("AAAA bbbb CCCC dddd EEEE ffff GGGG hhhh") {
			for _, s := range []*told{gate, lane} {
				must(t, s.Write(t.Context(), frameAt(1, time.Duration(i)*time.Second, word < "a", strings.Repeat(word, 100))))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, s := range []*told{gate, lane} {
			if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !s.Receipt().Spooled {
				t.Errorf("close: %v, receipt %+v", err, s.Receipt())
			}
		}
		flipBit(t, filepath.Join(y.client.Spool, "stream-gate"), "CCCC")

		y.server.SetNetwork(producertest.Up)
		gate, lane = y.open("gate", o), y.open("lane", o)
		must(t, gate.Write(t.Context(), frameAt(1, 8*time.Second, true, "IIII")))
		y.close(gate, lane)
		y.want("gate", 1, hundred("AAAA bbbb EEEE ffff GGGG hhhh")+" IIII")
		y.want("lane", 1, hundred("AAAA bbbb CCCC dddd EEEE ffff GGGG hhhh"))
		want := producer.Dropped{
			Reason: producer.DropDamaged, Fragments: 1, Frames: 2,
			From: clock.Add(2 * time.Second), To: clock.Add(3 * time.Second),
		}
		if len(gate.dropped) == 1 {
			want.Bytes = gate.dropped[0].Bytes
		}
		if len(gate.dropped) != 1 || gate.dropped[0] != want || want.Bytes < 800 {
			t.Errorf("dropped %+v, want %+v", gate.dropped, want)
		}
		if got := gate.Stats(); got.Begun != 5 || got.Persisted != 4 || got.Dropped != 1 || len(lane.dropped) != 0 {
			t.Errorf("stats %+v; the other stream has dropped %v", got, lane.dropped)
		}
	})
}

// hundred is words, each a hundred times.
func hundred(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		words[i] = strings.Repeat(w, 100)
	}
	return strings.Join(words, " ")
}

// flipBit flips a bit in the middle of a hundred words, in whatever file they are.
func flipBit(t *testing.T, dir, word string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.spool.mkv"))
	must(t, err)
	where := []byte(strings.Repeat(word, 100))
	for _, name := range list {
		all, err := os.ReadFile(name)
		must(t, err)
		if at := bytes.Index(all, where); at >= 0 {
			all[at+len(where)/2] ^= 4
			must(t, os.WriteFile(name, all, 0o600))
			return
		}
	}
	t.Fatal(fmt.Sprint(word, " is nowhere"))
}

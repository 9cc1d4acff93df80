package producer

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/mkv"
)

// slow is a stream that may be five seconds behind, and what it reported.
func slow(t *testing.T, p SlowPolicy) (*bench, *[]Pressure) {
	var pressure []Pressure
	b := newBench(t, &Client{}, StreamConfig{
		Buffer: BufferRules{OnSlow: p, Backlog: 5 * time.Second},
		Events: Events{Pressure: func(p Pressure) { pressure = append(pressure, p) }},
	})
	return b, &pressure
}

// gop writes a fragment of three frames, a second apart.
func (b *bench) gop() {
	b.t.Helper()
	b.must(b.begin(10))
	b.must(b.add(10))
	b.must(b.add(10))
}

func TestASlowNetworkKeepsEverythingUnlessToldOtherwise(t *testing.T) {
	b, pressure := slow(t, SlowKeep)
	for range 6 {
		b.gop()
	}
	b.want("[1 4 7 10 13 16]")
	for f := b.next(nil); f != nil; f = b.next(nil) {
		b.send(f)
		b.settle(f, persisted)
	}
	b.close()
	if p := *pressure; len(p) != 2 || !p[0].Over || p[0].Backlog <= 5*time.Second || p[1].Over {
		t.Errorf("pressure %+v", p)
	}
	if len(b.dropped) != 0 {
		t.Errorf("dropped are %q", say(b.dropped))
	}
}

func TestASlowNetworkThinsToKeyFrames(t *testing.T) {
	b, _ := slow(t, SlowThin)
	for range 3 {
		b.gop()
	}
	if thinning(b.s) {
		t.Error("thinning before the bound")
	}
	b.gop() // begins 8 seconds behind
	if !thinning(b.s) {
		t.Error("not thinning above the bound")
	}
	for range 4 {
		b.send(b.next(nil))
		b.settle(b.next(nil), persisted)
	}
	b.gop()
	if thinning(b.s) {
		t.Error("thinning after the backlog is gone")
	}
	b.close()
	if got := fmt.Sprint(say(b.dropped)); got != "[3: 0 fragments, 2 frames, 22 bytes from 11 to 12]" {
		t.Errorf("dropped are %s", got)
	}
}

// Pictures that are copied are thinned as well, and sound is not.
func TestACopyOfAStreamIsThinned(t *testing.T) {
	b, _ := slow(t, SlowThin)
	m := mkv.AppendEBML(nil, mkv.EBML{})
	m = mkv.AppendUnknownSize(mkv.AppendID(m, mkv.IDSegment), 0)
	m = mkv.AppendTracks(m, []mkv.Track{
		{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}, {Number: 2, UID: 2, Type: mkv.TrackAudio, CodecID: "A_TEST"},
	})
	block := func(track uint64, at int16, flags mkv.BlockFlags) {
		m = append(mkv.AppendSimpleBlockHeader(m, track, at, flags, 1), 'x')
	}
	for i := range 6 {
		m = mkv.AppendUnknownSize(mkv.AppendID(m, mkv.IDCluster), 1)
		m = mkv.AppendUint(m, mkv.IDTimecode, uint64(2000*i))
		block(1, 0, mkv.FlagKeyframe)
		block(2, 0, 0)
		block(1, 1000, 0)
	}
	b.must(CopyMKV(t.Context(), b.s, bytes.NewReader(m), PlayOptions{Origin: time.Unix(0, 0)}))
	var frames []int
	for f := b.s.queue.first; f != nil; f = f.next {
		frames = append(frames, f.frames)
	}
	if got := fmt.Sprint(frames); got != "[3 3 3 3 2 2]" {
		t.Errorf("fragments have %s frames", got)
	}
	b.close()
}

func TestASlowNetworkJumpsToTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, pressure := slow(t, SlowJump)
		b.gop()
		b.send(b.next(nil)) // what was sent may still be confirmed
		for range 3 {
			b.gop()
		}
		first := b.next(b.next(nil))
		b.s.mu.Lock()
		b.s.sentTo(first, cursor{at: 40}, 40, time.Now()) // it is in hand
		b.s.mu.Unlock()
		b.gop()
		b.want("[1 4 13]")
		b.close()
		if got := fmt.Sprint(say(b.dropped)); got != "[3: 2 fragments, 6 frames, 110 bytes from 7 to 12]" {
			t.Errorf("dropped are %s", got)
		}
		if p := *pressure; len(p) == 0 || !p[0].Over {
			t.Errorf("pressure %+v", p)
		}
	})
}

func TestTheRateIsThatOfABusyNetwork(t *testing.T) {
	var m meter
	now := time.Unix(0, 0)
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		m.wrote(10_000, now, true)
	}
	if m.perSecond < 95_000 || m.perSecond > 115_000 {
		t.Errorf("rate %.0f", m.perSecond)
	}
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		m.wrote(10, now, false) // nothing more was there to be sent
	}
	if m.perSecond < 95_000 {
		t.Errorf("an idle network has a rate of %.0f", m.perSecond)
	}
}

func TestADelayIsNoBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pressure []Pressure
		b := newBench(t, &Client{}, StreamConfig{
			Mode: Delayed, Delay: 10 * time.Second, Buffer: BufferRules{Backlog: 5 * time.Second},
			Events: Events{Pressure: func(p Pressure) { pressure = append(pressure, p) }},
		})
		for range 10 {
			b.gop()
			time.Sleep(3 * time.Second)
			if f := b.next(nil); f != nil && b.next(f) != nil { // the network is a fragment late
				b.send(f)
				b.settle(f, persisted)
			}
		}
		b.close()
		if len(pressure) != 0 {
			t.Errorf("pressure %+v", pressure)
		}
	})
}

// thinning reports whether SlowThin is at work.
func thinning(s *Stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buffer.thin
}

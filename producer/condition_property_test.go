package producer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
)

// A recorded frame is one that Write took, and the parameters that were in force.
type recorded struct {
	number uint32
	key    bool
	sets   int // of the two that there are
}

// An actor plays an encoder that changes its mind, damages frames, and has an
// application that hands private data over.
type actor struct {
	d      *dialect
	r      *reel
	rnd    *rand.Rand
	sets   [2][][]byte
	number uint32
	at     time.Duration
	force  int // sets in force; -1 is none
	next   int // sets that hold from the next key frame on
	waits  int // sets that go in front of the next picture; -1 is none
	takes  []recorded
}

// Whatever an encoder does, every frame goes out once, in order, under a header with
// the parameters that were in force for it, and fragments begin with key frames.
func TestEveryFrameGoesOutUnderItsParameters(t *testing.T) {
	eachDialect(t, func(t *testing.T, d *dialect) {
		for seed := range uint64(40) {
			track := media.Track{Number: 1, Codec: d.codec}
			a := &actor{d: d, rnd: rand.New(rand.NewPCG(seed, 1)), sets: [2][][]byte{d.sets, d.others}, force: -1, next: -1, waits: -1}
			if seed%2 == 1 {
				track.Private, a.force, a.next = d.private, 0, 0
			}
			rolling(t, StreamConfig{Tracks: []media.Track{track}, Fragment: FragmentRules{Idle: -1}}, func(r *reel) {
				a.r = r
				for range 60 {
					a.act()
				}
				a.compare(seed)
			})
		}
	})
}

// act does one thing.
func (a *actor) act() {
	t := a.r.t
	which := a.rnd.IntN(2)
	framed := annexB
	if a.rnd.IntN(2) == 0 {
		framed = prefixed
	}
	switch op := a.rnd.IntN(20); {
	case op < 3:
		a.write(true, which, framed(with(a.sets[which], a.d.aud, a.unit(a.d.key))...))
	case op < 6:
		a.write(true, -1, framed(a.unit(a.d.key), a.d.key2))
	case op < 7:
		a.write(false, which, framed(with(a.sets[which], a.unit(a.d.delta))...))
	case op < 8:
		a.next, a.waits = which, which
		if err := a.r.stream.Write(t.Context(), media.Frame{Track: 1, PTS: epoch + a.at, Data: framed(a.sets[which]...)}); err != nil {
			t.Fatal(err)
		}
	case op < 9:
		a.next = which
		if err := a.r.stream.SetCodecPrivate(t.Context(), 1, [2][]byte{a.d.private, a.d.otherPrivate}[which]); err != nil {
			t.Fatal(err)
		}
	case op < 10:
		data := framed(a.unit(a.d.delta))
		err := a.r.stream.Write(t.Context(), media.Frame{Track: 1, PTS: epoch + a.at, Data: data[:len(data)-1]})
		if framed := bytes.HasPrefix(data, []byte{0, 0, 0, 1}); err == nil && !framed {
			t.Fatal("a frame that was cut was taken")
		} else if err == nil {
			a.takes = append(a.takes, recorded{a.number, false, a.force}) // nobody can tell
		}
	case op < 11:
		if err := a.r.stream.EndFragment(t.Context()); err != nil {
			t.Fatal(err)
		}
	default:
		a.write(false, -1, framed(a.unit(a.d.delta)))
	}
}

// unit makes a slice that can be told from others, with a byte at its end that may
// be lost.
func (a *actor) unit(first []byte) []byte {
	a.number++
	b := append(bytes.Clone(first), 0x55)
	for _, c := range binary.BigEndian.AppendUint32(nil, a.number) {
		b = append(b, 0x40|c>>4, 0x40|c&0xf) // no start codes
	}
	return append(b, 0x77)
}

// write writes a picture with those sets in front, -1 for none. Sets that wait for
// a picture count as the first of those.
func (a *actor) write(key bool, sets int, data []byte) {
	t := a.r.t
	a.at += time.Duration(20+a.rnd.IntN(200)) * time.Millisecond
	number := a.number
	err := a.r.stream.Write(t.Context(), media.Frame{Track: 1, PTS: epoch + a.at, Data: data})
	if err != nil && !errors.Is(err, ErrNeedKeyFrame) {
		t.Fatal(err)
	}
	switch { // those of a frame that was refused are remembered too
	case sets >= 0:
		a.next = sets
	case a.waits >= 0:
		a.next = a.waits
	}
	if err == nil || a.force >= 0 {
		a.waits = -1
	}
	if err != nil {
		return
	}
	if key {
		a.force = a.next
	}
	a.takes = append(a.takes, recorded{number, key, a.force})
}

func (a *actor) compare(seed uint64) {
	t := a.r.t
	n := 0
	for _, s := range a.r.shots() {
		for j, b := range s.blocks {
			if n == len(a.takes) {
				t.Fatalf("seed %d: more frames than were taken", seed)
			}
			want := a.takes[n]
			if got := numberOf(b.Payload); got != want.number || b.Keyframe() != want.key || j == 0 && !want.key {
				t.Fatalf("seed %d: frame %d is %d, key is %v, want %+v", seed, n, got, b.Keyframe(), want)
			}
			private := [2][]byte{a.d.private, a.d.otherPrivate}[max(want.sets, 0)]
			if !sameSets(t, a.d.codec, s.tracks[0].CodecPrivate, private) {
				t.Fatalf("seed %d: frame %d, %+v, is under other parameters", seed, n, want)
			}
			n++
		}
	}
	if n != len(a.takes) {
		t.Errorf("seed %d: %d frames of %d", seed, n, len(a.takes))
	}
}

// numberOf finds the number that unit has put into a frame.
func numberOf(payload []byte) (number uint32) {
	at := bytes.LastIndexByte(payload, 0x55)
	for _, c := range payload[at+1 : at+9] {
		number = number<<4 | uint32(c&0xf)
	}
	return number
}

package consumer

import (
	"hash/maphash"

	"github.com/millrace/millrace"
)

// replayFrames is how many frames a replayWindow remembers.
const replayFrames = 1 << 13

// A replayWindow knows the last frames that were handed out, by what a producer
// that sends a fragment again sends again: its segment's identifier, the
// fragment's and the frame's time, the track, and the beginning of the data. A
// stream without identifiers has no replays.
type replayWindow struct {
	seed  maphash.Seed
	known map[uint64]millrace.FragmentNumber
	ring  []uint64 // in the order of their coming
	next  int
}

// keyBytes is how much of a frame's data counts.
const keyBytes = 64

// first returns the fragment under which the frame came before, and notes it.
func (w *replayWindow) first(f *Fragment, frame *Frame) (millrace.FragmentNumber, bool) {
	if w.known == nil {
		w.seed, w.known, w.ring = maphash.MakeSeed(), map[uint64]millrace.FragmentNumber{}, nil
	}
	key := w.key(f, frame)
	if n, ok := w.known[key]; ok {
		return n, n != f.Number
	}
	if len(w.ring) < replayFrames {
		w.ring = append(w.ring, key)
	} else {
		delete(w.known, w.ring[w.next])
		w.ring[w.next] = key
		w.next = (w.next + 1) % replayFrames
	}
	w.known[key] = f.Number
	return f.Number, false
}

func (w *replayWindow) key(f *Fragment, frame *Frame) uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	_, _ = h.Write(f.Header.Info.SegmentUID)
	maphash.WriteComparable(&h, [4]int64{int64(f.Timecode), frame.Timecode, int64(frame.Track), int64(len(frame.Data))})
	_, _ = h.Write(frame.Data[:min(len(frame.Data), keyBytes)])
	return h.Sum64()
}

// cameBefore returns the fragment under which a frame came before, if it did.
func (s *screen) cameBefore(f *Fragment, frame *Frame) (millrace.FragmentNumber, bool) {
	switch {
	case f.Number.IsZero():
		return f.Number, false
	case f.identity != millrace.Identity{}:
		return s.identities.first(f, frame)
	case len(f.Header.Info.SegmentUID) > 0:
		return s.replays.first(f, frame)
	}
	return f.Number, false
}

// passReplay marks a frame that came before, and reports whether it is to be
// handed out.
func (s *screen) passReplay(r *Reader, f *Fragment, frame *Frame) bool {
	first, again := s.cameBefore(f, frame)
	if !again {
		return true
	}
	frame.Replay = true
	r.count(func(st *Stats) { st.Replays++ })
	if f.Flags&Replayed == 0 {
		f.Flags |= Replayed
		if r.set.events.Replay != nil {
			r.set.events.Replay(Replay{Number: f.Number, First: first, ProducerTime: f.ProducerTime})
		}
	}
	return r.set.replays != DropReplays
}

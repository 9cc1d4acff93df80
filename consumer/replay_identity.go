package consumer

import "github.com/millrace/millrace"

// replayFragments is how many fragments with an identity are remembered.
const replayFragments = 256

// An identityWindow knows the last fragments that their producer had named (see
// millrace.Identity). One that comes again under another number was not durable the
// first time: a server was lost with it, after its frames had been handed out. Its
// frames are the same in the same order, so their count says which came before.
type identityWindow struct {
	known map[millrace.Identity]*identified
	ring  []millrace.Identity // in the order of their coming
	next  int
}

// identified is what came of a fragment.
type identified struct {
	number millrace.FragmentNumber // the first
	frames int                     // that were handed out, under all its numbers
}

// first returns the fragment under which the frame came before, and notes it.
func (w *identityWindow) first(f *Fragment, frame *Frame) (millrace.FragmentNumber, bool) {
	i := w.known[f.identity]
	if i == nil {
		i = &identified{number: f.Number}
		w.keep(f.identity, i)
	}
	if again := frame.Index < i.frames; again {
		return i.number, i.number != f.Number
	}
	i.frames = frame.Index + 1
	return i.number, false
}

// keep puts a fragment in the place of the oldest.
func (w *identityWindow) keep(id millrace.Identity, i *identified) {
	if w.known == nil {
		w.known = map[millrace.Identity]*identified{}
	}
	if len(w.ring) < replayFragments {
		w.ring = append(w.ring, id)
	} else {
		delete(w.known, w.ring[w.next])
		w.ring[w.next] = id
		w.next = (w.next + 1) % replayFragments
	}
	w.known[id] = i
}

package ingest

import "github.com/millrace/millrace"

// maxFleeting is how many fragments of streams of zero retention are remembered,
// of all streams together (I11). It is what 200 of them have begun within the
// five minutes for which such fragments live, one a second each.
const maxFleeting = 1 << 16

// fleeting remembers which fragments there were lately that no store keeps. The
// oldest is forgotten first. Its zero value is ready.
type fleeting struct {
	numbers map[identity]millrace.FragmentNumber
	order   []identity // a ring, once it is full
	next    int
}

func (f *fleeting) add(id identity, n millrace.FragmentNumber) {
	if f.numbers == nil {
		f.numbers = map[identity]millrace.FragmentNumber{}
	}
	if _, ok := f.numbers[id]; ok {
		f.numbers[id] = n
		return
	}
	f.numbers[id] = n
	if len(f.order) < maxFleeting {
		f.order = append(f.order, id)
		return
	}
	delete(f.numbers, f.order[f.next])
	f.order[f.next] = id
	f.next = (f.next + 1) % maxFleeting
}

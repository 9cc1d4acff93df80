package mem

import "math/rand/v2"

// Outcomes returns what may be left by a crash, which calls a Chooser the same
// way whenever it gets the same answers: everything that there is, if that is
// not more than limit, which is at least 2; else limit outcomes, the first of
// which lost all that could be lost, the second nothing, and the others what
// seed says. The same arguments return the same.
func Outcomes[T any](limit int, seed uint64, crash func(Chooser) T) []T {
	if all, complete := enumerate(limit, crash); complete {
		return all
	}
	list := []T{
		crash(func(int) int { return 0 }),
		crash(func(n int) int { return n - 1 }),
	}
	for len(list) < limit {
		list = append(list, crash(rand.New(rand.NewPCG(seed, uint64(len(list)))).IntN))
	}
	return list
}

// enumerate returns all outcomes, or gives up.
func enumerate[T any](limit int, crash func(Chooser) T) (list []T, complete bool) {
	var w walk
	for {
		if len(list) == limit {
			return nil, false
		}
		list = append(list, crash(w.choose))
		if !w.next() {
			return list, true
		}
	}
}

// A walk goes through all answers, the last one first.
type walk struct {
	answers []int
	among   []int // of how many each is one
	asked   int
}

func (w *walk) choose(n int) int {
	if w.asked == len(w.answers) {
		w.answers, w.among = append(w.answers, 0), append(w.among, n)
	}
	w.asked++
	return w.answers[w.asked-1]
}

// next prepares the next walk, if there is one.
func (w *walk) next() bool {
	w.asked = 0
	for i := len(w.answers) - 1; i >= 0; i-- {
		if w.answers[i]++; w.answers[i] < w.among[i] {
			w.answers, w.among = w.answers[:i+1], w.among[:i+1]
			return true
		}
	}
	return false
}

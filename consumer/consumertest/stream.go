package consumertest

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace"
)

// A Stream is what the server holds of one. All its methods may be called by any
// number of goroutines at once.
type Stream struct {
	name millrace.StreamName

	mu        sync.Mutex // guards what follows, and the state of chunks
	changed   chan struct{}
	sequence  uint64
	chunks    []*chunk // kept or arriving, by number
	forgotten millrace.FragmentNumber
	tags      map[string]string
	retention time.Duration
	gone      bool // deleted
}

// A chunk is a fragment as readers see it.
type chunk struct {
	Fragment
	shown int // blocks that have arrived
	state State
}

// A State is how far a fragment has come.
type State uint8

// The states of a fragment.
const (
	Open   State = iota // arriving
	Kept                // complete
	Failed              // given up by its producer; nobody is given it any more
)

// String returns a word for the state.
func (s State) String() string {
	names := [...]string{"open", "kept", "failed"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown state"
}

func newStream(name millrace.StreamName) *Stream {
	return &Stream{name: name, changed: make(chan struct{}), retention: DefaultRetention}
}

// Name is the stream's.
func (s *Stream) Name() millrace.StreamName { return s.name }

// Add adds fragments that are complete, and returns their numbers. They stand
// where their numbers say.
func (s *Stream) Add(fragments ...Fragment) []millrace.FragmentNumber {
	numbers := make([]millrace.FragmentNumber, len(fragments))
	for i, f := range fragments {
		c := s.insert(f)
		s.settle(c, Kept)
		numbers[i] = c.Number
	}
	return numbers
}

// Replay adds fragments of the stream once more, under new numbers, as a producer
// does that was not told that they were kept.
func (s *Stream) Replay(numbers ...millrace.FragmentNumber) []millrace.FragmentNumber {
	var again []millrace.FragmentNumber
	for _, n := range numbers {
		s.mu.Lock()
		i, ok := s.find(n)
		var f Fragment
		if ok {
			f = s.chunks[i].Fragment
		}
		s.mu.Unlock()
		if ok {
			f.Number, f.ServerTime = millrace.FragmentNumber{}, time.Time{}
			again = append(again, s.Add(f)...)
		}
	}
	return again
}

// insert adds a fragment that is open, with none of its frames.
func (s *Stream) insert(f Fragment) *chunk {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &chunk{Fragment: f.defaults(time.Now(), s.next)}
	c.Frames = slices.Clone(c.Frames)
	s.sequence = max(s.sequence, sequenceOf(c.Number))
	i, _ := s.find(c.Number)
	s.chunks = slices.Insert(s.chunks, i, c)
	s.announce()
	return c
}

// next is a number behind all others. The mutex is held.
func (s *Stream) next(at time.Time) millrace.FragmentNumber {
	s.sequence++
	return millrace.NewFragmentNumber(s.sequence, at, uint32(s.sequence*0x9E3779B1))
}

// sequenceOf is the sequence of a number that is one of ours.
func sequenceOf(n millrace.FragmentNumber) uint64 {
	if q := n.Sequence(); q < math.MaxUint32 {
		return q
	}
	return 0
}

// find is where a number stands or would stand. The mutex is held.
func (s *Stream) find(n millrace.FragmentNumber) (int, bool) {
	return slices.BinarySearchFunc(s.chunks, n, func(c *chunk, n millrace.FragmentNumber) int { return c.Number.Compare(n) })
}

// announce wakes all readers. The mutex is held.
func (s *Stream) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Stream) settle(c *chunk, to State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.state != Open {
		return
	}
	if c.state = to; to == Kept {
		c.shown = len(c.Frames)
	} else {
		s.remove(func(other *chunk) bool { return other == c })
	}
	s.announce()
}

// remove forgets chunks. The mutex is held.
func (s *Stream) remove(is func(*chunk) bool) { s.chunks = slices.DeleteFunc(s.chunks, is) }

// Forget lets go of all fragments up to a number, as retention does.
func (s *Stream) Forget(through millrace.FragmentNumber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(func(c *chunk) bool {
		old := c.Number.Compare(through) <= 0
		if old && c.Number.Compare(s.forgotten) > 0 {
			s.forgotten = c.Number
		}
		return old
	})
	s.announce()
}

// Lose lets go of single fragments, which nobody is told of.
func (s *Stream) Lose(numbers ...millrace.FragmentNumber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(func(c *chunk) bool { return slices.Contains(numbers, c.Number) })
	s.announce()
}

// Delete ends the stream: responses end, and calls for it are not found.
func (s *Stream) Delete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.announce()
}

// SetTags replaces the stream's tags.
func (s *Stream) SetTags(tags map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tags = tags
}

// SetRetention says what describeStream answers, in whole hours. What is kept is
// changed by Forget alone.
func (s *Stream) SetRetention(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retention = d
}

// All returns the fragments that are complete, by number, with everything filled in.
// What it returns does not change, and must not be changed.
func (s *Stream) All() []Fragment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Fragment
	for _, c := range s.chunks {
		if c.state == Kept {
			all = append(all, c.Fragment)
		}
	}
	return all
}

// after is the first chunk behind a number, or nil with what is closed when there
// may be one.
func (s *Stream) after(n millrace.FragmentNumber) (c *chunk, changed <-chan struct{}, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, exact := s.find(n)
	if exact {
		i++
	}
	if i < len(s.chunks) {
		c = s.chunks[i]
	}
	return c, s.changed, s.gone
}

// view is how far a chunk has come.
func (s *Stream) view(c *chunk) (Fragment, int, State, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.Fragment, c.shown, c.state, s.changed
}

// byClock are the chunks in the order of a clock, and then of their numbers. The
// mutex is held.
func (s *Stream) byClock(at func(Fragment) time.Time) []*chunk {
	sorted := slices.Clone(s.chunks)
	slices.SortStableFunc(sorted, func(a, b *chunk) int {
		return cmp.Or(at(a.Fragment).Compare(at(b.Fragment)), a.Number.Compare(b.Number))
	})
	return sorted
}

func serverClock(f Fragment) time.Time   { return f.ServerTime }
func producerClock(f Fragment) time.Time { return f.ProducerTime }

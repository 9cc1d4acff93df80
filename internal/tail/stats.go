package tail

import "time"

// Stats is what all tails hold together.
type Stats struct {
	Streams int           // that have sessions, readers or fragments in memory
	Open    int           // fragments that grow
	Waiting int           // fragments that are whole, and for which the store has not answered
	Bytes   int64         // of the Clusters of all fragments
	Lag     time.Duration // for how long the oldest of those that grow or wait has been there
}

// Stats sums all tails up.
func (t *Tail) Stats() (sum Stats) {
	now := t.now()
	for _, s := range t.all() {
		s.count(&sum, now)
		s.Release()
	}
	return sum
}

func (s *Stream) count(sum *Stats, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum.Streams++
	for _, f := range s.entries {
		sum.Bytes += int64(f.size)
		switch f.state {
		case Open:
			sum.Open++
		case Complete:
			sum.Waiting++
		default:
			continue
		}
		sum.Lag = max(sum.Lag, now.Sub(f.opened))
	}
}

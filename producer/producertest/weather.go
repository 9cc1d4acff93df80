package producertest

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Weather is what a Proxy does to connections.
type Weather uint8

// The kinds of weather. Latency, jitter and bandwidth are those of the Proxy in
// all of them.
const (
	Fair      Weather = iota // everything gets through
	Refusing                 // connections are refused, and those that are there reset
	BlackHole                // nothing moves, nothing breaks; connections are accepted
	NoUplink                 // nothing moves towards the server
	NoAnswers                // nothing moves towards the client
	Resetting                // each connection is reset after some bytes, those that are there at once
)

// String returns a word for the weather.
func (w Weather) String() string {
	names := [...]string{"fair", "refusing", "black hole", "no uplink", "no answers", "resetting"}
	if int(w) < len(names) {
		return names[w]
	}
	return "unknown weather"
}

// A Period is some time of one weather.
type Period struct {
	Weather Weather
	For     time.Duration
}

// Climate says how Periods are drawn.
type Climate struct {
	Seed    uint64
	Periods int           // how many foul ones
	Foul    time.Duration // the longest foul period
	Fair    time.Duration // the longest fair one between two of them
	Without []Weather     // kinds that do not occur
}

// Draw draws periods: foul and fair ones in turn, ending with a fair one. The same
// Climate always draws the same.
func (c Climate) Draw() []Period {
	rnd := rand.New(rand.NewPCG(c.Seed, 0x77656174686572))
	var kinds []Weather
	for w := Refusing; w <= Resetting; w++ {
		if !slices.Contains(c.Without, w) {
			kinds = append(kinds, w)
		}
	}
	var periods []Period
	for range c.Periods {
		if len(kinds) == 0 {
			break
		}
		periods = append(periods,
			Period{Fair, between(rnd, c.Fair)},
			Period{kinds[rnd.IntN(len(kinds))], between(rnd, c.Foul)})
	}
	return append(periods, Period{Fair, between(rnd, c.Fair)})
}

// between is a time from a twentieth of longest to longest.
func between(rnd *rand.Rand, longest time.Duration) time.Duration {
	least := longest / 20
	return least + time.Duration(rnd.Int64N(int64(longest-least)+1))
}

package consumertest

import (
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace"
)

// Chaos says how Steps are drawn.
type Chaos struct {
	Seed  uint64
	Steps int
	// Bytes is within how many bytes of a response a fault finds its place; 0 is
	// 16 KiB.
	Bytes int64
	// Pause is the longest delay of a fault.
	Pause time.Duration
	// Stalls has some responses stall for good, which a reader finds out only by a
	// timeout of its own.
	Stalls bool
	// Repeats has some documents sent twice.
	Repeats bool
	// Errors has some responses end with an error document.
	Errors bool
	// Garbage has some responses spoilt between two documents.
	Garbage bool
	// Refusals are what calls are refused with; nil is what passes by itself.
	Refusals []Refusal
}

// Draw draws steps. The same Chaos always draws the same.
func (c Chaos) Draw() []Step {
	if c.Bytes <= 0 {
		c.Bytes = 16 << 10
	}
	rnd := rand.New(rand.NewPCG(c.Seed, 0x6368616f73))
	steps := make([]Step, c.Steps)
	for i := range steps {
		steps[i] = c.step(rnd)
	}
	return steps
}

func (c Chaos) step(rnd *rand.Rand) Step {
	var s Step
	switch rnd.IntN(8) {
	case 0:
		s.Refuse = c.refusal(rnd)
		return s
	case 1:
		s.Piece = 1 + rnd.IntN(40)
	case 2:
		s.Documents = 1 + rnd.IntN(3)
		return s
	}
	if f, ok := c.spoil(rnd); ok {
		s.Faults = append(s.Faults, f)
	}
	s.Faults = append(s.Faults, c.ending(rnd))
	return s
}

// spoil is something behind which the response goes on.
func (c Chaos) spoil(rnd *rand.Rand) (Fault, bool) {
	f := Fault{Document: rnd.IntN(4)}
	switch kind := rnd.IntN(4); {
	case kind == 0 && c.Repeats:
		f.At, f.Do = AtEnd, Repeat
	case kind == 1 && c.Garbage:
		f.At, f.Do, f.Bytes = AtEnd, Insert, Garbage(rnd.Uint64(), 1+rnd.IntN(300))
	case kind == 2:
		f.At, f.Block, f.Delay = AtBlock, rnd.IntN(3), c.pause(rnd)
	default:
		return f, false
	}
	return f, true
}

// ending is what ends the response.
func (c Chaos) ending(rnd *rand.Rand) Fault {
	f := Fault{At: AtByte, Offset: rnd.Int64N(c.Bytes), Delay: c.pause(rnd)}
	switch kind := rnd.IntN(10); {
	case kind < 4:
		f.Do = Reset
	case kind < 6:
		f.Do = Close
	case kind < 7 && c.Stalls:
		f.Do = Stall
	case kind < 8 && c.Errors:
		f = Fault{At: AtDocument, Document: 1 + rnd.IntN(4), Do: Fail, Code: millrace.CodeInternal}
	default:
		f.Do = Finish
	}
	return f
}

func (c Chaos) pause(rnd *rand.Rand) time.Duration {
	return time.Duration(rnd.Int64N(int64(max(c.Pause, 1))))
}

func (c Chaos) refusal(rnd *rand.Rand) Refusal {
	if len(c.Refusals) > 0 {
		return c.Refusals[rnd.IntN(len(c.Refusals))]
	}
	all := Passing()
	return all[rnd.IntN(len(all))]
}

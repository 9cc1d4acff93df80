package producertest

import (
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace"
)

// Chaos says how Steps are drawn.
type Chaos struct {
	Seed  uint64
	Steps int
	// Pause is the longest delay of a fault or an acknowledgement.
	Pause time.Duration
	// Fragments is among how many fragments of a call a fault finds its place; 0
	// is 4.
	Fragments int
	// Stalls has some calls stall or go deaf for good, which a producer finds out
	// only by a timeout of its own.
	Stalls bool
	// Refusals are what calls are refused with; nil is what passes by itself.
	Refusals []Refusal
	// Skips has some calls end with codes after which producers give a fragment up.
	Skips bool
}

// Draw draws steps. The same Chaos always draws the same.
func (c Chaos) Draw() []Step {
	if c.Fragments <= 0 {
		c.Fragments = 4
	}
	rnd := rand.New(rand.NewPCG(c.Seed, 0x6368616f73))
	steps := make([]Step, c.Steps)
	for i := range steps {
		steps[i] = c.step(rnd)
	}
	return steps
}

func (c Chaos) step(rnd *rand.Rand) Step {
	s := Step{Acks: c.acks(rnd)}
	switch rnd.IntN(8) {
	case 0:
		s.Refuse = c.refusal(rnd)
	case 1: // nothing but the acknowledgements
	default:
		s.Faults = []Fault{c.fault(rnd)}
		if rnd.IntN(2) == 0 { // something that goes on before
			s.Faults = append([]Fault{{At: AtTimecode, Fragment: rnd.IntN(c.Fragments), Delay: c.pause(rnd)}}, s.Faults...)
		}
	}
	return s
}

func (c Chaos) pause(rnd *rand.Rand) time.Duration {
	return time.Duration(rnd.Int64N(int64(max(c.Pause, 1))))
}

func (c Chaos) refusal(rnd *rand.Rand) Refusal {
	if len(c.Refusals) > 0 {
		return c.Refusals[rnd.IntN(len(c.Refusals))]
	}
	all := [...]Refusal{
		{Status: 500, Exception: "InternalFailure"},
		{Status: 503, Exception: "ServiceUnavailable"},
		{Status: 400, Exception: "ClientLimitExceededException"},
		{Status: 400, Exception: "ConnectionLimitExceededException"},
		{Status: 429, Exception: "ClientLimitExceededException", RetryAfter: time.Second},
		{Status: 403, Exception: "InvalidSignatureException"},
	}
	return all[rnd.IntN(len(all))]
}

func (c Chaos) fault(rnd *rand.Rand) Fault {
	f := Fault{At: AtConnect + Place(rnd.IntN(int(AtTerminalChunk))), Fragment: rnd.IntN(c.Fragments), Block: rnd.IntN(2)}
	if rnd.IntN(2) == 0 {
		f.Delay = c.pause(rnd)
	}
	switch n := rnd.IntN(10); {
	case n < 4:
		f.Do = Reset
	case n < 6:
		f.Do = Close
	case n < 7:
		f.Do = Finish
	case n < 9 || !c.Stalls:
		f.Do = Fail
		if f.Code = c.code(rnd); f.Code == millrace.CodeConnectionAge {
			f.Bare = rnd.IntN(2) == 0
		}
	default:
		f.Do = Stall + Action(rnd.IntN(2))
	}
	return f
}

func (c Chaos) code(rnd *rand.Rand) millrace.Code {
	resend := [...]millrace.Code{millrace.CodeStreamRead, millrace.CodeConnectionAge, millrace.CodeMediaInternal, millrace.CodeArchival}
	skip := [...]millrace.Code{millrace.CodeFragmentSize, millrace.CodeFragmentDuration, millrace.CodeMetadataLimit, millrace.CodeFramesMissing}
	if c.Skips && rnd.IntN(4) == 0 {
		return skip[rnd.IntN(len(skip))]
	}
	return resend[rnd.IntN(len(resend))]
}

func (c Chaos) acks(rnd *rand.Rand) (a Acks) {
	switch rnd.IntN(10) {
	case 0:
		a.OmitEvery = 2 + rnd.IntN(3)
	case 1:
		a.Delay = c.pause(rnd)
	case 2:
		a.Repeat = 1
	case 3:
		a.Strangers = true
	case 4:
		a.Group, a.Reverse = 2+rnd.IntN(4), rnd.IntN(2) == 0
	case 5:
		a.Group, a.OneChunk = 2+rnd.IntN(4), true
	case 6:
		a.Split = 1 + rnd.IntN(40)
	case 7:
		a.Omit = []millrace.AckType{millrace.AckBuffering, millrace.AckReceived}[:1+rnd.IntN(2)]
	}
	return a
}

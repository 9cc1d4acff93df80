package producertest

import (
	"time"

	"github.com/millrace/millrace"
)

// maxKeeps is how many fragments of a call may wait to become durable.
const maxKeeps = 1024

// An identity names a fragment for ever.
type identity struct {
	stream   millrace.StreamName
	producer millrace.ProducerID
	fragment millrace.Identity
}

func (f *Fragment) identity() identity {
	return identity{f.Stream, f.Producer, millrace.Identity{Session: f.Session, Sequence: f.Sequence}}
}

// keeping is a fragment that is to become durable.
type keeping struct {
	fragment *Fragment
	repeats  *Fragment // the same that was kept before; nil for none
	index    int       // in its call
	due      time.Time
}

// number gives a fragment its number and, if it has one, its identity. It returns
// the fragment that it repeats, whose number it has then. A fragment with the same
// identity that is still under way in another call goes no further: one that is
// complete becomes durable now, one that is not is lost with its call.
func (s *Server) number(c *call, f *Fragment, id millrace.Identity, ok bool) (repeats *Fragment) {
	s.mu.Lock()
	f.Identified, f.Session, f.Sequence = ok, id.Session, id.Sequence
	var older []*call
	if ok && s.config.Identity {
		older = s.supersede(c, f.identity())
		repeats = s.kept[f.identity()]
		s.begun[f.identity()] = append(s.begun[f.identity()], f)
	}
	if repeats != nil {
		f.Number = repeats.Number
	} else {
		s.sequence++
		f.Number = millrace.NewFragmentNumber(s.sequence, s.now(), 0)
	}
	s.mu.Unlock()
	for _, o := range older {
		o.reset()
	}
	return repeats
}

// supersede settles the fragments with an identity that others have under way, and
// returns the calls that are to go for it. The caller holds mu.
func (s *Server) supersede(c *call, id identity) (older []*call) {
	for _, f := range s.begun[id] {
		for o := range s.live {
			if o == c || f.Call != o.record.Number {
				continue
			}
			switch f.State {
			case Received:
				s.makeDurable(f)
			case Open:
				f.State = Lost
				older = append(older, o)
			}
		}
	}
	return older
}

// makeDurable keeps a fragment. The caller holds mu.
func (s *Server) makeDurable(f *Fragment) {
	f.State = Durable
	s.durable = append(s.durable, f)
	if f.Identified && s.config.Identity {
		s.kept[f.identity()] = f
	}
}

// settle moves a fragment on, unless it has come to an end.
func (s *Server) settle(f *Fragment, state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.State == Open || f.State == Received {
		f.State = state
	}
}

// keep makes a fragment durable, or finds that it is.
func (s *Server) keep(k keeping) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case k.fragment.State != Received:
	case k.repeats != nil:
		k.fragment.State = Repeated
	default:
		s.makeDurable(k.fragment)
	}
}

// keepAll makes fragments durable when they are due, or at once when the
// connection is gone, and says so.
func (c *call) keepAll() {
	defer close(c.kept)
	for k := range c.keeps {
		if d := time.Until(k.due); d > 0 {
			c.wait(d)
		}
		c.server.keep(k)
		c.server.note(Event{Kind: FragmentKept, Call: c.record.Number, Timecode: k.fragment.Timecode})
		if c.reach(AtPersisted, k.index, 0) == nil {
			c.acknowledge(millrace.AckPersisted, k.fragment, k.index)
		}
	}
}

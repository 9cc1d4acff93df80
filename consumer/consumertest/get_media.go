package consumertest

import (
	"errors"
	"time"

	"github.com/millrace/millrace"
)

// errIdle says that no fragment has come for as long as a response waits.
var errIdle = errors.New("no fragment has come")

// follow sends the fragments of a stream from p on, until the response ends.
func (r *response) follow(s *Stream, p position) error {
	for {
		c, err := r.await(s, &p)
		if errors.Is(err, errIdle) {
			return nil
		}
		if err != nil {
			return err
		}
		n := r.count
		r.count++
		err = r.document(s, c, n)
		switch {
		case errors.Is(err, errRepeat):
			continue
		case err != nil && !errors.Is(err, errSkip):
			return err
		}
		p.after, r.last = c.Number, c.Number
		if r.step.Documents > 0 && r.count >= r.step.Documents {
			return nil
		}
	}
}

// await returns the next fragment, once there is one.
func (r *response) await(s *Stream, p *position) (*chunk, error) {
	idle := r.server.config.Idle
	if idle == 0 {
		idle = DefaultIdle
	}
	var over <-chan time.Time
	if idle > 0 {
		t := time.NewTimer(idle)
		defer t.Stop()
		over = t.C
	}
	for {
		c, changed, gone := s.after(p.after)
		switch {
		case gone:
			return nil, errIdle
		case c != nil && p.passes(c.Fragment):
			p.after = c.Number
			continue
		case c != nil:
			return c, nil
		}
		select {
		case <-changed:
		case <-over:
			return nil, errIdle
		case <-r.ctx.Done():
			return nil, errOver
		case <-r.server.closing:
			return nil, errOver
		}
	}
}

// document sends one fragment, while it arrives. n is which of the response's
// documents it is.
func (r *response) document(s *Stream, c *chunk, n int) error {
	if err := r.reach(AtDocument, n, 0); err != nil {
		return err
	}
	r.server.recordDocument(r.record, c.Number)
	f, _, _, _ := s.view(c)
	if err := r.write(f.head(false)); err != nil {
		return err
	}
	f, state, err := r.blocks(s, c, n)
	if err != nil {
		return err
	}
	if state == Failed && f.Known {
		return errOver // it cannot be ended as it was begun
	}
	if err := r.reach(AtTail, n, 0); err != nil {
		return err
	}
	tail := append(f.tail(), f.closingTags(r.server.now().Sub(f.ServerTime))...)
	if err := r.write(tail); err != nil {
		return err
	}
	if state == Kept {
		r.server.recordWhole(r.record)
	}
	return r.reach(AtEnd, n, 0)
}

// blocks sends the blocks of a fragment as they come, until it is over.
func (r *response) blocks(s *Stream, c *chunk, n int) (Fragment, State, error) {
	for sent := 0; ; {
		f, shown, state, changed := s.view(c)
		for ; sent < shown; sent++ {
			err := r.reach(AtBlock, n, sent)
			if err == nil {
				err = r.write(f.piece(sent))
			}
			if err != nil {
				return f, state, err
			}
			r.server.recordBlock(r.record)
		}
		if state != Open {
			return f, state, nil
		}
		select {
		case <-changed:
		case <-r.ctx.Done():
			return f, state, errOver
		case <-r.server.closing:
			return f, state, errOver
		}
	}
}

// list sends the fragments that are asked for, in that order. One that is not there
// ends the response.
func (r *response) list(s *Stream, numbers []millrace.FragmentNumber) error {
	for n, number := range numbers {
		f, ok := s.kept(number)
		if !ok {
			if err := r.push(listedError(number, millrace.CodeNotFound)); err != nil {
				return err
			}
			return nil
		}
		for {
			err := r.listed(f, n)
			if errors.Is(err, errRepeat) {
				continue
			}
			if err != nil && !errors.Is(err, errSkip) {
				return err
			}
			break
		}
		r.last = number
		if r.step.Documents > 0 && n+1 >= r.step.Documents {
			return nil
		}
	}
	return nil
}

// listed sends one fragment of a list: nothing stands behind it.
func (r *response) listed(f Fragment, n int) error {
	if err := r.reach(AtDocument, n, 0); err != nil {
		return err
	}
	r.server.recordDocument(r.record, f.Number)
	if err := r.write(f.head(true)); err != nil {
		return err
	}
	for i := range f.Frames {
		err := r.reach(AtBlock, n, i)
		if err == nil {
			err = r.write(f.piece(i))
		}
		if err != nil {
			return err
		}
		r.server.recordBlock(r.record)
	}
	if err := r.reach(AtTail, n, 0); err != nil {
		return err
	}
	if err := r.write(f.tail()); err != nil {
		return err
	}
	r.server.recordWhole(r.record)
	return r.reach(AtEnd, n, 0)
}

// kept returns a fragment that is complete.
func (s *Stream) kept(n millrace.FragmentNumber) (Fragment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(n)
	if !ok || s.chunks[i].state != Kept {
		return Fragment{}, false
	}
	return s.chunks[i].Fragment, true
}

package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// A ledger knows every fragment that was sent to one stream, and what its
// producer was told of it. Any number of goroutines may use it.
type ledger struct {
	stream    string
	mayRefuse bool         // the disk may be full
	refusals  atomic.Int64 // for lack of room
	closing   atomic.Bool  // the server is shutting down

	mu        sync.Mutex // guards what follows and the shots' fields that say so
	shots     map[string]*shot
	floor     string // numbers that are given from now on are greater
	highest   string // number that was given
	persisted int
	stirred   chan struct{} // holds a token after a change of persisted
	faults    []error
}

func newLedger(stream string) *ledger {
	return &ledger{stream: stream, shots: map[string]*shot{}, stirred: make(chan struct{}, 1)}
}

// fault notes that something went wrong.
func (l *ledger) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faultLocked(format, args...)
}

func (l *ledger) faultLocked(format string, args ...any) {
	if len(l.faults) < 20 {
		l.faults = append(l.faults, fmt.Errorf(l.stream+": "+format, args...))
	}
}

func (l *ledger) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.faults...)
}

// restarted says that all numbers to come have to be greater than all before.
func (l *ledger) restarted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.floor = l.highest
	l.closing.Store(false)
}

// take makes the body of one call, whose timecodes lie above all before it.
func (l *ledger) take(r *rand.Rand, n int) *take {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := newTake(r, n, func() (string, uint64) {
		n := len(l.shots)
		mark := markOf(n)
		l.shots[mark] = nil // taken
		return mark, 1 + uint64(n)
	})
	for _, s := range k.shots {
		l.shots[s.mark] = s
	}
	return k
}

func (l *ledger) persistedSoFar() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.persisted
}

// sentSoFar counts what was to be sent.
func (l *ledger) sentSoFar() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.shots)
}

// turns counts how often calls took turns in a stream: one went on where
// another had come between.
func (l *ledger) turns(docs []document) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var before *take
	for _, d := range docs {
		s := l.shots[markIn(d.cluster)]
		if s != nil && s.of != before && s != s.of.shots[0] {
			n++
		}
		if s != nil {
			before = s.of
		}
	}
	return n
}

// waitPersisted returns when so many fragments are PERSISTED, or stop is
// closed.
func (l *ledger) waitPersisted(n int, stop <-chan struct{}) {
	for {
		l.mu.Lock()
		reached := l.persisted >= n
		l.mu.Unlock()
		if reached {
			return
		}
		select {
		case <-l.stirred:
		case <-stop:
			return
		}
	}
}

// call makes one PutMedia call of n fragments, up to a random byte if it is to
// break off. It returns an error if the server ended it, or was not there.
func (l *ledger) call(r *rig, rnd *rand.Rand, n int, breakOff bool) error {
	return l.perform(r, rnd, l.take(rnd, n), breakOff)
}

// last puts one more fragment into the stream, after telling its mark.
func (l *ledger) last(r *rig, announce func(mark string)) error {
	rnd := newRand(0)
	k := l.take(rnd, 1)
	announce(k.shots[0].mark)
	return l.perform(r, rnd, k, false)
}

func (l *ledger) perform(r *rig, rnd *rand.Rand, k *take, breakOff bool) error {
	refusals := l.refusals.Load()
	p, err := r.tryPut(r.putHead(l.stream, nil))
	if err != nil {
		return err
	}
	defer p.close()
	if p.status != http.StatusOK {
		return p.failed
	}
	body := k.body
	if breakOff {
		body = body[:rnd.IntN(len(body))]
		l.loosen(k, len(body))
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		l.listen(p, k)
	}()
	err = k.send(p, rnd, body, heard)
	switch {
	case err != nil:
	case !breakOff:
		p.end()
	case rnd.IntN(2) == 0:
		err = p.reset()
	default:
		err = p.breakOff()
	}
	if err != nil {
		p.close()
	}
	<-heard
	p.acks = nil // which is large, and the test remembers p
	if l.closing.Load() || l.refusals.Load() > refusals {
		l.loosen(k, 0) // the server may have ended the call anywhere
	}
	return errors.Join(err, p.failed)
}

// send sends a body in random pieces, with pauses, which end when heard is
// closed.
func (k *take) send(p *put, rnd *rand.Rand, body []byte, heard <-chan struct{}) error {
	random := randomPieces(rnd)
	sent := 0
	for _, pause := range k.pauses(rnd, len(body)) {
		if err := p.write(frame(body[sent:pause.at], random), random); err != nil {
			return err
		}
		sent = pause.at
		select {
		case <-pause.shot.told:
		case <-heard:
		}
	}
	return p.write(frame(body[sent:], random), random)
}

func (l *ledger) loosen(k *take, sent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k.loosen(sent)
}

// listen reads the acknowledgements of a call to their end.
func (l *ledger) listen(p *put, k *take) {
	byTimecode := map[uint64]*shot{}
	for _, s := range k.shots {
		byTimecode[s.timecode] = s
	}
	durable := uint64(0)
	for a := range p.acks {
		if a.FragmentTimecode == nil {
			continue
		}
		s := byTimecode[*a.FragmentTimecode]
		switch {
		case a.EventType == "ERROR" && a.ErrorId == 5001 && l.mayRefuse:
			l.refusals.Add(1)
			if s != nil {
				l.refuse(s)
			}
		case a.EventType == "ERROR" && a.ErrorId != 4000 && a.ErrorId != 4003:
			l.fault("%s", a)
		case s == nil:
			l.fault("%s of nothing that was sent", a)
		case a.EventType == "PERSISTED" && s.timecode <= durable:
			l.fault("%s after %d", a, durable)
		case a.EventType == "PERSISTED":
			durable = s.timecode
			fallthrough
		default:
			l.note(s, a)
		}
	}
}

// refuse notes that a fragment was not kept.
func (l *ledger) refuse(s *shot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.refused = true
	if s.persisted {
		l.faultLocked("fragment %s was PERSISTED and refused", s.number)
	}
}

// note takes one acknowledgement down.
func (l *ledger) note(s *shot, a ack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case a.FragmentNumber == "":
		return
	case s.number == "" && a.FragmentNumber <= l.floor:
		l.faultLocked("%s has number %s, which is not above %s", a, a.FragmentNumber, l.floor)
	case s.number != "" && s.number != a.FragmentNumber:
		l.faultLocked("%s has number %s and %s", a, s.number, a.FragmentNumber)
	}
	if s.number == "" {
		close(s.told)
	}
	s.number = a.FragmentNumber
	l.highest = max(l.highest, s.number)
	if a.EventType == "PERSISTED" {
		s.persisted = true
		l.persisted++
		select {
		case l.stirred <- struct{}{}:
		default:
		}
	}
}

// check compares a fragment that a reader got with what was sent. whole says
// whether all of it is there; a fragment that failed may end early.
func (l *ledger) check(d document) (s *shot, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s = l.shots[markIn(d.cluster)]
	if s == nil {
		if markIn(d.cluster) != "" {
			l.faultLocked("fragment %s was never sent", d.number())
		}
		return nil, false
	}
	if s.number != "" && s.number != d.number() {
		l.faultLocked("fragment %s is read as number %s", s.number, d.number())
	}
	if len(d.cluster) < len(s.cluster) && !s.persisted {
		if !bytes.HasPrefix(s.cluster, d.cluster) || len(d.trailed) > 0 {
			l.faultLocked("fragment %s ends early and is not what was sent", d.number())
		}
		return s, false
	}
	want := *s
	if s.loose && len(d.trailed) == 0 {
		want.trailing = nil
	}
	server, behind := d.tags["AWS_KINESISVIDEO_SERVER_TIMESTAMP"], d.tags["AWS_KINESISVIDEO_MILLIS_BEHIND_NOW"]
	producer := fmt.Sprintf("%d.%03d", s.timecode/1000, s.timecode%1000)
	if b := want.document(d.number(), server, producer, behind); !bytes.Equal(d.raw, b) {
		l.faultLocked("fragment %s is not what was sent: %d bytes, want %d, different from %d on", d.number(), len(d.raw), len(b), difference(d.raw, b))
	}
	return s, true
}

// checkAll checks all that a reader got of a stream: as walk does, and that
// nothing is missing that was PERSISTED.
func (l *ledger) checkAll(docs []document, kept bool) map[*shot]bool {
	seen := l.walk(docs, kept)
	if missing := l.missing(seen); len(missing) > 0 {
		l.fault("%d PERSISTED fragments are missing: %s", len(missing), strings.Join(missing, ", "))
	}
	return seen
}

// walk checks that what a reader got was sent, is in the order of numbers, and
// not there twice. It returns the whole fragments. kept says that they come
// from the store, where nothing may end early, or be that was refused.
func (l *ledger) walk(docs []document, kept bool) map[*shot]bool {
	seen := map[*shot]bool{}
	last := ""
	for _, d := range docs {
		if d.number() <= last {
			l.fault("fragment %s comes after %s", d.number(), last)
		}
		last = d.number()
		s, whole := l.check(d)
		switch {
		case !whole && kept:
			l.fault("fragment %s is kept in part", d.number())
		case kept && l.wasRefused(s):
			l.fault("fragment %s was refused and is kept", d.number())
		case whole && seen[s]:
			l.fault("fragment %s is there twice", d.number())
		case whole:
			seen[s] = true
		}
	}
	return seen
}

func (l *ledger) wasRefused(s *shot) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return s.refused
}

// missing lists the numbers of the fragments that were PERSISTED and not seen.
func (l *ledger) missing(seen map[*shot]bool) (numbers []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.shots {
		if s.persisted && !seen[s] {
			numbers = append(numbers, s.number)
		}
	}
	return numbers
}

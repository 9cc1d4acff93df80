package mem

import (
	"errors"
	"fmt"
	"sync"
)

// ErrCrashed is what every call on a crashed machine returns.
var ErrCrashed = errors.New("the machine has crashed")

// A Power keeps the parts of one machine running, and can fail in the middle
// of a call. Parts that share one are cut off in the same moment. Any number of
// goroutines may use it.
type Power struct {
	mu        sync.Mutex // guards what follows
	mutations int
	failAt    int // the mutation in which it fails, 0 for never
	off       bool
	watch     func(call string)
}

// NewPower returns a Power that is on.
func NewPower() *Power { return &Power{} }

// FailAt makes the power fail in the k-th mutation from now.
func (p *Power) FailAt(k int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failAt = p.mutations + k
}

// Mutations is how many calls have changed something, or tried to.
func (p *Power) Mutations() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mutations
}

// Off reports whether the power has failed.
func (p *Power) Off() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.off
}

// Cut switches the power off.
func (p *Power) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = true
}

// Watch has f called with a line about every mutation, before it is made. f
// must not use the machine.
func (p *Power) Watch(f func(call string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch = f
}

// Mutate counts a mutation, of which call, a format, and args say what it does.
// The caller makes the change whatever Mutate returns if the power was on before,
// but does not make it durable after an error.
func (p *Power) Mutate(call string, args ...any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.off {
		return ErrCrashed
	}
	p.mutations++
	if p.watch != nil {
		p.watch(fmt.Sprintf(call, args...))
	}
	if p.mutations == p.failAt {
		p.off = true
		return ErrCrashed
	}
	return nil
}

package playback

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/millrace/millrace"
)

// mostDamage is how many damaged fragments are remembered.
const mostDamage = 1 << 12

// damage is which fragments turned out not to be readable when their segments
// were asked for. Any number of goroutines may use it.
type damage struct {
	mu    sync.Mutex // guards what follows
	found *simplelru.LRU[damageKey, struct{}]
	count uint64 // how often one was found
}

type damageKey struct {
	stream millrace.StreamKey
	number millrace.FragmentNumber
}

func newDamage() *damage {
	found, _ := simplelru.NewLRU[damageKey, struct{}](mostDamage, nil) // fails for no size above 0
	return &damage{found: found}
}

func (d *damage) note(stream millrace.StreamKey, n millrace.FragmentNumber) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := damageKey{stream, n}
	if !d.found.Contains(key) { // who asks again and again makes no session look again
		d.count++
	}
	d.found.Add(key, struct{}{})
}

// since returns how often damage was found, and which of a stream's fragments are
// damaged if that is not what it was.
func (d *damage) since(was uint64, stream millrace.StreamKey) (now uint64, list []millrace.FragmentNumber) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count == was {
		return was, nil
	}
	for _, k := range d.found.Keys() {
		if k.stream == stream {
			list = append(list, k.number)
		}
	}
	return d.count, list
}

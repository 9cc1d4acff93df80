package checkpointtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/consumer/checkpoint"
)

// modelRuns is how many sequences of calls are tried: stores sync disks.
const modelRuns = 40

// checkModel makes any calls through two clients, and compares each answer with
// what the rules say.
func checkModel(t *testing.T, open func() checkpoint.Store) {
	clients := []checkpoint.Store{open(), open()}
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		if runs++; runs > modelRuns && !t.Failed() {
			return
		}
		m := &model{clients: clients, app: fmt.Sprintf("model-%d", runs), keys: map[string]*modelKey{}}
		defer m.clear(t)
		rt.Repeat(map[string]func(*rapid.T){
			"":        m.look,
			"save":    m.save,
			"acquire": m.acquire,
			"expire":  m.expire,
			"release": m.release,
			"delete":  m.remove,
			"list":    m.list,
		})
	})
}

// A modelKey is what the rules say of a key that is there.
type modelKey struct {
	position string
	saved    bool
	owner    string
	expired  bool
	epoch    uint64
}

// holder is who has the lease.
func (k *modelKey) holder() string {
	if k == nil || k.expired {
		return ""
	}
	return k.owner
}

// A model is what the rules say of an application.
type model struct {
	clients []checkpoint.Store
	app     string
	keys    map[string]*modelKey
}

func (m *model) client(t *rapid.T) checkpoint.Store {
	return rapid.SampledFrom(m.clients).Draw(t, "client")
}

func (m *model) key(t *rapid.T) checkpoint.Key {
	return checkpoint.Key{App: m.app, Stream: rapid.SampledFrom([]string{"s", "t"}).Draw(t, "stream")}
}

func owner(t *rapid.T) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "owner") }

// compare checks an answer against what it should be; nil is no error.
func compare(t *rapid.T, what string, err, want error) {
	if !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func (m *model) same(t *rapid.T, k *modelKey, r checkpoint.Record) {
	if string(r.Position) != k.position || r.Owner != k.holder() || r.Epoch != k.epoch ||
		r.Updated.IsZero() == k.saved || r.Expires.IsZero() != (r.Owner == "") {
		t.Fatalf("the record is %+v, want %+v", r, *k)
	}
}

// look compares every record, through either client.
func (m *model) look(t *rapid.T) {
	k := m.key(t)
	r, err := m.client(t).Load(context.Background(), k)
	if m.keys[k.Stream] == nil {
		compare(t, "load", err, checkpoint.ErrNotFound)
		return
	}
	compare(t, "load", err, nil)
	m.same(t, m.keys[k.Stream], r)
}

func (m *model) save(t *rapid.T) {
	key := m.key(t)
	r := checkpoint.Record{Position: []byte(rapid.StringN(0, 8, -1).Draw(t, "position"))}
	if rapid.Bool().Draw(t, "leased") {
		r.Owner = owner(t)
	}
	k := m.keys[key.Stream]
	now := uint64(0)
	if k != nil {
		now = k.epoch
	}
	r.Epoch = rapid.SampledFrom([]uint64{0, now, now, now, now + 1, max(now, 1) - 1}).Draw(t, "epoch")
	err := m.client(t).Save(context.Background(), key, r)
	allowed := m.maySave(k, r)
	if !allowed {
		compare(t, "save", err, checkpoint.ErrFenced)
		return
	}
	compare(t, "save", err, nil)
	if k == nil {
		k = &modelKey{}
		m.keys[key.Stream] = k
	}
	k.position, k.saved = string(r.Position), true
	if r.Owner == "" {
		k.owner, k.expired = "", false
	}
}

func (m *model) maySave(k *modelKey, r checkpoint.Record) bool {
	switch {
	case r.Owner != "":
		return k != nil && k.owner == r.Owner && k.epoch == r.Epoch
	case k == nil:
		return r.Epoch == 0
	}
	return k.holder() == "" && (r.Epoch == 0 || r.Epoch == k.epoch)
}

func (m *model) acquire(t *rapid.T) { m.take(t, m.client(t), m.key(t), owner(t), long) }

// take reports whether the lease was had.
func (m *model) take(t *rapid.T, s checkpoint.Store, key checkpoint.Key, who string, ttl time.Duration) bool {
	r, err := s.Acquire(context.Background(), key, who, ttl)
	k := m.keys[key.Stream]
	if held := k.holder(); held != "" && held != who {
		compare(t, "acquire", err, checkpoint.ErrHeld)
		return false
	}
	compare(t, "acquire", err, nil)
	if k == nil {
		k = &modelKey{}
		m.keys[key.Stream] = k
	}
	if k.owner != who {
		k.epoch++
	}
	k.owner, k.expired = who, false
	m.same(t, k, r)
	return true
}

// expire takes a short lease and waits until it has gone.
func (m *model) expire(t *rapid.T) {
	s, key := m.client(t), m.key(t)
	if !m.take(t, s, key, owner(t), time.Millisecond) {
		return
	}
	m.keys[key.Stream].expired = true
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		r, err := s.Load(context.Background(), key)
		compare(t, "load", err, nil)
		if r.Owner == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatal("a lease of a millisecond is there after ten seconds")
		}
	}
}

func (m *model) release(t *rapid.T) {
	key, who := m.key(t), owner(t)
	compare(t, "release", m.client(t).Release(context.Background(), key, who), nil)
	if k := m.keys[key.Stream]; k != nil && k.owner == who {
		k.owner, k.expired = "", false
	}
}

func (m *model) remove(t *rapid.T) {
	key := m.key(t)
	err := m.client(t).Delete(context.Background(), key)
	if m.keys[key.Stream].holder() != "" {
		compare(t, "delete", err, checkpoint.ErrHeld)
		return
	}
	compare(t, "delete", err, nil)
	delete(m.keys, key.Stream)
}

func (m *model) list(t *rapid.T) {
	seen := 0
	for e, err := range m.client(t).List(context.Background(), m.app) {
		compare(t, "list", err, nil)
		k := m.keys[e.Key.Stream]
		if k == nil || e.Key.App != m.app {
			t.Fatalf("%+v is listed", e)
		}
		m.same(t, k, e.Record)
		seen++
	}
	if seen != len(m.keys) {
		t.Fatalf("%d records are listed, want %d", seen, len(m.keys))
	}
}

// clear leaves nothing for the next run.
func (m *model) clear(t *testing.T) {
	for stream, k := range m.keys {
		key := checkpoint.Key{App: m.app, Stream: stream}
		if k.owner != "" {
			must(t, m.clients[0].Release(context.Background(), key, k.owner))
		}
		must(t, m.clients[0].Delete(context.Background(), key))
	}
}

package checkpoint

import (
	"slices"
	"strings"
	"time"
)

// A row is what Memory and File keep of a key.
type row struct {
	position []byte
	owner    string // of a lease that may have expired; empty after it was given back
	epoch    uint64
	expires  time.Time
	updated  time.Time
}

// live reports whether somebody has the lease.
func (r row) live(now time.Time) bool { return r.owner != "" && now.Before(r.expires) }

// record shows the row to others. An expired lease is shown as none.
func (r row) record(now time.Time) Record {
	v := Record{Position: slices.Clone(r.position), Epoch: r.epoch, Updated: shown(r.updated)}
	if r.live(now) {
		v.Owner, v.Expires = r.owner, shown(r.expires)
	}
	return v
}

// shown leaves out the reading of the monotonic clock, which nobody else has.
func shown(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Round(0).UTC()
}

// A table is the rows of a store, and the rules of its calls: each method is one
// call of Store at the time now. Arguments were checked. A method that returns an
// error has changed nothing.
type table map[Key]row

func (t table) load(k Key, now time.Time) (Record, error) {
	r, found := t[k]
	if !found {
		return Record{}, ErrNotFound
	}
	return r.record(now), nil
}

func (t table) save(k Key, v Record, now time.Time) error {
	r := t[k]
	switch {
	case v.Owner != "" && (v.Owner != r.owner || v.Epoch != r.epoch):
		return ErrFenced
	case v.Owner == "" && (r.live(now) || v.Epoch != 0 && v.Epoch != r.epoch):
		return ErrFenced
	case v.Owner == "":
		r.owner, r.expires = "", time.Time{}
	}
	r.position, r.updated = slices.Clone(v.Position), now
	t[k] = r
	return nil
}

func (t table) acquire(k Key, owner string, ttl time.Duration, now time.Time) (Record, error) {
	r := t[k]
	if r.owner != owner {
		if r.live(now) {
			return Record{}, ErrHeld
		}
		r.owner = owner
		r.epoch++
	}
	r.expires = now.Add(ttl)
	t[k] = r
	return r.record(now), nil
}

func (t table) release(k Key, owner string) {
	if r, found := t[k]; found && r.owner == owner {
		r.owner, r.expires = "", time.Time{}
		t[k] = r
	}
}

func (t table) remove(k Key, now time.Time) error {
	if t[k].live(now) {
		return ErrHeld
	}
	delete(t, k)
	return nil
}

// list returns the records of an application in the order of their streams.
func (t table) list(app string, now time.Time) []Entry {
	var all []Entry
	for k, r := range t {
		if k.App == app {
			all = append(all, Entry{k, r.record(now)})
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.Key.Stream, b.Key.Stream) })
	return all
}

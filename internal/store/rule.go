package store

import (
	"slices"
	"time"

	"github.com/millrace/millrace"
)

// A rule is a policy as the index applies it. It is never changed, only
// replaced.
type rule struct {
	Policy
	hiding []Deletion // those of which the index may still have fragments
	swept  int64      // server time in milliseconds; the index has nothing from before it
}

// newRule is the rule of a policy that replaces another, which is nil if there
// was none. What a policy has taken away stays so, in whatever order two calls
// come that add to it.
func newRule(p Policy, was *rule) *rule {
	if was == nil {
		return &rule{Policy: p, hiding: p.Deletions}
	}
	if p.KeptSince.Before(was.KeptSince) {
		p.KeptSince = was.KeptSince
	}
	r := &rule{Policy: p, hiding: slices.Clone(was.hiding), swept: was.swept}
	r.Deletions = slices.Clone(was.Deletions)
	known := idsOf(was.Deletions)
	for _, d := range p.Deletions {
		if !known[d.ID] {
			r.Deletions, r.hiding = append(r.Deletions, d), append(r.hiding, d)
		}
	}
	return r
}

// after is the rule once the index has nothing more of some deletions, and
// nothing from before swept. That makes up for deletions of nothing later, which
// are forgotten: there may be any number of them. The last fragment that one
// means may be a millisecond younger than the bound on their numbers.
func (r *rule) after(applied []Deletion, swept int64) *rule {
	n := &rule{Policy: r.Policy, swept: max(r.swept, swept)}
	done := idsOf(applied)
	n.hiding = slices.DeleteFunc(slices.Clone(r.hiding), func(d Deletion) bool { return done[d.ID] })
	n.Deletions = slices.DeleteFunc(slices.Clone(r.Deletions), func(d Deletion) bool {
		return d.Last.ServerTime().UnixMilli()+1 < n.swept
	})
	return n
}

func idsOf(list []Deletion) map[uint64]bool {
	ids := make(map[uint64]bool, len(list))
	for _, d := range list {
		ids[d.ID] = true
	}
	return ids
}

// Gone is Policy.Gone, and true of what was swept.
func (r *rule) Gone(number millrace.FragmentNumber, producer time.Time) bool {
	return number.ServerTime().UnixMilli() < r.swept || r.Policy.Gone(number, producer)
}

// A view is what one query may see of a stream.
type view struct {
	key    millrace.StreamKey
	recent *streamIndex
	since  int64 // server time in milliseconds
	hiding []Deletion
	lost   map[uint64]lostPack // the pages may still have entries of them
}

// seesPaged reports whether an entry of a page is in the view.
func (v *view) seesPaged(e *Entry) bool {
	if len(v.lost) > 0 {
		if _, lost := v.lost[e.Position.Pack]; lost {
			return false
		}
	}
	return v.sees(e.Number, e.ProducerTime.UnixMilli())
}

// sees reports whether a fragment is in the view. producer is in milliseconds
// of Unix time.
func (v *view) sees(number millrace.FragmentNumber, producer int64) bool {
	if number.ServerTime().UnixMilli() < v.since {
		return false
	}
	for i := range v.hiding {
		if v.hiding[i].Covers(number, time.UnixMilli(producer)) {
			return false
		}
	}
	return true
}

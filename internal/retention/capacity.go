package retention

import (
	"container/heap"
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A Rule bounds how many bytes of media some streams keep. Either Streams or
// Tag is set.
type Rule struct {
	Streams string // pattern of names, as in path.Match: each stream has the capacity for itself
	Tag     string // streams that carry this tag
	Value   string // with this value share the capacity
	Size    int64  // bytes of media
}

// Capped is what a rule has cost.
type Capped struct {
	Rule    Rule
	Streams []millrace.StreamName
	Since   time.Time // nothing earlier is kept any more
	Bytes   int64     // of media that went
}

// entriesPerLook is how many entries of a stream are looked at at once.
const entriesPerLook = 256

// A group is the streams that share a capacity.
type group struct {
	rule    Rule
	streams []millrace.Stream
}

// capRules holds every group to its capacity. A group that fails does not keep
// the others; the first error is returned, and whether anything was to be done.
// swept is whether nothing is counted that has gone, as it is once a group was
// capped: the next one may share a stream with it.
func (k *Keeper) capRules(ctx context.Context, swept bool) (any bool, first error) {
	if len(k.config.Rules) == 0 {
		return false, nil
	}
	groups, first := k.groups(ctx)
	for _, g := range groups {
		capped, err := k.capGroup(ctx, g, swept)
		if err != nil && first == nil {
			first = fmt.Errorf("hold %s to its capacity: %w", g.streams[0].Name, err)
		}
		any, swept = any || capped, swept && !capped
	}
	return any, first
}

// groups finds who shares what.
func (k *Keeper) groups(ctx context.Context) ([]group, error) {
	shared := make([]group, len(k.config.Rules))
	var all []group
	err := store.AllStreams(ctx, k.config.Control, func(s millrace.Stream) error {
		if s.Status != millrace.StatusActive || s.Retention == 0 {
			return nil
		}
		for i, r := range k.config.Rules {
			covers, err := k.covers(ctx, r, s)
			switch {
			case err != nil:
				return err
			case covers && r.Tag != "":
				shared[i].rule, shared[i].streams = r, append(shared[i].streams, s)
			case covers:
				all = append(all, group{r, []millrace.Stream{s}})
			}
		}
		return nil
	})
	for _, g := range shared {
		if len(g.streams) > 0 {
			all = append(all, g)
		}
	}
	return all, err
}

func (k *Keeper) covers(ctx context.Context, r Rule, s millrace.Stream) (bool, error) {
	if r.Tag == "" {
		return path.Match(r.Streams, s.Name.String())
	}
	tags, err := k.config.Control.Tags(ctx, s.Key)
	if err != nil {
		return false, fmt.Errorf("tags of %s: %w", s.Name, err)
	}
	value, carries := tags[r.Tag]
	return carries && value == r.Value, nil
}

// capGroup moves the time since which the group keeps its media on, until what
// is left fits. That is durable before anything goes. Where something that is
// gone may still be counted, what is there is added up.
func (k *Keeper) capGroup(ctx context.Context, g group, swept bool) (bool, error) {
	excess := k.kept(g) - g.rule.Size
	if excess > 0 && !swept {
		visible, err := k.visible(ctx, g)
		if err != nil {
			return false, err
		}
		excess = visible - g.rule.Size
	}
	if excess <= 0 {
		return false, nil
	}
	queue := &oldestFirst{}
	for _, s := range g.streams {
		c := k.cursor(s)
		if err := c.next(ctx); err != nil {
			return false, err
		}
		queue.add(c)
	}
	since, freed, err := queue.drop(ctx, excess)
	if err != nil || freed == 0 {
		return false, err
	}
	raise := make(map[millrace.StreamKey]time.Time, len(g.streams))
	capped := Capped{Rule: g.rule, Since: since, Bytes: freed}
	for _, s := range g.streams {
		raise[s.Key] = since
		capped.Streams = append(capped.Streams, s.Name)
	}
	if err := k.config.Control.KeepSince(ctx, raise); err != nil {
		return false, err
	}
	k.config.Logger.Warn("the oldest media went because their capacity is used up",
		"streams", len(raise), "stream", g.streams[0].Name, "capacity", g.rule.Size, "bytes", freed, "kept_since", since)
	k.config.Capped(capped)
	return true, nil
}

// kept is how many bytes of media the store counts of a group.
func (k *Keeper) kept(g group) (bytes int64) {
	for _, s := range g.streams {
		bytes += k.config.Media.StreamStats(s.Key).Bytes
	}
	return bytes
}

// visible is how many of them readers see.
func (k *Keeper) visible(ctx context.Context, g group) (bytes int64, err error) {
	for _, s := range g.streams {
		c := k.cursor(s)
		for {
			c.batch = nil
			if err := c.next(ctx); err != nil {
				return 0, err
			}
			if len(c.batch) == 0 {
				break
			}
			for i := range c.batch {
				bytes += c.batch[i].Size
			}
		}
	}
	return bytes, nil
}

func (k *Keeper) cursor(s millrace.Stream) *cursor {
	return &cursor{media: k.config.Media, scope: store.Scope{Stream: s.Key, Since: k.since(s)}}
}

// since is the server time before which a stream keeps nothing now.
func (k *Keeper) since(s millrace.Stream) time.Time {
	p := store.Policy{Retention: s.Retention, KeptSince: s.KeptSince}
	return p.Since(k.config.Since)
}

// A cursor walks the entries of one stream, oldest first.
type cursor struct {
	media store.Index
	scope store.Scope
	batch []store.Entry
	last  millrace.FragmentNumber
}

// next makes sure that the batch has an entry, if there is one.
func (c *cursor) next(ctx context.Context) (err error) {
	if len(c.batch) > 0 {
		return nil
	}
	c.batch, err = c.media.After(ctx, c.scope, c.last, entriesPerLook)
	if len(c.batch) > 0 {
		c.last = c.batch[len(c.batch)-1].Number
	}
	return err
}

// oldestFirst is a heap of cursors that have an entry, by its server time.
type oldestFirst struct{ cursors []*cursor }

func (o *oldestFirst) Len() int { return len(o.cursors) }
func (o *oldestFirst) Less(i, j int) bool {
	return o.cursors[i].batch[0].ServerTime().Before(o.cursors[j].batch[0].ServerTime())
}
func (o *oldestFirst) Swap(i, j int) { o.cursors[i], o.cursors[j] = o.cursors[j], o.cursors[i] }
func (o *oldestFirst) Push(x any)    { o.cursors = append(o.cursors, x.(*cursor)) }
func (o *oldestFirst) Pop() any {
	n := len(o.cursors) - 1
	c := o.cursors[n]
	o.cursors = slices.Delete(o.cursors, n, n+1)
	return c
}

func (o *oldestFirst) add(c *cursor) {
	if len(c.batch) > 0 {
		heap.Push(o, c)
	}
}

// drop walks over the oldest entries until bytes are behind it. It returns the
// server time from which on the rest is, which is after that of all it passed.
func (o *oldestFirst) drop(ctx context.Context, bytes int64) (since time.Time, freed int64, err error) {
	for freed < bytes && o.Len() > 0 {
		c := o.cursors[0]
		e := c.batch[0]
		c.batch = c.batch[1:]
		freed += e.Size
		since = e.ServerTime().Add(time.Millisecond)
		if err := c.next(ctx); err != nil {
			return time.Time{}, 0, err
		}
		if len(c.batch) == 0 {
			heap.Pop(o)
			continue
		}
		heap.Fix(o, 0)
	}
	return since, freed, nil
}

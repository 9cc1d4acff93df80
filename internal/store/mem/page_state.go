package mem

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A family is the pages of one stream on one clock.
type family struct {
	stream millrace.StreamKey
	clock  store.Clock
}

// A pageState is what Pages keeps at one moment. Pages in a family are sorted.
type pageState struct {
	families map[family][]store.IndexPage
	packs    map[uint64]store.PackRow
	facts    map[string]string
}

func newPageState() pageState {
	return pageState{
		families: make(map[family][]store.IndexPage),
		packs:    make(map[uint64]store.PackRow),
		facts:    make(map[string]string),
	}
}

// clone shares pages and what is in packs, which nobody changes.
func (s pageState) clone() pageState {
	own := pageState{maps.Clone(s.families), maps.Clone(s.packs), maps.Clone(s.facts)}
	for f, pages := range own.families {
		own.families[f] = slices.Clone(pages)
	}
	return own
}

// after returns what steps make of s.
func (s pageState) after(steps []pageStep) pageState {
	next := s.clone()
	for _, step := range steps {
		next.apply(step)
	}
	return next
}

func (s *pageState) apply(step pageStep) {
	c := step.change
	if c == nil {
		*s = newPageState()
		return
	}
	for _, stream := range c.RemoveStreams {
		delete(s.families, family{stream, store.ServerClock})
		delete(s.families, family{stream, store.ProducerClock})
	}
	for _, id := range c.Remove {
		s.remove(id)
	}
	for i := range c.Put {
		s.put(c.Put[i])
	}
	for _, number := range c.RemovePacks {
		delete(s.packs, number)
	}
	for _, row := range c.PutPacks {
		s.packs[row.Number] = row
	}
	for name, value := range c.Facts {
		s.facts[name] = value
		if value == "" {
			delete(s.facts, name)
		}
	}
}

func (s *pageState) remove(id store.PageID) {
	f := family{id.Stream, id.Clock}
	i, found := search(s.families[f], id.First)
	if !found {
		return
	}
	if s.families[f] = slices.Delete(s.families[f], i, i+1); len(s.families[f]) == 0 {
		delete(s.families, f)
	}
}

func (s *pageState) put(p store.IndexPage) {
	f := family{p.Stream, p.Clock}
	i, found := search(s.families[f], p.First)
	if found {
		s.families[f][i] = p
		return
	}
	s.families[f] = slices.Insert(s.families[f], i, p)
}

func search(pages []store.IndexPage, first store.Key) (int, bool) {
	return slices.BinarySearchFunc(pages, first, func(p store.IndexPage, k store.Key) int { return compare(p.First, k) })
}

func compare(a, b store.Key) int { return bytes.Compare(a[:], b[:]) }

// check says what a change has spoilt.
func (s *pageState) check(c *store.PageChange) error {
	for i := range c.Put {
		p := &c.Put[i]
		pages := s.families[family{p.Stream, p.Clock}]
		at, _ := search(pages, p.First)
		for at = max(at-1, 0); at+1 < len(pages) && compare(pages[at].First, p.Last) <= 0; at++ {
			if compare(pages[at].Last, pages[at+1].First) >= 0 {
				return fmt.Errorf("index pages %x and %x overlap", pages[at].First, pages[at+1].First)
			}
		}
	}
	return nil
}

func (s *pageState) find(q store.PageQuery) []store.IndexPage {
	var found []store.IndexPage
	pages := s.families[family{q.Stream, q.Clock}]
	for i := range pages {
		p := pages[i]
		if q.Backward {
			p = pages[len(pages)-1-i]
		}
		if q.Limit > 0 && len(found) == q.Limit {
			break
		}
		within := compare(p.Last, q.From) >= 0 && (q.To == store.Key{} || compare(p.First, q.To) <= 0)
		if within && p.End > q.EndAfter && (q.StartBy == 0 || p.Start <= q.StartBy) {
			p.Data, p.Summary = bytes.Clone(p.Data), bytes.Clone(p.Summary)
			if q.Summaries && p.Summary != nil {
				p.Data = nil
			}
			found = append(found, p)
		}
	}
	return found
}

func (s *pageState) sum() store.PageState {
	sum := store.PageState{Facts: maps.Clone(s.facts)}
	for _, row := range s.packs {
		row.Limits = bytes.Clone(row.Limits)
		sum.Packs = append(sum.Packs, row)
	}
	slices.SortFunc(sum.Packs, func(a, b store.PackRow) int { return cmp.Compare(a.Number, b.Number) })
	for f, pages := range s.families {
		if f.clock != store.ServerClock {
			continue
		}
		of := store.StreamPages{Stream: f.stream, First: pages[0].First, Last: pages[len(pages)-1].Last}
		for i := range pages {
			of.Count += pages[i].Count
			of.Bytes += pages[i].Bytes
		}
		sum.Streams = append(sum.Streams, of)
	}
	slices.SortFunc(sum.Streams, func(a, b store.StreamPages) int {
		return cmp.Or(cmp.Compare(a.Stream.ID, b.Stream.ID), cmp.Compare(a.Stream.Generation, b.Stream.Generation))
	})
	return sum
}

// cloneChange returns a change that shares nothing with c that its owner may
// write to.
func cloneChange(c *store.PageChange) *store.PageChange {
	own := store.PageChange{
		RemoveStreams: slices.Clone(c.RemoveStreams), Remove: slices.Clone(c.Remove), Put: slices.Clone(c.Put),
		RemovePacks: slices.Clone(c.RemovePacks), PutPacks: slices.Clone(c.PutPacks), Facts: maps.Clone(c.Facts),
	}
	for i := range own.Put {
		own.Put[i].Data, own.Put[i].Summary = bytes.Clone(own.Put[i].Data), bytes.Clone(own.Put[i].Summary)
	}
	for i := range own.PutPacks {
		own.PutPacks[i].Limits = bytes.Clone(own.PutPacks[i].Limits)
	}
	return &own
}

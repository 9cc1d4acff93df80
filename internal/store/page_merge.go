package store

import (
	"slices"

	"github.com/millrace/millrace"
)

// mergePages puts entries, in whatever order, into pages, which are those into
// which they belong. An entry goes into the last page that begins at or before
// it, else into the first. One that is there already stays as it is there.
//
// What comes behind the last entry of a page leaves that page full, so that a
// stream that only grows has full pages; what comes in between leaves room in
// each.
func mergePages(stream millrace.StreamKey, clock Clock, pages []IndexPage, entries []Entry) (pageEdit, error) {
	entries = slices.SortedFunc(slices.Values(entries), compareOn(clock))
	var edit pageEdit
	if len(pages) == 0 {
		pages = []IndexPage{{Stream: stream, Clock: clock}}
	}
	for i := range pages {
		n := len(entries)
		if i+1 < len(pages) {
			n, _ = slices.BinarySearchFunc(entries, pages[i+1].First, func(e Entry, k Key) int {
				return compareKeys(e.Key(clock), k)
			})
		}
		if err := edit.merge(&pages[i], entries[:n]); err != nil {
			return pageEdit{}, err
		}
		entries = entries[n:]
	}
	return edit, nil
}

// merge puts entries, which are sorted, into a page. One without data is yet to
// come.
func (e *pageEdit) merge(p *IndexPage, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	var old []Entry
	if p.Data != nil {
		var err error
		if old, err = p.Entries(nil); err != nil {
			return err
		}
	}
	union, behind := e.union(p.Clock, old, entries)
	switch {
	case len(union) == len(old):
	case behind && len(old) >= PageEntries:
		e.Put = append(e.Put, pagesOf(p, union[len(old):], PageEntries)...)
	case behind:
		e.put(p, pagesOf(p, union, PageEntries))
	default:
		parts := (len(union) + PageEntries - 1) / PageEntries
		e.put(p, pagesOf(p, union, (len(union)+parts-1)/parts))
	}
	return nil
}

func (e *pageEdit) put(p *IndexPage, now []IndexPage) {
	if p.Data == nil {
		e.Put = append(e.Put, now...)
		return
	}
	e.replace([]IndexPage{*p}, now)
}

// union merges two sorted lists. Behind is whether all that is new comes last.
func (e *pageEdit) union(clock Clock, old, fresh []Entry) (union []Entry, behind bool) {
	compare := compareOn(clock)
	union = make([]Entry, 0, len(old)+len(fresh))
	behind = true
	for i := range fresh {
		for len(old) > 0 && compare(old[0], fresh[i]) < 0 {
			union, old = append(union, old[0]), old[1:]
		}
		twin := len(old) > 0 && compare(old[0], fresh[i]) == 0 ||
			len(union) > 0 && compare(union[len(union)-1], fresh[i]) == 0
		if twin {
			e.Out = append(e.Out, fresh[i])
			continue
		}
		union = append(union, fresh[i])
		behind = behind && len(old) == 0
	}
	return append(union, old...), behind
}

// pagesOf makes pages of sorted entries, of the stream and clock of p and with
// size entries each but for the last.
func pagesOf(p *IndexPage, entries []Entry, size int) []IndexPage {
	var pages []IndexPage
	for part := range slices.Chunk(entries, size) {
		pages = append(pages, NewIndexPage(p.Stream, p.Clock, part))
	}
	return pages
}

package store

import (
	"context"

	"github.com/millrace/millrace"
)

// A PageEdit is what a change makes of pages.
type PageEdit = pageEdit

// MergePages puts entries into the pages of a stream and clock, as the feeder
// does.
func MergePages(ctx context.Context, pages Pages, stream millrace.StreamKey, clock Clock, entries []Entry) (PageEdit, error) {
	first, last := entries[0].Key(clock), entries[0].Key(clock)
	for i := range entries {
		k := entries[i].Key(clock)
		if compareKeys(k, first) < 0 {
			first = k
		}
		if compareKeys(k, last) > 0 {
			last = k
		}
	}
	found, err := pagesFor(ctx, pages, stream, clock, first, last)
	if err != nil {
		return PageEdit{}, err
	}
	return mergePages(stream, clock, found, entries)
}

// EditPages is editPages.
func EditPages(pages []IndexPage, keep func(*Entry) bool) (PageEdit, error) {
	return editPages(pages, keep)
}

// DecodePage reads the data of a page without its checksum.
func DecodePage(data []byte) ([]Entry, bool) { return decodePage(data, nil) }

// EncodePage is the inverse of DecodePage.
func EncodePage(entries []Entry) []byte { return encodePage(entries)[pageBodyAt:] }

// AddTo makes the edit a part of a change.
func (e *pageEdit) AddTo(c *PageChange) { e.addTo(c) }

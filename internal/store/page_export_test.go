package store

import (
	"context"
	"log/slog"

	"github.com/millrace/millrace"
)

// A PageEdit is what a change makes of pages.
type PageEdit = pageEdit

// MergePages puts entries into the pages of a stream and clock, as the feeder
// does.
func MergePages(ctx context.Context, pages Pages, stream millrace.StreamKey, clock Clock, entries []Entry) (PageEdit, error) {
	ix := &index{pages: pages, logger: slog.New(slog.DiscardHandler)}
	st := ix.newStep()
	twins, err := st.merge(ctx, stream, clock, entries)
	return PageEdit{Remove: st.change.Remove, Put: st.change.Put, Out: twins}, err
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

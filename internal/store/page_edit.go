package store

import "bytes"

// A pageEdit is what becomes of some pages of one stream and clock.
type pageEdit struct {
	Remove []PageID
	Put    []IndexPage
	Out    []Entry // those that editPages took out, or that mergePages passed over
}

// addTo makes the edit a part of a change.
func (e *pageEdit) addTo(c *PageChange) {
	c.Remove = append(c.Remove, e.Remove...)
	c.Put = append(c.Put, e.Put...)
}

// replace puts pages in place of others. One that keeps its name is only put.
func (e *pageEdit) replace(old, now []IndexPage) {
	for i := range old {
		if len(now) == 0 || old[i].First != now[0].First {
			e.Remove = append(e.Remove, old[i].ID())
		}
	}
	e.Put = append(e.Put, now...)
}

func compareKeys(a, b Key) int { return bytes.Compare(a[:], b[:]) }

// editPages shows all entries of pages, which are in order, to keep. It may
// change an entry's Position, and takes the entry out if it returns false. Pages in a
// row of which little is left become one.
func editPages(pages []IndexPage, keep func(*Entry) bool) (pageEdit, error) {
	var edit pageEdit
	var run []Entry // what is left of the pages from begin on
	begin := 0
	flush := func(end int) {
		if begin < end {
			edit.replace(pages[begin:end], pagesOf(&pages[begin], run, PageEntries))
		}
		begin, run = end, run[:0]
	}
	for i := range pages {
		rest, changed, err := edit.sift(&pages[i], keep)
		if err != nil {
			return pageEdit{}, err
		}
		if !changed {
			flush(i)
			begin = i + 1
			continue
		}
		if len(run)+len(rest) > PageEntries {
			flush(i)
		}
		run = append(run, rest...)
	}
	flush(len(pages))
	return edit, nil
}

// sift returns the entries of a page that keep keeps, and whether the page is
// another one for it.
func (e *pageEdit) sift(p *IndexPage, keep func(*Entry) bool) (rest []Entry, changed bool, err error) {
	all, err := p.Entries(nil)
	if err != nil {
		return nil, false, err
	}
	rest = all[:0]
	for i := range all {
		was := all[i]
		if !keep(&all[i]) {
			e.Out, changed = append(e.Out, was), true
			continue
		}
		changed = changed || all[i] != was
		rest = append(rest, all[i])
	}
	return rest, changed, nil
}

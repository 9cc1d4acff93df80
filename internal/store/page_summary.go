package store

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// The summary of a page is
//
//	0       format version
//	1       checksum: CRC-32C of what the page says beside its data, and of
//	        the summary without these four bytes
//	5       when the first entry starts on the other clock, less Start (s)
//	        when the last one does, less that (v)
//	        number of runs (v)
//	        runs
//
// and a run is
//
//	when it begins, less the end before, or less Start (s)
//	how long it is (v)
//
// in milliseconds, with s and v as in the data of a page. All differences wrap.
const (
	summaryFormat = 1
	summarySumAt  = 1
	summaryBodyAt = 5
	shortestRun   = 2 // bytes
)

// A run is a time that fragments cover, in milliseconds of Unix time.
type run struct{ start, end int64 }

// appendRun adds what a fragment or a run covers to runs, which are in order. It
// begins no earlier than the one added before it. Where no more than GapMillis
// lie between two they become one.
func appendRun(runs []run, add run) []run {
	if add.end <= add.start {
		return runs
	}
	if n := len(runs); n > 0 && add.start <= later(runs[n-1].end, GapMillis) {
		last := &runs[n-1]
		last.start, last.end = min(last.start, add.start), max(last.end, add.end)
		return runs
	}
	return append(runs, add)
}

// runOn is what an entry covers on a clock: its duration in whole milliseconds.
func (e *Entry) runOn(c Clock) run {
	start := e.startOn(c)
	return run{start, later(start, max(0, e.Duration.Milliseconds()))}
}

// later is a time behind millis, or the last one that there is.
func later(millis, by int64) int64 {
	if millis > math.MaxInt64-by {
		return math.MaxInt64
	}
	return millis + by
}

// A pageSummary is what a page's entries cover, and when they start on the clock
// that the page does not go by.
type pageSummary struct {
	first, last int64
	runs        []run
}

// summarize returns the summary of a page's entries without its checksum.
func summarize(p *IndexPage, entries []Entry) []byte {
	s := pageSummary{first: math.MaxInt64, last: math.MinInt64}
	for i := range entries {
		other := entries[i].startOn(1 - p.Clock)
		s.first, s.last = min(s.first, other), max(s.last, other)
		s.runs = appendRun(s.runs, entries[i].runOn(p.Clock))
	}
	b := make([]byte, summaryBodyAt, summaryBodyAt+16+4*len(s.runs))
	b[0] = summaryFormat
	b = binary.AppendVarint(b, s.first-p.Start)
	b = binary.AppendUvarint(b, uint64(s.last-s.first))
	b = binary.AppendUvarint(b, uint64(len(s.runs)))
	end := p.Start
	for _, r := range s.runs {
		b = binary.AppendVarint(b, r.start-end)
		b = binary.AppendUvarint(b, uint64(r.end-r.start))
		end = r.end
	}
	return b
}

// summary decodes what the page's entries cover into s, whose memory it uses. A
// summary that is not as NewIndexPage made it is millrace.ErrCorrupt.
func (p *IndexPage) summary(s *pageSummary) error {
	if len(p.Summary) < summaryBodyAt || p.Summary[0] != summaryFormat {
		return p.corrupt("summary of %d bytes", len(p.Summary))
	}
	if binary.LittleEndian.Uint32(p.Summary[summarySumAt:]) != p.summarySum() {
		return p.corrupt("checksum of summary")
	}
	r := pageReader{rest: p.Summary[summaryBodyAt:]}
	s.first = p.Start + r.varint()
	s.last = s.first + int64(r.uvarint())
	n := r.uvarint()
	if n > uint64(len(r.rest)/shortestRun) {
		return p.corrupt("summary")
	}
	s.runs = s.runs[:0]
	end := p.Start
	for range n {
		start := end + r.varint()
		end = start + int64(r.uvarint())
		s.runs = append(s.runs, run{start, end})
	}
	if r.bad || len(r.rest) > 0 {
		return p.corrupt("summary")
	}
	return nil
}

// CheckSummary returns millrace.ErrCorrupt for a page whose Summary is there, and
// is not as NewIndexPage made it.
func (p *IndexPage) CheckSummary() error {
	if p.Summary == nil {
		return nil
	}
	return p.summary(new(pageSummary))
}

// summarySum covers all that the page says, so that neither a damaged summary
// nor that of another page passes for good.
func (p *IndexPage) summarySum() uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, p.appendBounds(make([]byte, 0, 128)))
	sum = crc32.Update(sum, table, p.Summary[:summarySumAt])
	return crc32.Update(sum, table, p.Summary[summaryBodyAt:])
}

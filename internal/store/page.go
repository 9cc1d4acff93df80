package store

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/millrace/millrace"
)

// PageEntries is how many entries an IndexPage holds at most.
const PageEntries = 512

// Key is the entry's place in the order of a clock.
func (e *Entry) Key(c Clock) Key { return KeyOf(c, e.Number, e.ProducerTime) }

// startOn is when the entry starts on a clock, in milliseconds of Unix time.
func (e *Entry) startOn(c Clock) int64 {
	if c == ProducerClock {
		return e.ProducerTime.UnixMilli()
	}
	return e.Number.ServerTime().UnixMilli()
}

// compareOn orders entries as their keys on a clock do.
func compareOn(c Clock) func(a, b Entry) int {
	return func(a, b Entry) int {
		if c == ProducerClock && !a.ProducerTime.Equal(b.ProducerTime) {
			return cmp.Compare(a.ProducerTime.UnixMilli(), b.ProducerTime.UnixMilli())
		}
		return a.Number.Compare(b.Number)
	}
}

// ID names the page.
func (p *IndexPage) ID() PageID { return PageID{Stream: p.Stream, Clock: p.Clock, First: p.First} }

// NewIndexPage makes a page of entries of one stream, 1 to PageEntries of them
// and sorted by their keys on the clock. The page keeps nothing of the slice.
func NewIndexPage(stream millrace.StreamKey, clock Clock, entries []Entry) IndexPage {
	p := IndexPage{
		Stream: stream, Clock: clock, Count: len(entries),
		First: entries[0].Key(clock), Last: entries[len(entries)-1].Key(clock),
		Start: entries[0].startOn(clock), Latest: math.MinInt64, End: math.MinInt64,
	}
	for i := range entries {
		start := entries[i].startOn(clock)
		p.Latest = max(p.Latest, start)
		p.End = max(p.End, endMillis(start, entries[i].Duration))
		p.Bytes += entries[i].Size
	}
	p.Data = encodePage(entries)
	binary.LittleEndian.PutUint32(p.Data[pageSumAt:], p.checksum())
	p.Summary = summarize(&p, entries)
	binary.LittleEndian.PutUint32(p.Summary[summarySumAt:], p.summarySum())
	return p
}

// checksum covers all that the page says, so that neither a damaged page nor
// one that stands in another's place passes for good. The summary has one of its
// own.
func (p *IndexPage) checksum() uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, p.appendBounds(make([]byte, 0, 128)))
	sum = crc32.Update(sum, table, p.Data[:pageSumAt])
	return crc32.Update(sum, table, p.Data[pageBodyAt:])
}

// appendBounds appends what the page says beside its data and its summary.
func (p *IndexPage) appendBounds(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, p.Stream.ID)
	b = binary.LittleEndian.AppendUint32(b, p.Stream.Generation)
	b = append(b, byte(p.Clock))
	b = append(b, p.First[:]...)
	b = append(b, p.Last[:]...)
	for _, v := range []int64{p.Start, p.Latest, p.End, int64(p.Count), p.Bytes} {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

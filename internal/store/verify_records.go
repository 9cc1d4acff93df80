package store

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// walk looks at all records up to the footer.
func (v *packVerifier) walk() error {
	s := pack.NewScanner(v.in, v.header.Salt, v.end)
	for s.Next() {
		v.gap(s.Offset()-s.Gap(), s.Offset())
		v.record(s.Record(), s.Offset())
	}
	if s.Err() != nil {
		return s.Err()
	}
	v.gap(v.end-s.Gap(), v.end)
	return nil
}

// gap notes what is lost between two records: what the footer tells of, each
// fragment for itself, and what nothing is known of.
func (v *packVerifier) gap(from, to int64) {
	lost := fmt.Errorf("record header: %w", millrace.ErrCorrupt)
	first := to
	for len(v.entries) > 0 && v.entries[0].Offset < to {
		e := v.entries[0]
		v.entries, first = v.entries[1:], min(first, e.Offset)
		v.ofEntry(&e, v.add(e.Offset, pack.Flaw{Offset: e.Offset, Length: pack.RecordHeaderSize + e.Size, Err: lost}, true))
	}
	for len(v.named) > 0 && v.named[0].Offset < to {
		at := v.named[0].Offset
		v.named, first = v.named[1:], min(first, at)
		v.add(at, pack.Flaw{Offset: at, Length: pack.RecordHeaderSize, Err: lost}, true)
	}
	if from < first {
		v.add(from, pack.Flaw{Offset: from, Length: first - from, Err: lost}, false)
	}
}

func (v *packVerifier) ofEntry(e *pack.Entry, f *verifyFlaw) { f.Stream, f.Number = e.Stream, e.Number }

// record looks at one record whose fixed header is intact.
func (v *packVerifier) record(r *pack.Record, off int64) {
	v.synced = max(v.synced, r.Synced)
	flaws := v.check(r, off)
	counts, err := v.expected(r, off)
	if err == nil {
		err = v.context(r)
	}
	if err != nil {
		flaws = append(flaws, pack.Flaw{Offset: off, Length: pack.RecordHeaderSize, Err: err})
	}
	for _, f := range flaws {
		x := v.add(off, f, counts)
		x.Stream, x.Number = r.Stream, r.Number
	}
	if len(flaws) == 0 {
		v.count(r, off)
	}
}

// check reads the record. What was punched while it was read is looked at again.
func (v *packVerifier) check(r *pack.Record, off int64) []pack.Flaw {
	flaws := r.Check(v.in, off, v.buf)
	if len(flaws) == 0 || r.Kind != pack.KindFragment || r.Mark == pack.MarkDeleted {
		return flaws
	}
	if mark, err := pack.ReadMark(v.in, off); err != nil || mark != pack.MarkDeleted {
		return flaws
	}
	r.Mark = pack.MarkDeleted
	return r.Check(v.in, off, v.buf)
}

// count takes a record that is whole into the report.
func (v *packVerifier) count(r *pack.Record, off int64) {
	switch {
	case r.Mark == pack.MarkDeleted:
		v.report.Marked++
	case r.Kind == pack.KindFragment:
		v.report.Fragments++
	case r.Kind == pack.KindHeader:
		v.report.Headers++
		v.headers[r.Header] = append(v.headers[r.Header], off)
	case r.Kind == pack.KindLimits:
		limits, _ := pack.ReadLimits(v.in, off, r) // Check has read them
		v.limits = append(v.limits, limits...)
	}
}

// expected compares a record with what the footer says of its place, and
// reports whether it says anything. A record that it leaves out must be one
// that does not count: marked, or never known to be durable.
func (v *packVerifier) expected(r *pack.Record, off int64) (named bool, err error) {
	switch r.Kind {
	case pack.KindFragment:
		if len(v.entries) > 0 && v.entries[0].Offset == off {
			e := v.entries[0]
			v.entries = v.entries[1:]
			if e != pack.EntryOf(r, off) {
				return true, fmt.Errorf("footer tells of another fragment: %w", millrace.ErrCorrupt)
			}
			return true, nil
		}
	case pack.KindHeader:
		if len(v.named) > 0 && v.named[0].Offset == off {
			h := v.named[0]
			v.named = v.named[1:]
			if h.Hash != r.Header {
				return true, fmt.Errorf("footer tells of other header elements: %w", millrace.ErrCorrupt)
			}
			return true, nil
		}
	default:
		return false, nil
	}
	if v.footer != nil && off < v.synced && r.Mark != pack.MarkDeleted {
		return false, fmt.Errorf("footer does not tell of the record: %w", millrace.ErrCorrupt)
	}
	return false, nil
}

// context checks what a record says of others: that there are the header
// elements that it needs, and that the pack owns up to its marks.
func (v *packVerifier) context(r *pack.Record) error {
	switch {
	case r.Kind != pack.KindFragment:
		return nil
	case r.Mark == pack.MarkDeleted:
		// The pack may have got its first mark since the file header was read.
		if !pack.HasMarks(v.in) {
			return fmt.Errorf("mark in a pack that says that it has none: %w", millrace.ErrCorrupt)
		}
		return nil
	case r.Header == [32]byte{}:
		return nil
	}
	for _, at := range r.HeaderAt {
		if slices.Contains(v.headers[r.Header], at) {
			return nil
		}
	}
	return fmt.Errorf("both records of the header elements: %w", millrace.ErrCorrupt)
}

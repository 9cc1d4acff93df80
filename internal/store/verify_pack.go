package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// maxReported is how many damages a PackReport lists.
const maxReported = 1000

// A PackReport is what was found in one pack.
type PackReport struct {
	Pack      uint64
	Size      int64 // bytes of the file
	Read      int64 // bytes that were looked at
	Class     Class
	Store     [16]byte // whose it is; zero if that is not known
	Sealed    bool     // whether it has a footer and a trailer, and both are whole
	Fragments int      // whose records are whole and not marked
	Marked    int      // records that are marked as deleted
	Headers   int      // records of header elements

	// Damaged is what was durable once and is not as it was written; Torn is
	// what is not whole but was never known to be durable, which is what a
	// crash leaves at the end of a pack that was open, and what the next start
	// cuts off. Nothing of that was ever confirmed. Each lists maxReported at
	// most, in the order of offsets; More is how many were left out.
	Damaged []Damage
	Torn    []Damage
	More    int
}

// VerifyPack reads the whole pack of that number, which is size bytes long, and
// checks everything in it: both copies of the file header, each record's
// header, sample table, body and padding, the hashes of header elements, the
// marks, the footer against the records, the trailer. Bodies of marked records
// are not looked at; they may be holes.
//
// Any number of goroutines may verify. A pack that is being written may be
// verified up to a length that is known to be synced; one that is being
// punched may too, and one that is being sealed not. The error is ctx's, or
// says that the file cannot be read at all; what was found till then is
// reported with it. A pack of a newer format is pack.ErrVersion.
func VerifyPack(ctx context.Context, r io.ReaderAt, size int64, number uint64) (PackReport, error) {
	v := &packVerifier{
		in:      &sureReader{stop: ctx.Err, under: r, size: size},
		report:  PackReport{Pack: number, Size: size},
		buf:     make([]byte, max(1, min(size, verifyBuffer))),
		headers: make(map[[32]byte][]int64),
	}
	err := v.run()
	v.sort()
	v.report.Read = v.in.read
	if err != nil {
		return v.report, fmt.Errorf("verify pack %s: %w", packName(number), err)
	}
	return v.report, nil
}

// verifyBuffer is how much of a body is read at once, in bytes.
const verifyBuffer = 256 << 10

// A packVerifier looks at one pack.
type packVerifier struct {
	in      *sureReader
	report  PackReport
	header  pack.FileHeader
	footer  *pack.Footer // nil if it is not whole
	end     int64        // of the records before the footer
	synced  int64        // the pack was durable once up to here
	flaws   []verifyFlaw
	entries []pack.Entry       // of the footer, those that were not passed yet
	named   []pack.HeaderEntry // likewise
	headers map[[32]byte][]int64
	limits  []pack.Limit // of all records
	buf     []byte
}

// A verifyFlaw is a Damage of which it is not yet clear whether it is one.
type verifyFlaw struct {
	Damage
	anchor int64 // where the record starts that it is in
	counts bool  // the footer, or what a sealed pack must have, is concerned
}

func (v *packVerifier) run() error {
	if known, err := v.identify(); err != nil || !known {
		return err
	}
	if err := v.readEnding(); err != nil {
		return err
	}
	if err := v.walk(); err != nil {
		return err
	}
	v.checkLimits()
	v.report.Sealed = v.footer != nil && !slices.ContainsFunc(v.flaws, func(f verifyFlaw) bool { return f.Offset >= v.end })
	return v.in.fatal
}

// add notes a flaw in the record that starts at anchor. What cannot be read any
// more, because the reading was ended, is none.
func (v *packVerifier) add(anchor int64, f pack.Flaw, counts bool) *verifyFlaw {
	if v.in.fatal != nil {
		return new(verifyFlaw)
	}
	err := f.Err
	if why := v.in.why(f.Offset, f.Length); why != nil {
		err = fmt.Errorf("%w: %w", err, why)
	}
	v.flaws = append(v.flaws, verifyFlaw{
		Damage: Damage{Pack: v.report.Pack, Offset: f.Offset, Length: f.Length, Err: err},
		anchor: anchor, counts: counts,
	})
	return &v.flaws[len(v.flaws)-1]
}

// identify reads the file header, and finds out the salt without it if need be.
func (v *packVerifier) identify() (known bool, err error) {
	h, known, flaws := pack.CheckFileHeader(v.in, v.report.Pack)
	for _, f := range flaws {
		if errors.Is(f.Err, pack.ErrVersion) {
			return false, f.Err
		}
		v.add(0, f, false)
	}
	v.header = h
	if known {
		v.report.Class, v.report.Store = classOfPack(h.Class), h.Store
		return true, v.in.fatal
	}
	v.header = pack.FileHeader{Pack: v.report.Pack}
	if _, t, err := pack.ReadFooter(v.in, v.in.size); err == nil && t.Pack == v.report.Pack {
		v.header.Salt = t.Salt
		return true, nil
	}
	if v.header.Salt, err = pack.Salvage(v.in); err != nil {
		v.add(0, pack.Flaw{Length: v.in.size, Err: fmt.Errorf("pack that cannot be identified: %w", millrace.ErrCorrupt)}, false)
		return false, v.in.fatal
	}
	return true, nil
}

// sort decides what is damage and what was torn, and lists both.
func (v *packVerifier) sort() {
	slices.SortStableFunc(v.flaws, func(a, b verifyFlaw) int { return int(a.Offset - b.Offset) })
	for i := range v.flaws {
		f := &v.flaws[i]
		list := &v.report.Torn
		if f.counts || f.anchor < v.synced || f.anchor < pack.FileHeaderSize && v.footer != nil {
			list = &v.report.Damaged
		}
		if len(*list) == maxReported {
			v.report.More++
			continue
		}
		*list = append(*list, f.Damage)
	}
}

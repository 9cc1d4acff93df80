package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// A foundPack is a pack that a start looks at, most often one without a footer.
type foundPack struct {
	e      *Engine
	number uint64
	file   File
	size   int64
	row    PackRow // what the pages keep of it; zero if that is nothing
	header pack.FileHeader
	known  bool        // whether header could be read
	never  bool        // nothing in it was ever confirmed
	sealed *packInfo   // what it is if it has a footer after all
	footer pack.Footer // what its good records say
	ends   []int64     // of all good records
	synced int64       // what certainly was durable once
	memory []byte
}

// scan finds the good records. What was certainly durable is taken by its
// headers; what lies behind that is read whole, and counts only if its
// checksums hold.
func (p *foundPack) scan(ctx context.Context) error {
	err := p.identify()
	if err == nil && !p.known {
		p.never, err = pack.NeverSynced(p.file, p.size)
	}
	if err != nil || !p.known {
		return err
	}
	p.synced = p.fed()
	gaps, err := p.walk(ctx)
	for _, d := range gaps {
		if d.Offset < p.synced {
			p.e.damaged(d)
		}
	}
	return err
}

// identify reads the file header, or what can be known without it.
func (p *foundPack) identify() error {
	h, err := pack.ReadFileHeader(p.file)
	if errors.Is(err, millrace.ErrCorrupt) {
		h = pack.FileHeader{Epoch: epochOf(p.number), Pack: p.number}
		h.Salt, err = pack.Salvage(p.file)
	}
	if errors.Is(err, millrace.ErrCorrupt) {
		return nil
	}
	p.header, p.known = h, err == nil
	return err
}

// fed is how much the pages certainly took from what was durable: what the start
// that wrote the pack has fed. A later one may have fed what it could not sync.
func (p *foundPack) fed() int64 {
	if p.row.Salt != p.header.Salt || p.header.Epoch != p.e.index.facts.before {
		return 0
	}
	return p.row.Fed
}

// A located record is a record and where it is.
type located struct {
	pack.Record
	offset int64
}

// walk takes the good records, and returns what lies between the records. A
// record waits until a later one tells that it was durable, or the end comes.
func (p *foundPack) walk(ctx context.Context) (gaps []Damage, err error) {
	s := pack.NewScanner(p.file, p.header.Salt, p.size)
	var waiting []located
	for s.Next() {
		gaps = p.appendGap(gaps, s.Offset(), s.Gap())
		p.synced = max(p.synced, s.Record().Synced)
		waiting = append(waiting, located{*s.Record(), s.Offset()})
		durable := 0
		for durable < len(waiting) && waiting[durable].offset < p.synced {
			durable++
		}
		if err := p.take(ctx, waiting[:durable]); err != nil {
			return nil, err
		}
		waiting = append(waiting[:0], waiting[durable:]...)
	}
	if err := errors.Join(s.Err(), p.take(ctx, waiting)); err != nil {
		return nil, err
	}
	return p.appendGap(gaps, p.size, s.Gap()), nil
}

func (p *foundPack) appendGap(gaps []Damage, end, length int64) []Damage {
	if length == 0 {
		return gaps
	}
	err := fmt.Errorf("record header: %w", millrace.ErrCorrupt)
	return append(gaps, Damage{Pack: p.number, Offset: end - length, Length: length, Err: err})
}

// take counts those of the records that are good.
func (p *foundPack) take(ctx context.Context, records []located) error {
	for i := range records {
		r := &records[i]
		if err := ctx.Err(); err != nil {
			return err
		}
		good, err := p.isGood(r)
		if err != nil {
			return err
		}
		if good {
			p.ends = append(p.ends, r.offset+r.Size())
		}
	}
	return nil
}

// isGood notes a record that counts. One that was durable once does without a
// look at its body: what happened to it since is found when it is read. So does
// one that is marked, whose body may be a hole.
func (p *foundPack) isGood(r *located) (bool, error) {
	if r.Mark != pack.MarkDeleted && (r.offset >= p.synced || r.Kind == pack.KindLimits) {
		err := pack.Verify(p.file, r.offset, &r.Record, p.buf())
		if errors.Is(err, millrace.ErrCorrupt) || err == nil && !p.hasHeader(r) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	switch r.Kind {
	case pack.KindFragment:
		if r.Mark != pack.MarkDeleted {
			p.footer.Entries = append(p.footer.Entries, pack.EntryOf(&r.Record, r.offset))
		}
	case pack.KindHeader:
		p.footer.Headers = append(p.footer.Headers, pack.HeaderEntry{Hash: r.Header, Offset: r.offset})
	case pack.KindLimits:
		return true, p.takeLimits(r)
	default:
		return false, nil
	}
	return true, nil
}

// buf is memory to read bodies through.
func (p *foundPack) buf() []byte {
	if p.memory == nil {
		p.memory = make([]byte, 256<<10)
	}
	return p.memory
}

// hasHeader reports whether the header elements of a record are in the pack.
func (p *foundPack) hasHeader(r *located) bool {
	return r.Kind != pack.KindFragment || r.Header == [32]byte{} ||
		slices.ContainsFunc(p.footer.Headers, func(h pack.HeaderEntry) bool { return h.Hash == r.Header })
}

func (p *foundPack) takeLimits(r *located) error {
	body, err := pack.ReadBody(p.file, r.offset, &r.Record)
	if err != nil {
		return err
	}
	limits, err := pack.ParseLimits(body)
	p.footer.Limits = append(p.footer.Limits, limits...)
	return err
}

// cut drops what lies behind the pack's limit.
func (p *foundPack) cut(limits []pack.Limit) {
	limit := int64(math.MaxInt64)
	for _, l := range limits {
		if l.First <= p.number && p.number <= l.Last {
			limit = min(limit, l.Offset)
		}
	}
	for len(p.ends) > 0 && p.ends[len(p.ends)-1] > limit {
		p.ends = p.ends[:len(p.ends)-1]
	}
	p.footer.Truncate(limit)
}

// close seals the pack, or removes it if there is nothing in it. kept is whether
// it is there. Where that fails, the next pack says so, and what was cut here
// stays away; what says so already stays as long as this one.
func (p *foundPack) close() (info packInfo, kept bool, err error) {
	if len(p.ends) == 0 {
		err = p.discard()
		return packInfo{number: p.number, salt: p.header.Salt, state: packGivenUp, size: p.size}, err != nil, err
	}
	info = packInfo{number: p.number, salt: p.header.Salt, class: classOfPack(p.header.Class), state: packSealed, limits: p.footer.Limits}
	if info.size, err = p.seal(p.end()); err != nil {
		info.state = packGivenUp
		p.limit(p.end())
	}
	return info, true, err
}

// end is where the good records end, 0 if there is none.
func (p *foundPack) end() int64 {
	if len(p.ends) == 0 {
		return 0
	}
	return p.ends[len(p.ends)-1]
}

// seal cuts the pack at end, writes the footer and makes all durable: first
// what the footer tells of, then the footer. It returns the length of the file.
// What a crash has torn of the file header is written anew, so that nobody takes
// it for damage later.
func (p *foundPack) seal(end int64) (int64, error) {
	if err := p.file.Truncate(end); err != nil {
		return p.size, fmt.Errorf("cut torn tail: %w", err)
	}
	mended, err := pack.MendFileHeader(p.file, p.header)
	if err != nil {
		return end, err
	}
	if mended && p.synced > 0 {
		p.e.damaged(Damage{Pack: p.number, Length: pack.FileHeaderSize, Err: fmt.Errorf("file header: %w", millrace.ErrCorrupt)})
	}
	if err := p.file.Sync(); err != nil {
		return end, fmt.Errorf("sync pack: %w", err)
	}
	n, err := p.file.WriteV([][]byte{p.footer.Append(nil, p.header, end, min(end, p.synced))})
	if err != nil {
		return end, fmt.Errorf("write footer: %w", err)
	}
	return end + n, p.file.Sync()
}

// discard removes a pack in which nothing was ever confirmed. Any other that
// cannot be read stays where it is, for somebody to look at.
func (p *foundPack) discard() error {
	if !p.known && !p.never {
		p.e.damaged(Damage{Pack: p.number, Length: p.size, Err: fmt.Errorf("file header: %w", millrace.ErrCorrupt)})
		return nil
	}
	err := p.e.cfg.FS.Remove(packName(p.number))
	if err != nil {
		p.limit(0)
	}
	return err
}

// closeFiles is for packs that are finished, or will not be.
func closeFiles(list []*foundPack) {
	for _, p := range list {
		_ = p.file.Close() // what was written was synced, or that was tried in vain
	}
}

// limit has the next pack say what could not be done to this one.
func (p *foundPack) limit(off int64) {
	p.e.limits.add(p.number, off)
}

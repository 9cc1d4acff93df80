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

// recover builds the index from the packs. Sealed ones are taken from their
// footers. The others, the one that was open and those that were given up, are
// scanned, cut behind their last good record and sealed, so that after it all
// that can be found is durable.
func (e *Engine) recover(ctx context.Context) error {
	names, err := e.cfg.FS.ReadDir()
	if err != nil {
		return err
	}
	var found []*foundPack
	for _, name := range names {
		number, ok := parsePackName(name)
		if !ok {
			e.cfg.Logger.Warn("file is not a pack", "name", name)
			continue
		}
		p, err := e.examine(ctx, number)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if p != nil {
			found = append(found, p)
		}
	}
	return e.finish(found)
}

// examine looks at one pack. A sealed one goes into the index at once; one
// that is not is returned, scanned.
func (e *Engine) examine(ctx context.Context, number uint64) (*foundPack, error) {
	if err := e.count(number); err != nil {
		return nil, err
	}
	f, err := e.cfg.FS.Open(packName(number))
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	footer, h, err := pack.ReadFooter(f, size)
	if err == nil && h.Pack == number {
		e.admit(packInfo{number: number, salt: h.Salt, state: packSealed, size: size, limits: footer.Limits}, footer.Entries)
		return nil, f.Close()
	}
	if err != nil && !errors.Is(err, millrace.ErrCorrupt) {
		_ = f.Close()
		return nil, err
	}
	p := &foundPack{e: e, number: number, file: f, size: size}
	return p, p.scan(ctx)
}

// count makes sure that the next pack has a number of its own.
func (e *Engine) count(number uint64) error {
	epoch, counter := uint32(number>>32), uint32(number)
	if epoch > e.cfg.Epoch {
		return fmt.Errorf("pack is of epoch %d, this start of %d: %w", epoch, e.cfg.Epoch, millrace.ErrConflict)
	}
	if epoch == e.cfg.Epoch {
		e.packCounter = max(e.packCounter, counter)
	}
	return nil
}

// admit takes a pack and its live fragments into the index. A twin, which was
// written again after a failure, is found once.
func (e *Engine) admit(p packInfo, entries []pack.Entry) {
	e.packs.add(p)
	for i := range entries {
		en := &entries[i]
		e.sawServerTime(en.Number)
		if !e.cfg.Live(en.Stream) {
			continue
		}
		if err := e.index.insert(p.number, en); err != nil {
			e.cfg.Logger.Info("fragment is there twice", "pack", packName(p.number), "offset", en.Offset, "err", err)
		}
	}
}

// finish cuts, seals and admits the packs that had no footer.
func (e *Engine) finish(found []*foundPack) error {
	limits := e.packs.limits()
	for _, p := range found {
		limits = append(limits, p.footer.Limits...)
	}
	for _, p := range found {
		p.cut(limits)
		if err := p.close(); err != nil {
			e.cfg.Logger.Error("pack not sealed at start", "pack", packName(p.number), "err", err)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return e.cfg.FS.SyncDir()
}

// A foundPack is a pack without a footer.
type foundPack struct {
	e      *Engine
	number uint64
	file   File
	size   int64
	header pack.FileHeader
	known  bool        // whether header could be read
	footer pack.Footer // what its good records say
	ends   []int64     // of all good records
	synced int64       // what certainly was durable once
}

// scan finds the good records. What was certainly durable is taken by its
// headers; what lies behind that is read whole, and counts only if its
// checksums hold.
func (p *foundPack) scan(ctx context.Context) error {
	if err := p.identify(); err != nil || !p.known {
		return err
	}
	gaps, records, err := p.walk(ctx)
	if err != nil {
		return err
	}
	for _, d := range gaps {
		if d.Offset < p.synced {
			p.e.damaged(d)
		}
	}
	buf := make([]byte, 1<<20)
	for i := range records {
		if err := p.take(ctx, &records[i], buf); err != nil {
			return err
		}
	}
	return nil
}

// identify reads the file header, or what can be known without it.
func (p *foundPack) identify() error {
	h, err := pack.ReadFileHeader(p.file)
	if errors.Is(err, millrace.ErrCorrupt) {
		h = pack.FileHeader{Epoch: uint32(p.number >> 32), Pack: p.number}
		h.Salt, err = pack.Salvage(p.file)
	}
	if errors.Is(err, millrace.ErrCorrupt) {
		return nil
	}
	p.header, p.known = h, err == nil
	return err
}

// A located record is a record and where it is.
type located struct {
	pack.Record
	offset int64
}

// walk lists the records by their headers, and what lies between them.
func (p *foundPack) walk(ctx context.Context) (gaps []Damage, records []located, err error) {
	s := pack.NewScanner(p.file, p.header.Salt, p.size)
	gap := func(end int64) {
		if s.Gap() > 0 {
			err := fmt.Errorf("record header: %w", millrace.ErrCorrupt)
			gaps = append(gaps, Damage{Pack: p.number, Offset: end - s.Gap(), Length: s.Gap(), Err: err})
		}
	}
	for s.Next() {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		gap(s.Offset())
		records = append(records, located{*s.Record(), s.Offset()})
		p.synced = max(p.synced, s.Record().Synced)
	}
	gap(p.size)
	return gaps, records, s.Err()
}

// take counts a record if it is good.
func (p *foundPack) take(ctx context.Context, r *located, buf []byte) error {
	if r.offset >= p.synced || r.Kind == pack.KindLimits {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := pack.Verify(p.file, r.offset, &r.Record, buf)
		if errors.Is(err, millrace.ErrCorrupt) || err == nil && !p.hasHeader(r) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	switch r.Kind {
	case pack.KindFragment:
		p.footer.Entries = append(p.footer.Entries, pack.EntryOf(&r.Record, r.offset))
	case pack.KindHeader:
		p.footer.Headers = append(p.footer.Headers, pack.HeaderEntry{Hash: r.Header, Offset: r.offset})
	case pack.KindLimits:
		if err := p.takeLimits(r); err != nil {
			return err
		}
	default:
		return nil
	}
	p.ends = append(p.ends, r.offset+r.Size())
	return nil
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

// close seals the pack, or removes it if there is nothing in it. Where that
// fails, the next pack says so, and what was cut here stays away.
func (p *foundPack) close() error {
	defer p.file.Close()
	if len(p.ends) == 0 {
		return p.discard()
	}
	end := p.ends[len(p.ends)-1]
	info := packInfo{number: p.number, salt: p.header.Salt, state: packSealed, limits: p.footer.Limits}
	var err error
	if info.size, err = p.seal(end); err != nil {
		info.state = packGivenUp
		p.limit(end)
	}
	p.e.admit(info, p.footer.Entries)
	return err
}

// seal cuts the pack at end, writes the footer and makes all durable: first
// what the footer tells of, then the footer. It returns the length of the file.
func (p *foundPack) seal(end int64) (int64, error) {
	if err := p.file.Truncate(end); err != nil {
		return p.size, fmt.Errorf("cut torn tail: %w", err)
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
	if !p.known {
		never, err := pack.NeverSynced(p.file, p.size)
		if err != nil {
			return err
		}
		if !never {
			p.e.damaged(Damage{Pack: p.number, Length: p.size, Err: fmt.Errorf("file header: %w", millrace.ErrCorrupt)})
			return nil
		}
	}
	err := p.e.cfg.FS.Remove(packName(p.number))
	if err != nil {
		p.limit(0)
	}
	return err
}

// limit has the next pack say what could not be done to this one.
func (p *foundPack) limit(off int64) {
	p.e.limits = append(p.e.limits, pack.Limit{First: p.number, Last: p.number, Offset: off})
}

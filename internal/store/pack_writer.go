package store

import (
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// writeStep is how many bytes are handed to the system at once before it is
// asked to start writing them out. Linux takes four times as much at half the
// speed.
const writeStep = 1 << 20

// A packWriter writes one pack. One goroutine uses it. After an error of
// write it must only be given up.
type packWriter struct {
	fs      FS
	name    string
	file    File
	header  pack.FileHeader
	opened  time.Duration // when, as Config.Elapsed counts
	end     int64         // length of what was written
	ending  int64         // at most so many bytes will the footer have
	synced  int64         // length of what is durable; 0 until the first sync
	headers map[[32]byte][2]int64
	footer  pack.Footer

	pieces [][]byte // of the batch being written
	step   [][]byte // those that are written together
	length int64    // of the pieces
	small  []byte   // memory of the small records among them
}

func createPack(fs FS, h pack.FileHeader, now time.Duration) (*packWriter, error) {
	name := packName(h.Pack)
	f, err := fs.Create(name)
	if err != nil {
		return nil, fmt.Errorf("create pack: %w", err)
	}
	return &packWriter{
		fs: fs, name: name, file: f, header: h, opened: now,
		headers: make(map[[32]byte][2]int64),
	}, nil
}

// write makes a batch durable, and before it the limits and header elements
// that belong into this pack. It sets the offset of each entry.
func (w *packWriter) write(batch []*submission, limits []pack.Limit) (Commit, error) {
	w.gather(batch, limits)
	defer w.letGo()
	start := time.Now()
	if err := w.flush(); err != nil {
		return Commit{}, fmt.Errorf("write pack: %w", err)
	}
	written := time.Now()
	if err := w.sync(); err != nil {
		return Commit{}, fmt.Errorf("sync pack: %w", err)
	}
	c := Commit{Pack: w.header.Pack, Fragments: len(batch), Bytes: w.end - w.synced}
	c.Write, c.Sync = written.Sub(start), time.Since(written)
	w.synced = w.end
	for _, s := range batch {
		w.footer.Entries = append(w.footer.Entries, s.entry)
	}
	return c, nil
}

// gather lists all pieces of a batch in the order in which they will lie.
func (w *packWriter) gather(batch []*submission, limits []pack.Limit) {
	if w.end == 0 {
		w.addSmall(func(b []byte) []byte { return w.header.Append(b) })
	}
	if len(limits) > 0 {
		w.footer.Limits = append(w.footer.Limits, limits...)
		w.addTwice(func(b []byte) []byte { return pack.AppendLimits(b, limits) })
	}
	for _, s := range batch {
		at := w.addHeader(s.fragment.Header)
		w.addFragment(s, at)
	}
}

// letGo drops the pieces, which belong to others again.
func (w *packWriter) letGo() {
	clear(w.pieces)
	clear(w.step[:cap(w.step)])
	w.pieces, w.small, w.length = w.pieces[:0], w.small[:0], 0
}

// at is where the next piece will lie.
func (w *packWriter) at() int64 { return w.end + w.length }

func (w *packWriter) add(p []byte) {
	w.pieces = append(w.pieces, p)
	w.length += int64(len(p))
}

// addSmall adds what encode appends.
func (w *packWriter) addSmall(encode func([]byte) []byte) []byte {
	start := len(w.small)
	w.small = encode(w.small)
	p := w.small[start:]
	w.add(p)
	return p
}

// addTwice adds the record that encode appends, and again, and returns where.
func (w *packWriter) addTwice(encode func([]byte) []byte) (at [2]int64) {
	for i := range at {
		at[i] = w.at()
		p := w.addSmall(encode)
		pack.Stamp{Salt: w.header.Salt, Synced: w.synced}.Put(p)
	}
	return at
}

// addHeader adds a session's header elements unless the pack has them, and
// returns where they lie.
func (w *packWriter) addHeader(h *millrace.Header) [2]int64 {
	if h == nil {
		return [2]int64{}
	}
	if at, ok := w.headers[h.Hash]; ok {
		return at
	}
	at := w.addTwice(func(b []byte) []byte { return pack.AppendHeader(b, h) })
	w.headers[h.Hash] = at
	for _, off := range at {
		w.footer.Headers = append(w.footer.Headers, pack.HeaderEntry{Hash: h.Hash, Offset: off})
	}
	return at
}

func (w *packWriter) addFragment(s *submission, headerAt [2]int64) {
	s.entry.Offset = w.at()
	pack.Stamp{Salt: w.header.Salt, Synced: w.synced, HeaderAt: headerAt}.Put(s.head)
	w.add(s.head)
	w.pieces = pack.AppendBody(w.pieces, s.fragment)
	w.length += s.entry.Size
	if pad := pack.Aligned(w.length+w.end) - w.at(); pad > 0 {
		w.addSmall(func(b []byte) []byte { return append(b, make([]byte, pad)...) })
	}
}

// flush hands the pieces to the system, and lets it start with the first ones
// while the others are still being copied.
func (w *packWriter) flush() error {
	for rest := w.pieces; len(rest) > 0; {
		var size int64
		w.step, rest, size = nextStep(w.step[:0], rest)
		if _, err := w.file.WriteV(w.step); err != nil {
			return err
		}
		_ = w.file.StartWriteback(w.end, size) // only a hint
		w.end += size
	}
	return nil
}

// nextStep appends the first writeStep bytes of pieces to step, and returns what
// is left of pieces, of which it may shorten the first one.
func nextStep(step, pieces [][]byte) (_, rest [][]byte, size int64) {
	for len(pieces) > 0 && size < writeStep {
		p := pieces[0]
		if room := writeStep - size; int64(len(p)) > room {
			pieces[0] = p[room:]
			return append(step, p[:room]), pieces, writeStep
		}
		step, pieces, size = append(step, p), pieces[1:], size+int64(len(p))
	}
	return step, pieces, size
}

// sync makes what was written durable, and at the first time the name too.
func (w *packWriter) sync() error {
	if err := w.file.Sync(); err != nil {
		return err
	}
	if w.synced > 0 {
		return nil
	}
	return w.fs.SyncDir()
}

// seal writes the footer, so that the next start need not read the records,
// and closes the file. What was durable before stays so whatever happens here.
func (w *packWriter) seal() error {
	n, err := w.file.WriteV([][]byte{w.footer.Append(nil, w.header, w.end, w.synced)})
	w.end += n
	if err != nil {
		_ = w.file.Close()
		return fmt.Errorf("write footer: %w", err)
	}
	if err := w.file.Sync(); err != nil {
		_ = w.file.Close()
		return fmt.Errorf("sync footer: %w", err)
	}
	return w.file.Close()
}

package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
)

const (
	// maxLooks is how often a pack is looked at in which something seems wrong.
	// A server may be changing it; what is damaged stays so.
	maxLooks = 3

	// maxListed bounds the damaged places that a report lists.
	maxListed = 10_000
)

// A PacksReport says what was found in the packs.
type PacksReport struct {
	Packs     int          `json:"packs"`    // that were read
	Vanished  int          `json:"vanished"` // that a server removed meanwhile
	Bytes     int64        `json:"bytes"`
	Fragments int          `json:"fragments"`
	Marked    int          `json:"marked"`         // records of fragments that were deleted
	Torn      int          `json:"torn"`           // unfinished ends, as a crash leaves them: the next start cuts them off
	Damaged   []DamagedAt  `json:"damaged"`        // in the order of packs and offsets
	More      int          `json:"more,omitempty"` // damaged places that are not listed
	Unread    []UnreadPack `json:"unread"`         // packs of which nothing is known
}

// A DamagedAt is a damaged place in a pack, and which fragment it is in.
type DamagedAt struct {
	Pack     string     `json:"pack"`
	Offset   int64      `json:"offset"`
	Length   int64      `json:"length"`
	Stream   string     `json:"stream,omitempty"`   // as far as it is known
	Fragment string     `json:"fragment,omitempty"` // its number; empty if no fragment is concerned
	Server   *time.Time `json:"serverTime,omitempty"`
	Producer *time.Time `json:"producerTime,omitempty"`
	Error    string     `json:"error"`
}

// An UnreadPack is a pack that could not be looked at.
type UnreadPack struct {
	Pack  string `json:"pack"`
	Error string `json:"error"`
}

func (r *PacksReport) ok() bool { return len(r.Damaged)+r.More+len(r.Unread) == 0 }

// PacksOptions say what is known of packs that are verified.
type PacksOptions struct {
	Name  func(millrace.StreamKey) string // what a stream is called
	Fed   map[uint64]int64                // lengths of packs that were durable for certain; may be nil
	Store [16]byte                        // whose packs they ought to be; zero is not known
	Rate  int64                           // bytes to read per second; 0 is no bound
	Meter *Progress                       // may be nil
}

// VerifyPacks reads all packs in a directory that a server may be using. The
// report is never nil; the error is ctx's, or says that the packs cannot be
// listed.
func VerifyPacks(ctx context.Context, files store.FS, o PacksOptions) (*PacksReport, error) {
	v := &packsVerifier{files: files, o: o, pace: pace{rate: o.Rate}}
	v.report.Damaged, v.report.Unread = []DamagedAt{}, []UnreadPack{}
	list, err := packFiles(files)
	if err != nil {
		return &v.report, fmt.Errorf("list packs: %w", err)
	}
	v.expect(list)
	var open []string
	for _, name := range list {
		r, err := v.pack(ctx, name)
		if err == nil && len(r.Torn) > 0 {
			open = append(open, name)
			continue
		}
		if err := v.take(ctx, name, &r, err); err != nil {
			return &v.report, err
		}
	}
	// What a server has written since tells more of what was durable before.
	for _, name := range open {
		r, err := v.pack(ctx, name)
		if err := v.take(ctx, name, &r, err); err != nil {
			return &v.report, err
		}
	}
	return &v.report, nil
}

type packsVerifier struct {
	files  store.FS
	o      PacksOptions
	pace   pace
	report PacksReport
}

// expect tells the meter how much there is.
func (v *packsVerifier) expect(list []string) {
	for _, name := range list {
		if f, err := v.files.Open(name); err == nil {
			size, _ := f.Size() // one that cannot be told is reported later
			v.o.Meter.expect(size)
			_ = f.Close()
		}
	}
}

// pack verifies one pack, again if something seems wrong.
func (v *packsVerifier) pack(ctx context.Context, name string) (store.PackReport, error) {
	r, err := v.look(ctx, name)
	for looks := 1; looks < maxLooks && suspicious(ctx, &r, err); looks++ {
		before := r
		again := err == nil
		r, err = v.look(ctx, name)
		if again {
			r.Damaged = slices.DeleteFunc(r.Damaged, func(d store.Damage) bool { return !seen(before.Damaged, d) })
		}
	}
	return r, err
}

// suspicious says whether it is worth while to look again.
func suspicious(ctx context.Context, r *store.PackReport, err error) bool {
	if err != nil {
		return ctx.Err() == nil && !errors.Is(err, fs.ErrNotExist)
	}
	return len(r.Damaged) > 0
}

// seen reports whether the same place was damaged before.
func seen(before []store.Damage, d store.Damage) bool {
	return slices.ContainsFunc(before, func(b store.Damage) bool { return b.Offset == d.Offset && b.Length == d.Length })
}

// look verifies a pack as it is now.
func (v *packsVerifier) look(ctx context.Context, name string) (store.PackReport, error) {
	f, err := v.files.Open(name)
	if err != nil {
		return store.PackReport{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return store.PackReport{}, err
	}
	number, _ := store.PackNumber(name)
	in := meteredBy(ctx, f, size, &v.pace, v.o.Meter)
	defer in.done()
	r, err := store.VerifyPack(ctx, in, size, number)
	fed := v.o.Fed[number]
	for _, d := range r.Torn {
		if d.Offset < fed {
			r.Damaged = append(r.Damaged, d)
		}
	}
	r.Torn = slices.DeleteFunc(r.Torn, func(d store.Damage) bool { return d.Offset < fed })
	if err == nil && store.IsForeign(r.Store, v.o.Store) {
		err = store.ErrForeignPack
	}
	return r, err
}

// take takes what was found of a pack into the report.
func (v *packsVerifier) take(ctx context.Context, name string, r *store.PackReport, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		v.report.Vanished++
	case err != nil:
		v.report.Unread = append(v.report.Unread, UnreadPack{name, err.Error()})
	default:
		v.add(name, r)
	}
	return nil
}

func (v *packsVerifier) add(name string, r *store.PackReport) {
	v.report.Packs++
	v.report.Bytes += r.Size
	v.report.Fragments += r.Fragments
	v.report.Marked += r.Marked
	v.report.Torn += len(r.Torn)
	v.report.More += r.More
	if len(r.Damaged) == 0 {
		return
	}
	times := v.producerTimes(name)
	for _, d := range r.Damaged {
		if len(v.report.Damaged) == maxListed {
			v.report.More++
			continue
		}
		v.report.Damaged = append(v.report.Damaged, v.describe(name, d, times))
	}
}

// producerTimes reads from a pack's footer when its fragments were made.
func (v *packsVerifier) producerTimes(name string) map[millrace.FragmentNumber]time.Time {
	f, err := v.files.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil
	}
	footer, _, err := pack.ReadFooter(f, size)
	if err != nil {
		return nil
	}
	times := make(map[millrace.FragmentNumber]time.Time, len(footer.Entries))
	for i := range footer.Entries {
		times[footer.Entries[i].Number] = footer.Entries[i].ProducerTime
	}
	return times
}

func (v *packsVerifier) describe(name string, d store.Damage, times map[millrace.FragmentNumber]time.Time) DamagedAt {
	at := DamagedAt{Pack: name, Offset: d.Offset, Length: d.Length, Error: d.Err.Error()}
	if d.Number.IsZero() {
		return at
	}
	server := d.Number.ServerTime()
	at.Stream, at.Fragment, at.Server = v.o.Name(d.Stream), d.Number.String(), &server
	if producer, ok := times[d.Number]; ok {
		at.Producer = &producer
	}
	return at
}

package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/sqlite"
)

// A Part is a part of a data directory that can be verified.
type Part uint8

// The parts.
const (
	PartControl Part = 1 << iota
	PartPacks
	PartIndex
	AllParts = PartControl | PartPacks | PartIndex
)

// VerifyOptions say what Verify does. The zero value verifies everything as
// fast as it can be read.
type VerifyOptions struct {
	Parts Part  // 0 is AllParts
	Rate  int64 // bytes of packs to read per second; 0 is no bound
	Now   func() time.Time
	Meter *Progress // counts bytes of packs; may be nil
}

// A VerifyReport says what was found in a data directory. What was not looked
// at is nil.
type VerifyReport struct {
	Began    time.Time      `json:"began"`
	Finished time.Time      `json:"finished"` // zero if it was broken off
	Control  *ControlReport `json:"control,omitempty"`
	Packs    *PacksReport   `json:"packs,omitempty"`
	Index    *IndexReport   `json:"index,omitempty"`
}

// A ControlReport is about control.db.
type ControlReport struct {
	Schema int            `json:"schema"`
	Rows   map[string]int `json:"rows"`
	Faults []string       `json:"faults"`
	More   int            `json:"more,omitempty"` // faults that are not listed
}

// OK says that nothing is damaged, and that the index is right.
func (r *VerifyReport) OK() bool {
	return (r.Control == nil || len(r.Control.Faults) == 0) &&
		(r.Packs == nil || r.Packs.ok()) && (r.Index == nil || r.Index.ok())
}

// Verify reads a data directory and checks everything in it that carries a
// checksum, and the index against the packs. It changes nothing and takes no
// lock: a server may be using the directory, and what changes while it is
// looked at is not taken for damage. The report is never nil; after an error,
// which says that the check could not be made or was broken off, it has what
// was found till then.
func Verify(ctx context.Context, dir string, o VerifyOptions) (*VerifyReport, error) {
	if o.Parts == 0 {
		o.Parts = AllParts
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &verifier{dir: dir, o: o, report: &VerifyReport{Began: o.Now().UTC().Round(0)}}
	if err := v.run(ctx); err != nil {
		return v.report, fmt.Errorf("verify %s: %w", dir, err)
	}
	v.report.Finished = o.Now().UTC().Round(0)
	return v.report, nil
}

type verifier struct {
	dir    string
	o      VerifyOptions
	known  *knowledge
	report *VerifyReport
}

func (v *verifier) run(ctx context.Context) error {
	top, err := disk.View(v.dir)
	if err != nil {
		return err
	}
	if err := CheckRestored(top); err != nil {
		return err
	}
	if err := CheckHolds(v.dir); err != nil {
		return err
	}
	if v.o.Parts&PartControl != 0 {
		if err := v.control(ctx); err != nil {
			return err
		}
	}
	if v.known, err = learn(ctx, filepath.Join(v.dir, ControlFile)); err != nil && !errors.Is(err, millrace.ErrCorrupt) {
		return err
	}
	if v.o.Parts&PartPacks != 0 {
		if err := v.packs(ctx); err != nil {
			return err
		}
	}
	if v.o.Parts&PartIndex != 0 {
		return v.index(ctx)
	}
	return nil
}

// control verifies the control state. A server that starts or ends meanwhile
// changes the file's surroundings, so that what seems wrong is looked at again.
func (v *verifier) control(ctx context.Context) error {
	r, err := sqlite.VerifyControl(ctx, filepath.Join(v.dir, ControlFile))
	if err == nil && !r.OK() {
		r, err = sqlite.VerifyControl(ctx, filepath.Join(v.dir, ControlFile))
	}
	v.report.Control = &ControlReport{Schema: r.Schema, Rows: r.Rows, Faults: append([]string{}, r.Faults...), More: r.More}
	return err
}

func (v *verifier) packs(ctx context.Context) error {
	files, err := disk.View(filepath.Join(v.dir, PackFolder))
	if err != nil {
		return err
	}
	v.report.Packs, err = VerifyPacks(ctx, files, PacksOptions{
		Name: v.known.name, Fed: v.fed(ctx), Store: v.known.store(), Rate: v.o.Rate, Meter: v.o.Meter,
	})
	return err
}

// fed asks the index how much of each pack was durable for certain. One that
// cannot be asked knows nothing: that is told where it is compared.
func (v *verifier) fed(ctx context.Context) map[uint64]int64 {
	pages, err := sqlite.ViewIndex(ctx, filepath.Join(v.dir, IndexFile))
	if err != nil {
		return nil
	}
	defer pages.Close()
	state, err := pages.State(ctx)
	if err != nil || !v.known.owns(&state) {
		return nil
	}
	fed := make(map[uint64]int64, len(state.Packs))
	for _, row := range state.Packs {
		fed[row.Number] = row.Fed
	}
	return fed
}

// index compares the index, if there is one, with the packs.
func (v *verifier) index(ctx context.Context) error {
	path := filepath.Join(v.dir, IndexFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		v.report.Index = &IndexReport{}
		return nil
	}
	if v.known == nil {
		v.report.Index = &IndexReport{Present: true, Skipped: "the control state is damaged"}
		return nil
	}
	for looks := 0; looks < maxLooks && (looks == 0 || !v.report.Index.ok()); looks++ {
		if err := v.compare(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// compare looks at the index once.
func (v *verifier) compare(ctx context.Context, path string) error {
	files, err := disk.View(filepath.Join(v.dir, PackFolder))
	if err != nil {
		return err
	}
	pages, err := sqlite.ViewIndex(ctx, path)
	if err != nil {
		return err
	}
	defer pages.Close()
	if state, err := pages.State(ctx); err == nil && !v.known.owns(&state) {
		v.report.Index = &IndexReport{Present: true, Differences: []string{"the index is of another store, or of an earlier state of this one"}}
		return nil
	}
	v.report.Index, err = CompareIndex(ctx, pages, files, func(ctx context.Context) (Kept, error) {
		known, err := learn(ctx, filepath.Join(v.dir, ControlFile))
		if err != nil {
			return nil, err
		}
		return known.kept(v.o.Now()), nil
	})
	return err
}

package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// readEnding looks at what a sealed pack ends with, and finds out where its
// records end. A pack with neither a footer nor a trailer was never sealed, as
// far as can be told.
func (v *packVerifier) readEnding() error {
	v.end = v.in.size
	t, err := pack.ReadTrailer(v.in, v.in.size)
	if err == nil && (t.Pack != v.report.Pack || t.Salt != v.header.Salt) {
		err = fmt.Errorf("trailer of another pack: %w", millrace.ErrCorrupt)
	}
	switch {
	case errors.Is(err, pack.ErrVersion):
		return err
	case err == nil:
		v.checkTrailer(t)
		return v.readFooter(t.At, true)
	}
	at, found := v.findFooter()
	if !found {
		return v.in.fatal
	}
	if ferr := v.readFooter(at, false); ferr != nil || v.footer == nil {
		return ferr
	}
	v.addEnding(max(v.in.size-pack.TrailerSize, at), err)
	return nil
}

// checkTrailer compares the trailer with the file header.
func (v *packVerifier) checkTrailer(t pack.Trailer) {
	h := v.header
	if h.Version != 0 && (t.Version != h.Version || t.Class != h.Class) {
		v.addEnding(v.in.size-pack.TrailerSize, fmt.Errorf("trailer differs from the file header: %w", millrace.ErrCorrupt))
	}
}

// findFooter looks for the footer where the trailer does not tell where it is.
func (v *packVerifier) findFooter() (at int64, found bool) {
	s := pack.NewScanner(v.in, v.header.Salt, v.in.size)
	for s.Next() {
		if found = s.Record().Kind == pack.KindFooter; found {
			at = s.Offset()
		}
	}
	return at, found
}

// readFooter takes what the footer at that offset tells. One that is not whole
// is damaged if there is a trailer, and else was torn.
func (v *packVerifier) readFooter(at int64, trailer bool) error {
	v.end = at
	footer, err := pack.ReadFooterAt(v.in, at, v.header.Salt)
	if v.in.fatal != nil {
		return v.in.fatal
	}
	if err != nil {
		v.add(at, pack.Flaw{Offset: at, Length: v.in.size - at, Err: err}, trailer)
		return nil
	}
	rec, err := pack.ReadRecord(v.in, at, v.header.Salt)
	if err != nil {
		return err // it was there a moment ago
	}
	for _, f := range rec.Check(v.in, at, v.buf) {
		v.add(at, f, true)
	}
	v.synced = rec.Synced
	v.footer, v.entries, v.named = footer, footer.Entries, footer.Headers
	return nil
}

func (v *packVerifier) addEnding(at int64, err error) {
	v.add(at, pack.Flaw{Offset: at, Length: v.in.size - at, Err: err}, true)
}

// checkLimits makes sure that the footer tells of all limits.
func (v *packVerifier) checkLimits() {
	if v.footer == nil {
		return
	}
	for _, l := range v.limits {
		if !slices.Contains(v.footer.Limits, l) {
			v.addEnding(v.end, fmt.Errorf("footer does not tell of all limits: %w", millrace.ErrCorrupt))
			return
		}
	}
}

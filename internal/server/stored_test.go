package server_test

import (
	"context"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/sqlite"
)

// stored closes the server and reads what it kept of a stream, past it.
func (r *rig) stored(name string) (out []*millrace.Fragment) {
	r.t.Helper()
	if err := r.s.Close(); err != nil {
		r.t.Fatal(err)
	}
	ctx := context.Background()
	files, err := disk.Open(filepath.Join(r.cfg.Data, "packs"))
	if err != nil {
		r.t.Fatal(err)
	}
	e, err := store.Open(ctx, store.Config{FS: files, Epoch: math.MaxUint32})
	if err != nil {
		r.t.Fatal(err)
	}
	defer e.Close()
	scope := store.Scope{Stream: streamKey(r.t, r.cfg.Data, name), Since: time.Unix(0, 0)}
	entries, err := e.After(ctx, scope, millrace.FragmentNumber{}, math.MaxInt)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, entry := range entries {
		f, err := e.Read(ctx, scope, entry, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func streamKey(t testing.TB, data, name string) millrace.StreamKey {
	t.Helper()
	ctx := context.Background()
	c, err := sqlite.OpenControl(ctx, filepath.Join(data, "control.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.Stream(ctx, millrace.StreamName(name))
	if err != nil {
		t.Fatal(err)
	}
	return s.Key
}

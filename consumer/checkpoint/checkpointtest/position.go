package checkpointtest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer/checkpoint"
)

func checkSave(t *testing.T, open func() checkpoint.Store) {
	s, ctx := open(), context.Background()
	_, err := s.Load(ctx, gate(1))
	wantError(t, "load of nothing", err, checkpoint.ErrNotFound)
	r := acquire(t, s, gate(1), "a", long)
	if got := load(t, open(), gate(1)); len(got.Position) != 0 || !got.Updated.IsZero() || got.Owner != "a" || got.Epoch != 1 || !got.Expires.Equal(r.Expires) {
		t.Fatalf("acquired and never saved: %+v", got)
	}
	must(t, save(s, gate(1), r, "one"))
	must(t, save(s, gate(1), r, "two"))
	// The storage is opened again as after a crash: nobody has closed anything.
	again := open()
	got := load(t, again, gate(1))
	if string(got.Position) != "two" || got.Owner != "a" || got.Epoch != 1 || got.Updated.IsZero() || !got.Expires.Equal(r.Expires) {
		t.Fatalf("loaded %+v", got)
	}
	if got.Updated.Location() != time.UTC || got.Expires.Location() != time.UTC {
		t.Errorf("times are not UTC: %+v", got)
	}
	if life := got.Expires.Sub(got.Updated); life <= long-time.Minute || life > long {
		t.Errorf("the lease of an hour ends %v after the position was saved", life)
	}
	must(t, save(again, gate(1), r, "three"))
	wantPosition(t, open, gate(1), "three")
	_, err = s.Load(ctx, gate(2))
	wantError(t, "load of another stream", err, checkpoint.ErrNotFound)
}

func checkSaveFree(t *testing.T, open func() checkpoint.Store) {
	one, two := open(), open()
	must(t, save(one, gate(1), checkpoint.Record{}, "one"))
	must(t, save(two, gate(1), checkpoint.Record{}, "two"))
	got := load(t, one, gate(1))
	if string(got.Position) != "two" || got.Owner != "" || got.Epoch != 0 || !got.Expires.IsZero() || got.Updated.IsZero() {
		t.Fatalf("loaded %+v", got)
	}
	r := acquire(t, one, gate(1), "a", long)
	if string(r.Position) != "two" || r.Epoch != 1 {
		t.Fatalf("acquired %+v", r)
	}
	wantError(t, "save without the lease", save(two, gate(1), checkpoint.Record{}, "three"), checkpoint.ErrFenced)
	wantError(t, "save with its epoch alone", save(two, gate(1), checkpoint.Record{Epoch: 1}, "three"), checkpoint.ErrFenced)
	must(t, one.Release(context.Background(), gate(1), "a"))
	wantError(t, "save with an epoch that never was", save(two, gate(1), checkpoint.Record{Epoch: 2}, "three"), checkpoint.ErrFenced)
	must(t, save(two, gate(1), checkpoint.Record{Epoch: 1}, "three"))
	must(t, save(two, gate(1), checkpoint.Record{}, "four"))
	if got := load(t, one, gate(1)); string(got.Position) != "four" || got.Epoch != 1 {
		t.Fatalf("loaded %+v", got)
	}
	wantError(t, "save of nothing that is there", save(two, gate(2), checkpoint.Record{Epoch: 1}, "x"), checkpoint.ErrFenced)
}

func checkPositions(t *testing.T, open func() checkpoint.Store) {
	s := open()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	large := bytes.Repeat(all, checkpoint.MaxPosition/len(all))
	for name, position := range map[string][]byte{
		"every byte":      all,
		"the largest":     large,
		"zeros":           make([]byte, 100),
		"a line":          []byte("a\nb\r\n"),
		"quotes":          []byte(`'; DROP TABLE x; --"\`),
		"nothing":         nil,
		"nothing but not": {},
	} {
		r := acquire(t, s, gate(1), "a", long)
		given := bytes.Clone(position)
		must(t, s.Save(context.Background(), gate(1), checkpoint.Record{Position: given, Owner: "a", Epoch: r.Epoch}))
		clear(given)
		got := load(t, open(), gate(1))
		if !bytes.Equal(got.Position, position) {
			t.Errorf("%s: %d bytes are not the %d that were saved", name, len(got.Position), len(position))
		}
		clear(got.Position)
		if got := load(t, s, gate(1)); !bytes.Equal(got.Position, position) {
			t.Errorf("%s: a reader has changed it", name)
		}
	}
}

func checkKeys(t *testing.T, open func() checkpoint.Store) {
	s := open()
	names := []string{
		"a", "A", "a ", " a", "a/b", "a\\b", "a:b", "..", ".", "%", "_", "a%", "'", "\"", "`", "\n", "\t", "é", "e\u0301",
		"日本", "\u2028", "<&>", "null", "0", "00", "-", strings.Repeat("n", checkpoint.MaxName), strings.Repeat("é", checkpoint.MaxName/2),
	}
	for _, a := range names {
		for _, b := range []string{"A", "日本"} {
			must(t, save(s, checkpoint.Key{App: a, Stream: b}, checkpoint.Record{}, a+"|"+b))
			must(t, save(s, checkpoint.Key{App: b, Stream: a}, checkpoint.Record{}, b+"|"+a))
		}
	}
	other := open()
	for _, a := range names {
		for _, b := range []string{"A", "日本"} {
			if got := load(t, other, checkpoint.Key{App: a, Stream: b}); string(got.Position) != a+"|"+b {
				t.Errorf("%q in %q is %q", b, a, got.Position)
			}
			if got := load(t, other, checkpoint.Key{App: b, Stream: a}); string(got.Position) != b+"|"+a {
				t.Errorf("%q in %q is %q", a, b, got.Position)
			}
		}
		r := acquire(t, s, checkpoint.Key{App: "owners", Stream: "s"}, a, long)
		must(t, other.Release(context.Background(), checkpoint.Key{App: "owners", Stream: "s"}, r.Owner))
	}
}

// checkBounds: a key, an owner, a ttl or a position that is out of its bounds is
// refused by every call that takes one.
func checkBounds(t *testing.T, open func() checkpoint.Store) {
	s, ctx := open(), context.Background()
	good := gate(1)
	for what, name := range map[string]string{
		"nothing": "", "NUL": "a\x00b", "no UTF-8": "a\xff", "too much": strings.Repeat("n", checkpoint.MaxName+1),
	} {
		for _, k := range []checkpoint.Key{{App: name, Stream: "s"}, {App: "a", Stream: name}} {
			_, err := s.Load(ctx, k)
			wantError(t, "load of "+what, err, checkpoint.ErrInvalid)
			wantError(t, "save of "+what, s.Save(ctx, k, checkpoint.Record{}), checkpoint.ErrInvalid)
			_, err = s.Acquire(ctx, k, "a", long)
			wantError(t, "acquire of "+what, err, checkpoint.ErrInvalid)
			wantError(t, "release of "+what, s.Release(ctx, k, "a"), checkpoint.ErrInvalid)
			wantError(t, "delete of "+what, s.Delete(ctx, k), checkpoint.ErrInvalid)
		}
		_, err := s.Acquire(ctx, good, name, long)
		wantError(t, "acquire for "+what, err, checkpoint.ErrInvalid)
		wantError(t, "release for "+what, s.Release(ctx, good, name), checkpoint.ErrInvalid)
		if name != "" {
			wantError(t, "save for "+what, s.Save(ctx, good, checkpoint.Record{Owner: name}), checkpoint.ErrInvalid)
		}
	}
	for _, ttl := range []time.Duration{0, -1, math.MinInt64, checkpoint.MaxTTL + 1, math.MaxInt64} {
		_, err := s.Acquire(ctx, good, "a", ttl)
		wantError(t, ttl.String(), err, checkpoint.ErrInvalid)
	}
	wantError(t, "too large a position", s.Save(ctx, good, checkpoint.Record{Position: make([]byte, checkpoint.MaxPosition+1)}), checkpoint.ErrInvalid)
	_, err := s.Load(ctx, good)
	wantError(t, "load after refusals", err, checkpoint.ErrNotFound)
	r := acquire(t, s, good, "a", checkpoint.MaxTTL)
	r.Epoch = math.MaxUint64
	wantError(t, "the largest epoch", save(s, good, r, "x"), checkpoint.ErrFenced)
	acquire(t, s, good, "a", 1)
}

func checkContext(t *testing.T, open func() checkpoint.Store) {
	s := open()
	r := acquire(t, s, gate(1), "a", long)
	must(t, save(s, gate(1), r, "one"))
	must(t, save(s, gate(2), checkpoint.Record{}, "two"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, loaded := s.Load(ctx, gate(1))
	_, acquired := s.Acquire(ctx, gate(2), "b", long)
	var listed error
	for e, err := range s.List(ctx, app) {
		if err == nil || listed != nil {
			t.Fatalf("a list with a context that has ended has %+v, %v after %v", e, err, listed)
		}
		listed = err
	}
	for what, err := range map[string]error{
		"load": loaded, "acquire": acquired, "list": listed,
		"save":    s.Save(ctx, gate(1), checkpoint.Record{Position: []byte("three"), Owner: "a", Epoch: r.Epoch}),
		"release": s.Release(ctx, gate(1), "a"),
		"delete":  s.Delete(ctx, gate(2)),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := load(t, s, gate(1)); string(got.Position) != "one" || got.Owner != "a" {
		t.Errorf("it is %+v now", got)
	}
	if got := load(t, s, gate(2)); string(got.Position) != "two" || got.Epoch != 0 {
		t.Errorf("it is %+v now", got)
	}
}

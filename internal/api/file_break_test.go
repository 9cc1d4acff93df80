package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// A faulty store fails to read some fragments, from a moment on.
type faulty struct {
	*store.Engine
	read    atomic.Pointer[error] // what Read fails with for the second fragment
	outline atomic.Pointer[error] // and Outline
}

func (f *faulty) Read(ctx context.Context, s store.Scope, e store.Entry, buf []byte) (*millrace.Fragment, error) {
	if err := f.read.Load(); err != nil && e.ProducerTime.Equal(filmed().Add(time.Second)) {
		return nil, *err
	}
	return f.Engine.Read(ctx, s, e, buf)
}

func (f *faulty) Outline(ctx context.Context, s store.Scope, e store.Entry) (*millrace.Fragment, error) {
	if err := f.outline.Load(); err != nil && e.ProducerTime.Equal(filmed().Add(time.Second)) {
		return nil, *err
	}
	return f.Engine.Outline(ctx, s, e)
}

// TestAFragmentThatCannotBeReadAnyMore: before the first byte that is an error in the
// protocol's form; after it the answer ends short of its length, and what came is right.
func TestAFragmentThatCannotBeReadAnyMore(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		status int
		kind   string
		text   string
	}{
		"deleted": {millrace.ErrNotFound, 404, "ResourceNotFoundException", "deleted"},
		"damaged": {millrace.ErrCorrupt, 500, "InternalFailure", "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &faulty{}
			x := newCinema(t, func(_ *api.Config, c *playback.FilesConfig) {
				f.Engine = c.Store.(*store.Engine)
				c.Store = f
			})
			x.seconds(3)
			address := listen(t, x.handler)
			for _, file := range []string{"media.mp4", "media.mkv"} {
				path := filePath(file, 0, 3, "")
				all := x.get(t, path, nil).body
				err := fmt.Errorf("read fragment: %w", tc.err)

				f.read.Store(&err)
				got := getFrom(t, address+path, "")
				if got.err == nil || len(got.body) >= len(all) || !strings.HasPrefix(all, got.body) {
					t.Errorf("%s: %v after %d of %d bytes", file, got.err, len(got.body), len(all))
				}
				// The second fragment's media begins behind the middle of the tables.
				middle := len(all) / 2
				got = getFrom(t, address+path, fmt.Sprintf("bytes=%d-%d", middle, middle+5))
				if got.status != tc.status || got.kind != tc.kind || !strings.Contains(got.body, tc.text) || got.length != int64(len(got.body)) {
					t.Errorf("%s: a part of it: %d %s %s", file, got.status, got.kind, got.body)
				}
				if got := getFrom(t, address+path, "bytes=0-9"); got.status != 206 || got.body != all[:10] {
					t.Errorf("%s: another part: %d", file, got.status)
				}
				f.read.Store(nil)

				f.outline.Store(&err)
				got = getFrom(t, address+filePath(file, 0, 2.9, ""), "")
				if got.status != tc.status || got.kind != tc.kind || !strings.Contains(got.body, tc.text) {
					t.Errorf("%s: known before: %d %s %s", file, got.status, got.kind, got.body)
				}
				f.outline.Store(nil)
			}
		})
	}
}

// An answer is one that may have broken off.
type brokenAnswer struct {
	status int
	kind   string
	length int64
	body   string
	err    error
}

func getFrom(t *testing.T, address, ranges string) brokenAnswer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ranges != "" {
		r.Header.Set("Range", ranges)
	}
	if err := signer("root").Sign(r, emptyHash, clock()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return brokenAnswer{resp.StatusCode, resp.Header.Get("x-amzn-ErrorType"), resp.ContentLength, string(b), err}
}

// TestAFileEndsWithTheRightToIt: a key that is taken away ends what it began.
func TestAFileEndsWithTheRightToIt(t *testing.T) {
	for name, renewed := range map[string]func() (auth.Principal, error){
		"the key is gone":     func() (auth.Principal, error) { return auth.Principal{}, millrace.ErrNotFound },
		"it may do no more":   func() (auth.Principal, error) { return auth.Principal{KeyID: "root"}, nil },
		"it cannot be told":   func() (auth.Principal, error) { return auth.Principal{}, errors.New("away") },
		"it may do so as yet": asRoot,
	} {
		t.Run(name, func(t *testing.T) {
			x := newCinema(t, func(c *api.Config, _ *playback.FilesConfig) {
				c.RenewEvery = 1
				c.Renew = func(context.Context, auth.Principal) (auth.Principal, error) { return renewed() }
			})
			x.seconds(3)
			got := getFrom(t, listen(t, x.handler)+filePath("media.mp4", 0, 3, ""), "")
			if ends := name == "the key is gone" || name == "it may do no more"; (got.err != nil) != ends {
				t.Errorf("%d, %d bytes: %v", got.status, len(got.body), got.err)
			}
		})
	}
}

// TestWhatWasDeletedIsNotInAFileAnyMore: what was deleted is not given out, whatever
// was known of it before.
func TestWhatWasDeletedIsNotInAFileAnyMore(t *testing.T) {
	x := newCinema(t, nil)
	x.seconds(3)
	path := filePath("media.mp4", 0, 3, "&cut=fragment")
	before := x.get(t, path, nil)
	x.store.SetPolicy(x.stream.Key, store.Policy{Retention: 24 * 365 * 100 * time.Hour, Deletions: []store.Deletion{{
		ID: 1, Stream: x.stream.Key, Clock: store.ProducerClock, From: filmed().Add(time.Second), To: filmed().Add(2 * time.Second),
		Last: millrace.MaxFragmentNumber(),
	}}})
	after := x.get(t, path, nil)
	if after.status != 200 || len(after.body) >= len(before.body) || after.header.Get("Etag") == before.header.Get("Etag") {
		t.Errorf("%d, %d of %d bytes, tag %s", after.status, len(after.body), len(before.body), after.header.Get("Etag"))
	}
	resumed := x.get(t, path, http.Header{"Range": {"bytes=100-"}, "If-Range": {before.header.Get("Etag")}})
	if resumed.status != 200 || resumed.body != after.body {
		t.Errorf("resumed: %d, %d bytes", resumed.status, len(resumed.body))
	}
}

// TestAFileWaitsForMemory: what a file takes is borrowed and given back.
func TestAFileWaitsForMemory(t *testing.T) {
	budget := memory.New(64 << 20)
	x := newCinema(t, func(_ *api.Config, c *playback.FilesConfig) { c.Memory = budget })
	x.seconds(3)
	path := filePath("media.mp4", 0, 3, "")
	if got := x.get(t, path, nil); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	all, err := budget.Borrow(t.Context(), 64<<20, nil) // there is so much for readers at most
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := signer("root").Sign(r, emptyHash, clock()); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, r)
	if w.Code != 503 || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("without memory: %d %s", w.Code, w.Body)
	}
	all.Return()
	if got := x.get(t, path, nil); got.status != 200 {
		t.Errorf("afterwards: %d %s", got.status, got.body)
	}
}

package playback_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// A tired archive fails once, at the outline of a fragment.
type tired struct {
	store.Archive
	at    millrace.FragmentNumber
	times atomic.Int64
}

var errTired = errors.New("the disk is slow")

func (a *tired) Outline(ctx context.Context, s store.Scope, e store.Entry) (*millrace.Fragment, error) {
	if e.Number == a.at && a.times.Add(-1) >= 0 {
		return nil, errTired
	}
	return a.Archive.Outline(ctx, s, e)
}

// Whoever asks again gets the whole master playlist, whatever became of the first
// who asked.
func TestAMasterPlaylistIsWholeAfterAFailure(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 5)
	a := &tired{Archive: f.store, at: f.made[3].Number}
	s := f.show(t, playback.Order{}, func(c *playback.HLSConfig) { c.Archive = a })
	a.times.Store(1)
	if _, err := s.Master(t.Context(), s.visit); !errors.Is(err, errTired) {
		t.Fatalf("the first: %v", err)
	}
	l, err := s.Master(t.Context(), s.visit)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := io.ReadAll(l)
	if err != nil || !strings.Contains(string(b), "CODECS=") || !strings.Contains(string(b), "TYPE=AUDIO") {
		t.Errorf("%v:\n%s", err, b)
	}
}

// Playlists that are being written count as memory, and who takes nothing of one
// while others need that is broken off.
func TestPlaylistsCountAsMemory(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 20)
	s := f.show(t, playback.Order{}, nil)
	l, err := s.Playlist(t.Context(), s.visit, 0)
	if err != nil {
		t.Fatal(err)
	}
	if used := s.budget.Stats().Readers; used < int64(l.Size()) || l.Size() < 1000 {
		t.Errorf("%d bytes of a playlist of %d are taken", used, l.Size())
	}
	go s.budget.Run(t.Context())
	broken := make(chan struct{})
	l.OnBreak(func() { close(broken) })
	go func() {
		<-broken
		_ = l.Close()
	}()
	loan, err := s.budget.Borrow(t.Context(), 16<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(make([]byte, 10)); err == nil {
		t.Error("it goes on")
	}
	loan.Return()
	if used := s.budget.Stats().Readers; used != 0 {
		t.Errorf("%d bytes are taken by nobody", used)
	}
}

// However many make long sessions and ask for their playlists at once, few are worked on.
func TestFewLongSessionsAreLookedAtAtOnce(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 3)
	g := &narrow{Archive: f.store}
	s := f.show(t, playback.Order{Limit: 5000}, func(c *playback.HLSConfig) { c.Archive, c.Packaging, c.Sessions = g, 3, 1 })
	var asking sync.WaitGroup
	for i := range 40 {
		v := s.visit
		v.ID[0] = byte(i)
		asking.Go(func() {
			if _, err := s.Begin(t.Context(), v.Scope, v.Order, v.Now); err != nil {
				t.Error(err)
			}
			l, err := s.HLS.Playlist(t.Context(), v, 0)
			if err != nil {
				t.Error(err)
				return
			}
			_ = l.Close()
		})
	}
	asking.Wait()
	if most := g.most.Load(); most > 3 {
		t.Errorf("%d at once", most)
	}
}

// A narrow archive counts who asks for lists at once.
type narrow struct {
	store.Archive
	now, most atomic.Int64
}

func (a *narrow) List(ctx context.Context, s store.Scope, l store.Listing) ([]store.Entry, error) {
	now := a.now.Add(1)
	defer a.now.Add(-1)
	for {
		most := a.most.Load()
		if now <= most || a.most.CompareAndSwap(most, now) {
			break
		}
	}
	runtime.Gosched()
	return a.Archive.List(ctx, s, l)
}

// A broken archive panics when a fragment is read.
type broken struct {
	store.Archive
	times atomic.Int64
}

func (a *broken) Read(ctx context.Context, s store.Scope, e store.Entry, buf []byte) (*millrace.Fragment, error) {
	if a.times.Add(-1) >= 0 {
		panic("a fragment that nobody thought of")
	}
	return a.Archive.Read(ctx, s, e, buf)
}

// A panic ends the request in which it happens: the next one is served, and nothing
// is taken any more.
func TestAPanicEndsOneRequest(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 3)
	a := &broken{Archive: f.store}
	s := f.show(t, playback.Order{}, func(c *playback.HLSConfig) { c.Archive, c.Packaging = a, 1 })
	a.times.Store(1)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("nothing happened")
			}
		}()
		_, _ = s.segment(1, 0)
	}()
	if used := s.budget.Stats().Readers; used != 0 {
		t.Errorf("%d bytes are taken by nobody", used)
	}
	s.must(1, 0)
}

// What is made of a file in goroutines of its own ends the file alone.
func TestAPanicEndsOneFile(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 20)
	a := &broken{Archive: f.store}
	x := playback.NewFiles(playback.FilesConfig{Store: a})
	file, err := x.Open(t.Context(), playback.FileRequest{Scope: f.scope(), Clock: store.ProducerClock, From: epoch, To: epoch.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	a.times.Store(1)
	if n, err := file.Cursor().WriteTo(t.Context(), io.Discard, 0, file.Size()); err == nil || !strings.Contains(err.Error(), "nobody thought of") {
		t.Errorf("%d bytes, %v", n, err)
	}
	if n, err := file.Cursor().WriteTo(t.Context(), io.Discard, 0, file.Size()); err != nil || n != file.Size() {
		t.Errorf("%d bytes of %d, %v", n, file.Size(), err)
	}
}

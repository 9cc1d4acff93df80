package playback_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

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
	b, err := s.Master(t.Context(), s.visit)
	if err != nil || !strings.Contains(string(b), "CODECS=") || !strings.Contains(string(b), "TYPE=AUDIO") {
		t.Errorf("%v:\n%s", err, b)
	}
}

package producer_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// A reel is a source of letters, a second apart; a capital one is a key frame.
type reel struct {
	letters string
	fault   error // behind the last letter
	asked   int   // for key frames
}

func (r *reel) Tracks(context.Context) ([]media.Track, error) { return tracks(), nil }

func (r *reel) RequestKeyFrame(media.TrackNumber) { r.asked++ }

func (r *reel) Frames(context.Context) iter.Seq2[media.Frame, error] {
	return func(yield func(media.Frame, error) bool) {
		data := make([]byte, 1) // used again for every frame
		for i, c := range r.letters {
			data[0] = byte(c)
			f := media.Frame{Track: 1, PTS: time.Duration(clock.UnixNano()) + time.Duration(i)*time.Second, Key: c <= 'Z', Data: data}
			if !yield(f, nil) {
				return
			}
		}
		if r.fault != nil {
			yield(media.Frame{}, r.fault)
		}
	}
}

func TestCopyTakesFramesOfASourceAndAsksForKeyFrames(t *testing.T) {
	s := opened(t, producer.StreamConfig{})
	r := &reel{letters: "abCdeF"}
	done, err := producer.Copy(t.Context(), s, r)
	if want := (producer.Copied{Frames: 4, Bytes: 4, Refused: 2}); err != nil || done != want {
		t.Errorf("copied %+v, %v", done, err)
	}
	if stats := s.Stats(); r.asked != 2 || stats.Frames != 4 || stats.Refused != 2 || stats.Begun != 2 {
		t.Errorf("asked for %d key frames; %+v", r.asked, stats)
	}
}

func TestCopyEndsWithTheSourcesError(t *testing.T) {
	s := opened(t, producer.StreamConfig{})
	broken := errors.New("lens cap")
	if done, err := producer.Copy(t.Context(), s, &reel{letters: "Ab", fault: broken}); !errors.Is(err, broken) || done.Frames != 2 {
		t.Errorf("copied %+v, %v", done, err)
	}
	s.Abort()
	if _, err := producer.Copy(t.Context(), s, &reel{letters: "Ab"}); !errors.Is(err, producer.ErrClosed) {
		t.Errorf("to a closed stream: %v", err)
	}
}

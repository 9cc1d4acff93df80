package producer_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// However seldom frames come, each is with the server before any time has passed:
// nothing waits for the frame behind it.
func TestAFrameIsWithTheServerAtOnceHoweverSeldomTheyCome(t *testing.T) {
	for name, every := range map[string]time.Duration{"a camera": 40 * time.Millisecond, "a time lapse": 9 * time.Second} {
		t.Run(name, func(t *testing.T) {
			inYard(t, func(t *testing.T, y *yard) {
				gate := y.open("gate", producer.StreamConfig{Tracks: tracks()})
				must(t, gate.Ready(t.Context()))
				for i := range 60 {
					word := fmt.Sprint("p", i)
					must(t, gate.Write(t.Context(), frameAt(1, time.Duration(i)*every, i%10 == 0, word)))
					y.wantArrived("gate", word)
					time.Sleep(every)
				}
				y.close(gate)
			})
		})
	}
}

// With sound only the start of a fragment waits, and for the sound alone.
func TestPicturesAndSoundAreWithTheServerAsSoonAsBothHaveCome(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		gate := y.open("gate", producer.StreamConfig{})
		must(t, gate.Ready(t.Context()))
		for i := range 60 {
			at := time.Duration(i) * 40 * time.Millisecond
			for track, word := range map[media.TrackNumber]string{1: fmt.Sprint("p", i), 2: fmt.Sprint("s", i)} {
				must(t, gate.Write(t.Context(), frameAt(track, at, i%10 == 0, word)))
			}
			if i > 0 {
				y.wantArrived("gate", fmt.Sprint("p", i-1))
				y.wantArrived("gate", fmt.Sprint("s", i-1))
			}
			time.Sleep(40 * time.Millisecond)
		}
		y.close(gate)
	})
}

// wantArrived checks that the server has read a frame, without any time passing.
func (y *yard) wantArrived(name, word string) {
	y.t.Helper()
	now := time.Now()
	synctest.Wait()
	for _, f := range y.server.Fragments() {
		for _, frame := range f.Frames {
			if string(f.Stream) == name && string(frame.Data) == word {
				return
			}
		}
	}
	y.t.Errorf("%s is not with the server at %v", word, now)
}

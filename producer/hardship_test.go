package producer_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// wantFrameError checks that a frame was refused for itself, and for what.
func wantFrameError(t *testing.T, err error, track media.TrackNumber, kind error) {
	t.Helper()
	var fault *producer.FrameError
	if !errors.As(err, &fault) || fault.Track != track || !errors.Is(err, kind) {
		t.Errorf("error %v, want that track %d has %v", err, track, kind)
	}
}

// words are the first n frames that a second of number i makes, in order.
func words(format string, from, to int) string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf(format, i))
	}
	return strings.Join(all, " ")
}

// countNotices is how many notices are of a kind.
func (s *told) countNotices(kind error) (n int) {
	for _, err := range s.notices {
		if errors.Is(err, kind) {
			n++
		}
	}
	return n
}

func TestPicturesBeforeAKeyFrameAreRefusedAndTheRestGoesOn(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		gate, lane := y.open("gate", producer.StreamConfig{}), y.open("lane", producer.StreamConfig{Tracks: tracks()})
		for i := range 20 {
			at := time.Duration(i) * time.Second
			wantFrameError(t, gate.Write(t.Context(), frameAt(1, at, false, fmt.Sprint("p", i))), 1, producer.ErrNeedKeyFrame)
			must(t, gate.Write(t.Context(), frameAt(2, at, false, fmt.Sprint("s", i))))
			must(t, lane.Write(t.Context(), frameAt(1, at, true, fmt.Sprint("l", i))))
			time.Sleep(time.Second)
		}
		y.want("gate", 2, words("s%d", 0, 18)) // while no picture comes
		must(t, gate.Write(t.Context(), frameAt(1, 20*time.Second, true, "p20")))
		must(t, gate.Write(t.Context(), frameAt(2, 20*time.Second, false, "s20")))
		y.close(gate, lane)
		y.want("gate", 1, "p20")
		y.want("gate", 2, words("s%d", 0, 21))
		y.want("lane", 1, words("l%d", 0, 20))
		y.blameless()
		if got := gate.Stats(); got.Refused != 20 || got.Frames != 22 {
			t.Errorf("stats %+v", got)
		}
		if gate.countNotices(producer.ErrSilent) != 1 || len(gate.dropped) != 0 {
			t.Errorf("told of %v, dropped %v", gate.notices, gate.dropped)
		}
	})
}

func TestPicturesWithoutAnotherKeyFrameAreSplitAndNothingIsLost(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		gate, lane := y.open("gate", producer.StreamConfig{}), y.open("lane", producer.StreamConfig{Tracks: tracks()})
		for i := range 60 {
			at := time.Duration(i) * time.Second
			must(t, gate.Write(t.Context(), frameAt(1, at, i == 0, fmt.Sprint("p", i))))
			must(t, gate.Write(t.Context(), frameAt(2, at, false, fmt.Sprint("s", i))))
			must(t, lane.Write(t.Context(), frameAt(1, at, true, fmt.Sprint("l", i))))
			time.Sleep(time.Second)
		}
		y.close(gate, lane)
		y.want("gate", 1, words("p%d", 0, 60))
		y.want("gate", 2, words("s%d", 0, 60))
		y.want("lane", 1, words("l%d", 0, 60))
		y.blameless()
		if gate.countNotices(producer.ErrLongGOP) != 1 || lane.countNotices(producer.ErrLongGOP) != 0 || len(gate.dropped) != 0 {
			t.Errorf("told of %v and %v, dropped %v", gate.notices, lane.notices, gate.dropped)
		}
	})
}

func TestAFrameOf100MBIsRefusedAndTheRestGoesOn(t *testing.T) {
	large := make([]byte, 100<<20)
	inYard(t, func(t *testing.T, y *yard) {
		gate, lane := y.open("gate", producer.StreamConfig{}), y.open("lane", producer.StreamConfig{Tracks: tracks()})
		for i := range 8 {
			at := time.Duration(i) * time.Second
			f := frameAt(1, at, i%4 == 0, fmt.Sprint("p", i))
			if i == 4 || i == 6 { // a key frame, and one that is none
				f.Data = large
				wantFrameError(t, gate.Write(t.Context(), f), 1, producer.ErrFrameTooLarge)
			} else {
				must(t, gate.Write(t.Context(), f))
			}
			must(t, gate.Write(t.Context(), frameAt(2, at, false, fmt.Sprint("s", i))))
			must(t, lane.Write(t.Context(), frameAt(1, at, true, fmt.Sprint("l", i))))
		}
		y.close(gate, lane)
		y.want("gate", 1, "p0 p1 p2 p3 p5 p7")
		y.want("gate", 2, words("s%d", 0, 8))
		y.want("lane", 1, words("l%d", 0, 8))
		y.blameless()
		if got := gate.Stats(); got.Refused != 2 || got.Connections != 1 || got.Dropped != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}

func TestAFrameFromThePastIsRefusedWhereThatIsAskedForAndTheRestGoesOn(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		gate := y.open("gate", producer.StreamConfig{Tracks: tracks(), Time: producer.TimeRules{OnRegress: producer.RegressReject}})
		write(t, gate.Stream, 100, "AbCd")
		wantFrameError(t, writeUntil(t, gate.Stream, 50, "X"), 1, producer.ErrTime)
		write(t, gate.Stream, 104, "efGh")
		y.close(gate)
		y.want("gate", 1, "A b C d e f G h")
		y.blameless()
		if got := gate.Stats(); got.Refused != 1 || got.Connections != 1 {
			t.Errorf("stats %+v", got)
		}
	})
}

func TestTimeThatGoesBackBeginsACallAndNothingIsLost(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		gate, lane := y.open("gate", producer.StreamConfig{Tracks: tracks()}), y.open("lane", producer.StreamConfig{Tracks: tracks()})
		write(t, gate.Stream, 7200, "AbCd")
		write(t, lane.Stream, 0, "KlM")
		write(t, gate.Stream, 0, "EfGh") // the wall clock was set back by two hours
		write(t, lane.Stream, 3, "nO")
		y.close(gate, lane)
		y.want("gate", 1, "A b C d E f G h")
		y.want("lane", 1, "K l M n O")
		y.blameless()
		if gate.countNotices(producer.ErrRegress) != 1 || gate.Stats().Connections != 2 {
			t.Errorf("told of %v, stats %+v", gate.notices, gate.Stats())
		}
		if lane.countNotices(producer.ErrRegress) != 0 || lane.Stats().Connections != 1 {
			t.Errorf("the other stream was told of %v, stats %+v", lane.notices, lane.Stats())
		}
	})
}

func TestTimeThatRunsBackwardsMakesNoCallOfEachFrame(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		gate, lane := y.open("gate", producer.StreamConfig{Tracks: tracks()}), y.open("lane", producer.StreamConfig{Tracks: tracks()})
		var taken []string
		for i := range 30 {
			switch err := gate.Write(t.Context(), frameAt(1, -time.Duration(i)*2*time.Second, true, fmt.Sprint("p", i))); {
			case err == nil:
				taken = append(taken, fmt.Sprint("p", i))
			default:
				wantFrameError(t, err, 1, producer.ErrTime)
			}
			must(t, lane.Write(t.Context(), frameAt(1, time.Duration(i)*time.Second, true, fmt.Sprint("l", i))))
			time.Sleep(time.Second)
		}
		y.close(gate, lane)
		y.want("gate", 1, strings.Join(taken, " "))
		y.want("lane", 1, words("l%d", 0, 30))
		y.blameless()
		if got := gate.Stats(); got.Connections < 2 || got.Connections > 7 || got.Connections != len(taken) || int(got.Refused) != 30-len(taken) {
			t.Errorf("%d were taken, stats %+v", len(taken), got)
		}
	})
}

// unhex is bytes as units in Annex B form.
func annexB(t *testing.T, units ...string) string {
	t.Helper()
	var b strings.Builder
	for _, u := range units {
		raw, err := hex.DecodeString(u)
		must(t, err)
		b.WriteString("\x00\x00\x00\x01" + string(raw))
	}
	return b.String()
}

func TestPicturesWithoutParameterSetsAreRefusedAndTheRestGoesOn(t *testing.T) {
	const sps, pps = "6742c028da01e0089f970110000003001000000303c0f1832a", "68ce0fc8"
	const idr, other = "658880", "419a00"
	inYard(t, func(t *testing.T, y *yard) {
		o := producer.StreamConfig{Tracks: []media.Track{
			{Number: 1, Type: media.Video, Codec: media.AVC},
			{Number: 2, Type: media.Audio, Codec: media.MuLaw, SampleRate: 8000, Channels: 1},
		}}
		gate := y.open("gate", o)
		for i := range 10 {
			at := time.Duration(i) * time.Second
			for j, unit := range []string{idr, other} {
				err := gate.Write(t.Context(), frameAt(1, at+time.Duration(j)*100*time.Millisecond, j == 0, annexB(t, unit)))
				wantFrameError(t, err, 1, producer.ErrNeedKeyFrame)
				var fault *producer.FrameError
				if errors.As(err, &fault) && !strings.Contains(fault.Part, "sps") {
					t.Errorf("missing is %q", fault.Part)
				}
			}
			must(t, gate.Write(t.Context(), frameAt(2, at, false, fmt.Sprint("s", i))))
			time.Sleep(time.Second)
		}
		must(t, gate.Write(t.Context(), frameAt(1, 10*time.Second, true, annexB(t, sps, pps, idr))))
		must(t, gate.Write(t.Context(), frameAt(2, 10*time.Second, false, "s10")))
		y.close(gate)
		y.want("gate", 2, words("s%d", 0, 11))
		if got := y.durable("gate", 1); !strings.Contains(got, "\x65\x88\x80") || strings.Contains(got, " ") {
			t.Errorf("durable pictures are %q", got)
		}
		y.blameless()
	})
}

func TestSoundWithoutAConfigurationIsRefusedAndTheRestGoesOn(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		gate := y.open("gate", producer.StreamConfig{Tracks: []media.Track{
			{Number: 1, Type: media.Video, CodecID: "V_TEST"}, {Number: 2, Type: media.Audio, Codec: media.AAC},
		}})
		for i := range 10 {
			at := time.Duration(i) * time.Second
			must(t, gate.Write(t.Context(), frameAt(1, at, true, fmt.Sprint("p", i))))
			wantFrameError(t, gate.Write(t.Context(), frameAt(2, at, false, "\x21\x10\x04")), 2, producer.ErrNeedPrivate)
		}
		y.close(gate)
		y.want("gate", 1, words("p%d", 0, 10))
		y.blameless()
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

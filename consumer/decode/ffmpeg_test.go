package decode_test

import (
	"context"
	"errors"
	"image"
	"iter"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/decode"
	"github.com/millrace/millrace/media"
)

// patience bounds what should take no time.
const patience = 30 * time.Second

// told walks pictures and returns them with the error that ended them.
func told(list iter.Seq2[decode.Picture, error]) (all []decode.Picture, err error) {
	for p, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, nil
}

// run decodes frames and what the decoder keeps back.
func run(ctx context.Context, d decode.Decoder, frames ...consumer.Frame) (all []decode.Picture, err error) {
	for _, f := range frames {
		some, err := told(d.Decode(ctx, f))
		if all = append(all, some...); err != nil {
			return all, err
		}
	}
	rest, err := told(d.Flush(ctx))
	return append(all, rest...), err
}

// matches complains about a picture that is not of the frame.
func matches(t *testing.T, p decode.Picture, f consumer.Frame) {
	t.Helper()
	if !p.Time.Equal(f.Time) || !p.ServerTime.Equal(f.ServerTime) || p.PTS != f.PTS || p.Index != f.Index || p.Fragment != f.Fragment.Number || p.Key != f.Key {
		t.Errorf("picture of %v, index %d, is said to be of %v, index %d", f.Time, f.Index, p.Time, p.Index)
	}
	img := p.Image.(*image.YCbCr)
	if img.Rect.Dx() != wide || img.Rect.Dy() != high {
		t.Fatalf("picture of %v", img.Rect)
	}
	for _, plane := range [][]byte{img.Y, img.Cb, img.Cr} {
		for _, v := range plane {
			if v != byte(f.Index) {
				t.Fatalf("samples of frame %d in the picture of frame %d", v, f.Index)
			}
		}
	}
}

func TestPicturesHaveTheTimesOfTheirFrames(t *testing.T) {
	for name, tc := range map[string]struct {
		frames []consumer.Frame
		want   []int // indices
	}{
		"in order":       {[]consumer.Frame{frame(0, 0, show), frame(1, 40, show), frame(2, 80, show)}, []int{0, 1, 2}},
		"with b frames":  {[]consumer.Frame{frame(0, 0, show), frame(1, 120, hold), frame(2, 40, hold), frame(3, 80, show)}, []int{0, 2, 3, 1}},
		"with losses":    {[]consumer.Frame{frame(0, 0, show), frame(1, 120, hold), frame(2, 40, lose), frame(3, 80, show), frame(4, 160, lose)}, []int{0, 3, 1}},
		"kept back":      {[]consumer.Frame{frame(0, 0, hold), frame(1, 40, hold)}, []int{0, 1}},
		"of one time":    {[]consumer.Frame{frame(0, 40, show), frame(1, 40, show), frame(2, 40, show)}, []int{0, 1, 2}},
		"before the key": {[]consumer.Frame{frame(5, 0, show), frame(0, 40, hold), frame(1, 20, show)}, []int{1, 0}},
	} {
		got, err := run(t.Context(), scripted(t, decode.Options{}), tc.frames...)
		if err != nil || len(got) != len(tc.want) {
			t.Errorf("%s: %d pictures, %v", name, len(got), err)
			continue
		}
		for i, index := range tc.want {
			f := slices.IndexFunc(tc.frames, func(f consumer.Frame) bool { return f.Index == index })
			matches(t, got[i], tc.frames[f])
		}
	}
}

// A producer that starts again, a day of nothing, and frames that are closer than
// a millisecond do not confuse times.
func TestTimesMayGoAnywhere(t *testing.T) {
	frames := []consumer.Frame{frame(0, 86_400_000, show), frame(1, 86_400_040, show), frame(0, 0, hold), frame(1, 40, show), frame(2, 80_000_000, show)}
	for i := range 3 {
		f := frame(3+i, 80_000_040, show)
		f.PTS += time.Duration(i) * 100 * time.Microsecond
		frames = append(frames, f)
	}
	frames = append(frames, frame(0, -5000, show), frame(1, -90_000_000, show), frame(2, -89_999_960, show))
	got, err := run(t.Context(), scripted(t, decode.Options{}), frames...)
	if err != nil || len(got) != len(frames) {
		t.Fatalf("%d pictures of %d, %v", len(got), len(frames), err)
	}
	for i, f := range frames {
		matches(t, got[i], f)
	}
}

func TestOnlyKeyFramesAreDecoded(t *testing.T) {
	d := scripted(t, decode.Options{KeyFrames: true})
	got, err := run(t.Context(), d, frame(0, 0, show), frame(1, 40, die), frame(0, 80, show), frame(1, 120, die))
	if err != nil || len(got) != 2 || got[1].PTS != 80*time.Millisecond {
		t.Errorf("%d pictures, %v", len(got), err)
	}
}

// An hour of frames goes through although few may be on the way at a time.
func TestManyFramesGoThrough(t *testing.T) {
	d := scripted(t, decode.Options{})
	var frames []consumer.Frame
	for n := range 3000 {
		frames = append(frames, frame(n, 40*n, show))
	}
	got, err := run(t.Context(), d, frames...)
	if err != nil || len(got) != len(frames) {
		t.Fatalf("%d pictures, %v", len(got), err)
	}
	for i, p := range got {
		if p.Index != i {
			t.Fatalf("picture %d is of frame %d", i, p.Index)
		}
	}
}

// Who leaves the loop at every picture gets all of them in the end; who never
// takes any is told.
func TestPicturesWaitForWhoLeavesTheLoop(t *testing.T) {
	d := scripted(t, decode.Options{})
	var got []decode.Picture
	for n := range 40 {
		for p, err := range d.Decode(t.Context(), frame(n, 40*n, show)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p)
			break
		}
	}
	for len(got) < 40 {
		before := len(got)
		for p, err := range d.Flush(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p)
			break
		}
		if len(got) == before {
			break
		}
	}
	if len(got) != 40 || !slices.IsSortedFunc(got, func(a, b decode.Picture) int { return a.Index - b.Index }) {
		t.Errorf("%d pictures of 40", len(got))
	}
}

func TestTooManyFramesInFrontOfAChildThatStandsStill(t *testing.T) {
	d := scripted(t, decode.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := told(d.Decode(ctx, frame(0, 0, deafen))); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(200*time.Millisecond, cancel)
	defer stop.Stop()
	var err error
	large := frame(1, 40, show)
	large.Data = append(large.Data, make([]byte, 1<<20)...)
	for n := 0; err == nil && n < 1000; n++ {
		_, err = told(d.Decode(ctx, large))
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	// It begins anew with a key frame.
	if got, err := run(t.Context(), d, frame(1, 80, show), frame(0, 120, show)); err != nil || len(got) != 1 || got[0].PTS != 120*time.Millisecond {
		t.Errorf("%d pictures, %v", len(got), err)
	}
}

func TestFlushEndsWithTheContext(t *testing.T) {
	d := scripted(t, decode.Options{})
	if _, err := told(d.Decode(t.Context(), frame(0, 0, deafen))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := told(d.Flush(ctx)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestCloseEndsAChildThatStandsStill(t *testing.T) {
	d := scripted(t, decode.Options{})
	if _, err := told(d.Decode(t.Context(), frame(0, 0, deafen))); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := d.Close(); err != nil || time.Since(begun) > patience {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	if _, err := told(d.Decode(t.Context(), frame(0, 0, show))); !errors.Is(err, decode.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if _, err := told(d.Flush(t.Context())); !errors.Is(err, decode.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if err := d.Configure(track()); !errors.Is(err, decode.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

func TestAChildThatDies(t *testing.T) {
	for name, tc := range map[string]struct {
		do     byte
		status int
		last   string
	}{
		"with words":          {die, 3, "[error] complaint 9"},
		"inside of a picture": {cut, 4, "[fatal] cut short"},
		"without a reason":    {leave, 0, ""},
	} {
		d := scripted(t, decode.Options{})
		got, err := untilItEnds(t, d, frame(0, 0, show), frame(1, 40, tc.do))
		var died *decode.ProcessError
		if !errors.As(err, &died) || len(got) != 1 {
			t.Errorf("%s: %d pictures, %v", name, len(got), err)
			continue
		}
		var exit *exec.ExitError
		if errors.As(err, &exit); tc.status != 0 && (exit == nil || exit.ExitCode() != tc.status) {
			t.Errorf("%s: %v", name, err)
		}
		if tc.last != "" && (len(died.Output) == 0 || died.Output[len(died.Output)-1] != tc.last || !strings.Contains(err.Error(), tc.last)) {
			t.Errorf("%s: its last words are %q", name, died.Output)
		}
		if _, again := told(d.Decode(t.Context(), frame(0, 120, show))); !errors.Is(again, err) {
			t.Errorf("%s: then %v", name, again)
		}
		if err := d.Configure(track()); err != nil {
			t.Fatal(err)
		}
		if got, err := run(t.Context(), d, frame(0, 160, show)); err != nil || len(got) != 1 {
			t.Errorf("%s: configured anew: %d pictures, %v", name, len(got), err)
		}
	}
}

// untilItEnds decodes frames, and waits for an error.
func untilItEnds(t *testing.T, d decode.Decoder, frames ...consumer.Frame) (all []decode.Picture, err error) {
	t.Helper()
	for begun := time.Now(); err == nil && time.Since(begun) < patience; {
		var f consumer.Frame // nothing to decode
		if len(frames) > 0 {
			f, frames = frames[0], frames[1:]
		} else {
			time.Sleep(time.Millisecond) // of a process
		}
		var some []decode.Picture
		some, err = told(d.Decode(t.Context(), f))
		all = append(all, some...)
	}
	return all, err
}

func TestAPictureThatIsTooLarge(t *testing.T) {
	got, err := untilItEnds(t, scripted(t, decode.Options{}), frame(0, 0, show), frame(1, 40, huge))
	if !errors.Is(err, decode.ErrTooLarge) || len(got) != 1 {
		t.Errorf("%d pictures, %v", len(got), err)
	}
}

func TestAMissingProgramIsATypedError(t *testing.T) {
	if _, err := decode.NewFFmpeg(decode.Options{Path: filepath.Join(t.TempDir(), "ffmpeg")}); !errors.Is(err, decode.ErrNoFFmpeg) {
		t.Errorf("error %v", err)
	}
	d := decode.New(decode.Options{Path: "there-is-no-such-program"})
	defer d.Close()
	if err := d.Configure(track()); !errors.Is(err, decode.ErrNoFFmpeg) {
		t.Errorf("error %v", err)
	}
	if _, err := told(d.Decode(t.Context(), frame(0, 0, show))); !errors.Is(err, decode.ErrNotConfigured) {
		t.Errorf("error %v", err)
	}
}

func TestOtherTracksAreRefused(t *testing.T) {
	d := scripted(t, decode.Options{})
	for _, other := range []media.Track{{Type: media.Audio, CodecID: "A_AAC"}, {Type: media.Metadata, CodecID: "X_RADAR"}} {
		if err := d.Configure(other); !errors.Is(err, decode.ErrUnsupported) {
			t.Errorf("%s: %v", other.CodecID, err)
		}
	}
	if err := decode.NewStills(decode.Options{}).Configure(track()); !errors.Is(err, decode.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
}

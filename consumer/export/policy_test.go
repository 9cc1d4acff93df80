package export_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A told is a document with what the service says in front of it.
func told(number uint64, producer time.Time, doc []byte) []byte {
	tag := func(name, value string) []mkv.SimpleTag { return []mkv.SimpleTag{{Name: name, String: value}} }
	seconds := strconv.FormatFloat(float64(producer.UnixMilli())/1000, 'f', 3, 64)
	tags := mkv.AppendTags(nil, []mkv.Tag{
		{Simple: tag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", strconv.FormatUint(number, 10))},
		{Simple: tag("AWS_KINESISVIDEO_SERVER_TIMESTAMP", seconds)},
		{Simple: tag("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", seconds)},
	}, 0)
	cluster := bytes.Index(doc, mkv.AppendID(nil, mkv.IDCluster))
	behind := mkv.AppendTags(nil, []mkv.Tag{
		{Simple: tag("AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", "0")},
		{Simple: tag("AWS_KINESISVIDEO_CONTINUATION_TOKEN", "t")},
	}, 0)
	return slices.Concat(doc[:cluster], tags, doc[cluster:], behind)
}

// parts writes documents to files in memory.
func parts(t *testing.T, o export.Options, documents ...[]byte) (files []string, err error) {
	t.Helper()
	dir := t.TempDir()
	err = export.Files(t.Context(), consumer.ReadFrom(bytes.NewReader(slices.Concat(documents...)), consumer.ReadOptions{}), o,
		func(part int) (io.WriteSeeker, error) {
			files = append(files, filepath.Join(dir, strconv.Itoa(part)))
			return os.Create(files[len(files)-1])
		})
	return files, err
}

func timesIn(t *testing.T, files []string) (all [][]int64) {
	t.Helper()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := times(t, b)
		all = append(all, got)
	}
	return all
}

func equalTimes(a, b [][]int64) bool { return slices.EqualFunc(a, b, slices.Equal) }

func TestPoliciesOfTimeAndTracks(t *testing.T) {
	goesBack := [][]byte{document("V_A", 5000, 1, 0, 40), document("V_A", 0, 1, 0, 40), document("V_A", 80, 1, 0)}
	pair := []mkv.Track{{Number: 1, Type: mkv.TrackVideo, CodecID: "V_A"}, {Number: 2, Type: mkv.TrackVideo, CodecID: "V_A"}}
	changes := [][]byte{document("V_A", 0, 1, 0, 40), document("V_B", 80, 1, 0, 40), document("V_A", 160, 1, 0)}
	for name, tc := range map[string]struct {
		options   export.Options
		documents [][]byte
		want      [][]int64
		err       error
		reasons   []error // of splits
		moves     []time.Duration
	}{
		"time that goes back is moved behind, and told": {
			documents: goesBack, want: [][]int64{{0, 40, 80, 120, 160}}, moves: []time.Duration{80 * time.Millisecond},
		},
		"a fragment that begins with the last frame's time goes back": {
			documents: [][]byte{document("V_A", 0, 1, 0, 40), document("V_A", 40, 1, 0)},
			want:      [][]int64{{0, 40, 80}}, moves: []time.Duration{80 * time.Millisecond},
		},
		"so does one that begins before the last fragment, with another track": {
			documents: [][]byte{
				film(pair, 0, block{1, 0, nil}), film(pair, 1000, block{1, 0, nil}), film(pair, 500, block{2, 0, nil}),
			},
			want: [][]int64{{0, 1000, 1040}}, moves: []time.Duration{1040 * time.Millisecond},
		},
		"time that goes back begins a file": {
			options: export.Options{TimeBack: export.TimeBackSplits}, documents: goesBack,
			want: [][]int64{{0, 40}, {0, 40, 80}}, reasons: []error{export.ErrTimeBack},
		},
		"time that goes back is an error, and the file before it is whole": {
			options: export.Options{TimeBack: export.TimeBackStops}, documents: goesBack, want: [][]int64{{0, 40}}, err: export.ErrTimeBack,
		},
		"other tracks begin a file": {
			documents: changes, want: [][]int64{{0, 40}, {0, 40}, {0}}, reasons: []error{export.ErrTracksChanged, export.ErrTracksChanged},
		},
		"other tracks are an error, and the file before is whole": {
			options: export.Options{Changes: export.ChangesStop}, documents: changes, want: [][]int64{{0, 40}}, err: export.ErrTracksChanged,
		},
		"gaps are packed, and told": {
			options:   export.Options{PackGaps: true},
			documents: [][]byte{document("V_A", 1000, 1, 0, 40), document("V_A", 61_000, 1, 0, 40), document("V_A", 61_090, 1, 0)},
			want:      [][]int64{{0, 40, 80, 120, 170}}, moves: []time.Duration{80 * time.Millisecond},
		},
		"a file ends where it is long enough": {
			options:   export.Options{Length: 100 * time.Millisecond},
			documents: [][]byte{document("V_A", 0, 1, 0, 40), document("V_A", 80, 1, 0, 40), document("V_A", 160, 1, 0)},
			want:      [][]int64{{0, 40, 80, 120}, {0}}, reasons: []error{export.ErrLength},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var reasons []error
			var moves []time.Duration
			finished := 0
			tc.options.Events = export.Events{
				Split:    func(s export.Split) { reasons = append(reasons, s.Reason) },
				Moved:    func(m export.Move) { moves = append(moves, m.To) },
				Finished: func(export.Part) { finished++ },
			}
			files, err := parts(t, tc.options, tc.documents...)
			if !errors.Is(err, tc.err) || err != nil && tc.err == nil {
				t.Errorf("error %v", err)
			}
			if got := timesIn(t, files); !equalTimes(got, tc.want) || finished != len(files) {
				t.Errorf("times %v in %d files, want %v", got, finished, tc.want)
			}
			if !slices.Equal(reasons, tc.reasons) || !slices.Equal(moves, tc.moves) {
				t.Errorf("files for %v, moved to %v", reasons, moves)
			}
		})
	}
}

func TestASessionThatCountsAnewIsWhereTheProducersClockPutsIt(t *testing.T) {
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	moves := 0
	files, err := parts(t, export.Options{Events: export.Events{Moved: func(export.Move) { moves++ }}},
		told(1, began, document("V_A", 70_000, 1, 0, 40)),
		told(2, began.Add(time.Minute), document("V_A", 0, 1, 0, 40)),
		told(3, began.Add(time.Minute+80*time.Millisecond), document("V_A", 80, 1, 0)),
		told(4, began.Add(2*time.Minute), document("V_A", 500_000, 1, 0)), // and one whose times are ahead
		told(5, began.Add(time.Minute), document("V_A", 0, 1, 0)),         // and one that overlaps
		told(6, began.Add(time.Minute+40*time.Millisecond), document("V_A", 40, 1, 0)),
	)
	want := [][]int64{{0, 40, 60_000, 60_040, 60_080, 120_000, 120_040, 120_080}}
	if got := timesIn(t, files); err != nil || !equalTimes(got, want) || moves != 1 {
		t.Errorf("times %v, %d moves, %v", got, moves, err)
	}
}

func TestWhatIsSentAgainIsWrittenOnce(t *testing.T) {
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	sent := func(blocks ...int16) []byte {
		doc := document("V_A", 5000, 1, blocks...)
		from := bytes.Index(doc, mkv.AppendID(nil, mkv.IDInfo))
		info := mkv.AppendInfo(nil, mkv.Info{SegmentUID: []byte("0123456789abcdef")})
		return slices.Concat(doc[:from], info, doc[bytes.Index(doc, mkv.AppendID(nil, mkv.IDTracks)):])
	}
	for replays, want := range map[bool][][]int64{false: {{0, 40, 80}}, true: {{0, 40, 80, 120, 160}}} {
		files, err := parts(t, export.Options{Replays: replays}, told(1, began, sent(0, 40)), told(2, began, sent(0, 40, 80)))
		if got := timesIn(t, files); err != nil || !equalTimes(got, want) {
			t.Errorf("times %v, %v", got, err)
		}
		out, err := piped(t, export.Options{Replays: replays}, told(1, began, sent(0, 40)), told(2, began, sent(0, 40, 80)))
		if got, _ := times(t, out.Bytes()); err != nil || !slices.Equal(got, want[0]) {
			t.Errorf("times %v on a pipe, %v", got, err)
		}
	}
}

func TestWhatAProducerCallsItsTracksIsNoChange(t *testing.T) {
	named := func(uid uint64, name string) []byte {
		doc := document("V_A", 80*uid, 1, 0, 40)
		from, _, _ := bytes.Cut(doc, mkv.AppendID(nil, mkv.IDTracks))
		tracks := mkv.AppendTracks(nil, []mkv.Track{{Number: 1, UID: uid, Name: name, Type: mkv.TrackVideo, CodecID: "V_A"}})
		at := bytes.Index(doc, mkv.AppendID(nil, mkv.IDCluster))
		return slices.Concat(from, tracks, doc[at:])
	}
	out, _, err := exported(t, newMKV, named(1, "door"), named(2, "gate"))
	if got, headers := times(t, out); err != nil || len(got) != 4 || headers != 1 {
		t.Errorf("times %v under %d headers, %v", got, headers, err)
	}
}

func TestTracksThatAContainerCannotCarry(t *testing.T) {
	doc := document("V_A", 0, 2, 0, 20, 40)
	var out bytes.Buffer
	for _, c := range []export.Container{
		export.ContainerMP4, export.ContainerTS, export.ContainerAnnexB, export.ContainerADTS, export.ContainerWAV, export.ContainerJPEG,
	} {
		for _, leaveOut := range []bool{false, true} {
			w, err := export.New(&out, export.Options{Container: c, LeaveOut: leaveOut})
			if err != nil {
				t.Fatal(err)
			}
			err = export.Copy(t.Context(), consumer.ReadFrom(bytes.NewReader(doc), consumer.ReadOptions{}), w)
			told, ok := errors.AsType[*export.TrackError](err)
			if !errors.Is(err, export.ErrCarry) || !ok || told.Track != 1 || told.CodecID != "V_A" || told.Container != c || out.Len() > 0 {
				t.Errorf("%s: %v, %d bytes", c, err, out.Len())
			}
		}
	}
}

func TestATrackIsLeftOutWithAWordOrNotAtAll(t *testing.T) {
	doc := film([]mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_A"}, aac(2), aac(3)}, 0,
		block{1, 0, []byte("picture")}, block{2, 0, []byte("sound")}, block{3, 0, []byte("more")}, block{9, 0, []byte("what is that?")}, block{9, 1, []byte("it again")})
	for _, leaveOut := range []bool{false, true} {
		var left []media.TrackNumber
		out, err := piped(t, export.Options{Container: export.ContainerADTS, LeaveOut: leaveOut, Events: export.Events{
			LeftOut: func(err *export.TrackError) { left = append(left, err.Track) },
		}}, doc)
		if !leaveOut && (!errors.Is(err, export.ErrCarry) || out.Len() > 0) {
			t.Errorf("error %v, %d bytes", err, out.Len())
		}
		if leaveOut && (err != nil || !bytes.HasSuffix(out.Bytes(), []byte("sound")) || !slices.Equal(left, []media.TrackNumber{1, 3, 9})) {
			t.Errorf("error %v, left out %v, wrote %q", err, left, out.Bytes())
		}
	}
}

func TestWhatHasNoNameHereStaysInTheTracks(t *testing.T) {
	entry := mkv.AppendBytes(nil, mkv.IDTrackEntry, slices.Concat(
		mkv.AppendUint(nil, mkv.IDTrackNumber, 1), mkv.AppendUint(nil, mkv.IDTrackUID, 1), mkv.AppendUint(nil, mkv.IDTrackType, 1),
		mkv.AppendString(nil, mkv.IDCodecID, "V_A"), mkv.AppendBytes(nil, mkv.ElementID(0x2eb524), []byte("unheard of"))))
	doc := document("V_A", 0, 1, 0)
	doc = slices.Concat(doc[:bytes.Index(doc, mkv.AppendID(nil, mkv.IDTracks))], mkv.AppendBytes(nil, mkv.IDTracks, entry),
		doc[bytes.Index(doc, mkv.AppendID(nil, mkv.IDCluster)):])
	for _, live := range []bool{false, true} {
		files, err := parts(t, export.Options{Live: live}, doc)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(files[0]); err != nil || !bytes.Contains(b, entry) {
			t.Errorf("live %v: %v", live, err)
		}
	}
}

// TestFramesThatMatroskaCompressesAreForMatroskaAlone: they are not the codec's.
func TestFramesThatMatroskaCompressesAreForMatroskaAlone(t *testing.T) {
	encoded := mkv.AppendBytes(nil, mkv.ElementID(0x6d80), mkv.AppendBytes(nil, mkv.ElementID(0x6240), nil))
	plain := mkv.AppendTrack(nil, aac(1))
	entry := mkv.AppendBytes(nil, mkv.IDTrackEntry, slices.Concat(plain[2:], encoded)) // a head of two bytes
	doc := film([]mkv.Track{aac(1)}, 0, block{1, 0, []byte("zzz")})
	doc = slices.Concat(doc[:bytes.Index(doc, mkv.AppendID(nil, mkv.IDTracks))], mkv.AppendBytes(nil, mkv.IDTracks, entry),
		doc[bytes.Index(doc, mkv.AppendID(nil, mkv.IDCluster)):])
	for _, c := range []export.Container{export.ContainerMP4, export.ContainerTS, export.ContainerADTS} {
		if out, err := piped(t, export.Options{Container: c}, doc); !errors.Is(err, export.ErrCarry) || out.Len() > 0 {
			t.Errorf("%s: %v", c, err)
		}
	}
	if out, err := piped(t, export.Options{}, doc); err != nil || !bytes.Contains(out.Bytes(), encoded) {
		t.Errorf("mkv: %v", err)
	}
	files, err := parts(t, export.Options{}, doc, film([]mkv.Track{aac(1)}, 100, block{1, 0, []byte("plain")}))
	if err != nil || len(files) != 2 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

// closing is a file that says when it is closed.
type closing struct {
	sparse
	closed *int
}

func (c *closing) Close() error {
	*c.closed++
	return nil
}

func TestEachPartIsClosed(t *testing.T) {
	opened, closed := 0, 0
	in := slices.Concat(document("V_A", 0, 1, 0), document("V_B", 40, 1, 0))
	err := export.Files(t.Context(), consumer.ReadFrom(bytes.NewReader(in), consumer.ReadOptions{}), export.Options{}, func(int) (io.WriteSeeker, error) {
		opened++
		return &closing{closed: &closed}, nil
	})
	if err != nil || opened != 2 || closed != 2 {
		t.Errorf("%d files, %d closed, %v", opened, closed, err)
	}
}

func TestTracksThatAreNotWantedAreNotInTheFile(t *testing.T) {
	for _, live := range []bool{false, true} {
		files, err := parts(t, export.Options{Tracks: []media.TrackNumber{2}, Live: live}, document("V_A", 0, 2, 0, 20, 40, 60))
		if got := timesIn(t, files); err != nil || !equalTimes(got, [][]int64{{20, 60}}) {
			t.Errorf("times %v, %v", got, err)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		for f, err := range consumer.ReadFrom(bytes.NewReader(b), consumer.ReadOptions{}).Fragments(t.Context()) {
			if err != nil || len(f.Header.Tracks) != 1 || f.Header.Tracks[0].Number != 2 {
				t.Errorf("tracks %v, %v", f.Header.Tracks, err)
			}
		}
	}
}

func TestAClosedWriterTakesNothing(t *testing.T) {
	for name, w := range map[string]export.Writer{"one": export.NewMKV(io.Discard)} {
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for f, err := range consumer.ReadFrom(bytes.NewReader(document("V_A", 0, 1, 0)), consumer.ReadOptions{}).Fragments(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if err := w.WriteFragment(f); !errors.Is(err, export.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

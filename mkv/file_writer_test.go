package mkv_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/mkv"
)

// writeFile writes a file of three seconds: a key frame and two others each.
func writeFile(t *testing.T, f io.WriteSeeker, h mkv.Header) {
	t.Helper()
	w := mkv.NewFileWriter(f)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.WriteHeader(h))
	for second := range 3 {
		must(w.StartCluster(uint64(1000 * (second + 5))))
		for i := range 3 {
			var flags mkv.BlockFlags
			if i == 0 {
				flags = mkv.FlagKeyframe
			}
			must(w.WriteBlock(1, int16(i*333), flags, bytes.Repeat([]byte{byte(i)}, 40_000)))
			must(w.WriteBlock(2, int16(i*333+5), mkv.FlagKeyframe, []byte("audio")))
		}
		if second == 1 {
			must(w.WriteTags([]mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "n", String: "v"}}}}))
		}
	}
	must(w.Finish())
}

func tempFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "out.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// child returns the one child of a payload with the given id.
func child(t *testing.T, data []byte, id mkv.ElementID) mkv.Element {
	t.Helper()
	var found mkv.Element
	for e, err := range mkv.Children(data) {
		if err != nil {
			t.Fatal(err)
		}
		if e.ID == id {
			found = e
		}
	}
	return found
}

func uintOf(t *testing.T, e mkv.Element) uint64 {
	t.Helper()
	v, err := mkv.ParseUint(e.Data())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFileWriterKnowsAllSizes(t *testing.T) {
	f := tempFile(t)
	writeFile(t, f, header())
	file := readFile(t, f.Name())
	got, err := drain(t, mkv.NewReader(bytes.NewReader(file), mkv.ReaderOptions{}), file)
	if err != io.EOF {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range got {
		switch {
		case r.Size == mkv.UnknownSize:
			t.Errorf("%v is of unknown size", r)
		case r.ID == mkv.IDSegment && r.Kind == mkv.Start && r.offset+r.Size != int64(len(file)):
			t.Errorf("the Segment says %d bytes, the file has %d", r.Size, len(file))
		case r.Level == 1 && r.Kind != mkv.End:
			ids = append(ids, r.ID.String())
		}
	}
	want := "SeekHead Info Void Tracks Cluster Cluster Tags Cluster Cues"
	if diff := cmp.Diff(want, strings.Join(ids, " ")); diff != "" {
		t.Error(diff)
	}
	end, err := f.Seek(0, io.SeekCurrent)
	if end != int64(len(file)) || err != nil {
		t.Errorf("the file stands at %d of %d, %v", end, len(file), err)
	}
}

func TestFileWriterLeadsToWhatIsInTheFile(t *testing.T) {
	f := tempFile(t)
	if _, err := f.WriteString("something else before"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, f, header())
	file := readFile(t, f.Name())[len("something else before"):]

	at := map[int64]record{}
	var segment int64
	var seekHead, cues mkv.Element
	got, _ := drain(t, mkv.NewReader(bytes.NewReader(file), mkv.ReaderOptions{}), file)
	for _, r := range got {
		switch {
		case r.Kind == mkv.End:
			continue
		case r.ID == mkv.IDSegment:
			segment = r.offset
		case r.ID == mkv.IDSeekHead:
			seekHead = r.Element
		case r.ID == mkv.IDCues:
			cues = r.Element
		}
		at[r.Offset] = r
	}
	entries := 0
	for e := range mkv.Children(seekHead.Data()) {
		entries++
		id := mkv.ElementID(uintOf(t, child(t, e.Data(), mkv.IDSeekID)))
		position := int64(uintOf(t, child(t, e.Data(), mkv.IDSeekPosition)))
		if at[segment+position].ID != id {
			t.Errorf("%v is not at %d", id, segment+position)
		}
	}
	if entries != 4 {
		t.Errorf("%d entries in the SeekHead", entries)
	}
	var times []uint64
	for e := range mkv.Children(cues.Data()) {
		times = append(times, uintOf(t, child(t, e.Data(), mkv.IDCueTime)))
		where := child(t, e.Data(), mkv.IDCueTrackPositions).Data()
		cluster := at[segment+int64(uintOf(t, child(t, where, mkv.IDCueClusterPosition)))]
		block := at[cluster.offset+int64(uintOf(t, child(t, where, mkv.IDCueRelativePosition)))]
		b, err := mkv.ParseBlock(block.Data())
		if cluster.ID != mkv.IDCluster || block.ID != mkv.IDSimpleBlock || !b.Keyframe() || err != nil || b.Track != uintOf(t, child(t, where, mkv.IDCueTrack)) {
			t.Errorf("the cue leads to %v, %v", cluster, block)
		}
	}
	if diff := cmp.Diff([]uint64{5000, 6000, 7000}, times); diff != "" {
		t.Error(diff)
	}
}

func TestFileWriterSaysTheDuration(t *testing.T) {
	withFrame := header()
	withFrame.Tracks[0].DefaultDuration = 500_000_000
	audioOnly := header()
	audioOnly.Tracks[0].Type = mkv.TrackAudio
	audioOnly.Tracks[1].DefaultDuration = 1_000_000
	tests := []struct {
		name   string
		header mkv.Header
		want   float64
		cues   int
	}{
		{"from the last gap", header(), 3004, 3},
		{"from the frames' duration", withFrame, 3166, 3},
		{"of sound alone", audioOnly, 2999, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := tempFile(t)
			writeFile(t, f, test.header)
			file := readFile(t, f.Name())
			if duration, cues := durationAndCues(t, file); duration != test.want || len(cues) != test.cues {
				t.Errorf("duration %v and %d cues, want %v and %d", duration, len(cues), test.want, test.cues)
			}
		})
	}
}

// durationAndCues returns the duration and the times of the cues in a file.
func durationAndCues(t *testing.T, file []byte) (duration float64, times []uint64) {
	t.Helper()
	got, err := drain(t, mkv.NewReader(bytes.NewReader(file), mkv.ReaderOptions{}), file)
	if err != io.EOF {
		t.Fatal(err)
	}
	for _, r := range got {
		switch r.ID {
		case mkv.IDInfo:
			info, err := mkv.ParseInfo(r.Data())
			if err != nil {
				t.Fatal(err)
			}
			duration = info.Duration
		case mkv.IDCues:
			for e := range mkv.Children(r.Data()) {
				times = append(times, uintOf(t, child(t, e.Data(), mkv.IDCueTime)))
			}
		}
	}
	return duration, times
}

func TestFileWriterTakesFramesInAnyOrder(t *testing.T) {
	f := tempFile(t)
	w := mkv.NewFileWriter(f)
	err := errors.Join(
		w.WriteHeader(header()),
		w.StartCluster(100),
		w.WriteBlock(1, 40, mkv.FlagKeyframe, nil),
		w.WriteBlock(1, 0, 0, nil),
		w.WriteBlock(1, -300, mkv.FlagKeyframe, nil), // before zero: no cue can say that
		w.StartCluster(60),
		w.WriteBlock(1, 20, mkv.FlagKeyframe, nil),
		w.WriteBlock(1, 120, 0, nil),
		w.Finish(),
	)
	if err != nil {
		t.Fatal(err)
	}
	duration, cues := durationAndCues(t, readFile(t, f.Name()))
	if diff := cmp.Diff([]uint64{80, 140}, cues); diff != "" || duration != 180+200+40 {
		t.Errorf("duration %v, cues %s", duration, diff)
	}
}

func TestFileWriterOfNothingIsAValidFile(t *testing.T) {
	f := tempFile(t)
	w := mkv.NewFileWriter(f)
	if err := errors.Join(w.WriteHeader(header()), w.Finish()); err != nil {
		t.Fatal(err)
	}
	file := readFile(t, f.Name())
	if _, err := drain(t, mkv.NewReader(bytes.NewReader(file), mkv.ReaderOptions{}), file); err != io.EOF {
		t.Error(err)
	}
}

func TestFileWriterWithoutFinishCanBeRead(t *testing.T) {
	f := tempFile(t)
	w := mkv.NewFileWriter(f)
	if err := errors.Join(w.WriteHeader(header()), w.StartCluster(1), w.WriteBlock(1, 0, 0, nil), w.StartCluster(2)); err != nil {
		t.Fatal(err)
	}
	file := readFile(t, f.Name())
	got, err := drain(t, mkv.NewReader(bytes.NewReader(file), mkv.ReaderOptions{}), file)
	if err != io.EOF || len(got) != 10 {
		t.Errorf("%v\n%s", err, lines(got))
	}
}

func TestFileWriterRefusesCallsOutOfOrder(t *testing.T) {
	calls := map[string]func(*mkv.FileWriter) error{
		"header":  func(w *mkv.FileWriter) error { return w.WriteHeader(header()) },
		"cluster": func(w *mkv.FileWriter) error { return w.StartCluster(1) },
		"block":   func(w *mkv.FileWriter) error { return w.WriteBlock(1, 0, 0, []byte("x")) },
		"tags":    func(w *mkv.FileWriter) error { return w.WriteTags(nil) },
		"finish":  func(w *mkv.FileWriter) error { return w.Finish() },
	}
	tests := []struct{ before, refused string }{
		{"", "cluster block tags finish"},
		{"header", "header block"},
		{"header cluster", "header"},
		{"header cluster tags", "header block"},
		{"header cluster finish", "header cluster block tags finish"},
	}
	for _, test := range tests {
		for name, call := range calls {
			w := mkv.NewFileWriter(tempFile(t))
			for _, step := range strings.Fields(test.before) {
				if err := calls[step](w); err != nil {
					t.Fatal(err)
				}
			}
			if err := call(w); errors.Is(err, mkv.ErrOrder) != strings.Contains(test.refused, name) {
				t.Errorf("%s after %q: %v", name, test.before, err)
			}
		}
	}
}

func TestFileWriterRefusesWhatAFileCannotSay(t *testing.T) {
	w := mkv.NewFileWriter(tempFile(t))
	if err := w.WriteHeader(header()); err != nil {
		t.Fatal(err)
	}
	if err := w.StartCluster(1 << 63); !errors.Is(err, mkv.ErrBadValue) {
		t.Error(err)
	}
	if err := w.StartCluster(0); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteBlock(3, 0, 0, nil); !errors.Is(err, mkv.ErrBadValue) {
		t.Error(err)
	}
	if err := w.WriteBlock(1, -1, mkv.FlagKeyframe, nil); err != nil {
		t.Error(err)
	}
	if err := w.Finish(); err != nil {
		t.Error(err)
	}
}

// seekless fails to seek after n times.
type seekless struct {
	failing
	seeks int
}

func (s *seekless) Seek(int64, int) (int64, error) {
	if s.seeks--; s.seeks < 0 {
		return 0, errFull
	}
	return 0, nil
}

func TestFileWriterKeepsTheFirstError(t *testing.T) {
	for writes := range 6 {
		for seeks := range 7 {
			w := mkv.NewFileWriter(&seekless{failing{writes}, seeks})
			var first error
			for _, step := range []func() error{
				func() error { return w.WriteHeader(header()) },
				func() error { return w.StartCluster(0) },
				func() error { return w.WriteBlock(1, 0, 0, nil) },
				w.Finish,
			} {
				err := step()
				if first != nil && err != first {
					t.Errorf("%v after %v", err, first)
				}
				if first == nil {
					first = err
				}
			}
			if full := writes >= 5 && seeks >= 7; !full && !errors.Is(first, errFull) {
				t.Errorf("%d writes, %d seeks: %v", writes, seeks, first)
			}
		}
	}
}

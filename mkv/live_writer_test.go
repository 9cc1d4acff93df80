package mkv_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/mkv"
)

func header() mkv.Header {
	return mkv.Header{
		Info: mkv.Info{MuxingApp: "test", WritingApp: "test"},
		Tracks: []mkv.Track{
			{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST", Video: mkv.Video{PixelWidth: 64, PixelHeight: 48}},
			{Number: 2, UID: 2, Type: mkv.TrackAudio, CodecID: "A_TEST", Audio: mkv.Audio{SamplingFrequency: 8000, Channels: 1}},
		},
	}
}

func TestLiveWriter(t *testing.T) {
	var out bytes.Buffer
	w := mkv.NewLiveWriter(&out)
	steps := []func() error{
		func() error { return w.WriteHeader(header()) },
		func() error { return w.WriteTags([]mkv.Tag{{}}) },
		func() error { return w.StartCluster(1700000000123) },
		func() error { return w.WriteVoid([]byte("identity")) },
		func() error { return w.WriteBlock(1, 0, mkv.FlagKeyframe, []byte("key")) },
		func() error { return w.WriteBlock(2, -3, 0, nil) },
		func() error { return w.WriteVoid(nil) },
		func() error { return w.StartCluster(0) },
		func() error { return w.WriteTags(nil) },
		func() error { return w.WriteVoid(nil) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if w.Offset() != int64(out.Len()) {
			t.Fatalf("step %d: offset %d, %d bytes", i, w.Offset(), out.Len())
		}
	}
	got, err := drain(t, mkv.NewReader(bytes.NewReader(out.Bytes()), mkv.ReaderOptions{}), out.Bytes())
	if err != io.EOF {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range got {
		if r.Kind != mkv.End {
			ids = append(ids, r.ID.String())
		}
	}
	want := "EBML Segment Info Tracks Tags Cluster Timecode Void SimpleBlock SimpleBlock Void Cluster Timecode Tags Void"
	if diff := cmp.Diff(want, strings.Join(ids, " ")); diff != "" {
		t.Error(diff)
	}
	b, err := mkv.ParseBlock(got[9].Data())
	if diff := cmp.Diff(mkv.Block{Track: 2, RelTime: -3, Payload: []byte{}}, b); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestLiveWriterRefusesCallsOutOfOrder(t *testing.T) {
	calls := map[string]func(*mkv.LiveWriter) error{
		"header":  func(w *mkv.LiveWriter) error { return w.WriteHeader(header()) },
		"cluster": func(w *mkv.LiveWriter) error { return w.StartCluster(1) },
		"block":   func(w *mkv.LiveWriter) error { return w.WriteBlock(1, 0, 0, []byte("x")) },
		"void":    func(w *mkv.LiveWriter) error { return w.WriteVoid(nil) },
		"tags":    func(w *mkv.LiveWriter) error { return w.WriteTags(nil) },
	}
	tests := []struct{ before, refused string }{
		{"", "cluster block void tags"},
		{"header", "header block"},
		{"header cluster", "header"},
		{"header cluster block", "header"},
		{"header cluster tags", "header block"},
	}
	for _, test := range tests {
		for name, call := range calls {
			var out bytes.Buffer
			w := mkv.NewLiveWriter(&out)
			for _, step := range strings.Fields(test.before) {
				if err := calls[step](w); err != nil {
					t.Fatal(err)
				}
			}
			before := out.Len()
			err := call(w)
			refused := strings.Contains(test.refused, name)
			if errors.Is(err, mkv.ErrOrder) != refused || refused && out.Len() != before {
				t.Errorf("%s after %q: %v", name, test.before, err)
			}
		}
	}
}

// failing takes n writes and refuses the next.
type failing struct{ n int }

var errFull = errors.New("disk full")

func (f *failing) Write(p []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestLiveWriterKeepsTheFirstError(t *testing.T) {
	w := mkv.NewLiveWriter(&failing{n: 3})
	first := errors.Join(w.WriteHeader(header()), w.StartCluster(0))
	if first != nil {
		t.Fatal(first)
	}
	if err := w.WriteBlock(1, 0, 0, []byte("payload")); !errors.Is(err, errFull) {
		t.Error(err)
	}
	if err := w.WriteTags(nil); !errors.Is(err, errFull) {
		t.Error(err)
	}
}

// writes counts calls and remembers the last slice it was given.
type writes struct {
	n    int
	last []byte
}

func (w *writes) Write(p []byte) (int, error) {
	w.n++
	w.last = p
	return len(p), nil
}

func TestLiveWriterPassesThePayloadOnAsItIs(t *testing.T) {
	var out writes
	w := mkv.NewLiveWriter(&out)
	if err := errors.Join(w.WriteHeader(header()), w.StartCluster(1<<62)); err != nil {
		t.Fatal(err)
	}
	if out.n != 2 {
		t.Errorf("%d writes for header and cluster", out.n)
	}
	frame := []byte("frame")
	allocs := testing.AllocsPerRun(100, func() {
		if err := w.WriteBlock(1, 0, 0, frame); err != nil || &out.last[0] != &frame[0] {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per block", allocs)
	}
}

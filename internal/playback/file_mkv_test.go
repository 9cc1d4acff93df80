package playback_test

import (
	"bytes"
	"errors"
	"io"

	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/mkv"
)

// A sentBlock is a block of a file that was read back.
type sentBlock struct {
	track   uint64
	time    int64 // ticks of the file
	key     bool
	payload []byte
}

// readMKV reads a file back, and checks that all sizes are known and that every cue
// leads to a Cluster.
func readMKV(t fataler, b []byte) (blocks []sentBlock, info mkv.Info, cues []int64) {
	t.Helper()
	r := mkv.NewReader(bytes.NewReader(b), mkv.ReaderOptions{MaxElementSize: int64(len(b))})
	clusters := map[int64]int64{} // time by offset
	segment, base, last := int64(0), int64(0), int64(0)
	type cue struct{ time, at int64 }
	var found []cue
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("read back: %v", err)
		}
		if e.Size == mkv.UnknownSize {
			t.Fatalf("%v has no size", e.ID)
		}
		switch {
		case e.ID == mkv.IDSegment && e.Kind == mkv.Start:
			segment = e.Offset + int64(len(e.Raw))
			if segment+e.Size != int64(len(b)) {
				t.Fatalf("the segment ends at %d of %d", segment+e.Size, len(b))
			}
		case e.ID == mkv.IDInfo:
			if info, err = mkv.ParseInfo(e.Data()); err != nil {
				t.Fatalf("info: %v", err)
			}
		case e.ID == mkv.IDCues:
			for point := range children(t, e.Data()) {
				var c cue
				for x := range children(t, point.Data()) {
					if x.ID == mkv.IDCueTime {
						c.time = number(t, x)
						continue
					}
					for y := range children(t, x.Data()) {
						if y.ID == mkv.IDCueClusterPosition {
							c.at = number(t, y)
						}
					}
				}
				found = append(found, c)
			}
		case e.ID == mkv.IDCluster && e.Kind == mkv.Start:
			last = e.Offset
		case e.ID == mkv.IDTimecode:
			base = number(t, e)
			clusters[last-segment] = base
		case e.ID == mkv.IDSimpleBlock:
			x, err := mkv.ParseBlock(e.Data())
			if err != nil {
				t.Fatalf("block: %v", err)
			}
			blocks = append(blocks, sentBlock{x.Track, base + int64(x.RelTime), x.Keyframe(), bytes.Clone(x.Payload)})
		}
	}
	for _, c := range found {
		if _, ok := clusters[c.at]; !ok {
			t.Fatalf("a cue leads to %d, where no cluster is", c.at)
		}
		cues = append(cues, c.time)
	}
	return blocks, info, cues
}

func children(t fataler, data []byte) func(yield func(mkv.Element) bool) {
	return func(yield func(mkv.Element) bool) {
		for e, err := range mkv.Children(data) {
			if err != nil {
				t.Fatalf("children: %v", err)
			}
			if !yield(e) {
				return
			}
		}
	}
}

func number(t fataler, e mkv.Element) int64 {
	v, err := mkv.ParseUint(e.Data())
	if err != nil {
		t.Fatalf("%v: %v", e.ID, err)
	}
	return int64(v)
}

// checkMKV compares what is in a file with the fragments it was made of.
func checkMKV(t fataler, f *film, first store.Entry, file *playback.File, b []byte) {
	t.Helper()
	blocks, _, cues := readMKV(t, b)
	i := 0
	for _, x := range f.made {
		if x.ProducerTime.Before(first.ProducerTime) {
			continue
		}
		begin := i
		for k := range x.Samples {
			s := &x.Samples[k]
			if i == len(blocks) {
				t.Fatalf("%d blocks are too few", i)
			}
			got := blocks[i]
			if got.track != s.Track || !bytes.Equal(got.payload, x.Cluster[0][s.Offset:s.Offset+s.Size]) || got.key != (s.Flags&1 != 0) {
				t.Fatalf("block %d is not what was sent", i)
			}
			if off := got.time - blocks[begin].time - int64(s.Time-x.Samples[0].Time); off != 0 && blocks[begin].time > 1 {
				t.Fatalf("block %d is %d ticks away from where it was", i, off)
			}
			i++
		}
	}
	if i != len(blocks) {
		t.Fatalf("%d blocks, want %d", len(blocks), i)
	}
	if len(cues) == 0 {
		t.Fatalf("no cues")
	}
}

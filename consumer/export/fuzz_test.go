package export_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
	"github.com/millrace/millrace/mkv"
)

// FuzzExport: whatever is in the documents, no container panics, and what a file
// is made of is not out of proportion to what came.
func FuzzExport(f *testing.F) {
	tracks := []mkv.Track{avc(1), aac(2), alaw(3)}
	f.Add(film(tracks, 1000,
		block{1, 0, units(spsA, ppsA, "6588")}, block{2, 3, []byte("sound")}, block{3, 20, make([]byte, 160)}, block{1, 120, units("419a")}, block{1, 40, units("419a")}))
	f.Add(told(7, time.Unix(1_700_000_000, 0), film([]mkv.Track{aac(1)}, 0, block{1, -30_000, []byte("a")}, block{1, 30_000, []byte("b")})))
	f.Add(film([]mkv.Track{{Number: 1, Type: mkv.TrackVideo, CodecID: "V_MPEGH/ISO/HEVC"}}, 1<<62, block{1, 0, codes("4001aa", "4201bb", "4401cc", "2601dd")}))
	f.Add(document("V_MJPEG", 0, 2, 0, 40))
	f.Fuzz(func(t *testing.T, in []byte) {
		in = append(in, in...) // time goes back
		for _, c := range export.Containers() {
			for _, live := range []bool{false, true} {
				o := export.Options{Container: c, Live: live, LeaveOut: true}
				var file sparse
				if w, err := export.New(&file, o); err == nil {
					_ = export.Copy(t.Context(), consumer.ReadFrom(bytes.NewReader(in), consumer.ReadOptions{}), w)
				}
				if c != export.ContainerTS && file.size > int64(64*len(in)+1<<16) { // where sound pauses, a transport stream states its clock
					t.Errorf("%s: %d bytes of %d", c, file.size, len(in))
				}
			}
			_ = export.Files(t.Context(), consumer.ReadFrom(bytes.NewReader(in), consumer.ReadOptions{}), export.Options{Container: c, TimeBack: export.TimeBackSplits},
				func(int) (io.WriteSeeker, error) { return &sparse{}, nil })
		}
	})
}

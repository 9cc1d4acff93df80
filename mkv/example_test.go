package mkv_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/millrace/millrace/mkv"
)

// live writes a short live stream.
func live() io.Reader {
	var out bytes.Buffer
	w := mkv.NewLiveWriter(&out)
	steps := []error{
		w.WriteHeader(mkv.Header{
			Info:   mkv.Info{MuxingApp: "mill", WritingApp: "mill"},
			Tracks: []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_MPEG4/ISO/AVC"}},
		}),
		w.StartCluster(1000),
		w.WriteBlock(1, 0, mkv.FlagKeyframe, []byte("a picture")),
		w.WriteBlock(1, 40, 0, []byte("the next")),
		w.WriteTags([]mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "Motion", String: "true"}}}}),
	}
	for _, err := range steps {
		if err != nil {
			log.Fatal(err)
		}
	}
	return &out
}

func ExampleReader() {
	r := mkv.NewReader(live(), mkv.ReaderOptions{})
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Level, e.Kind, e.ID)
	}
	// Output:
	// 0 whole EBML
	// 0 start Segment
	// 1 whole Info
	// 1 whole Tracks
	// 1 start Cluster
	// 2 whole Timecode
	// 2 whole SimpleBlock
	// 2 whole SimpleBlock
	// 1 end Cluster
	// 1 whole Tags
	// 0 end Segment
}

func ExampleParseBlock() {
	r := mkv.NewReader(live(), mkv.ReaderOptions{})
	var cluster uint64
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		switch e.ID {
		case mkv.IDTimecode:
			if cluster, err = mkv.ParseUint(e.Data()); err != nil {
				log.Fatal(err)
			}
		case mkv.IDSimpleBlock:
			b, err := mkv.ParseBlock(e.Data())
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println("track", b.Track, "at", int64(cluster)+int64(b.RelTime), "key", b.Keyframe(), string(b.Payload))
		}
	}
	// Output:
	// track 1 at 1000 key true a picture
	// track 1 at 1040 key false the next
}

func ExampleSyntaxError() {
	body := []byte{0x18, 0x53, 0x80, 0x67, 0xFF, 0x12, 0x54, 0xC3, 0x67, 0xFF}
	r := mkv.NewReader(bytes.NewReader(body), mkv.ReaderOptions{})
	for {
		_, err := r.Next()
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// mkv: Segment/Tags at offset 5: unknown size not allowed here
}

func ExampleFileWriter() {
	f, err := os.CreateTemp("", "example-*.mkv")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()

	w := mkv.NewFileWriter(f)
	steps := []error{
		w.WriteHeader(mkv.Header{Tracks: []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_MJPEG"}}}),
		w.StartCluster(0),
		w.WriteBlock(1, 0, mkv.FlagKeyframe, []byte("a picture")),
		w.WriteBlock(1, 40, mkv.FlagKeyframe, []byte("another")),
		w.Finish(),
	}
	for _, err := range steps {
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(w.Offset() > 0)
	// Output:
	// true
}

func ExampleAppendTags() {
	b := mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "a", String: "b"}}}}, 1)
	fmt.Printf("% X\n", b)
	// Output:
	// 12 54 C3 67 8E 73 73 8B 67 C8 88 45 A3 81 61 44 87 81 62
}

func ExampleChildren() {
	tracks := mkv.AppendTracks(nil, []mkv.Track{{Number: 1, CodecID: "V_MJPEG"}})
	for e, err := range mkv.Children(mkv.Element{Raw: tracks}.Data()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.ID, e.Size)
	}
	// Output:
	// TrackEntry 19
}

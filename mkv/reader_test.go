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

func TestReader(t *testing.T) {
	ebml := mkv.AppendEBML(nil, mkv.EBML{})
	tests := []struct {
		name  string
		input []byte
		want  string
	}{
		{"nothing is a clean end", nil, ""},
		{
			"a live document is walked element by element",
			chatter(),
			`
whole EBML 0 @0 [35]
start Segment 0 @40
whole Info 1 @45 [17]
whole Tracks 1 @67 [20]
whole Tags 1 @92 [50]
start Cluster 1 @154
whole Timecode 2 @159 [6]
whole Position 2 @167 [1]
whole SimpleBlock 2 @170 [9004]
whole SimpleBlock 2 @9177 [9]
whole Void 2 @9188 [7]
end Cluster 1 @154
whole Tags 1 @9197 [0]
start Cluster 1 @9202
whole Timecode 2 @9207 [6]
whole SimpleBlock 2 @9215 [4]
whole BlockGroup 2 @9221 [7]
end Cluster 1 @9202
whole 0x4DBC 1 @9230 [12]
whole CRC-32 1 @9245 [4]
start Cluster 1 @9251
whole Timecode 2 @9263 [6]
whole SimpleBlock 2 @9271 [8]
end Cluster 1 @9251
end Segment 0 @40
`,
		},
		{
			"a document follows a document",
			join(ebml, open(mkv.IDSegment, 8), open(mkv.IDCluster, 1), timecode(1), ebml, open(mkv.IDSegment, 8), master(mkv.IDTags)),
			`
whole EBML 0 @0 [35]
start Segment 0 @40
start Cluster 1 @52
whole Timecode 2 @57 [1]
end Cluster 1 @52
end Segment 0 @40
whole EBML 0 @60 [35]
start Segment 0 @100
whole Tags 1 @112 [0]
end Segment 0 @100
`,
		},
		{
			"a Segment without a new EBML header begins a new one too",
			join(open(mkv.IDSegment, 8), open(mkv.IDSegment, 1)),
			"start Segment 0 @0\nend Segment 0 @0\nstart Segment 0 @12\nend Segment 0 @12\n",
		},
		{
			"a Segment longer than it says goes on",
			join(master(mkv.IDSegment, master(mkv.IDTags)), master(mkv.IDCluster, timecode(1)), master(mkv.IDVoid)),
			`
start Segment 0 @0
whole Tags 1 @5 [0]
start Cluster 1 @10
whole Timecode 2 @15 [1]
end Cluster 1 @10
whole Void 1 @18 [0]
end Segment 0 @0
`,
		},
		{
			"a Segment shorter than it says ends with the input",
			join(mkv.AppendSize(mkv.AppendID(nil, mkv.IDSegment), 1<<40, 8), master(mkv.IDTags)),
			"start Segment 0 @0\nwhole Tags 1 @12 [0]\nend Segment 0 @0\n",
		},
		{
			"a stored Cluster is read by itself",
			join(master(mkv.IDCluster, timecode(1), block(1, 0, "x")), master(mkv.IDTags)),
			`
start Cluster 1 @0
whole Timecode 2 @5 [1]
whole SimpleBlock 2 @8 [5]
end Cluster 1 @0
whole Tags 1 @15 [0]
`,
		},
		{
			"an empty Cluster of known size ends at once",
			join(open(mkv.IDSegment, 1), master(mkv.IDCluster)),
			"start Segment 0 @0\nstart Cluster 1 @5\nend Cluster 1 @5\nend Segment 0 @0\n",
		},
		{
			"Void and CRC-32 do not end a Cluster of unknown size",
			join(open(mkv.IDCluster, 2), master(mkv.IDVoid), mkv.AppendBytes(nil, mkv.IDCRC32, make([]byte, 4)), block(1, 0, "")),
			`
start Cluster 1 @0
whole Void 2 @6 [0]
whole CRC-32 2 @8 [4]
whole SimpleBlock 2 @14 [4]
end Cluster 1 @0
`,
		},
		{
			"an unknown id of known size passes at every level",
			join(master(0x4DBC), open(mkv.IDSegment, 1), master(0x1AAAAAAA, []byte("a")), open(mkv.IDCluster, 1), master(0xFE)),
			`
whole 0x4DBC 0 @0 [0]
start Segment 0 @3
whole 0x1AAAAAAA 1 @8 [1]
start Cluster 1 @14
whole 0xFE 2 @19 [0]
end Cluster 1 @14
end Segment 0 @3
`,
		},
	}
	for _, test := range tests {
		for cut, source := range cuts() {
			t.Run(test.name+" "+cut, func(t *testing.T) {
				r := mkv.NewReader(source(test.input), mkv.ReaderOptions{})
				got, err := drain(t, r, test.input)
				if err != io.EOF {
					t.Fatal(err)
				}
				if r.Offset() != int64(len(test.input)) || r.Buffered() != 0 {
					t.Errorf("%d bytes returned, %d left, of %d", r.Offset(), r.Buffered(), len(test.input))
				}
				if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), lines(got)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestReaderFindsEachElementThatEndsAClusterOfUnknownSize(t *testing.T) {
	ids := []mkv.ElementID{
		mkv.IDEBML, mkv.IDSegment, mkv.IDSeekHead, mkv.IDInfo, mkv.IDTracks, mkv.IDCluster,
		mkv.IDCues, mkv.IDTags, mkv.IDChapters, mkv.IDAttachments,
	}
	for _, id := range ids {
		for width := 1; width <= 8; width++ {
			input := join(open(mkv.IDCluster, width), timecode(0), master(id))
			got, _ := drain(t, mkv.NewReader(bytes.NewReader(input), mkv.ReaderOptions{}), input)
			if len(got) < 4 || got[2].Kind != mkv.End || got[3].ID != id {
				t.Errorf("%v after a cluster with a size of %d bytes: %v", id, width, got)
			}
		}
	}
	children := []mkv.ElementID{
		mkv.IDSimpleBlock, mkv.IDBlockGroup, mkv.IDTimecode, mkv.IDPosition,
		mkv.IDPrevSize, mkv.IDSilentTracks, mkv.IDVoid, mkv.IDCRC32,
	}
	for _, id := range children {
		input := join(open(mkv.IDCluster, 1), master(id), block(1, 0, ""))
		got, _ := drain(t, mkv.NewReader(bytes.NewReader(input), mkv.ReaderOptions{}), input)
		if len(got) != 4 || got[1].ID != id || got[2].Level != 2 {
			t.Errorf("%v ended the cluster: %v", id, got)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	segment := open(mkv.IDSegment, 1)
	known := mkv.AppendSize(mkv.AppendID(nil, mkv.IDCluster), 10, 0)
	tests := []struct {
		name   string
		input  []byte
		want   error
		offset int64
		path   string
	}{
		{"an id of five bytes", []byte{0x08, 1, 2, 3, 4}, mkv.ErrBadID, 0, ""},
		{"an id of zero", []byte{0}, mkv.ErrBadID, 0, ""},
		{"an id of all ones", join(segment, []byte{0xFF, 0x80}), mkv.ErrBadID, 5, "Segment"},
		{"a two-byte id of all ones", join(segment, []byte{0x7F, 0xFF, 0x80}), mkv.ErrBadID, 5, "Segment"},
		{"a size of nine bytes", join(segment, []byte{0xEC, 0}), mkv.ErrBadSize, 5, "Segment/Void"},
		{"an id of all ones among blocks", join(open(mkv.IDCluster, 1), []byte{0xFF, 0x81}, make([]byte, 20)), mkv.ErrBadID, 5, "Cluster"},
		{"a size of nine bytes among blocks", join(open(mkv.IDCluster, 1), []byte{0xA3, 0}, make([]byte, 20)), mkv.ErrBadSize, 5, "Cluster/SimpleBlock"},
		{"an EBML header of unknown size", open(mkv.IDEBML, 8), mkv.ErrUnknownSizeNotAllowed, 0, "EBML"},
		{"Tags of unknown size", join(segment, open(mkv.IDTags, 1)), mkv.ErrUnknownSizeNotAllowed, 5, "Segment/Tags"},
		{
			"a block of unknown size",
			join(segment, open(mkv.IDCluster, 1), open(mkv.IDSimpleBlock, 1)),
			mkv.ErrUnknownSizeNotAllowed, 10, "Segment/Cluster/SimpleBlock",
		},
		{
			"a block of unknown size with much behind it",
			join(segment, open(mkv.IDCluster, 1), open(mkv.IDSimpleBlock, 1), make([]byte, 200)),
			mkv.ErrUnknownSizeNotAllowed, 10, "Segment/Cluster/SimpleBlock",
		},
		{"a strange element of unknown size", join(segment, open(0x4DBC, 2)), mkv.ErrUnknownSizeNotAllowed, 5, "Segment/0x4DBC"},
		{
			"a strange element of unknown size in a Cluster",
			join(segment, known, open(0x4DBC, 2)), mkv.ErrUnknownSizeNotAllowed, 10, "Segment/Cluster/0x4DBC",
		},
		{
			"an element above the limit",
			join(segment, mkv.AppendSize(mkv.AppendID(nil, mkv.IDTracks), mkv.DefaultMaxElementSize+1, 0)),
			mkv.ErrTooLarge, 5, "Segment/Tracks",
		},
		{
			"a block above the limit",
			join(segment, open(mkv.IDCluster, 1), mkv.AppendSize(mkv.AppendID(nil, mkv.IDSimpleBlock), mkv.DefaultMaxBlockSize+1, 0)),
			mkv.ErrTooLarge, 10, "Segment/Cluster/SimpleBlock",
		},
		{
			"the largest size there is",
			mkv.AppendSize(mkv.AppendID(nil, mkv.IDEBML), mkv.MaxSize, 8), mkv.ErrTooLarge, 0, "EBML",
		},
		{"a child behind its Cluster's end", join(segment, known, block(1, 0, "a longer one")), mkv.ErrOverrun, 10, "Segment/Cluster/SimpleBlock"},
		{
			"a child's head behind its Cluster's end",
			join(mkv.AppendSize(mkv.AppendID(nil, mkv.IDCluster), 1, 0), timecode(1)), mkv.ErrOverrun, 5, "Cluster/Timecode",
		},
		{"Tags inside a Cluster of known size", join(segment, known, master(mkv.IDTags)), mkv.ErrMisplaced, 10, "Segment/Cluster/Tags"},
		{"EBML inside a Cluster of known size", join(known, master(mkv.IDEBML)), mkv.ErrMisplaced, 5, "Cluster/EBML"},
		{"a Cluster inside a Cluster of known size", join(known, open(mkv.IDCluster, 1)), mkv.ErrMisplaced, 5, "Cluster/Cluster"},
		{"input cut in an id", join(segment, []byte{0x12, 0x54}), io.ErrUnexpectedEOF, 5, "Segment"},
		{"input cut behind an id", join(segment, mkv.AppendID(nil, mkv.IDTags)), io.ErrUnexpectedEOF, 5, "Segment/Tags"},
		{"input cut in a size", join(segment, mkv.AppendID(nil, mkv.IDTags), []byte{0x40}), io.ErrUnexpectedEOF, 5, "Segment/Tags"},
		{"input cut in a payload", []byte{0xEC, 0x82, 0}, io.ErrUnexpectedEOF, 0, "Void"},
		{"input cut between the children of a Cluster of known size", join(segment, known, timecode(1)), io.ErrUnexpectedEOF, 13, "Segment/Cluster"},
	}
	for _, test := range tests {
		for cut, source := range cuts() {
			t.Run(test.name+" "+cut, func(t *testing.T) {
				_, err := drain(t, mkv.NewReader(source(test.input), mkv.ReaderOptions{}), test.input)
				var syntax *mkv.SyntaxError
				if !errors.As(err, &syntax) || !errors.Is(err, test.want) {
					t.Fatalf("got %v, want %v", err, test.want)
				}
				if syntax.Offset != test.offset || syntax.Path != test.path {
					t.Errorf("got %q at %d, want %q at %d", syntax.Path, syntax.Offset, test.path, test.offset)
				}
			})
		}
	}
}

func TestReaderLimitsAreWhatTheOptionsSay(t *testing.T) {
	input := join(master(mkv.IDInfo, make([]byte, 100)), open(mkv.IDCluster, 1), block(1, 0, strings.Repeat("x", 196)))
	fits := mkv.ReaderOptions{MaxElementSize: 100, MaxBlockSize: 200}
	if _, err := drain(t, mkv.NewReader(bytes.NewReader(input), fits), input); err != io.EOF {
		t.Error(err)
	}
	for _, o := range []mkv.ReaderOptions{{MaxElementSize: 99}, {MaxBlockSize: 199}} {
		if _, err := drain(t, mkv.NewReader(bytes.NewReader(input), o), input); !errors.Is(err, mkv.ErrTooLarge) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestReaderReset(t *testing.T) {
	input := chatter()
	r := mkv.NewReader(bytes.NewReader(input[:5000]), mkv.ReaderOptions{MaxElementSize: 60})
	if _, err := drain(t, r, input); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	r.Reset(bytes.NewReader(input))
	if r.Offset() != 0 || r.Buffered() != 0 {
		t.Errorf("offset %d, buffered %d after Reset", r.Offset(), r.Buffered())
	}
	if _, err := drain(t, r, input); err != io.EOF {
		t.Error(err)
	}
	big := master(mkv.IDTags, make([]byte, 61))
	r.Reset(bytes.NewReader(big))
	if _, err := drain(t, r, big); !errors.Is(err, mkv.ErrTooLarge) {
		t.Errorf("the limit was lost: %v", err)
	}
}

func TestElementData(t *testing.T) {
	input := chatter()
	got, _ := drain(t, mkv.NewReader(bytes.NewReader(input), mkv.ReaderOptions{}), input)
	for _, r := range got {
		switch data := r.Data(); {
		case r.Kind != mkv.Whole && len(data) != 0:
			t.Errorf("%v has data", r)
		case r.Kind == mkv.Whole && (int64(len(data)) != r.Size || !bytes.HasSuffix(r.Raw, data)):
			t.Errorf("%v has %d bytes of data", r, len(data))
		}
	}
	for _, raw := range [][]byte{nil, {0}, {0xEC}, {0x42, 0x86}, {0xEC, 0x40}} {
		if data := (mkv.Element{Raw: raw}).Data(); len(data) != 0 {
			t.Errorf("% x has data % x", raw, data)
		}
	}
}

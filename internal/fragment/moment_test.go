package fragment_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/mkv"
)

// feed gives an Assembler the elements of body one by one, and returns how many
// bytes it had been given when it complained.
func feed(body []byte, l fragment.Limits) (r *recorder, at int64, err error) {
	r = &recorder{}
	a := fragment.NewAssembler(fragment.Config{Limits: l, Sink: r, TagKind: tagKind})
	reader := mkv.NewReader(bytes.NewReader(body), a.ReaderOptions())
	for {
		e, err := reader.Next()
		if err != nil {
			return r, reader.Offset(), a.ReadFault(err)
		}
		if err := a.Add(e); err != nil {
			return r, reader.Offset(), err
		}
	}
}

func TestFaultsAreToldAtTheirMoment(t *testing.T) {
	block := simpleBlock(1, 0, 0x80, "x")
	known := mkv.AppendID(nil, mkv.IDCluster)
	known = append(known, 0x08, 0x40, 0, 0, 0) // one gigabyte
	known = mkv.AppendUint(known, mkv.IDTimecode, 7)
	for name, tc := range map[string]struct {
		before, behind []byte // of the moment
		limits         fragment.Limits
		want           millrace.Code
		done           int
		condemned      int
	}{
		"a fragment that spans too long, at its end": {
			before: document(cluster(0, block), cluster(1, block, simpleBlock(1, 20001, 0, "y"), simpleBlock(1, 20002, 0, "z"))),
			behind: cluster(2, block), want: millrace.CodeFragmentDuration, done: 1, condemned: 1,
		},
		"a fragment before the last one, at its end": {
			before: document(cluster(5, block), cluster(4, block, block)),
			behind: cluster(6, block), want: millrace.CodeTimecodeOrder, done: 1, condemned: 1,
		},
		"too many tags before a fragment, at its end": {
			before: concat(document(cluster(5, block), tags(1, ""), endTag()), tags(11, "v"), cluster(6, block, block)),
			behind: cluster(7, block), want: millrace.CodeMetadataLimit, done: 1, condemned: 1,
		},
		"a tag too long before the first fragment, at its end": {
			before: concat(ebml(), segment(), tracks(1), tags(1, strings.Repeat("v", 257)), cluster(6, block)),
			behind: cluster(7, block), want: millrace.CodeMetadataLimit, condemned: 1,
		},
		"too many tags behind a fragment, behind them": {
			before: concat(document(cluster(5, block)), tags(11, "v")),
			behind: cluster(7, block), want: millrace.CodeMetadataLimit,
		},
		"a declared size that is too large, at the timecode": {
			before: concat(document(cluster(5, block)), known),
			behind: block, want: millrace.CodeFragmentSize, done: 1, condemned: 1,
		},
		"a faulty fragment that does not end, when it is too large": {
			before: document(cluster(5, block), cluster(4, block, block, block)), limits: fragment.Limits{MaxSize: 35},
			behind: block, want: millrace.CodeTimecodeOrder, done: 1, condemned: 1,
		},
		"a track that is not there, at once": {
			before: document(cluster(5, block), cluster(6, simpleBlock(2, 0, 0, "x"))),
			behind: block, want: millrace.CodeTrackNumberMismatch, done: 1,
		},
		"a track without a frame, at the fragment's end": {
			before: concat(ebml(), segment(), tracks(1, 2), cluster(0, block, block)),
			behind: cluster(7, block), want: millrace.CodeFramesMissing,
		},
		"a second header, behind the fragment before it": {
			before: concat(document(cluster(5, block)), ebml()),
			behind: block, want: millrace.CodeInvalidMKV, done: 1,
		},
		"a second Segment, behind the fragment before it": {
			before: concat(document(cluster(5, block)), segment()),
			behind: block, want: millrace.CodeInvalidMKV, done: 1,
		},
		"too many blocks, at once": {
			before: document(cluster(5, block, block, block)), limits: fragment.Limits{MaxBlocks: 2},
			behind: block, want: millrace.CodeFragmentSize,
		},
		"too much before a timecode, at once": {
			before: concat(document(), []byte("\x1f\x43\xb6\x75\xff"), mkv.AppendBytes(nil, mkv.IDVoid, make([]byte, 64<<10))),
			behind: block, want: millrace.CodeInvalidMKV,
		},
		"too much behind a fragment, at once": {
			before: concat(document(cluster(5, block)), mkv.AppendBytes(nil, mkv.IDCues, make([]byte, 600)), mkv.AppendBytes(nil, mkv.IDCues, make([]byte, 600))),
			limits: fragment.Limits{MaxHeader: 1000}, behind: block, want: millrace.CodeFragmentSize,
		},
		"a timecode scale beyond all time, at once": {
			before: concat(ebml(), segment(), mkv.AppendInfo(nil, mkv.Info{TimecodeScale: 1 << 48})),
			behind: tracks(1), want: millrace.CodeInvalidMKV,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, at, err := feed(append(bytes.Clone(tc.before), tc.behind...), tc.limits)
			if millrace.CodeOf(err) != tc.want {
				t.Fatalf("code = %d (%v), want %d", millrace.CodeOf(err), err, tc.want)
			}
			if at != int64(len(tc.before)) {
				t.Errorf("told at byte %d, want %d", at, len(tc.before))
			}
			if len(got.done) != tc.done || got.condemned != tc.condemned || got.open != nil {
				t.Errorf("%d done, %d condemned, open %v", len(got.done), got.condemned, got.open)
			}
		})
	}
}

func endTag() []byte {
	return mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "AWS_KINESISVIDEO_END_OF_FRAGMENT"}}}}, 8)
}

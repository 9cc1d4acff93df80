package server_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/wire"
)

// TestSegmentsBehindAChangeHaveTheirSets: from the first change of codec private
// data on, segments have the parameter sets in front of their first frame, for
// players that skip a second init segment.
func TestSegmentsBehindAChangeHaveTheirSets(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	clip, err := os.ReadFile(filepath.Join("..", "demo", "clip.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	sps := firstSet(t, clip)
	other := bytes.Clone(sps)
	other[3]++ // the level
	for _, session := range []struct {
		start string
		body  []byte
	}{{"1700000000", clip}, {"1700000060", bytes.ReplaceAll(clip, sps, other)}} {
		p := r.put("cam", http.Header{wire.HeaderTimecodeType: {"RELATIVE"}, wire.HeaderProducerStart: {session.start}})
		p.mustSend(session.body)
		p.next()
		p.end()
		p.rest()
	}
	_, list := r.mediaOf(r.session("cam", map[string]any{"PlaybackMode": "ON_DEMAND", "HLSFragmentSelector": map[string]any{
		"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": map[string]any{"StartTimestamp": 1700000000, "EndTimestamp": 1700000120},
	}, "MaxMediaPlaylistFragmentResults": 1000}))
	if len(list.segments) != 120 || len(list.inits) != 2 {
		t.Fatalf("%d segments, %d init segments", len(list.segments), len(list.inits))
	}
	for _, row := range []struct {
		segment int
		has     bool
	}{{0, false}, {59, false}, {60, true}, {61, true}, {119, true}} {
		body := r.load(list.segments[row.segment].address)
		if has := strings.Contains(body, string(other)); has != row.has || strings.Contains(body, string(sps)) {
			t.Errorf("segment %d: new sets %v, old sets %v", row.segment, has, strings.Contains(body, string(sps)))
		}
	}
}

// firstSet finds the first parameter set in the codec private data of a clip.
func firstSet(t *testing.T, clip []byte) []byte {
	t.Helper()
	const id = "\x63\xa2" // CodecPrivate
	at := bytes.Index(clip, []byte(id))
	record := bytes.IndexByte(clip[at:], 1) + at // avcC begins with its version
	n := int(binary.BigEndian.Uint16(clip[record+6:]))
	if at < 0 || clip[record+8]&0x1f != 7 || n > 64 {
		t.Fatal("the clip is not what it was")
	}
	return clip[record+8 : record+8+n]
}

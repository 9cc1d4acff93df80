package playback_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A film is a stream whose fragments a test makes.
type film struct {
	t     testing.TB
	key   millrace.StreamKey
	store *store.Engine
	next  uint64
	made  []*millrace.Fragment
}

func newFilm(t testing.TB) *film {
	t.Helper()
	return newFilmOn(t, mem.NewFS())
}

func newFilmOn(t testing.TB, fs store.FS) *film {
	t.Helper()
	e, err := store.Open(t.Context(), store.Config{FS: fs, Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return &film{t: t, key: millrace.StreamKey{ID: 7, Generation: 1}, store: e}
}

func (f *film) scope() store.Scope { return store.Scope{Stream: f.key} }

func (f *film) files(c playback.FilesConfig) *playback.Files {
	c.Store = f.store
	return playback.NewFiles(c)
}

// keep commits a fragment whose producer time is set.
func (f *film) keep(x *millrace.Fragment) *millrace.Fragment {
	f.t.Helper()
	f.next++
	x.Stream, x.Sequence = f.key, f.next
	if x.Number.IsZero() {
		x.Number = millrace.NewFragmentNumber(f.next, x.ProducerTime.Add(300*time.Millisecond), uint32(f.next))
	}
	done := make(chan error, 1)
	if err := f.store.Submit(f.t.Context(), x, func(err error) { done <- err }); err != nil {
		f.t.Fatal(err)
	}
	if err := <-done; err != nil {
		f.t.Fatal(err)
	}
	f.made = append(f.made, x)
	return x
}

// A block is a frame of a fragment that a test makes.
type block struct {
	track   uint64
	time    int32
	payload []byte
	key     bool
	flags   millrace.SampleFlags
	lacing  mkv.BlockFlags
}

// shoot makes a fragment of blocks, so long after the epoch.
func (f *film) shoot(header *millrace.Header, after time.Duration, blocks ...block) *millrace.Fragment {
	x := &millrace.Fragment{Header: header, TimecodeScale: 1_000_000, ProducerTime: epoch.Add(after), Duration: time.Second}
	cluster := mkv.AppendUint(mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 8), mkv.IDTimecode, uint64(after/time.Millisecond))
	for _, b := range blocks {
		flags := b.lacing
		if b.key {
			flags, b.flags = flags|mkv.FlagKeyframe, b.flags|millrace.SampleKey
		}
		cluster = mkv.AppendSimpleBlockHeader(cluster, b.track, int16(b.time), flags, len(b.payload))
		x.Samples = append(x.Samples, millrace.Sample{
			Track: b.track, Offset: uint32(len(cluster)), Size: uint32(len(b.payload)), Time: b.time, Flags: b.flags,
		})
		cluster = append(cluster, b.payload...)
	}
	x.Cluster = [][]byte{cluster}
	return f.keep(x)
}

// headerOf makes a header of tracks; private data are in hex.
func headerOf(t testing.TB, parts ...part) *millrace.Header {
	t.Helper()
	var tracks []mkv.Track
	for _, p := range parts {
		private, err := hex.DecodeString(strings.ReplaceAll(p.private, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		kind := mkv.TrackVideo
		if strings.HasPrefix(p.codecID, "A_") {
			kind = mkv.TrackAudio
		}
		tracks = append(tracks, mkv.Track{Number: uint64(p.number), UID: uint64(p.number), Type: kind, CodecID: p.codecID, CodecPrivate: private})
	}
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	b = mkv.AppendInfo(b, mkv.Info{MuxingApp: "test", WritingApp: "test"})
	return millrace.NewHeader(mkv.AppendTracks(b, tracks))
}

// frame is a picture of H.264 with a unit of n bytes that all have one value.
func frame(n int, value byte) []byte {
	b := []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	return append(b, bytes.Repeat([]byte{value}, n)...)
}

// seconds makes a second of pictures (25) and sound (about 47 frames of AAC), for
// each of n fragments, so long after the epoch.
func (f *film) seconds(header *millrace.Header, after time.Duration, n int) {
	for i := range n {
		var blocks []block
		sound := 0
		for p := range 25 {
			blocks = append(blocks, block{
				track: 1, time: int32(p * 40), key: p == 0, payload: frame(200+p, byte(p)), flags: millrace.SampleCleanNAL,
			})
			for ; (sound*1024*1000+24000)/48000 < (p+1)*40; sound++ {
				blocks = append(blocks, block{
					track: 2, time: int32((sound*1024*1000 + 24000) / 48000), key: true, payload: bytes.Repeat([]byte{byte(sound)}, 30+sound%5),
				})
			}
		}
		f.shoot(header, after+time.Duration(i)*time.Second, blocks...)
	}
}

// avHeader has H.264 and AAC of 48 kHz.
func avHeader(t testing.TB) *millrace.Header {
	return headerOf(t, part{1, avcID, privateOf(t, "avc-main-crop")}, part{2, "A_AAC", "1190"})
}

func timelineOf(h *millrace.Header) (*timeline.Format, error) { return timeline.Parse(h) }

func mediaNumber(n uint64) media.TrackNumber { return media.TrackNumber(n) }

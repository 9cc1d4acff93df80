package api_test

import (
	"bytes"
	"encoding/hex"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/mkv"
)

// A cinema is a handler with one stream, "door", whose fragments a test makes.
type cinema struct {
	t       testing.TB
	handler *api.Handler
	control store.Control
	stream  millrace.Stream
	store   *store.Engine
	fs      *mem.FS
	next    uint64

	mu     sync.Mutex // guards what follows
	sent   int64      // bytes that were told of
	spent  limit.Cost
	served []api.Served
}

// filmed is when the first fragment of a cinema starts.
func filmed() time.Time { return clock().Add(-time.Hour).Truncate(time.Second) }

// newCinema makes a cinema. change may set what its handler is made of.
func newCinema(t *testing.T, change func(*api.Config, *playback.FilesConfig)) *cinema {
	t.Helper()
	x := &cinema{t: t, fs: mem.NewFS(), control: mem.NewControl()}
	e, err := store.Open(t.Context(), store.Config{FS: x.fs, Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	x.store = e
	c := config(x.control)
	files := playback.FilesConfig{Store: e}
	c.Archive = &api.Archive{
		Index: e, Since: func(d time.Duration) time.Time { return clock().Add(-d) },
		Events: api.ArchiveEvents{
			Sent: func(_ string, _ millrace.Stream, s api.Sent) { x.note(func() { x.sent += s.Bytes }) },
			Consumed: func(_ millrace.Stream, c limit.Cost) {
				x.note(func() { x.spent.Metadata += c.Metadata; x.spent.Media += c.Media })
			},
			Served: func(s api.Served) { x.note(func() { x.served = append(x.served, s) }) },
		},
	}
	if change != nil {
		change(&c, &files)
	}
	c.Files = playback.NewFiles(files)
	x.handler = newHandler(t, c)
	create(t, x.handler, "door")
	if x.stream, err = x.control.Stream(t.Context(), "door"); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *cinema) note(what func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	what()
}

// Codec private data of what the tests film.
const (
	avcPrivate  = "014d4020ffe1001a674d4020eca02b030f3780880000030008000003019078c18cb001000468ef8fc8"
	otherAVC    = "0164001effe1001b6764001ef3650280bfe27016c80000030008000003019078b16cb001000668ebe3cb22c0fcf8f80"
	aacPrivate  = "1190"
	alawPrivate = "0600010040 1f0000 401f0000 0100 0800 0000"
)

// A trackOf is a track of a header: its codec's id and private data, in hex.
type trackOf struct{ codec, private string }

func headOf(t testing.TB, tracks ...trackOf) *millrace.Header {
	t.Helper()
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	b = mkv.AppendInfo(b, mkv.Info{MuxingApp: "test", WritingApp: "test"})
	var list []mkv.Track
	for i, x := range tracks {
		text := []byte(x.private)
		text = bytes.ReplaceAll(text, []byte(" "), nil)
		private := make([]byte, hex.DecodedLen(len(text)))
		if _, err := hex.Decode(private, text[:len(text)/2*2]); err != nil {
			t.Fatal(err)
		}
		kind := mkv.TrackVideo
		if x.codec[0] == 'A' {
			kind = mkv.TrackAudio
		}
		list = append(list, mkv.Track{Number: uint64(i + 1), UID: uint64(i + 1), Type: kind, CodecID: x.codec, CodecPrivate: private})
	}
	return millrace.NewHeader(mkv.AppendTracks(b, list))
}

const avc = "V_MPEG4/ISO/AVC"

// film keeps a second of pictures, and of sound if the header has two tracks, so
// long after filmed.
func (x *cinema) film(head *millrace.Header, tracks int, after time.Duration, change ...func(*millrace.Fragment)) {
	x.t.Helper()
	x.next++
	f := &millrace.Fragment{
		Stream: x.stream.Key, Header: head, TimecodeScale: 1_000_000, Duration: time.Second, Sequence: x.next,
		ProducerTime: filmed().Add(after), Number: millrace.NewFragmentNumber(x.next, filmed().Add(after+200*time.Millisecond), uint32(x.next)),
	}
	cluster := mkv.AppendUint(mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 8), mkv.IDTimecode, 0)
	for i := range 25 {
		for track := 1; track <= tracks; track++ {
			payload := append([]byte{0, 0, 0, 100}, bytes.Repeat([]byte{byte(i)}, 100)...)
			flags := millrace.SampleCleanNAL
			if i == 0 || track > 1 {
				flags |= millrace.SampleKey
			}
			cluster = mkv.AppendSimpleBlockHeader(cluster, uint64(track), int16(40*i), 0, len(payload))
			f.Samples = append(f.Samples, millrace.Sample{
				Track: uint64(track), Offset: uint32(len(cluster)), Size: uint32(len(payload)), Time: int32(40 * i), Flags: flags,
			})
			cluster = append(cluster, payload...)
		}
	}
	f.Cluster = [][]byte{cluster}
	for _, do := range change {
		do(f)
	}
	done := make(chan error, 1)
	if err := x.store.Submit(x.t.Context(), f, func(err error) { done <- err }); err != nil {
		x.t.Fatal(err)
	}
	if err := <-done; err != nil {
		x.t.Fatal(err)
	}
}

// seconds films n seconds with sound.
func (x *cinema) seconds(n int) {
	head := headOf(x.t, trackOf{avc, avcPrivate}, trackOf{"A_AAC", aacPrivate})
	for i := range n {
		x.film(head, 2, time.Duration(i)*time.Second)
	}
}

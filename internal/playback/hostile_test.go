package playback_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/mkv"
)

// FuzzWhatIsPlayed keeps fragments of a hostile producer, of any codec, private data,
// times and scale, and asks for everything that is made of them. Whatever that is,
// nobody panics, playlists are playlists, and files are as long as they say.
func FuzzWhatIsPlayed(f *testing.F) {
	for _, id := range []string{avcID, hevcID, "V_AV1", "A_AAC", "A_OPUS", "A_MS/ACM", "A_PCM/INT/LIT"} {
		f.Add(id, []byte{1, 66, 0, 30, 0xff, 0xe1}, id, []byte{0x12, 0x10}, uint32(1_000_000), int64(0), []byte("some bytes that are times, sizes and flags, and then payload"))
	}
	avc, _ := hex.DecodeString(privateOf(f, "avc-main-crop"))
	hevc, _ := hex.DecodeString(privateOf(f, "hevc-crop-hrd"))
	opus, _ := hex.DecodeString(privateOf(f, "opus-51"))
	good := "\x42\x00\x00\x06\x00\x00\x00\x02\x65\x80\x02\x00\x50\x06\x00\x00\x00\x02\x41\x80\x02\x00\x28\x06\x00\x00\x00\x02\x41\x81\x41\x00\x05\x04soun\x41\x00\x15\x04soun"
	for _, scale := range []uint32{1, 1_000_000, 1 << 31} {
		for _, jump := range []int64{0, 4e9, 1 << 57, 1 << 61} {
			f.Add(avcID, avc, "A_AAC", []byte{0x12, 0x10}, scale, jump, []byte(good))
			f.Add("A_AAC", []byte{0x12, 0x10}, "A_OPUS", opus, scale, jump, []byte(good+"\x50\x00\x20\x05\x03abcd"))
		}
	}
	f.Add(avcID, avc, "A_AAC", []byte{0x12, 0x10}, uint32(1_000_000_000), int64(1<<53), []byte("\x00\x00\x00\x7f\x01\x00\x00\x00\x02\x65\x80\x01\x00\x04\x00\x00\x00\x00\x01\x65\x80\x02\x01\x00"))
	f.Add(hevcID, hevc, "A_OPUS", opus, uint32(1), int64(-1), []byte("\x00\x00\x00\x7f\x01\x00\x00\x00\x02\x26\x80\x01\x00\x04\x00\x00\x00\x00\x01\x65\x80\x02\x01\x00"))
	f.Fuzz(func(t *testing.T, video string, private []byte, audio string, other []byte, scale uint32, jump int64, media []byte) {
		if len(media) > 1<<12 || len(private) > 1<<12 || len(other) > 1<<12 || len(video)+len(audio) > 100 {
			return
		}
		x := newFilm(t)
		kind := mkv.TrackVideo
		if strings.HasPrefix(video, "A_") {
			kind = mkv.TrackAudio
		}
		b := mkv.AppendEBML(nil, mkv.EBML{})
		b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
		header := func(private, other []byte) *millrace.Header {
			return millrace.NewHeader(mkv.AppendTracks(b[:len(b):len(b)], []mkv.Track{
				{Number: 1, UID: 1, Type: kind, CodecID: video, CodecPrivate: private},
				{Number: 2, UID: 2, Type: mkv.TrackAudio, CodecID: audio, CodecPrivate: other, DefaultDuration: uint64(scale)},
			}))
		}
		at := min(max(jump, 0), int64(250*365*24*time.Hour))
		for i, h := range []*millrace.Header{header(private, other), header(private, other), header(other, private)} {
			x.hostile(h, time.Duration(i)*time.Duration(at/4), scale, media)
		}
		x.everything(t)
	})
}

// hostile keeps a fragment whose blocks are made of bytes: track, lacing, time,
// size and payload.
func (f *film) hostile(h *millrace.Header, after time.Duration, scale uint32, b []byte) {
	x := &millrace.Fragment{Header: h, TimecodeScale: uint64(max(scale, 1)), ProducerTime: epoch.Add(after.Truncate(time.Millisecond)), Duration: time.Second}
	cluster := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 8)
	for len(b) >= 4 {
		track, lacing, at, n := uint64(b[0]%2+1), mkv.BlockFlags(b[0]>>2&6), int16(binary.BigEndian.Uint16(b[1:])), min(int(b[3]), len(b)-4)
		s := millrace.Sample{Track: track, Size: uint32(n), Time: int32(at), Flags: millrace.SampleFlags(b[0]>>6) & millrace.SampleKey}
		if lacing != 0 {
			s.Flags |= millrace.SampleLaced
		} else if b[0]&2 != 0 {
			s.Flags |= millrace.SampleCleanNAL
		}
		cluster = mkv.AppendSimpleBlockHeader(cluster, track, at, lacing, n)
		s.Offset = uint32(len(cluster))
		cluster = append(cluster, b[4:4+n]...)
		x.Samples, b = append(x.Samples, s), b[4+n:]
	}
	x.Cluster = [][]byte{cluster}
	f.keep(x)
}

// everything asks for everything that is made of the film.
func (f *film) everything(t *testing.T) {
	ctx := t.Context()
	to := epoch.Add(260 * 365 * 24 * time.Hour)
	for _, o := range []playback.Order{
		{Mode: hls.OnDemand, Clock: store.ProducerClock, Timestamps: true},
		{Mode: hls.OnDemand, Container: hls.MPEGTS, Clock: store.ProducerClock},
		{Mode: hls.LiveReplay, Discontinuities: hls.OnDiscontinuity},
		{Mode: hls.Live, Container: hls.MPEGTS},
	} {
		o.Limit = 100
		if o.Mode != hls.Live {
			o.From, o.To = epoch.Add(-time.Hour), to
		}
		f.played(ctx, t, o)
	}
	x := f.files(playback.FilesConfig{})
	for _, r := range []playback.FileRequest{
		{Clock: store.ProducerClock}, {Clock: store.ProducerClock, Cut: playback.CutFragment}, {Cut: playback.CutFragment, Format: playback.FileMKV},
	} {
		r.Scope, r.From, r.To = f.scope(), epoch.Add(time.Millisecond), to
		file, err := x.Open(ctx, r)
		if err != nil {
			continue
		}
		n, err := file.Cursor().WriteTo(ctx, io.Discard, 0, file.Size())
		if err == nil && n != file.Size() {
			t.Errorf("%d bytes of %d", n, file.Size())
		}
	}
}

func (f *film) played(ctx context.Context, t *testing.T, o playback.Order) {
	p := playback.NewHLS(playback.HLSConfig{Archive: f.store, Memory: memory.New(64 << 20)})
	now := f.made[len(f.made)-1].Number.ServerTime().Add(time.Second)
	o, err := p.Begin(ctx, f.scope(), o, now)
	if err != nil {
		return
	}
	v := playback.Visit{Text: "TOKEN", Scope: f.scope(), Now: now, Order: o}
	for track := range 2 {
		for range 2 {
			if l, err := p.Playlist(ctx, v, track); err == nil {
				text, _ := io.ReadAll(l)
				if !strings.HasPrefix(string(text), "#EXTM3U\n") || strings.Contains(string(text), ":-") {
					t.Errorf("a playlist:\n%s", text)
				}
				_ = l.Close()
			}
		}
		for generation := range 3 {
			_, _, _ = p.Init(ctx, v, track, generation)
		}
		for _, x := range f.made {
			s, err := p.Segment(ctx, v, x.Number, track)
			if err != nil {
				continue
			}
			if n, err := io.Copy(io.Discard, s); n != s.Size() || err != nil {
				t.Errorf("%d bytes of %d, %v", n, s.Size(), err)
			}
			_ = s.Close()
		}
	}
	if l, err := p.Master(ctx, v); err == nil {
		_ = l.Close()
	}
}

package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/mkv"
)

// attacksOnPlayback are what producers and players do who wish a server no good.
func attacksOnPlayback() []attack {
	return []attack{
		{"blocks that say they have 256 frames of none", attackLacing},
		{"headers of megabytes, another with each fragment", attackHugeHeaders},
		{"times at the ends of what there are", attackTimes},
		{"players that ask for everything and go", attackVanishedPlayers},
		{"long sessions, all at once", attackLongSessions},
		{"a deletion amid all of it", attackDeletion},
	}
}

// TestAttacksOnPlayback: none of them harms a producer and a reader beside it, or
// takes more memory than the server was given and some, and all that it took is
// given back.
func TestAttacksOnPlayback(t *testing.T) {
	const most = 300 << 20 // bytes of the heap
	besiege(t, func(c *config.Server) { c.Memory = 128 << 20 }, func(t *testing.T, r *rig) {
		for _, a := range attacksOnPlayback() {
			t.Run(a.name, func(t *testing.T) {
				own := *r
				own.t = t
				peak := watchHeap()
				a.run(t, &own)
				if _, got := peak(); got > most {
					t.Errorf("%d MiB of memory were in use", got>>20)
				}
				if resp, err := r.client.Get(r.url + "/readyz"); err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("the server is not ready: %v", err)
				} else {
					resp.Body.Close()
				}
			})
		}
	})
}

// everyForm asks for all that is made of a stream, and passes over what is refused.
func (r *rig) everyForm(name string) {
	r.t.Helper()
	for _, container := range []string{"FRAGMENTED_MP4", "MPEG_TS"} {
		status, out := r.call("/getHLSStreamingSessionURL", map[string]any{
			"StreamName": name, "PlaybackMode": "ON_DEMAND", "ContainerFormat": container, "HLSFragmentSelector": allOf(),
		})
		if status != http.StatusOK {
			continue
		}
		master := r.play(http.MethodGet, out["HLSStreamingSessionURL"].(string), nil)
		for _, address := range r.read(out["HLSStreamingSessionURL"].(string), master.body).variants {
			p := r.read(address, r.play(http.MethodGet, address, nil).body)
			for _, init := range p.inits {
				r.play(http.MethodGet, init, nil)
			}
			for _, s := range p.segments {
				r.play(http.MethodGet, s.address, nil)
			}
		}
	}
	for _, format := range []string{"mp4", "mkv"} {
		_, out := r.call("/millrace/v1/getMediaFileURL", map[string]any{"StreamName": name, "From": 1, "To": 9999999999, "Format": format})
		if address, ok := out["MediaFileURL"].(string); ok {
			_, _ = r.tryPlay(r.t.Context(), http.MethodGet, address, nil) // it may break off
		}
	}
	r.call("/getClip", map[string]any{"StreamName": name, "ClipFragmentSelector": clipRange()})
}

func allOf() map[string]any {
	return map[string]any{
		"FragmentSelectorType": "PRODUCER_TIMESTAMP",
		"TimestampRange":       map[string]any{"StartTimestamp": 1, "EndTimestamp": 9999999999},
	}
}

// soundHeader is a header with one track of AAC, of the private data and the name.
func soundHeader(private []byte, name string, scale uint64) []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{DocType: "matroska"})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	b = mkv.AppendInfo(b, mkv.Info{TimecodeScale: scale, MuxingApp: "test", WritingApp: "test"})
	return mkv.AppendTracks(b, []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackAudio, CodecID: "A_AAC", CodecPrivate: private, Name: name}})
}

// sendAll sends a body and takes what is said of it.
func (r *rig) sendAll(name string, body []byte) {
	r.t.Helper()
	p := r.put(name, nil)
	go func() { _ = p.send(body, 64<<10); p.end() }() // it may be refused
	p.rest()
}

func attackLacing(_ *testing.T, r *rig) {
	r.create("laced", 24)
	var blocks bytes.Buffer
	for range 120_000 {
		blocks.Write(mkv.AppendSimpleBlockHeader(nil, 1, 0, mkv.FlagKeyframe|mkv.BlockFlags(mkv.LacingFixed)<<1, 1))
		blocks.WriteByte(255)
	}
	body := soundHeader([]byte{0x12, 0x10}, "", 1_000_000)
	for i := range uint64(3) {
		body = append(body, cluster(1000*i, blocks.Bytes())...)
	}
	r.sendAll("laced", append(body, endOfFragment()...))
	r.everyForm("laced")
}

func attackHugeHeaders(_ *testing.T, r *rig) {
	r.create("headers", 24)
	const size = 3 << 20
	for i := range 24 {
		private := bytes.Repeat([]byte{0x12, 0x10, byte(i)}, size/6)
		b := soundHeader(private, strings.Repeat("n", size/2), 1_000_000)
		b = append(b, cluster(uint64(1000*i), block(1, 0, "sound"), block(1, 20, "sound"))...)
		r.sendAll("headers", append(b, endOfFragment()...))
	}
	runtime.GC()
	r.everyForm("headers")
}

func attackTimes(_ *testing.T, r *rig) {
	r.create("times", 24)
	for _, scale := range []uint64{1, 1_000_000, 1 << 40, 1<<47 - 1} {
		for _, start := range []string{"1.000", "253402300799.000"} {
			b := soundHeader([]byte{0x12, 0x10}, "", scale)
			b = append(b, cluster(0, block(1, -32768, "sound"), block(1, 32767, "sound"), block(1, 0, "sound"))...)
			b = append(b, cluster(1<<40, block(1, 0, "sound"))...)
			p, err := r.tryPut(r.putHead("times", http.Header{"X-Amzn-Producer-Start-Timestamp": {start}}))
			if err != nil {
				continue
			}
			go func() { _ = p.send(append(b, endOfFragment()...), 64<<10); p.end() }()
			p.rest()
		}
	}
	r.everyForm("times")
}

// ones puts so many fragments of the clip's kind of sound into a new stream.
func (r *rig) ones(name string, fragments int) {
	r.create(name, 24)
	b := soundHeader([]byte{0x12, 0x10}, "", 1_000_000)
	for i := range fragments {
		b = append(b, cluster(uint64(1000*i), block(1, 0, "the media"), block(1, 20, "the media"))...)
	}
	r.sendAll(name, append(b, endOfFragment()...))
}

func attackVanishedPlayers(t *testing.T, r *rig) {
	r.create("clip", 24)
	r.putClip("clip")
	addresses := r.everyAddress(r.session("clip", onDemand(nil)))
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for j := range 20 {
				for _, address := range addresses {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*j)*50*time.Microsecond)
					_, _ = r.tryPlay(ctx, []string{http.MethodGet, http.MethodHead}[j%2], address, http.Header{"Range": {fmt.Sprintf("bytes=%d-", j)}})
					cancel()
				}
			}
		})
	}
	work.Wait()
	for name, address := range addresses {
		if p := r.play(http.MethodGet, address, nil); p.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
}

func attackLongSessions(t *testing.T, r *rig) {
	r.ones("long", 600)
	const sessions = 80
	var addresses []string
	for range sessions {
		master := r.session("long", map[string]any{"PlaybackMode": "ON_DEMAND", "HLSFragmentSelector": allOf(), "MaxMediaPlaylistFragmentResults": 5000})
		addresses = append(addresses, strings.Replace(master, "getHLSMasterPlaylist", "getHLSMediaPlaylist", 1)+"&TrackNumber=1")
	}
	var work sync.WaitGroup
	for _, address := range addresses {
		work.Go(func() {
			resp, err := r.client.Get(address)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if n, err := io.Copy(io.Discard, resp.Body); resp.StatusCode != http.StatusOK || err != nil {
				t.Errorf("%d, %d bytes, %v", resp.StatusCode, n, err)
			}
		})
	}
	work.Wait()
}

func attackDeletion(t *testing.T, r *rig) {
	r.ones("going", 100)
	addresses := r.everyAddress(r.session("going", map[string]any{"PlaybackMode": "ON_DEMAND", "HLSFragmentSelector": allOf()}))
	var work sync.WaitGroup
	for range 3 {
		work.Go(func() {
			for range 3 {
				for name, address := range addresses {
					if p := r.play(http.MethodGet, address, nil); p.status != http.StatusOK && p.status != http.StatusNotFound {
						t.Errorf("%s: %d %s", name, p.status, p.body)
					}
				}
			}
		})
	}
	r.deleteMedia("going", 0, 9999999999)
	work.Wait()
	for name, address := range addresses {
		if p := r.play(http.MethodGet, address, nil); strings.Contains(p.body, "the media") {
			t.Errorf("%s is there still: %d", name, p.status)
		}
	}
}

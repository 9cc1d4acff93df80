package server_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestASessionPlaysOnDemand follows a player from the address to the last segment.
func TestASessionPlaysOnDemand(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	r.putClip("cam")
	master := r.session("cam", onDemand(map[string]any{"DisplayFragmentTimestamp": "ALWAYS"}))
	if !strings.HasPrefix(master, r.url+"/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=") {
		t.Fatalf("the address is %s", master)
	}
	_, token, _ := strings.Cut(master, "SessionToken=")
	if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~") != "" {
		t.Errorf("the token %s needs escaping", token)
	}
	m := r.playlist(master)
	stream := m.tags["#EXT-X-STREAM-INF"]
	for _, part := range []string{`CODECS="avc1.`, "RESOLUTION=640x360", "FRAME-RATE=25.00", "BANDWIDTH="} {
		if !strings.Contains(stream, part) {
			t.Errorf("no %s in %s", part, stream)
		}
	}
	address, p := r.mediaOf(master)
	if !p.ended || p.tags["#EXT-X-PLAYLIST-TYPE"] != "VOD" || p.tags["#EXT-X-MEDIA-SEQUENCE"] != "1" || len(p.segments) != 60 || len(p.inits) != 1 {
		t.Fatalf("%d segments, %d inits:\n%.600s", len(p.segments), len(p.inits), p.text)
	}
	if again := r.load(address); again != p.text {
		t.Error("the playlist has changed")
	}
	init := r.load(p.inits[0])
	if init[4:8] != "ftyp" || !strings.Contains(init, "moov") {
		t.Errorf("the init segment begins with %q", init[:16])
	}
	for i, s := range p.segments {
		if s.seconds != "1" || s.discontinuity || s.time != fmt.Sprintf("2023-11-14T22:13:%02d.000Z", 20+i) && i < 40 {
			t.Errorf("segment %d: %+v", i, s)
		}
		body := r.load(s.address)
		if time := decodeTime(t, body); time != uint64(i)*90_000 {
			t.Errorf("segment %d is decoded at %d", i, time)
		}
	}
}

// decodeTime is the time in the tfdt of a segment.
func decodeTime(t testing.TB, body string) uint64 {
	t.Helper()
	at := strings.Index(body, "tfdt")
	if at < 0 || !strings.HasPrefix(body[4:], "styp") || body[at+4] != 1 {
		t.Fatalf("this is no segment: %q", body[:min(len(body), 64)])
	}
	return binary.BigEndian.Uint64([]byte(body[at+8:]))
}

// TestSubRequestsAnswerAsPlayersWant is the table of answers, row by row.
func TestSubRequestsAnswerAsPlayersWant(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	r.putClip("cam")
	master := r.session("cam", onDemand(nil))
	address, p := r.mediaOf(master)
	tsMaster := r.session("cam", onDemand(map[string]any{"ContainerFormat": "MPEG_TS"}))
	tsAddress, tsList := r.mediaOf(tsMaster)
	for name, tc := range map[string]struct{ address, kind string }{
		"GetHLSMasterPlaylist":           {master, "application/vnd.apple.mpegurl"},
		"GetHLSMediaPlaylist":            {address, "application/vnd.apple.mpegurl"},
		"GetMP4InitFragment":             {p.inits[0], "video/mp4"},
		"GetMP4MediaFragment":            {p.segments[3].address, "video/mp4"},
		"GetHLSMediaPlaylist of MPEG_TS": {tsAddress, "application/vnd.apple.mpegurl"},
		"GetTSFragment":                  {tsList.segments[3].address, "video/mp2t"},
	} {
		t.Run(name, func(t *testing.T) {
			whole := r.play(http.MethodGet, tc.address, nil)
			if whole.status != http.StatusOK || whole.header.Get("Content-Type") != tc.kind {
				t.Errorf("%d, %s", whole.status, whole.header.Get("Content-Type"))
			}
			if whole.header.Get("Access-Control-Allow-Origin") != "*" || whole.header.Get("X-Amzn-Requestid") == "" {
				t.Errorf("headers %v", whole.header)
			}
			if got := whole.header.Get("Content-Length"); got != fmt.Sprint(len(whole.body)) {
				t.Errorf("length %s of %d bytes", got, len(whole.body))
			}
			if cache := whole.header.Get("Cache-Control"); !strings.HasPrefix(cache, "private, max-age=") || cache > "private, max-age=300" {
				t.Errorf("cache control %s", cache)
			}
			head := r.play(http.MethodHead, tc.address, nil)
			if head.status != http.StatusOK || head.body != "" || head.header.Get("Content-Length") != whole.header.Get("Content-Length") || head.header.Get("Content-Type") != tc.kind {
				t.Errorf("HEAD: %d %v", head.status, head.header)
			}
			preflight := r.play(http.MethodOptions, tc.address, nil)
			if preflight.status != http.StatusOK || preflight.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(preflight.header.Get("Access-Control-Allow-Methods"), "GET") {
				t.Errorf("OPTIONS: %d %v", preflight.status, preflight.header)
			}
			more := r.play(http.MethodGet, tc.address+"&_HLS_msn=4&CMCD=br%3D3200%2Cot%3Dv&_=17&bad=%zz", nil)
			if more.status != http.StatusOK || more.body != whole.body {
				t.Errorf("with further parameters: %d", more.status)
			}
			if strings.Contains(tc.address, ".m3u8") {
				return
			}
			if whole.header.Get("Accept-Ranges") != "bytes" {
				t.Error("ranges are not offered")
			}
			for asked, want := range map[string]string{"bytes=0-99": whole.body[:100], "bytes=100-": whole.body[100:], "bytes=-7": whole.body[len(whole.body)-7:], "bytes=188-600": whole.body[188:601]} {
				part := r.play(http.MethodGet, tc.address, http.Header{"Range": {asked}})
				if part.status != http.StatusPartialContent || part.body != want || !strings.HasSuffix(part.header.Get("Content-Range"), fmt.Sprintf("/%d", len(whole.body))) {
					t.Errorf("%s: %d, %d bytes, %s", asked, part.status, len(part.body), part.header.Get("Content-Range"))
				}
			}
			beyond := r.play(http.MethodGet, tc.address, http.Header{"Range": {fmt.Sprintf("bytes=%d-", len(whole.body))}})
			if beyond.status != http.StatusRequestedRangeNotSatisfiable || beyond.header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("behind the end: %d %v", beyond.status, beyond.header)
			}
		})
	}
	if tag := r.play(http.MethodHead, p.segments[3].address, nil).header.Get("Etag"); tag == "" {
		t.Error("a segment has no ETag")
	} else if same := r.play(http.MethodGet, p.segments[3].address, http.Header{"If-None-Match": {tag}}); same.status != http.StatusNotModified {
		t.Errorf("a segment that the player has: %d", same.status)
	} else {
		part := http.Header{"Range": {"bytes=0-9"}, "If-Range": {tag}}
		if some := r.play(http.MethodGet, p.segments[3].address, part); some.status != http.StatusPartialContent || len(some.body) != 10 {
			t.Errorf("a part of the segment that the player has: %d, %d bytes", some.status, len(some.body))
		}
		part.Set("If-Range", `"another"`)
		if all := r.play(http.MethodGet, p.segments[3].address, part); all.status != http.StatusOK || len(all.body) <= 10 {
			t.Errorf("a part of another segment: %d, %d bytes", all.status, len(all.body))
		}
	}
	for _, list := range []string{master, address} {
		if vary := r.play(http.MethodHead, list, nil).header.Get("Vary"); vary != "Accept-Encoding" {
			t.Errorf("an answer that depends on what the player takes varies with %q", vary)
		}
	}
	plain := r.load(address)
	packed := r.play(http.MethodGet, address, http.Header{"Accept-Encoding": {"br, gzip;q=0.8"}})
	z, err := gzip.NewReader(bytes.NewReader([]byte(packed.body)))
	if err != nil || packed.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("compressed: %v, %v", err, packed.header)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != plain || len(packed.body) > len(plain)/3 {
		t.Errorf("compressed: %d of %d bytes, %v", len(packed.body), len(plain), err)
	}
	if not := r.play(http.MethodGet, address, http.Header{"Accept-Encoding": {"gzip;q=0"}}); not.body != plain {
		t.Error("compressed for one who does not take it")
	}
}

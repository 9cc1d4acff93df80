package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/wire"
)

// over is how every token is refused that opens nothing.
func (r *rig) over(what, address string) {
	r.t.Helper()
	p := r.play(http.MethodGet, address, nil)
	if p.status != http.StatusForbidden || p.header.Get(wire.HeaderErrorType) != "NotAuthorizedException" || !strings.Contains(p.body, `"Message":"Streaming session token is expired"`) {
		r.t.Errorf("%s: %d %s", what, p.status, p.body)
	}
	if p.header.Get("Access-Control-Allow-Origin") != "*" {
		r.t.Errorf("%s: a page cannot read why", what)
	}
}

// gone is how what is not there is refused.
func (r *rig) gone(what, address string) {
	r.t.Helper()
	p := r.play(http.MethodGet, address, nil)
	if p.status != http.StatusNotFound || p.header.Get(wire.HeaderErrorType) != "ResourceNotFoundException" || p.header.Get("Access-Control-Allow-Origin") != "*" {
		r.t.Errorf("%s: %d %s", what, p.status, p.body)
	}
}

// everyAddress is one of each kind of a session.
func (r *rig) everyAddress(master string) map[string]string {
	r.t.Helper()
	address, p := r.mediaOf(master)
	return map[string]string{"master playlist": master, "media playlist": address, "init segment": p.inits[0], "segment": p.segments[0].address}
}

// TestATokenOpensItsSessionAlone: forged, truncated, foreign and expired ones.
func TestATokenOpensItsSessionAlone(t *testing.T) {
	s := newStudio(t, server.Options{}, nil)
	other := newStudio(t, server.Options{}, nil)
	s.film(6)
	other.film(6)
	addresses := s.everyAddress(s.session("cam", nil))
	_, foreign, _ := strings.Cut(other.session("cam", nil), "SessionToken=")
	for name, address := range addresses {
		_, rest, _ := strings.Cut(address, "SessionToken=")
		token, _, _ := strings.Cut(rest, "&")
		with := func(text string) string { return strings.Replace(address, token, text, 1) }
		s.over(name+" without a token", strings.Replace(address, "SessionToken="+token, "", 1))
		s.over(name+" with an empty one", with(""))
		s.over(name+" with a truncated one", with(token[:len(token)-2]))
		s.over(name+" with a longer one", with(token+"AA"))
		s.over(name+" with one of another server", with(foreign))
		s.over(name+" with a changed one", with(token[:40]+flipped(token[40])+token[41:]))
		s.over(name+" with what is none", with("~~~"))
		if p := s.play(http.MethodGet, address, nil); p.status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, p.status, p.body)
		}
		if p := s.play(http.MethodPost, address, nil); p.status != http.StatusNotFound {
			t.Errorf("POST %s: %d", name, p.status)
		}
	}
	s.at(6 + 299)
	s.load(addresses["master playlist"])
	s.at(6 + 300)
	for name, address := range addresses {
		s.over(name+" after its time", address)
	}
}

func flipped(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}

// TestATokenOpensItsFragmentsAlone: the fragments of the session's selection, in its
// container, and no others of the stream.
func TestATokenOpensItsFragmentsAlone(t *testing.T) {
	s := newStudio(t, server.Options{}, nil)
	s.film(9)
	selected := func(more map[string]any) map[string]any {
		in := onDemand(more)
		in["HLSFragmentSelector"] = map[string]any{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": map[string]any{"StartTimestamp": 1700000002, "EndTimestamp": 1700000005}}
		return in
	}
	_, p := s.mediaOf(s.session("cam", selected(nil)))
	if got := s.listed(p); got != "2 3 4 5" {
		t.Fatalf("listed %s", got)
	}
	address := p.segments[0].address
	with := func(number string) string { return strings.Replace(address, s.numbers[2], number, 1) }
	for _, i := range []int{0, 1, 6, 8} {
		s.gone(fmt.Sprint("fragment ", i), with(s.numbers[i]))
	}
	s.gone("a number that nothing has", with("7"))
	s.gone("a track that the session has not", strings.Replace(address, "TrackNumber=1", "TrackNumber=2", 1))
	s.gone("track 0", strings.Replace(address, "TrackNumber=1", "TrackNumber=0", 1))
	s.gone("an init segment of later", p.inits[0]+"1")
	s.gone("a transport stream", strings.Replace(address, "getMP4MediaFragment.mp4", "getTSFragment.ts", 1))
	for name, bad := range map[string]string{
		"a number that is none": with("x"), "no number": with(""), "a track that is no number": strings.Replace(address, "TrackNumber=1", "TrackNumber=one", 1),
	} {
		if p := s.play(http.MethodGet, bad, nil); p.status != http.StatusBadRequest || p.header.Get(wire.HeaderErrorType) != badArgument || p.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	for _, rest := range []string{"&TrackNumber=1", "&TrackNumber=1&SequenceNumber=0"} {
		if s.load(strings.TrimSuffix(p.inits[0], rest)) != s.load(p.inits[0]) {
			t.Errorf("an init segment without %s is another one", rest)
		}
	}
	_, ts := s.mediaOf(s.session("cam", selected(map[string]any{"ContainerFormat": "MPEG_TS"})))
	if body := s.load(ts.segments[1].address + "&TrackNumber=1"); body[0] != 0x47 || len(body)%188 != 0 {
		t.Errorf("a transport stream of %d bytes", len(body))
	}
	s.gone("an init segment of a transport stream", strings.NewReplacer("getTSFragment.ts", "getMP4InitFragment.mp4").Replace(ts.segments[0].address))
	s.gone("fragmented MP4 of a transport stream", strings.NewReplacer("getTSFragment.ts", "getMP4MediaFragment.mp4").Replace(ts.segments[0].address))
}

// TestATokenDiesWithItsKey: with the key that made it, or with its permission.
func TestATokenDiesWithItsKey(t *testing.T) {
	g := guard(t)
	g.create("cam", 24)
	g.putClip("cam")
	for name, change := range map[string]map[string]any{
		"disabled":   {"Status": "DISABLED"},
		"other":      {"Streams": []string{"door"}},
		"restricted": {"Actions": []string{"GetMedia"}},
		"deleted":    nil,
	} {
		k := g.key(name, "GetHLSStreamingSessionURL GetSessionToken", "cam")
		as := *g.rig
		as.keys = k.Credentials
		addresses := as.everyAddress(as.session("cam", onDemand(nil)))
		ofSession := as
		ofSession.keys = g.session(k.Credentials, map[string]any{})
		more := ofSession.session("cam", onDemand(nil))
		path, in := "/millrace/v1/updateKey", map[string]any{"AccessKeyId": k.AccessKeyID}
		for member, value := range change {
			in[member] = value
		}
		if change == nil {
			path = "/millrace/v1/deleteKey"
		}
		as.load(more)
		if status, out := g.call(path, in); status != http.StatusOK {
			t.Fatalf("%s: %d %v", name, status, out)
		}
		for what, address := range addresses {
			g.over(what+" of a key that was "+name, address)
		}
		g.over("a session of a key that was "+name, more)
	}
	k := g.key("foreign", "GetHLSStreamingSessionURL", "door")
	if a := g.as(k.Credentials, "/getHLSStreamingSessionURL", map[string]any{"StreamName": "cam"}); a.status != http.StatusForbidden || a.kind != "NotAuthorizedException" {
		t.Errorf("of a stream of others: %+v", a)
	}
}

// TestATokenDiesWithItsStream: also where another one has its name.
func TestATokenDiesWithItsStream(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	r.putClip("cam")
	addresses := r.everyAddress(r.session("cam", onDemand(nil)))
	if status, out := r.call("/deleteStream", map[string]any{"StreamARN": r.arn("cam")}); status != http.StatusOK {
		t.Fatalf("delete: %d %v", status, out)
	}
	for name, address := range addresses {
		r.gone(name+" of a stream that was deleted", address)
	}
	for made := false; !made; { // until the name is free
		status, _ := r.call("/createStream", map[string]any{"StreamName": "cam", "DataRetentionInHours": 24})
		made = status == http.StatusOK
	}
	r.putClip("cam")
	for name, address := range addresses {
		r.gone(name+" of an earlier stream of the name", address)
	}
}

// What is deleted in mid-playback is gone from one request to the next, whatever
// was in memory of it; the rest plays on.
func TestDeletedMediaCannotBePlayed(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	r.putClip("cam")
	address, p := r.mediaOf(r.session("cam", onDemand(nil)))
	for _, s := range p.segments {
		r.load(s.address)
	}
	r.deleteMedia("cam", 1700000010, 1700000020)
	for i, s := range p.segments {
		if 10 <= i && i < 20 {
			r.gone(fmt.Sprint("fragment ", i), s.address)
		} else if i != 20 {
			r.load(s.address)
		}
	}
	if r.load(address) != p.text {
		t.Error("a list on demand has changed")
	}
	if _, p := r.mediaOf(r.session("cam", onDemand(nil))); len(p.segments) > 50 {
		t.Errorf("a new session has %d segments", len(p.segments))
	}
}

// A fragment that turns out to be damaged is not played, and is marked where it
// stands; a session that begins afterwards passes it over.
func TestADamagedFragmentIsAGap(t *testing.T) {
	s := newStudio(t, server.Options{}, nil)
	s.film(8)
	address, p := s.mediaOf(s.session("cam", onDemand(nil)))
	s.damage(s.clusters[3])
	s.gone("a damaged fragment", p.segments[3].address)
	for i, seg := range p.segments {
		if i != 3 {
			s.load(seg.address)
		}
	}
	if got := s.listed(s.playlist(address)); got != "0 1 2 3! 4 5 6 7" {
		t.Errorf("listed %s", got)
	}
	s.gone("it stays damaged", p.segments[3].address)
	if _, p := s.mediaOf(s.session("cam", onDemand(nil))); s.listed(p) != "0 1 2 4 5 6 7" {
		t.Errorf("a new session lists %s", s.listed(p))
	}
}

// damage changes a byte in the middle of what is stored of a Cluster.
func (s *studio) damage(of []byte) {
	s.t.Helper()
	part := of[len(of)/2 : len(of)/2+64]
	packs, err := filepath.Glob(filepath.Join(s.cfg.Data, "packs", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range packs {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		at := strings.Index(string(b), string(part))
		if at < 0 {
			continue
		}
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{^b[at]}, int64(at)); err != nil {
			s.t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	s.t.Fatal("the fragment is in no pack")
}

// TestPlayersAreHeldToTheRatesOfTheirSession, and the stream to its points; who is
// told to come again can.
func TestPlayersAreHeldToTheRatesOfTheirSession(t *testing.T) {
	s := newStudio(t, server.Options{}, func(c *config.Server) {
		c.Rates = config.Rates{{Operation: config.RatesAWS}}
		c.MetadataPoints, c.MediaPoints = 100, 30
	})
	s.film(6)
	one, two := s.everyAddress(s.session("cam", nil)), s.everyAddress(s.session("cam", nil))
	throttled := func(address string, most int) {
		t.Helper()
		for i := range most + 1 {
			p := s.play(http.MethodGet, address, nil)
			switch {
			case i < most && p.status != http.StatusOK:
				t.Fatalf("request %d: %d %s", i, p.status, p.body)
			case i == most && (p.status != http.StatusTooManyRequests || p.header.Get("Retry-After") != "1" ||
				p.header.Get(wire.HeaderErrorType) != "ClientLimitExceededException" || p.header.Get("Access-Control-Allow-Origin") != "*"):
				t.Fatalf("request %d: %d %v", i, p.status, p.header)
			}
		}
	}
	s.at(10)
	throttled(one["master playlist"], 5)
	throttled(two["master playlist"], 5) // each session has its own
	throttled(one["media playlist"], 5)
	throttled(one["init segment"], 5)
	throttled(one["segment"], 20)
	throttled(two["segment"], 10) // the stream's points are used up
	s.at(11)
	throttled(two["segment"], 20)
	s.at(12)
	for range 5 {
		s.load(one["media playlist"])
	}
	in := map[string]any{"MaxMediaPlaylistFragmentResults": 90}
	address := s.playlist(s.session("cam", in)).variants[0]
	s.at(13)
	throttled(address, 1) // it costs ninety points
}

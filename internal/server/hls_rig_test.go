package server_test

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// clipRange has all of the clip that putClip puts, by the producer's clock.
func clipRange() map[string]any {
	return map[string]any{
		"FragmentSelectorType": "PRODUCER_TIMESTAMP",
		"TimestampRange":       map[string]any{"StartTimestamp": 1700000000, "EndTimestamp": 1700000060},
	}
}

// onDemand are the members of a session that plays the clip.
func onDemand(more map[string]any) map[string]any {
	in := map[string]any{"PlaybackMode": "ON_DEMAND", "HLSFragmentSelector": clipRange()}
	maps.Copy(in, more)
	return in
}

// session makes a session and returns the address of its master playlist.
func (r *rig) session(name string, members map[string]any) string {
	r.t.Helper()
	in := map[string]any{"StreamName": name}
	maps.Copy(in, members)
	status, out := r.call("/getHLSStreamingSessionURL", in)
	address, ok := out["HLSStreamingSessionURL"].(string)
	if status != http.StatusOK || !ok {
		r.t.Fatalf("make a session: %d %v", status, out)
	}
	return address
}

// A played is what a player got.
type played struct {
	status int
	header http.Header
	body   string
}

// play gets an address as a player does, without a signature.
func (r *rig) play(method, address string, header http.Header) played {
	r.t.Helper()
	p, err := r.tryPlay(context.Background(), method, address, header)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) tryPlay(ctx context.Context, method, address string, header http.Header) (played, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return played{}, err
	}
	maps.Copy(req.Header, header)
	resp, err := r.client.Do(req)
	if err != nil {
		return played{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return played{resp.StatusCode, resp.Header, string(body)}, err
}

// get is play for what must be there.
func (r *rig) load(address string) string {
	r.t.Helper()
	p := r.play(http.MethodGet, address, nil)
	if p.status != http.StatusOK {
		r.t.Fatalf("GET %.120s: %d %s", address, p.status, p.body)
	}
	return p.body
}

// A playlist is what a player makes of one.
type playlist struct {
	tags     map[string]string // of the head; the last of its name
	segments []listedSegment
	inits    []string // addresses of EXT-X-MAP
	renditions,
	variants []string
	ended bool
	text  string
}

type listedSegment struct {
	address       string
	seconds       string
	discontinuity bool
	gap           bool
	init          int // index into inits
	time          string
}

func (s listedSegment) number(t testing.TB) string {
	u, err := url.Parse(s.address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("FragmentNumber")
}

// playlist loads and reads a playlist.
func (r *rig) playlist(address string) playlist {
	r.t.Helper()
	return r.read(address, r.load(address))
}

func (r *rig) read(address, text string) playlist {
	base, err := url.Parse(address)
	if err != nil {
		r.t.Fatal(err)
	}
	resolve := func(ref string) string {
		u, err := base.Parse(ref)
		if err != nil {
			r.t.Fatal(err)
		}
		return u.String()
	}
	p := playlist{tags: map[string]string{}, text: text}
	var next listedSegment
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch name {
		case "#EXTINF":
			next.seconds = strings.TrimSuffix(value, ",")
		case "#EXT-X-DISCONTINUITY":
			next.discontinuity = true
		case "#EXT-X-GAP":
			next.gap = true
		case "#EXT-X-PROGRAM-DATE-TIME":
			next.time = value
		case "#EXT-X-MAP", "#EXT-X-MEDIA":
			_, ref, _ := strings.Cut(value, `URI="`)
			ref, _, _ = strings.Cut(ref, `"`)
			if name == "#EXT-X-MAP" {
				p.inits = append(p.inits, resolve(ref))
			} else {
				p.renditions = append(p.renditions, resolve(ref))
			}
		case "#EXT-X-ENDLIST":
			p.ended = true
		default:
			switch {
			case strings.HasPrefix(name, "#"):
				p.tags[name] = value
			case next.seconds != "":
				next.address, next.init = resolve(lines.Text()), len(p.inits)-1
				p.segments = append(p.segments, next)
				next = listedSegment{}
			default:
				p.variants = append(p.variants, resolve(lines.Text()))
			}
		}
	}
	return p
}

// media is the media playlist of a session's first track.
func (r *rig) mediaOf(master string) (address string, p playlist) {
	r.t.Helper()
	m := r.playlist(master)
	if len(m.variants) != 1 {
		r.t.Fatalf("%d variants: %s", len(m.variants), m.text)
	}
	return m.variants[0], r.playlist(m.variants[0])
}

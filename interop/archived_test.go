//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// An answer is what came back of a call.
type answer struct {
	status  int
	failure string // the exception's name; empty for 200
	message string // of the exception
	body    []byte
}

// archived calls an operation on archived media, signed by the SDK's signer,
// as no SDK for it can be had from every module proxy.
func (r *rig) archived(t *testing.T, operation string, input map[string]any) answer {
	t.Helper()
	body, err := json.Marshal(input)
	must(t, err)
	return r.signed(t, http.MethodPost, r.url+"/"+operation, body)
}

// signed sends one signed request.
func (r *rig) signed(t *testing.T, method, address string, body []byte) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body))
	must(t, err)
	hash := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	must(t, v4.NewSigner().SignHTTP(context.Background(), credentials, req, hex.EncodeToString(hash[:]), "kinesisvideo", region, time.Now()))
	return r.ask(t, req)
}

func (r *rig) ask(t *testing.T, req *http.Request) answer {
	t.Helper()
	client, err := r.httpClient()
	must(t, err)
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	must(t, err)
	defer res.Body.Close()
	a := answer{status: res.StatusCode, failure: res.Header.Get("x-amzn-ErrorType")}
	a.body, err = io.ReadAll(res.Body)
	must(t, err)
	if a.status != http.StatusOK {
		var told struct{ Message string }
		_ = json.Unmarshal(a.body, &told)
		a.message = told.Message
	}
	return a
}

// load gets an address that needs no signature.
func (r *rig) load(t *testing.T, address string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	must(t, err)
	a := r.ask(t, req)
	if a.status != http.StatusOK {
		t.Fatalf("GET %.150s: %d %s: %s", address, a.status, a.failure, a.message)
	}
	return a.body
}

// A span is a stretch of a stream by its producer's clock.
type span struct{ from, to time.Time }

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

func (s span) selector() map[string]any {
	return map[string]any{
		"FragmentSelectorType": "PRODUCER_TIMESTAMP",
		"TimestampRange":       map[string]any{"StartTimestamp": seconds(s.from), "EndTimestamp": seconds(s.to)},
	}
}

// onDemand asks for the address of a stretch as HLS.
func (r *rig) onDemand(t *testing.T, stream, container string, s span) answer {
	t.Helper()
	return r.archived(t, "getHLSStreamingSessionURL", map[string]any{
		"StreamName": stream, "PlaybackMode": "ON_DEMAND", "ContainerFormat": container, "DiscontinuityMode": "ON_DISCONTINUITY",
		"HLSFragmentSelector": s.selector(),
	})
}

// address is the one that an answer gives.
func (a answer) address(t *testing.T) string {
	t.Helper()
	var got struct{ HLSStreamingSessionURL string }
	if a.status != http.StatusOK || json.Unmarshal(a.body, &got) != nil || got.HLSStreamingSessionURL == "" {
		t.Fatalf("no address: %d %s: %s", a.status, a.failure, a.message)
	}
	return got.HLSStreamingSessionURL
}

// A playlist is what the lines of one name.
type playlist struct {
	media  []string   // addresses that stand alone: of playlists, or of segments
	groups [][]string // of segments, each with its init segment first if there is one
	text   string
}

// playlist loads a playlist. A group ends where there is another init segment or
// a discontinuity.
func (r *rig) playlist(t *testing.T, address string) (p playlist) {
	t.Helper()
	base, err := url.Parse(address)
	must(t, err)
	body := r.load(t, address)
	p.text = string(body)
	init, fresh := "", true
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		line := lines.Text()
		name, mapped := strings.CutPrefix(line, `#EXT-X-MAP:URI="`)
		switch {
		case mapped:
			name, _, _ = strings.Cut(name, `"`)
			init, fresh = resolve(t, base, name), true
		case line == "#EXT-X-DISCONTINUITY":
			fresh = true
		case line != "" && line[0] != '#':
			segment := resolve(t, base, line)
			p.media = append(p.media, segment)
			if fresh {
				p.groups = append(p.groups, nil)
				if init != "" {
					p.groups[len(p.groups)-1] = []string{init}
				}
			}
			last := len(p.groups) - 1
			p.groups[last], fresh = append(p.groups[last], segment), false
		}
	}
	return p
}

func resolve(t *testing.T, base *url.URL, name string) string {
	t.Helper()
	u, err := base.Parse(name)
	must(t, err)
	return u.String()
}

// joined loads the segments of the first playlist of a master playlist, and
// returns a file for each group of them that can be played as one.
func (r *rig) joined(t *testing.T, master, extension string) (files []string) {
	t.Helper()
	media := r.playlist(t, r.playlist(t, master).media[0])
	for i, group := range media.groups {
		var all []byte
		for _, address := range group {
			all = append(all, r.load(t, address)...)
		}
		files = append(files, filepath.Join(t.TempDir(), string(rune('a'+i))+extension))
		must(t, os.WriteFile(files[i], all, 0o600))
	}
	return files
}

package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// A document is what GetMedia delivers of one fragment.
type document struct {
	tags    map[string]string // of the service and of the producer alike
	leading [][2]string       // names and values of the producer's, before the Cluster
	trailed [][2]string       // and behind it
	order   []string          // names of the elements beside and of the Cluster
	cluster []byte            // verbatim
	blocks  int
	raw     []byte
}

func (d document) number() string { return d.tags["AWS_KINESISVIDEO_FRAGMENT_NUMBER"] }

// A get is one GetMedia call.
type get struct {
	t      testing.TB
	body   io.ReadCloser
	cancel context.CancelFunc
	reader *mkv.Reader
}

// get opens a call.
func (r *rig) get(name string, selector map[string]any) *get {
	r.t.Helper()
	g, err := r.tryGet(name, selector)
	if err != nil {
		r.t.Fatal(err)
	}
	return g
}

// tryGet is get against a server that may be gone.
func (r *rig) tryGet(name string, selector map[string]any) (*get, error) {
	ctx, cancel := context.WithCancel(context.Background())
	// Connections that are shared leave others open on which nothing ever
	// comes, and the server's end waits for those.
	alone := *r
	alone.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	resp, err := alone.tryPost(ctx, "/getMedia", map[string]any{"StreamName": name, "StartSelector": selector})
	if err == nil && resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		err = fmt.Errorf("getMedia: %d %s", resp.StatusCode, body)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	g := &get{t: r.t, body: resp.Body, cancel: cancel, reader: mkv.NewReader(resp.Body, mkv.ReaderOptions{})}
	r.t.Cleanup(g.close)
	return g, nil
}

func (g *get) close() { g.cancel(); g.body.Close() }

// next reads one document, which ends with the service's second Tags element.
func (g *get) next() (document, error) {
	d := document{tags: map[string]string{}}
	in := false
	for {
		e, err := g.reader.Next()
		if err != nil {
			return d, err
		}
		d.raw = append(d.raw, e.Raw...)
		switch {
		case e.Kind == mkv.End:
			in = in && e.ID != mkv.IDCluster
			continue
		case e.ID == mkv.IDCluster:
			in = true
		case e.ID == mkv.IDSimpleBlock:
			d.blocks++
		}
		if in {
			d.cluster = append(d.cluster, e.Raw...)
		}
		if e.Level < 2 {
			d.order = append(d.order, e.ID.String())
		}
		if e.ID == mkv.IDTags {
			tags, err := mkv.ParseTags(e.Data())
			if err != nil {
				return d, err
			}
			for _, t := range tags {
				for _, s := range t.Simple {
					d.tags[s.Name] = s.String
					d.keep(s)
				}
			}
			if d.tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"] != "" || d.tags["AWS_KINESISVIDEO_ERROR_ID"] != "" {
				return d, nil
			}
		}
	}
}

// keep notes a tag that is the producer's.
func (d *document) keep(s mkv.SimpleTag) {
	switch s.Name {
	case wire.TagFragmentNumber, wire.TagServerTimestamp, wire.TagProducerTimestamp, wire.TagMillisBehindNow, wire.TagContinuationToken:
		return
	}
	if d.cluster == nil {
		d.leading = append(d.leading, [2]string{s.Name, s.String})
	} else {
		d.trailed = append(d.trailed, [2]string{s.Name, s.String})
	}
}

// must reads one document.
func (g *get) must() document {
	g.t.Helper()
	timer := time.AfterFunc(30*time.Second, g.cancel)
	defer timer.Stop()
	d, err := g.next()
	if err != nil {
		g.t.Fatalf("read document: %v", err)
	}
	return d
}

// until reads into a document until so much of its Cluster has come, and
// returns the fragment's number.
func (g *get) until(cluster []byte) (number string) {
	g.t.Helper()
	timer := time.AfterFunc(30*time.Second, g.cancel)
	defer timer.Stop()
	var got []byte
	for !bytes.Equal(got, cluster) {
		e, err := g.reader.Next()
		if err != nil {
			g.t.Fatalf("read document: %v, %d bytes of %d", err, len(got), len(cluster))
		}
		switch {
		case e.ID == mkv.IDTags:
			tags, err := mkv.ParseTags(e.Data())
			if err != nil {
				g.t.Fatal(err)
			}
			if s := tags[0].Simple[0]; s.Name == wire.TagFragmentNumber {
				number = s.String
			}
		case e.Level == 2 || e.ID == mkv.IDCluster:
			got = append(got, e.Raw...)
		}
	}
	return number
}

// all reads documents to the end of the response.
func (g *get) all() (docs []document) {
	g.t.Helper()
	for {
		d, err := g.next()
		if errors.Is(err, io.EOF) && len(d.raw) == 0 {
			return docs
		}
		if err != nil {
			g.t.Fatalf("read document: %v", err)
		}
		docs = append(docs, d)
	}
}

// The parts of small bodies.

func header(tracks ...uint64) []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{DocType: "matroska"})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	b = mkv.AppendInfo(b, mkv.Info{TimecodeScale: 1_000_000, MuxingApp: "test", WritingApp: "test"})
	var list []mkv.Track
	for _, n := range tracks {
		list = append(list, mkv.Track{Number: n, UID: n, Type: mkv.TrackVideo, CodecID: "X_TEST", Name: "test"})
	}
	return mkv.AppendTracks(b, list)
}

func cluster(timecode uint64, blocks ...[]byte) []byte {
	b := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 1)
	b = mkv.AppendUint(b, mkv.IDTimecode, timecode)
	return append(b, bytes.Join(blocks, nil)...)
}

func block(track uint64, rel int16, payload string) []byte {
	return append(mkv.AppendSimpleBlockHeader(nil, track, rel, mkv.FlagKeyframe, len(payload)), payload...)
}

func userTags(pairs ...string) []byte {
	var t mkv.Tag
	for i := 0; i < len(pairs); i += 2 {
		t.Simple = append(t.Simple, mkv.SimpleTag{Name: pairs[i], String: pairs[i+1]})
	}
	return mkv.AppendTags(nil, []mkv.Tag{t}, 8)
}

func endOfFragment() []byte { return userTags("AWS_KINESISVIDEO_END_OF_FRAGMENT", "") }

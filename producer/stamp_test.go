package producer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// voids reads which fragment a Cluster says that it is, and whether the digest in
// it is that of what stands before.
func voids(t *testing.T, f producertest.Fragment) (id millrace.Identity, digested, sized bool) {
	t.Helper()
	header := mkv.AppendEBML(nil, mkv.EBML{})
	header = mkv.AppendUnknownSize(mkv.AppendID(header, mkv.IDSegment), 0)
	header = mkv.AppendTracks(header, []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}})
	r := mkv.NewReader(bytes.NewReader(append(header, f.Bytes...)), mkv.ReaderOptions{})
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return id, digested, sized
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.ID == mkv.IDCluster && e.Kind == mkv.Start:
			sized = e.Size != mkv.UnknownSize
			if left := int64(len(f.Bytes)) - int64(len(e.Raw)); sized && e.Size != left {
				t.Errorf("a Cluster of %d bytes says %d", left, e.Size)
			}
		case e.ID == mkv.IDVoid:
			if got, ok := millrace.ParseIdentity(e.Data()); ok {
				id = got
			}
			if got, ok := millrace.ParseDigest(e.Data()); ok {
				digested = got == sha256.Sum256(f.Bytes[:e.Offset-int64(len(header))])
			}
		}
	}
}

func TestEachFragmentSaysWhichItIsToServersThatKeepItOnce(t *testing.T) {
	reset := producertest.Step{Faults: []producertest.Fault{{At: producertest.AtBlock, Fragment: 2, Do: producertest.Reset}}}
	for name, knows := range map[string]bool{"Millrace": true, "AWS": false} {
		for kind, spool := range map[string]string{"memory": "", "spool": t.TempDir()} {
			t.Run(name+", "+kind, func(t *testing.T) {
				config := map[bool]producertest.Config{true: producertest.Millrace(), false: producertest.AWS()}[knows]
				config.Steps = []producertest.Step{reset, reset}
				c := setting{server: config, size: 600 << 10, spool: spool}
				c.stream.Buffer.MaxBytes = 4 << 20 // so that some are on the disk alone
				c.stream.Buffer.OnFull = producer.FullWait
				play(t, c, func(s *scene) {
					if spool != "" {
						s.server.SetNetwork(producertest.Down)
						s.burst(20)
						s.up.Abort()
						s.server.SetNetwork(producertest.Up)
						s.client = newClient(s.server)
						s.client.Spool, c.stream.Buffer.Spool = spool, true
						s.open(c.stream)
					}
					if err := s.up.SetTag("place", "gate", producer.EveryFragment); err != nil {
						t.Fatal(err)
					}
					s.film(20)
					s.close(time.Minute)
					s.compare(knows)
					seen := map[millrace.Identity]bool{}
					for _, f := range s.kept() {
						id, digested, _ := voids(t, f)
						if digested != knows || f.Identified != knows || seen[id] && knows {
							t.Errorf("fragment %d: %v, digest %v, identified %v", f.Timecode, id, digested, f.Identified)
						}
						seen[id] = true
					}
				})
			})
		}
	}
}

func TestClustersOfDeclaredSizeAreStamped(t *testing.T) {
	reset := producertest.Step{Faults: []producertest.Fault{{At: producertest.AtBlock, Fragment: 1, Block: 1, Do: producertest.Reset}}}
	for name, knows := range map[string]bool{"Millrace": true, "AWS": false} {
		for _, known := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				config := map[bool]producertest.Config{true: producertest.Millrace(), false: producertest.AWS()}[knows]
				config.Steps = []producertest.Step{reset}
				play(t, setting{server: config}, func(s *scene) {
					clip := read(t, file(known))
					ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
					defer cancel()
					for _, realtime := range []bool{false, true} {
						if err := clip.Play(ctx, s.up, producer.PlayOptions{Origin: time.Now(), Realtime: realtime}); err != nil {
							t.Fatal(err)
						}
						time.Sleep(10 * time.Second)
					}
					s.close(time.Minute)
					kept := s.kept()
					if len(kept) < 6 || knows && len(kept) != 6 {
						t.Errorf("%d fragments are durable", len(kept))
					}
					tags := 0
					for _, f := range kept {
						id, digested, sized := voids(t, f)
						if digested != knows || (id != millrace.Identity{}) != knows || sized != known {
							t.Errorf("%v, digest %v, sized %v", id, digested, sized)
						}
						tags += len(f.Tags)
					}
					if tags < 4 {
						t.Errorf("%d tags", tags)
					}
				})
			})
		}
	}
}

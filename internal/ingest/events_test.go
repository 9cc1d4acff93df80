package ingest_test

import (
	"slices"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/ingest"
)

// TestASessionTellsWhatHappens: every byte counts, and as fragments those that
// came whole, also where one is kept that did not.
func TestASessionTellsWhatHappens(t *testing.T) {
	inBubble(t, func(c *ingest.Config) { c.KeepPartial = true }, 0, func(r *rig) {
		var read int64
		var frames, stored int
		var acked []millrace.AckType
		c := r.serve(func(p *ingest.Params) {
			p.Events = ingest.Events{
				Received: func(f ingest.Received) { frames += f.Frames },
				Read:     func(bytes int64) { read += bytes },
				Acked:    func(a ingest.Acked) { acked = append(acked, a.Type) },
				Stored: func(s ingest.Stored) {
					if s.Err == nil {
						stored++
					}
				},
			}
		})
		body := cat(header(1), cluster(5, block(1, 0, "a"), block(1, 40, "b")), small(6), block(1, 40, "broken")[:4])
		c.send(body)
		c.breakOff()
		r.store.answer(2, nil)
		c.ended()
		if frames != 2 || read != int64(len(body)) || stored != 2 {
			t.Errorf("%d frames came whole, %d of %d bytes were read, %d fragments kept", frames, read, len(body), stored)
		}
		want := []millrace.AckType{millrace.AckBuffering, millrace.AckReceived, millrace.AckBuffering, millrace.AckPersisted, millrace.AckError}
		if !slices.Equal(acked, want) {
			t.Errorf("acknowledged %v, want %v", acked, want)
		}
	})
}

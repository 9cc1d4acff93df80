package ingest_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/store"
)

func TestAcksComeInTheOrderOfAFragmentsLife(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.want("200")
		c.send(header(1), small(5))
		c.want("BUFFERING 5")
		c.send(small(6))
		c.want("RECEIVED 5", "BUFFERING 6")
		c.send(small(7), endOfFragment())
		c.want("RECEIVED 6", "BUFFERING 7", "RECEIVED 7")
		r.store.answer(2, nil)
		c.want("PERSISTED 5", "PERSISTED 6")
		c.finish()
		c.want() // the session waits for the store
		r.store.answer(1, nil)
		c.ended()
		c.want("PERSISTED 7", "end")
		if c.err != nil {
			t.Errorf("err = %v", c.err)
		}
	})
}

func TestTheInterimAnswerComesBeforeTheHead(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(func(p *ingest.Params) { p.Expect = true })
		began := time.Now()
		c.want("100", "200")
		if d := c.conn.headAt.Sub(began); d < 10*time.Millisecond || d > 20*time.Millisecond {
			t.Errorf("the head came %v behind the interim answer", d)
		}
		c.finish()
		c.ended()
		c.want("end")
	})
}

func TestAClientThatWantsNoAcksIsToldOfErrorsAlone(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		c := r.serve(func(p *ingest.Params) { p.Quiet = true })
		c.send(header(1), small(5), small(6))
		time.Sleep(20 * time.Second) // no IDLE either
		c.want("200")
		c.send(cluster(7, block(9, 0, "of no track")))
		c.ended()
		c.want("ERROR 7 4010 TRACK_NUMBER_MISMATCH", "end")
	})
}

func TestZeroRetentionIsNeverPersisted(t *testing.T) {
	for _, ack := range []bool{false, true} {
		inBubble(t, func(c *ingest.Config) { c.AckWithoutStore = ack }, 0, func(r *rig) {
			c := r.serve(func(p *ingest.Params) { p.Retention = func() time.Duration { return 0 } })
			c.send(header(1), small(5), endOfFragment())
			if ack {
				c.want("200", "BUFFERING 5", "RECEIVED 5", "PERSISTED 5")
			} else {
				c.want("200", "BUFFERING 5", "RECEIVED 5")
			}
			c.finish()
			c.ended()
			if len(r.store.stored) != 0 {
				t.Error("it went to the store")
			}
		})
	}
}

// TestRetentionCountsFromTheNextFragmentOn: what began in a stream of zero
// retention is older than all that the store will find, and is not promised.
func TestRetentionCountsFromTheNextFragmentOn(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.instant = true
		var retention time.Duration
		c := r.serve(func(p *ingest.Params) { p.Retention = func() time.Duration { return retention } })
		c.send(header(1), small(5))
		retention = time.Hour
		c.send(small(6), small(7))
		c.want("200", "BUFFERING 5", "RECEIVED 5", "BUFFERING 6", "RECEIVED 6", "PERSISTED 6", "BUFFERING 7")
		retention = 0
		c.send(endOfFragment())
		c.want("RECEIVED 7")
		c.finish()
		c.ended()
		if len(r.store.stored) != 1 {
			t.Errorf("%d fragments went to the store, want the one", len(r.store.stored))
		}
	})
}

func TestErrorsAreTheLastWord(t *testing.T) {
	bad := block(9, 0, "of no track")
	for name, tc := range map[string]struct {
		body []byte
		want []string // behind the head; the store answers at the end of the body
	}{
		"of the open fragment, behind PERSISTED of those before": {
			cat(header(1), small(5), small(6), cluster(7, bad)),
			[]string{"BUFFERING 5", "RECEIVED 5", "BUFFERING 6", "RECEIVED 6", "BUFFERING 7", "PERSISTED 5", "PERSISTED 6", "ERROR 7 4010 TRACK_NUMBER_MISMATCH"},
		},
		"of no fragment before the first one": {
			cat(header(1, 2, 3, 4)), []string{"ERROR 4012 MORE_THAN_ALLOWED_TRACKS_FOUND"},
		},
		"of no fragment between two": {
			cat(header(1), small(5), endOfFragment(), []byte{0, 0}),
			[]string{"BUFFERING 5", "RECEIVED 5", "PERSISTED 5", "ERROR 4006 INVALID_MKV_DATA"},
		},
		"of a fragment that was faulty from its timecode on, at its end": {
			cat(header(1), small(5), small(4), small(6)),
			[]string{"BUFFERING 5", "RECEIVED 5", "PERSISTED 5", "ERROR 4 4004 FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"},
		},
		"of a fragment that got too long, at its end": {
			cat(header(1), small(5), cluster(6, block(1, 0, "x"), block(1, 21_000, "y"), block(1, 21_001, "z")), small(7)),
			[]string{"BUFFERING 5", "RECEIVED 5", "BUFFERING 6", "PERSISTED 5", "ERROR 6 4002 MAX_FRAGMENT_DURATION_REACHED"},
		},
		"a second header does not undo the fragment before it": {
			cat(header(1), small(5), header(1), small(6)),
			[]string{"BUFFERING 5", "RECEIVED 5", "PERSISTED 5", "ERROR 4006 INVALID_MKV_DATA"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, 0, func(r *rig) {
				c := r.serve(nil)
				c.send(tc.body)
				r.store.answer(len(r.store.waiting), nil)
				c.ended()
				c.want(append(append([]string{"200"}, tc.want...), "end")...)
			})
		})
	}
}

func cat(parts ...[]byte) []byte { return []byte(joined(parts)) }

func joined(parts [][]byte) string {
	var b strings.Builder
	for _, p := range parts {
		b.Write(p)
	}
	return b.String()
}

func TestABrokenBodyKeepsWhatIsComplete(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5), small(6), small(7)[:9])
		c.breakOff()
		r.store.answer(2, nil)
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "BUFFERING 6", "RECEIVED 6", "BUFFERING 7", "PERSISTED 5", "PERSISTED 6", "ERROR 7 4000 STREAM_READ_ERROR", "end")
		if n := len(r.store.stored); n != 2 {
			t.Errorf("%d fragments stored", n)
		}
	})
}

// A client that begins midway would take an ERROR for the fragments that it has
// not sent yet; see fragment.ErrMidway.
func TestABodyThatBeginsMidwayEndsWithoutAWord(t *testing.T) {
	for name, body := range map[string][]byte{
		"with a cluster":              small(5),
		"with the end of a fragment":  endOfFragment(),
		"with a block":                block(1, 0, "x"),
		"with a cluster and a header": cat(small(5), header(1), small(6)),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, 0, func(r *rig) {
				c := r.serve(nil)
				c.send(body)
				c.ended()
				c.want("200", "end")
				if n := len(r.store.stored); n != 0 {
					t.Errorf("%d fragments stored", n)
				}
			})
		})
	}
	t.Run("with the rest of a block", func(t *testing.T) {
		inBubble(t, nil, 0, func(r *rig) {
			c := r.serve(nil)
			c.send([]byte{0, 1, 2, 3}, small(5))
			c.ended()
			c.want("200", "ERROR 4000 STREAM_READ_ERROR", "end")
		})
	})
}

func TestNothingIsPersistedBehindAFailedCommit(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5), small(6), small(7), small(8))
		c.want("200", "BUFFERING 5", "RECEIVED 5", "BUFFERING 6", "RECEIVED 6", "BUFFERING 7", "RECEIVED 7", "BUFFERING 8")
		r.store.answer(1, nil)
		r.store.answer(1, errors.New("disk full"))
		r.store.answer(1, nil)
		c.ended()
		c.want("PERSISTED 5", "ERROR 6 5001 ARCHIVAL_ERROR", "end")
		if n := len(r.store.stored); n != 3 {
			t.Errorf("%d fragments stored", n)
		}
	})
}

func TestAStoreThatRefusesEndsTheSession(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		r.store.refuse = errors.New("closed")
		c := r.serve(nil)
		c.send(header(1), small(5), small(6))
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "ERROR 5 5001 ARCHIVAL_ERROR", "end")
	})
}

// The log of a server whose disk is full must not help to fill it.
func TestThatTheDiskIsFullIsNotLoggedForEachFragment(t *testing.T) {
	var log bytes.Buffer
	change := func(c *ingest.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
	inBubble(t, change, 0, func(r *rig) {
		for id, err := range []error{fmt.Errorf("claim: %w", store.ErrFull), errors.New("broken")} {
			c := r.serve(func(p *ingest.Params) { *p = params(uint64(id + 1)) })
			c.send(header(1), small(5))
			c.finish()
			r.store.answer(1, err)
			c.ended()
			c.want("200", "BUFFERING 5", "RECEIVED 5", "ERROR 5 5001 ARCHIVAL_ERROR", "end")
		}
	})
	if text := log.String(); strings.Contains(text, store.ErrFull.Error()) || !strings.Contains(text, "broken") {
		t.Errorf("logged %s", text)
	}
}

func TestAFailedCommitAtTheEndOfTheBodyIsTold(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5))
		c.finish()
		r.store.answer(1, errors.New("disk full"))
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "ERROR 5 5001 ARCHIVAL_ERROR", "end")
	})
}

// A skip code would make the client throw away what the store has lost.
func TestAFailedCommitOverrulesAFaultOfTheClient(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5), []byte("\x1f\x43\xb6\x75\xff\x00\x00"))
		r.store.answer(1, errors.New("disk full"))
		c.ended()
		c.want("200", "BUFFERING 5", "RECEIVED 5", "ERROR 5 5001 ARCHIVAL_ERROR", "end")
	})
}

func TestAStoreThatNeverAnswersEndsTheSessionAfterAMinute(t *testing.T) {
	inBubble(t, nil, 0, func(r *rig) {
		c := r.serve(nil)
		c.send(header(1), small(5))
		c.finish()
		c.want("200", "BUFFERING 5", "RECEIVED 5")
		time.Sleep(50 * time.Second)
		c.running()
		c.ended()
		c.want("ERROR 5 5001 ARCHIVAL_ERROR", "end")
		r.store.answer(1, nil) // too late
		c.want()
	})
}

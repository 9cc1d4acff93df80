package api

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wire"
)

// The spellings of the two clocks.
const (
	serverTimestamp   = "SERVER_TIMESTAMP"
	producerTimestamp = "PRODUCER_TIMESTAMP"
)

// maxReason is the most bytes that the reason of a deletion has.
const maxReason = 1024

type deleteMediaInput struct {
	streamRef
	Clock  *string         `json:"TimestampType"`
	Start  *wire.Timestamp `json:"StartTimestamp"`
	End    *wire.Timestamp `json:"EndTimestamp"`
	Reason string          `json:"Reason"`
}

type deleteMediaOutput struct {
	ID        uint64 `json:"DeletionId"`
	Fragments int64  `json:"FragmentCount"` // that were kept, and are not found any more
	Bytes     int64  `json:"ByteCount"`     // of their media
}

// deleteMedia deletes what starts in a range of time of a stream that goes on:
// everything that had a number by now. First the record is durable, then the
// media are out of reach, and then the call is answered. A crash in between is
// made good at the next start, because the record decides; after an error the
// call can be made again.
func (h *Handler) deleteMedia(ctx context.Context, c *call) (any, error) {
	var in deleteMediaInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	t := in.target(&found)
	d := in.deletion(&found)
	if err := found.err(); err != nil {
		return nil, err
	}
	s, err := h.findActive(ctx, c, t, "DeleteMedia")
	if err != nil {
		return nil, err
	}
	d.Stream, d.Name = s.Key, s.Name
	d.At, d.By = h.config.Now(), c.principal.KeyID
	d.Last = h.config.Media.Floor(s)
	covered, err := h.config.Media.Covered(ctx, s, d)
	if err != nil {
		return nil, err
	}
	if d, err = h.config.Control.AddDeletion(ctx, d); err != nil {
		return nil, err
	}
	h.config.Media.Hide(d)
	return deleteMediaOutput{ID: d.ID, Fragments: covered.Fragments, Bytes: covered.Bytes}, nil
}

// deletion checks the members that say what is to be deleted and why.
func (in deleteMediaInput) deletion(c *checks) store.Deletion {
	d := store.Deletion{Reason: in.Reason}
	if in.Clock == nil {
		c.missing("timestampType")
	} else {
		d.Clock = c.clock("timestampType", *in.Clock)
	}
	d.From = c.timestamp("startTimestamp", in.Start)
	d.To = c.timestamp("endTimestamp", in.End)
	if in.Start != nil && in.End != nil && !d.From.Before(d.To) {
		c.fail("endTimestamp", d.To.Format(time.RFC3339Nano), "Member must be later than startTimestamp")
	}
	if len(in.Reason) > maxReason {
		c.fail("reason", in.Reason, "Member must have at most %d bytes", maxReason)
	}
	if strings.ContainsFunc(in.Reason, movesText) {
		c.fail("reason", in.Reason, "Member must be one line of text, without control characters")
	}
	return d
}

// movesText is true for characters that make a terminal show something else than
// what is there. The record of deletions is looked at for long.
func movesText(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

func (c *checks) clock(member, value string) store.Clock {
	c.oneOf(member, value, serverTimestamp, producerTimestamp)
	if value == producerTimestamp {
		return store.ProducerClock
	}
	return store.ServerClock
}

// timestamp checks a required time.
func (c *checks) timestamp(member string, value *wire.Timestamp) time.Time {
	if value == nil {
		c.missing(member)
		return time.Time{}
	}
	return value.Time
}

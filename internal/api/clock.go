package api

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/clock"
	"github.com/millrace/millrace/internal/wire"
)

// A clockInfo is how the server's time is shown.
type clockInfo struct {
	ServerTime            wire.Timestamp `json:"ServerTime"`
	WallTime              wire.Timestamp `json:"WallTime"`
	ExpiryTime            wire.Timestamp `json:"ExpiryTime"`
	State                 string         `json:"State"`
	DifferenceInMillis    int64          `json:"DifferenceInMillis"`    // wall clock less server time
	HoldInSeconds         int64          `json:"HoldInSeconds"`         // until a step forward is followed
	QuarantineInSeconds   int64          `json:"QuarantineInSeconds"`   // until expiry follows a leap
	StepsSeen             int            `json:"StepsSeen"`             // since the start
	ForwardStepsFollowed  int            `json:"ForwardStepsFollowed"`  // likewise
	AcceptanceWouldChange bool           `json:"AcceptanceWouldChange"` // anything
}

func newClockInfo(s clock.Status) clockInfo {
	return clockInfo{
		ServerTime: wire.Timestamp{Time: s.Server}, WallTime: wire.Timestamp{Time: s.Wall}, ExpiryTime: wire.Timestamp{Time: s.Expiry},
		State: s.State.String(), DifferenceInMillis: s.Difference.Milliseconds(),
		HoldInSeconds: wholeSeconds(s.Hold), QuarantineInSeconds: wholeSeconds(s.Quarantine),
		StepsSeen: s.Alarms, ForwardStepsFollowed: s.Steps, AcceptanceWouldChange: s.Waiting(),
	}
}

// wholeSeconds counts a begun second as one.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// describeClock shows the server's time.
func (h *Handler) describeClock(_ context.Context, c *call) (any, error) {
	var in struct{}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := auth.Authorize(c.principal, "DescribeClock", "*"); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	return newClockInfo(h.config.Clock.Status()), nil
}

type acceptClockInput struct {
	Difference *int64 `json:"DifferenceInMillis"`
}

// acceptClock takes an operator's word for it that the wall clock is right. The
// difference that was seen has to be told, so that nobody accepts a clock that
// was another one when it was looked at.
func (h *Handler) acceptClock(ctx context.Context, c *call) (any, error) {
	var in acceptClockInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	if in.Difference == nil {
		found.missing("differenceInMillis")
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	if err := auth.Authorize(c.principal, "AcceptClock", "*"); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	before, after, err := h.config.Clock.Accept(milliseconds(*in.Difference))
	if errors.Is(err, clock.ErrChanged) {
		return nil, &millrace.Error{
			Code: millrace.CodeVersionMismatch, Message: "The clock has changed since it was described. Look at it again.", Err: err,
		}
	}
	if err != nil {
		return nil, err
	}
	h.config.Logger.WarnContext(ctx, "clock accepted",
		slog.String("key", c.principal.KeyID), slog.String("request", c.id),
		slog.Time("wall", before.Wall), slog.Duration("difference", before.Difference),
		slog.String("state_before", before.State.String()), slog.String("state", after.State.String()),
		slog.Time("server", after.Server), slog.Time("expiry_before", before.Expiry), slog.Time("expiry", after.Expiry))
	return newClockInfo(after), nil
}

// milliseconds is a duration, clamped to what one can be.
func milliseconds(ms int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(max(min(ms, most), -most)) * time.Millisecond
}

package api

import (
	"context"
	"time"

	"github.com/millrace/millrace"
)

const (
	increaseRetention = "INCREASE_DATA_RETENTION"
	decreaseRetention = "DECREASE_DATA_RETENTION"
)

type updateDataRetentionInput struct {
	streamRef
	CurrentVersion *string `json:"CurrentVersion"`
	Operation      *string `json:"Operation"`
	Change         *int32  `json:"DataRetentionChangeInHours"`
}

// updateDataRetention changes the retention by a difference. It counts for
// what is stored already too, but what has expired stays gone: where the
// retention grows, the same change keeps the time before which that is so. With
// no retention everything has expired, up to the present.
func (h *Handler) updateDataRetention(ctx context.Context, c *call) (any, error) {
	var in updateDataRetentionInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	t := in.target(&found)
	version := found.version(in.CurrentVersion, true)
	change := in.change(&found)
	if err := found.err(); err != nil {
		return nil, err
	}
	s, err := h.update(ctx, c, t, version, func(s *millrace.Stream) error {
		sum := s.Retention + change
		if sum < 0 || sum > millrace.MaxRetention {
			return millrace.Errorf(millrace.CodeInvalidArgument,
				"The data retention would be %d hours, and must be 0 to %d.", sum/time.Hour, maxRetentionHours)
		}
		if change > 0 {
			s.KeptSince = later(s.KeptSince, h.config.Since(s.Retention))
		}
		s.Retention = sum
		return nil
	})
	if err == nil {
		h.config.Media.RetentionChanged(s)
	}
	return nil, err
}

// change checks the members and returns the signed difference.
func (in updateDataRetentionInput) change(c *checks) time.Duration {
	if in.Operation == nil {
		c.missing("operation")
	} else {
		c.oneOf("operation", *in.Operation, increaseRetention, decreaseRetention)
	}
	if in.Change == nil {
		c.missing("dataRetentionChangeInHours")
		return 0
	}
	c.number("dataRetentionChangeInHours", *in.Change, 1, 1<<31-1)
	hours := time.Duration(min(*in.Change, maxRetentionHours+1)) * time.Hour // more would overflow, and is too much anyway
	if in.Operation != nil && *in.Operation == decreaseRetention {
		return -hours
	}
	return hours
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

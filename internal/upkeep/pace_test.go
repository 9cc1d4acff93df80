package upkeep_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/internal/upkeep"
)

func TestReadingKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := bytes.NewReader(make([]byte, 10_000))
		var meter upkeep.Progress
		took, err := upkeep.ReadAtPace(t.Context(), r, 10_000, 1000, 500, &meter)
		if done, _ := meter.Bytes(); err != nil || took != 18*time.Second || done != 10_000 {
			t.Errorf("10,000 bytes at 500 per second, the last 1,000 of which are not waited for: %v, %d bytes, %v", took, done, err)
		}
		if took, err = upkeep.ReadAtPace(t.Context(), r, 10_000, 1000, 0, nil); err != nil || took != 0 {
			t.Errorf("without a bound: %v, %v", took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if took, err = upkeep.ReadAtPace(ctx, r, 10_000, 1000, 500, nil); !errors.Is(err, context.DeadlineExceeded) || took != 5*time.Second {
			t.Errorf("interrupted: %v, %v", took, err)
		}
	})
}

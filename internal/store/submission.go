package store

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// A submission is one fragment on its way to the disk. It keeps the fragment,
// so that it can be written again elsewhere if a write fails.
type submission struct {
	fragment *millrace.Fragment
	done     func(error)
	pin      *pin
	head     []byte     // fixed header and sample table
	entry    pack.Entry // Offset is set when it is written
	size     int64      // of the record, padding included
	weight   int64      // its share of the intake's bytes
	result   error
}

// An intake bounds what was submitted and not yet settled, in all lanes
// together.
type intake struct {
	capacity int64
	bytes    *semaphore.Weighted
	count    *semaphore.Weighted
}

func newIntake(bytes int64, fragments int) *intake {
	return &intake{
		capacity: bytes,
		bytes:    semaphore.NewWeighted(bytes),
		count:    semaphore.NewWeighted(int64(fragments)),
	}
}

// acquire waits for room for s. A fragment that is larger than all of it waits
// until nothing else is there.
func (in *intake) acquire(ctx context.Context, s *submission) error {
	s.weight = min(s.size, in.capacity)
	if err := in.count.Acquire(ctx, 1); err != nil {
		return err
	}
	if err := in.bytes.Acquire(ctx, s.weight); err != nil {
		in.count.Release(1)
		return err
	}
	return nil
}

// release gives the room of a submission back.
func (in *intake) release(s *submission) {
	in.bytes.Release(s.weight)
	in.count.Release(1)
}

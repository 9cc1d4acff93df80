package consumer

import (
	"context"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// Sizes of a batch.
const (
	fragmentsInBatch = 100
	// maxBatchBytes bounds what one response has, as far as fragments are not larger:
	// who has it cut off asks for little again.
	maxBatchBytes = 64 << 20
)

// A plan divides what a search finds into batches, each of which one response
// gives. It holds what the search found last, and no more.
type plan struct {
	find func(ctx context.Context) ([]entry, error) // the next ones in order, perhaps none; io.EOF
	most int                                        // in a batch
	left []entry                                    // were found, and are in no batch yet
}

// batchSize is what an application's wish comes to.
func batchSize(n int) int {
	if n <= 0 {
		return fragmentsInBatch
	}
	return min(n, client.MaxFragmentsInList)
}

// next returns the next batch, which has one fragment at least, and io.EOF behind
// the last. After another error it may be called again.
func (p *plan) next(ctx context.Context) ([]entry, error) {
	for len(p.left) == 0 {
		found, err := p.find(ctx)
		if err != nil {
			return nil, err
		}
		p.left = found
	}
	n := cutBatch(p.left, p.most)
	batch := p.left[:n:n]
	p.left = p.left[n:]
	return batch, nil
}

// cutBatch returns how many entries make the next batch.
func cutBatch(list []entry, most int) int {
	bytes := int64(0)
	for i, e := range list {
		if bytes += min(e.bytes, maxBatchBytes); i >= most || i > 0 && bytes > maxBatchBytes {
			return i
		}
	}
	return len(list)
}

// numbersOf are what a call asks for.
func numbersOf(batch []entry) []millrace.FragmentNumber {
	numbers := make([]millrace.FragmentNumber, len(batch))
	for i, e := range batch {
		numbers[i] = e.number
	}
	return numbers
}

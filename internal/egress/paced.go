package egress

import (
	"context"

	"github.com/millrace/millrace/internal/limit"
)

// A pacedWriter lets chunks go out no faster than they may. It waits before a
// chunk for what went out before it, so that a reader at the live edge, who is
// sent less, never waits.
type pacedWriter struct {
	ChunkWriter
	ctx  context.Context // of the response whose writer it is
	flow *limit.Flow
}

// paced returns a writer of at most so many bytes a second, and w itself if that
// is 0.
func paced(ctx context.Context, w ChunkWriter, rate int64) ChunkWriter {
	if rate <= 0 {
		return w
	}
	return &pacedWriter{ChunkWriter: w, ctx: ctx, flow: limit.NewFlow(rate)}
}

// WriteChunk implements ChunkWriter. Once the response is to end nothing is
// waited for: what has begun of a document goes out.
func (w *pacedWriter) WriteChunk(pieces ...[]byte) error {
	_ = w.flow.Wait(w.ctx)
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	w.flow.Pass(size)
	return w.ChunkWriter.WriteChunk(pieces...)
}

//go:build interop && kvspy

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestPythonConsumerReadsLive: the consumer library for Python, whose source
// MILLRACE_INTEROP_KVSPY names and whose needs run.sh installed, gets whole
// fragments in order, with their metadata, while a producer is at work.
func TestPythonConsumerReadsLive(t *testing.T) {
	interpreter := filepath.Join(os.Getenv("MILLRACE_INTEROP_KVSPY_ENV"), "bin", "python")
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.newStream(t, "consumer-live")
		producer := r.command(t.Context(), r.binary, "push", "consumer-live", clip(t), "--realtime")
		must(t, producer.Start())
		time.Sleep(1500 * time.Millisecond)
		t.Log(r.output(t, interpreter, "python/consumer.py",
			os.Getenv("MILLRACE_INTEROP_KVSPY"), "consumer-live", fmt.Sprint(clipSeconds), t.TempDir()))
		must(t, producer.Wait())
	})
}

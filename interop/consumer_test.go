//go:build interop && kvspy

package interop

import (
	"bufio"
	"encoding/json"
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

// TestWeReadThreeTimesAsFastAsThePythonConsumer: from the call to the last
// fragment that both hand out, by turns, from a stream of 2 Mbit/s. Ours is the
// whole command, which starts, asks for the endpoint and writes a line for each frame.
func TestWeReadThreeTimesAsFastAsThePythonConsumer(t *testing.T) {
	interpreter := filepath.Join(os.Getenv("MILLRACE_INTEROP_KVSPY_ENV"), "bin", "python")
	path := filepath.Join(t.TempDir(), "minute.mkv")
	shared.output(t, need(t, "ffmpeg"), "-hide_banner", "-loglevel", "error",
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=30,noise=alls=20:allf=t",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-b:v", "2M", "-pix_fmt", "yuv420p", "-f", "matroska", path)
	r := ownRig(t, false)
	must(t, r.start())
	r.newStream(t, "consumer-speed")
	r.output(t, r.binary, "push", "consumer-speed", path)
	const rounds = 3
	var ours, theirs time.Duration
	for range rounds {
		var fragments, size int
		var took float64
		said := r.output(t, interpreter, "python/consumer_speed.py", os.Getenv("MILLRACE_INTEROP_KVSPY"), "consumer-speed")
		_, err := fmt.Sscan(said, &fragments, &size, &took)
		must(t, err)
		theirs += time.Duration(took * float64(time.Second))
		ours += pullFragments(t, r, "consumer-speed", fragments)
		t.Logf("%d fragments, %d bytes", fragments, size)
	}
	ratio := theirs.Seconds() / ours.Seconds()
	t.Logf("ours %v, theirs %v on average: %.1f times as fast", ours/rounds, theirs/rounds, ratio)
	if ratio < 3 {
		t.Errorf("ours took %v, theirs %v", ours/rounds, theirs/rounds)
	}
}

// pullFragments is how long the command takes for so many fragments.
func pullFragments(t *testing.T, r *rig, stream string, fragments int) time.Duration {
	t.Helper()
	cmd := r.command(t.Context(), r.binary, "pull", stream, "--from", "1h ago", "--container", "json")
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	began := time.Now()
	must(t, cmd.Start())
	defer cmd.Wait() // it has been killed or has ended
	defer cmd.Process.Kill()
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var line struct{ Kind string }
		must(t, json.Unmarshal(lines.Bytes(), &line))
		if line.Kind == "fragment" {
			if fragments--; fragments == 0 {
				return time.Since(began)
			}
		}
	}
	t.Fatalf("%d fragments did not come", fragments)
	return 0
}

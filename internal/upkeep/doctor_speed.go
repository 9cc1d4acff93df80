package upkeep

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/store"
)

const (
	syncStep   = 64 << 10 // bytes of an append before a sync, when syncs are timed
	streamStep = 8 << 20  // and when bytes are counted
	maxScratch = 4 << 30  // bytes that are written at most

	cameraRate = 2_000_000 / 8 // bytes per second of the camera that is counted with

	slowSync   = 100 * time.Millisecond
	dubious    = 15 * time.Microsecond // no disk has written 64 KiB by then
	utilized   = 2                     // cameras may use one part in so many of the bandwidth
	measurable = 20                    // syncs that there must be
)

// A speedReport is how fast the disk is.
type speedReport struct {
	syncs     int
	p50, p99  time.Duration // of an append of 64 KiB and its sync
	perSecond float64       // bytes in large appends, synced
}

// cameras is how many cameras of 2 Mbit/s the bandwidth carries, with some left
// for readers.
func (r speedReport) cameras() int { return int(r.perSecond / cameraRate / utilized) }

// speed measures what a server lives by.
func (d *doctor) speed(ctx context.Context) {
	const check = "sync speed"
	if !d.usable || d.o.Speed <= 0 {
		return
	}
	var r speedReport
	err := d.scratch(func(f store.File) (err error) {
		r, err = measure(ctx, f, d.o.Speed)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			d.note(check, LevelFail, "See what is wrong with the disk.", "could not be measured: %v", err)
		}
		return
	}
	text := fmt.Sprintf("64 KiB are durable in %s (p50), %s (p99); %.0f MB/s in large writes, which carries about %d cameras of 2 Mbit/s",
		round(r.p50), round(r.p99), r.perSecond/1e6, r.cameras())
	switch {
	case r.p50 < dubious:
		d.note(check, LevelWarn, "Make sure that the disk, its controller and the hypervisor write through, or survive a power cut.",
			"%s: that is faster than disks are; something may confirm before it has written", text)
	case r.p99 > slowSync || r.syncs < measurable:
		d.note(check, LevelWarn, "Expect acknowledgements as late as that. A disk of its own, or an SSD, helps.", "%s", text)
	default:
		d.note(check, LevelOK, "", "%s", text)
	}
}

// measure appends to f: small pieces with a sync each, then large ones.
func measure(ctx context.Context, f store.File, length time.Duration) (r speedReport, err error) {
	small, large := noise(syncStep), noise(streamStep)
	var written int64
	var times []time.Duration
	for end := time.Now().Add(length / 2); time.Now().Before(end) && written < maxScratch/2; written += syncStep {
		took, err := timed(ctx, f, small)
		if err != nil {
			return r, err
		}
		times = append(times, took)
	}
	slices.Sort(times)
	r.syncs, r.p50, r.p99 = len(times), times[len(times)/2], times[len(times)*99/100]
	var took time.Duration
	for written = 0; took < length/2 && written < maxScratch/2; written += streamStep {
		step, err := timed(ctx, f, large)
		if err != nil {
			return r, err
		}
		took += step
	}
	r.perSecond = float64(written) / took.Seconds()
	return r, nil
}

// timed appends p and syncs it.
func timed(ctx context.Context, f store.File, p []byte) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	start := time.Now()
	if _, err := f.WriteV([][]byte{p}); err != nil {
		return 0, err
	}
	err := f.Sync()
	return time.Since(start), err
}

// noise is bytes that no disk can compress or has already.
func noise(n int) []byte {
	b := make([]byte, n)
	for i := 0; i+8 <= n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], rand.Uint64())
	}
	return b
}

func round(d time.Duration) time.Duration {
	switch {
	case d > 10*time.Millisecond:
		return d.Round(time.Millisecond)
	case d > 100*time.Microsecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}

package server_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
)

// rotations is how often the producer of these tests renews its credentials.
const rotations = 30

// A rotating producer goes on in a new call when its credentials are about to
// end, as clients of the service do: the new call opens while the old one still
// sends, and is silent; the old one ends its last fragment with the tags that
// say so, waits until it is kept, and ends; then the new one sends its header.
type rotating struct {
	r       *rig
	call    *put
	frames  int      // sent, in all calls
	cluster int      // begun, in all calls
	numbers []string // of the fragments, as the producer was told
}

// fragment sends one fragment frame by frame, but its last frame, and
// returns what is left to be sent.
func (c *rotating) fragment(lead []byte) (rest []byte) {
	c.r.t.Helper()
	timecode := uint64(1000 * c.cluster)
	c.cluster++
	c.call.mustSend(slices.Concat(lead, cluster(timecode)))
	a := c.call.want(fmt.Sprint("BUFFERING ", timecode))
	c.numbers = append(c.numbers, a.FragmentNumber)
	for i := range 3 {
		rest = block(1, int16(40*i), crowd{}.payload(0, c.frames))
		c.frames++
		if i < 2 {
			c.call.mustSend(rest)
		}
	}
	return slices.Concat(rest, userTags("position", fmt.Sprint(c.cluster)))
}

// kept reads up to the PERSISTED of the newest fragment.
func (c *rotating) kept() {
	c.r.t.Helper()
	timecode := 1000 * (c.cluster - 1)
	c.call.want(fmt.Sprint("RECEIVED ", timecode), fmt.Sprint("PERSISTED ", timecode))
}

// run makes a call, sends two fragments in it, and rotates in the midst of the
// second one, whose end is sent when the new call is there.
func (c *rotating) run(between func()) {
	c.r.t.Helper()
	lead := header(1)
	for i := range rotations + 1 {
		c.call.mustSend(c.fragment(lead))
		c.call.mustSend(endOfFragment())
		c.kept()
		rest := c.fragment(nil)
		old := c.call
		if i < rotations {
			between()
			next := c.r.put("cam", nil)
			if next.status != 200 {
				c.r.t.Fatalf("rotation %d: %d %v", i, next.status, next.failed)
			}
			defer next.close()
			c.call.mustSend(slices.Concat(rest, endOfFragment()))
			c.kept()
			c.call = next
		} else {
			c.call.mustSend(slices.Concat(rest, endOfFragment()))
			c.kept()
		}
		old.end()
		if left := old.rest(); len(left) > 0 || old.failed != nil {
			c.r.t.Fatalf("call %d ends with %v, %v", i, left, old.failed)
		}
		old.close()
	}
}

// TestNoFrameIsLostOrDoubledWhereProducersRotate follows thirty rotations with a
// reader at the live edge, with one that comes later, and with either profile.
func TestNoFrameIsLostOrDoubledWhereProducersRotate(t *testing.T) {
	for name, change := range map[string]func(*config.Server){
		"default": nil,
		// Fragments are paced to five a second there, which is not what this is about.
		"aws": imitating(func(c *config.Server) { c.FragmentRate = 0 }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newFrozen()
			r := start(t, clock.now, change)
			r.create("cam", 24)
			live := witnessed{crowd: crowd{producers: 1, fragments: 2 * (rotations + 1), frames: 3}}
			g, seen := r.get("cam", now()), make(chan error, 1)
			go func() { seen <- live.read(g) }()
			c := rotating{r: r, call: r.put("cam", nil)}
			c.run(func() { clock.move(time.Second) })
			if err := <-seen; err != nil {
				t.Fatal(err)
			}
			if c.frames != live.total() || live.frames != c.frames {
				t.Errorf("%d frames were sent and %d seen, of %d", c.frames, live.frames, live.total())
			}
			if !slices.IsSorted(c.numbers) || len(slices.Compact(c.numbers)) != live.crowd.fragments || live.number != c.numbers[len(c.numbers)-1] {
				t.Errorf("the producer was told of %d fragments up to %s, the reader ends at %s", len(c.numbers), c.numbers[len(c.numbers)-1], live.number)
			}
			later := witnessed{crowd: live.crowd}
			if err := later.read(r.get("cam", earliest())); err != nil {
				t.Errorf("later: %v", err)
			}
			for i, n := range r.readable("cam") {
				if i >= len(c.numbers) || n != c.numbers[i] {
					t.Fatalf("fragment %d is %s", i, n)
				}
			}
		})
	}
}

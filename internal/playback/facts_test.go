package playback

import (
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// What is known of fragments takes no more than it may, whatever producers send as
// headers, and each header counts once.
func TestWhatIsKnownOfHeadersIsBounded(t *testing.T) {
	const room = 64 << 10
	f := newFacts(&HLSConfig{}, room)
	castOf := func(private int) *admission {
		format := &timeline.Format{Tracks: []timeline.Track{timeline.NewTrack(media.Track{Number: 1, Private: make([]byte, private)})}}
		return &admission{format: format, size: format.Size()}
	}
	know := func(n int, c *admission) {
		f.remember(factKey{number: millrace.FragmentNumberFromBytes([20]byte{byte(n >> 8), byte(n)})}, &fact{admission: c})
	}
	for i := range 1000 {
		c := castOf(8 << 10)
		know(2*i, c)
		know(2*i+1, c)
		if f.used > room {
			t.Fatalf("%d bytes are kept", f.used)
		}
	}
	if n := f.known.Len(); n < 8 {
		t.Errorf("%d are known", n)
	}
	small := castOf(100)
	for i := range 100 {
		know(5000+i, small)
	}
	if n := f.known.Len(); n < 100 {
		t.Errorf("%d are known of one small header", n)
	}
	f.known.Purge()
	f.admissions.Purge()
	if f.used != 0 {
		t.Errorf("%d bytes are kept of nothing", f.used)
	}
}

func TestDamageThatIsKnownIsNoNews(t *testing.T) {
	d := newDamage()
	stream := millrace.StreamKey{ID: 1}
	d.note(stream, millrace.MaxFragmentNumber())
	now, list := d.since(0, stream)
	d.note(stream, millrace.MaxFragmentNumber())
	if again, more := d.since(now, stream); len(list) != 1 || again != now || more != nil {
		t.Errorf("%v, and then again %v", list, more)
	}
}

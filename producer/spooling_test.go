package producer

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer/spool"
)

func newSpooling(t testing.TB, o StreamConfig) (*bench, *Client) {
	t.Helper()
	c := &Client{Spool: t.TempDir()}
	o.Buffer.Spool = true
	return newBench(t, c, o), c
}

// fragmentBytes is what a fragment of the bench holds: the letters' frames.
func fragmentBytes(first time.Duration, frames int, n int, tags []byte) []byte {
	b := spoolHead(uint64(first.Milliseconds()))
	for i := range frames {
		b = append(append(b, '<'), pattern(n, first+time.Duration(i)*time.Second)...)
	}
	return append(b, tags...)
}

func TestWhatTheDiskHasIsReadBack(t *testing.T) {
	b, _ := newSpooling(t, StreamConfig{})
	tags := mkv.AppendBytes(nil, mkv.IDTags, []byte("behind"))
	leading := mkv.AppendBytes(nil, mkv.IDTags, []byte("in front"))
	b.now += time.Second
	first := b.now
	b.must(b.s.begin(t.Context(), fragmentHead{timecode: uint64(first.Milliseconds()), first: first, leading: [][]byte{leading}, cluster: []byte("another head")}))
	b.must(b.frame(3000, true))
	b.must(b.add(3000))
	b.must(b.s.appendTags(t.Context(), tags))
	b.s.end()
	f := b.next(nil)
	if f.body != nil {
		t.Error("the fragment is still in memory")
	}
	got, err := b.read(f)
	want := append(leading, fragmentBytes(first, 2, 3000, tags)...)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, err = %v, want %d", len(got), err, len(want))
	}
	if f.clusterStart != int64(len(leading)) || f.headEnd != f.clusterStart+spoolHeadSize || f.clusterEnd != f.size-int64(len(tags)) {
		t.Errorf("cluster from %d, head to %d, cluster to %d of %d", f.clusterStart, f.headEnd, f.clusterEnd, f.size)
	}
	b.close()
}

func TestAFragmentThatLeavesMemoryIsReadOnWhereItStood(t *testing.T) {
	b, _ := newSpooling(t, StreamConfig{})
	b.must(b.begin(90_000))
	b.must(b.add(90_000))
	f := b.next(nil)
	var c cursor
	defer c.close()
	b.s.mu.Lock()
	b.s.pin(f)
	batch, n := f.take(&c, nil, 100_000)
	head := bytes.Join(batch, nil)
	b.s.mu.Unlock()
	b.s.end()
	b.s.mu.Lock()
	if f.body == nil || b.s.queue.bytes != f.size {
		t.Error("memory was let go while it was pinned")
	}
	b.s.sentTo(f, c, int64(n), time.Now())
	b.s.unpin(f)
	if f.body == nil {
		t.Error("memory was let go in the midst of the fragment")
	}
	b.s.pin(f)
	b.s.unsend(f)
	b.s.unpin(f) // nothing says that the connection took it
	if f.body != nil {
		t.Error("memory is kept although the disk has it")
	}
	b.s.mu.Unlock()
	rest := make([]byte, f.size)
	m, err := b.s.readSpooled(t.Context(), f, &c, rest)
	want := fragmentBytes(f.first, 2, 90_000, nil)
	if got := append(head, rest[:m]...); err != nil || !bytes.Equal(got, want) || c.at != f.size {
		t.Errorf("read %d and %d bytes to %d, err = %v", n, m, c.at, err)
	}
	b.close()
}

func TestAStreamGoesOnWithWhatItsSpoolHas(t *testing.T) {
	b, c := newSpooling(t, StreamConfig{})
	for range 3 {
		b.must(b.begin(100))
		b.must(b.add(100))
	}
	first := b.next(nil)
	second := b.next(first)
	b.settle(first, persisted)
	identity := second.identity
	b.close()
	if r := b.s.Receipt(); r.Persisted != 1 || r.Unsent != 2 || !r.Spooled || r.From != b.s.mediaTime(second.first) || r.To != b.s.mediaTime(b.now) {
		t.Errorf("receipt %+v", r)
	}
	names, err := c.Spooled()
	if err != nil || len(names) != 1 || names[0] != "Gate" {
		t.Errorf("spooled are %v, err = %v", names, err)
	}

	again := newBench(t, c, StreamConfig{Buffer: BufferRules{Spool: true}})
	again.now = b.now
	if again.s.Producer() != b.s.Producer() {
		t.Error("the producer is another one")
	}
	if got := again.stats(); got.Begun != 2 || got.Pending != 2 || got.Backlog != 3*time.Second || got.Buffered != 0 || got.Spooled == 0 {
		t.Errorf("stats %+v", got)
	}
	f := again.next(nil)
	if f.identity != identity || f.timecode != second.timecode || f.first != second.first || f.last != second.last || f.size != second.size || string(f.header.bytes) != "header" {
		t.Errorf("found %+v, want %+v", f, second)
	}
	got, err := again.read(f)
	if want := fragmentBytes(second.first, 2, 100, nil); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %x, err = %v, want %x", got, err, want)
	}
	again.must(again.begin(100))
	last := again.next(again.next(f))
	if last == nil || last.header != f.header || last.identity.Session == f.identity.Session || last.identity.Sequence != 1 {
		t.Errorf("new fragment %+v", last)
	}
	again.close()
}

func TestWhatASpoolHasKeepsItsTimesUnderOtherRules(t *testing.T) {
	start := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	b, c := newSpooling(t, StreamConfig{Time: TimeRules{Relative: true, Start: start}})
	b.must(b.begin(100))
	b.must(b.add(100))
	first, last := start.Add(b.now-time.Second), start.Add(b.now)
	b.close()
	for name, rules := range map[string]TimeRules{
		"absolute":           {},
		"of the same start":  {Relative: true, Start: start},
		"of a later start":   {Relative: true, Start: start.Add(time.Hour)},
		"of a start earlier": {Relative: true, Start: start.Add(-time.Hour)},
	} {
		b := newBench(t, c, StreamConfig{Time: rules, Buffer: BufferRules{Spool: true}})
		if r := b.s.Receipt(); r.Unsent != 1 || !r.From.Equal(first) || !r.To.Equal(last) {
			t.Errorf("%s: receipt %+v, want %v to %v", name, r, first, last)
		}
		if f := b.next(nil); f.ended.After(time.Now()) {
			t.Errorf("%s: it ends in %v", name, time.Until(f.ended))
		}
		b.now = last.Sub(time.Unix(0, 0))
		if rules.Relative {
			b.now = last.Sub(rules.Start)
		}
		b.must(b.begin(100))
		if got := b.stats().Backlog; got != 2*time.Second {
			t.Errorf("%s: backlog %v", name, got)
		}
		b.settle(b.s.newest(), persisted)
		b.close()
	}
}

func TestAKilledProcessLosesNothingThatWriteTook(t *testing.T) {
	b, c := newSpooling(t, StreamConfig{})
	b.must(b.begin(100))
	b.must(b.add(100))
	b.must(b.begin(100))
	b.must(b.add(100))
	// The directory as it is, without anything being ended: what a kill leaves.
	killed := &Client{Spool: t.TempDir()}
	b.must(os.CopyFS(filepath.Join(killed.Spool, spoolName("Gate")), os.DirFS(filepath.Join(c.Spool, spoolName("Gate")))))
	b.close()
	again := newBench(t, killed, StreamConfig{Buffer: BufferRules{Spool: true}})
	for f := again.next(nil); f != nil; f = again.next(f) {
		got, err := again.read(f)
		if want := fragmentBytes(f.first, 2, 100, nil); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read %x, err = %v, want %x", got, err, want)
		}
	}
	again.want("[1 3]")
	again.close()
}

func TestDamageOnTheDiskCostsOneFragment(t *testing.T) {
	b, c := newSpooling(t, StreamConfig{})
	for range 3 {
		b.must(b.begin(1000))
	}
	b.s.end()
	flip(t, filepath.Join(c.Spool, spoolName("Gate")), pattern(1000, b.now-time.Second))
	first := b.next(nil)
	second := b.next(first)
	if _, err := b.read(second); !errors.Is(err, errGone) {
		t.Errorf("read of a damaged fragment: %v", err)
	}
	b.want("[1 3]")
	b.close()
	if got := say(b.dropped); len(got) != 1 || got[0] != "5: 1 fragments, 1 frames, 1023 bytes from 2 to 2" {
		t.Errorf("dropped are %q", got)
	}
	if got := b.stats(); got.Dropped != 1 || got.Pending != 2 {
		t.Errorf("stats %+v", got)
	}
}

// flip flips a bit in the middle of the bytes, in whatever file they are.
func flip(t *testing.T, dir string, where []byte) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		all, err := os.ReadFile(name)
		if at := bytes.Index(all, where); err == nil && at >= 0 {
			all[at+len(where)/2] ^= 1
			if err := os.WriteFile(name, all, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("the bytes are nowhere")
}

func TestNamesOfSpools(t *testing.T) {
	for name, dir := range map[millrace.StreamName]string{
		"gate-3.b_c": "stream-gate-3.b_c",
		"Gate":       "stream-+gate",
		"CON":        "stream-+c+o+n",
		"..":         "stream-..",
	} {
		if got := spoolName(name); got != dir {
			t.Errorf("directory of %s is %s, want %s", name, got, dir)
		}
		if got, ok := parseSpoolName(dir); got != name || !ok {
			t.Errorf("%s is of %s, %v", dir, got, ok)
		}
	}
	if got, want := (&Client{Spool: "spools"}).SpoolDir("Gate"), filepath.Join("spools", "stream-+gate"); got != want {
		t.Errorf("the spool of Gate is in %s, want %s", got, want)
	}
	if got := (&Client{}).SpoolDir("gate"); got != "" {
		t.Errorf("without a directory, spools are in %s", got)
	}
	for _, dir := range []string{"gate", "stream-Gate", "stream-++g", "stream-g+"} {
		if name, ok := parseSpoolName(dir); ok {
			t.Errorf("%s is of %s", dir, name)
		}
	}
}

func TestADiskThatFailsLeavesMediaInMemoryUntilItIsWell(t *testing.T) {
	c := &Client{Spool: t.TempDir()}
	b := newBench(t, c, StreamConfig{Buffer: BufferRules{Spool: true, SpoolBytes: 1 << 20}})
	dir := filepath.Join(c.Spool, spoolName("Gate"))
	fill := func() { // more than one file takes, so that another has to be made
		for range 4 {
			b.must(b.begin(50_000))
		}
	}
	fill()
	b.must(os.Rename(dir, dir+"-gone"))
	b.failed = true
	fill()
	if n := count(b.noticed(), ErrSpool); n != 1 {
		t.Errorf("notices %v", b.noticed())
	}
	if got := b.stats(); got.Buffered < 100_000 {
		t.Errorf("memory keeps %d bytes", got.Buffered)
	}
	b.must(os.Rename(dir+"-gone", dir))
	b.must(b.begin(50_000))
	if got := b.stats(); got.Buffered > 110_000 || // the one that the disk failed in may stay
		got.Spooled < 8*50_000 {
		t.Errorf("memory keeps %d bytes when the disk is well again, which has %d", got.Buffered, got.Spooled)
	}
	if n := count(b.noticed(), ErrSpool); n != 1 || len(b.dropped) != 0 {
		t.Errorf("notices %v, dropped %q", b.noticed(), say(b.dropped))
	}
	// Whether the disk fails between two fragments or in the midst of one is a matter
	// of what it does in the background. The rest of such a one is in memory alone.
	cut := map[uint64]bool{}
	b.s.mu.Lock()
	for f := b.s.queue.first; f != nil; f = f.next {
		cut[uint64(f.ordinal)] = f.spool == spoolCut
	}
	b.s.mu.Unlock()
	b.close()
	again := newBench(t, c, StreamConfig{Buffer: BufferRules{Spool: true}})
	kept := again.kept()
	if len(kept) < 8 { // the disk failed once, so in the midst of one
		t.Errorf("kept are %v", kept)
	}
	for n := range 9 {
		if !slices.Contains(kept, n+1) && !cut[uint64(n+1)] {
			t.Errorf("kept are %v, without %d, in which the disk did not fail", kept, n+1)
		}
	}
	for f := again.next(nil); f != nil; f = again.next(f) {
		if got, err := again.read(f); err != nil || !bytes.Equal(got, fragmentBytes(f.first, 1, 50_000, nil)) {
			t.Errorf("fragment %d is read as %d bytes, err = %v", f.ordinal, len(got), err)
		}
	}
	again.close()
}

// count is how many of the errors are of a kind.
func count(list []error, kind error) (n int) {
	for _, err := range list {
		if errors.Is(err, kind) {
			n++
		}
	}
	return n
}

func TestAHeaderThatTheDiskCannotHaveStaysInMemory(t *testing.T) {
	b, _ := newSpooling(t, StreamConfig{})
	b.s.setHeader(make([]byte, spool.MaxHeader+1))
	b.must(b.begin(100))
	b.s.setHeader([]byte("header"))
	b.must(b.begin(100))
	b.must(b.begin(100))
	if got := b.stats(); got.Buffered != 2*(100+1+spoolHeadSize) {
		t.Errorf("memory keeps %d bytes", got.Buffered)
	}
	b.close()
}

func TestTheDiskIsSparedAsLongAsNothingIsBehind(t *testing.T) {
	b, c := newSpooling(t, StreamConfig{Buffer: BufferRules{SpillAfter: 5 * time.Second}})
	for range 10 {
		b.gop()
		b.drain()
	}
	if got := b.stats(); got.Spooled != 0 || got.Persisted != 9 {
		t.Errorf("stats %+v", got)
	}
	b.gop()
	b.gop()
	b.tell()
	if got := b.stats(); got.Spooled == 0 || got.Buffered > 60 {
		t.Errorf("behind, stats %+v", got)
	}
	b.want("[28 31 34]")
	b.close()
	again := newBench(t, c, StreamConfig{Buffer: BufferRules{Spool: true}})
	again.want("[28 31 34]")
	for f := again.next(nil); f != nil; f = again.next(f) {
		if got, err := again.read(f); err != nil || !bytes.Equal(got, fragmentBytes(f.first, 3, 10, nil)) {
			t.Errorf("read %x, err = %v", got, err)
		}
	}
	again.close()
}

func TestWhatIsInMemoryAloneIsOnTheDiskWhenTheStreamEnds(t *testing.T) {
	b, c := newSpooling(t, StreamConfig{Buffer: BufferRules{SpillAfter: time.Hour}})
	b.gop()
	b.gop()
	if got := b.stats().Spooled; got != 0 {
		t.Errorf("%d bytes are on the disk", got)
	}
	b.close()
	if r := b.s.Receipt(); !r.Spooled || r.Unsent != 2 {
		t.Errorf("receipt %+v", r)
	}
	again := newBench(t, c, StreamConfig{Buffer: BufferRules{Spool: true}})
	again.want("[1 4]")
	again.close()
}

func TestAFragmentThatIsLargerThanTheSpoolGoesOnInMemory(t *testing.T) {
	b, _ := newSpooling(t, StreamConfig{Buffer: BufferRules{SpoolBytes: 512 << 10, OnFull: FullFail}})
	b.must(b.begin(100_000))
	for range 10 {
		b.must(b.add(100_000))
	}
	f := b.next(nil)
	if got, err := b.read(f); err != nil || !bytes.Equal(got, fragmentBytes(f.first, 11, 100_000, nil)) {
		t.Errorf("read %d bytes, err = %v", len(got), err)
	}
	b.settle(f, persisted)
	b.must(b.begin(100))
	b.close()
	if len(b.dropped) != 0 {
		t.Errorf("dropped are %q", say(b.dropped))
	}
}

func TestAFullSpoolGivesUpFirstWhatTheServerHasReceived(t *testing.T) {
	b, _ := newSpooling(t, StreamConfig{Buffer: BufferRules{SpoolBytes: 1 << 20}})
	for range 40 {
		b.must(b.begin(20_000))
	}
	b.s.mu.Lock()
	for f := b.s.queue.first; f != nil; f = f.next {
		if f.ordinal >= 10 && f.ordinal < 30 {
			f.heard = millrace.AckReceived
		}
	}
	b.s.mu.Unlock()
	for range 18 {
		b.must(b.begin(20_000))
	}
	b.tell()
	fragments := 0
	for _, d := range b.dropped {
		from, to := d.From.Sub(b.s.mediaTime(time.Hour)), d.To.Sub(b.s.mediaTime(time.Hour))
		if d.Reason != DropFull || from < 10*time.Second || to >= 30*time.Second || int((to-from)/time.Second)+1 != d.Fragments {
			t.Errorf("dropped %+v", d)
		}
		fragments += d.Fragments
	}
	if kept := b.kept(); fragments == 0 || fragments > 20 || len(kept) != 58-fragments || kept[0] != 1 {
		t.Errorf("%d were dropped, and kept are %v", fragments, kept)
	}
	b.close()
}

func TestTimesGoBackOverANewCallAlone(t *testing.T) {
	b, c := newSpooling(t, StreamConfig{})
	b.gop()
	b.close()
	b = newBench(t, c, StreamConfig{Buffer: BufferRules{Spool: true}})
	b.now = 0 // the clock was set while the device was off
	b.gop()
	first := b.next(nil)
	if second := b.next(first); first.header == second.header {
		t.Error("a server would refuse the second")
	}
	b.close()
	b = newBench(t, c, StreamConfig{Buffer: BufferRules{Spool: true}})
	first = b.next(nil)
	if second := b.next(first); first.header == second.header {
		t.Error("a server would refuse the second, from the disk")
	}
	b.close()
}

func TestTagsThatNobodyWaitedForAreNotMissing(t *testing.T) {
	b, c := newSpooling(t, StreamConfig{Buffer: BufferRules{SpillAfter: time.Hour}})
	b.must(b.begin(10))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 { // as often as the packager tries to end the fragment
		_ = b.s.appendTags(gone, []byte("tags"))
	}
	b.s.end()
	b.close()
	again := newBench(t, c, StreamConfig{Buffer: BufferRules{Spool: true}})
	again.want("[1]")
	again.close()
}

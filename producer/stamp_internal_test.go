package producer

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// stampFragment is a fragment in memory, with leading and trailing Tags. sized has
// its Cluster declare its size, as clips do.
func stampFragment(rnd *rand.Rand, sized bool) *fragment {
	tags := func(name string) []byte {
		return mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: name, String: "x"}}}}, 0)
	}
	var blocks [][]byte
	k := &cluster{known: sized, scale: uint64(time.Millisecond)}
	for range 1 + rnd.IntN(5) {
		data := make([]byte, 1+rnd.IntN(500))
		blocks = append(blocks, append(mkv.AppendSimpleBlockHeader(nil, 1, 0, mkv.FlagKeyframe, len(data)), data...))
		k.size += int64(len(blocks[len(blocks)-1]))
	}
	head := fragmentHead{timecode: 7, cluster: clusterHead(k, 7), sized: sized}
	if rnd.IntN(2) == 0 {
		head.leading = [][]byte{tags("leading")}
	}
	f := newFragment(head)
	f.identity = millrace.Identity{Session: millrace.SessionID{1}, Sequence: rnd.Uint64()}
	f.body = &body{}
	f.body.refer(head.leading...)
	f.body.refer(head.cluster)
	f.body.refer(blocks...)
	f.size += sizeOf(blocks)
	f.clusterEnd = f.size
	if rnd.IntN(2) == 0 {
		trailing := tags("trailing")
		f.body.refer(trailing)
		f.size += int64(len(trailing))
	}
	return f
}

// checkStamped checks a fragment as it went out: both Voids are where they belong,
// the digest is that of what stands before it, and a size that is declared is
// right, or the Tags behind it would not be found. A header stands before it.
func checkStamped(t *testing.T, f *fragment, header int, sent []byte) {
	t.Helper()
	start := bytes.Index(sent, []byte{0x1f, 0x43, 0xb6, 0x75})
	r := mkv.NewReader(bytes.NewReader(sent), mkv.ReaderOptions{})
	var children []mkv.ElementID
	identified, digested, tags := false, false, 0
	for {
		e, err := r.Next()
		if err != nil {
			break
		}
		if e.ID == mkv.IDTags && e.Level < 2 {
			tags++
		}
		if e.Level < 2 || e.Kind == mkv.End {
			continue
		}
		children = append(children, e.ID)
		if id, ok := millrace.ParseIdentity(e.Data()); ok && e.ID == mkv.IDVoid {
			identified = id == f.identity && len(children) == 2
		}
		if digest, ok := millrace.ParseDigest(e.Data()); ok && e.ID == mkv.IDVoid {
			digested = digest == sha256.Sum256(sent[start:e.Offset])
		}
	}
	if !identified || !digested || children[len(children)-1] != mkv.IDVoid {
		t.Errorf("identified %v, digested %v, children %v", identified, digested, children)
	}
	want := 0
	if f.clusterStart > 0 {
		want++
	}
	if f.clusterEnd < f.size {
		want++
	}
	if tags != want || int64(len(sent)-header) != f.size+millrace.IdentityVoidSize+millrace.DigestVoidSize {
		t.Errorf("%d Tags, want %d; %d bytes of %d", tags, want, len(sent), f.size)
	}
}

// However a fragment is cut into batches, and whenever its end becomes known, it
// goes out the same.
func TestAFragmentIsStampedHoweverItIsCut(t *testing.T) {
	header := mkv.AppendEBML(nil, mkv.EBML{})
	header = mkv.AppendUnknownSize(mkv.AppendID(header, mkv.IDSegment), 0)
	header = mkv.AppendTracks(header, []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}})
	st := newStamp()
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		f := stampFragment(rnd, seed%2 == 0)
		sent := bytes.Clone(header)
		for c := (cursor{}); ; {
			at := c.at
			batch, n := f.take(&c, nil, 1+rnd.IntN(400))
			p := f.place()
			if c.at < f.clusterEnd || c.at == f.clusterEnd && rnd.IntN(2) == 0 {
				p.end = 0 // it is still open
			}
			pieces, m := st.mark(f, p, batch, at)
			if int64(m) != sizeOf(pieces) {
				t.Fatalf("seed %d: %d bytes are said to be %d", seed, sizeOf(pieces), m)
			}
			sent = append(sent, bytes.Join(pieces, nil)...)
			if n == 0 && !st.owes(f) {
				break
			}
		}
		if checkStamped(t, f, len(header), sent); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestStampingAllocatesNothing(t *testing.T) {
	st := newStamp()
	for _, sized := range []bool{false, true} {
		rnd := rand.New(rand.NewPCG(1, 1))
		f := stampFragment(rnd, sized)
		other := stampFragment(rnd, sized)
		batch := make([][]byte, 0, 64)
		allocs := testing.AllocsPerRun(100, func() {
			for _, f := range []*fragment{f, other} {
				for c := (cursor{}); ; {
					at := c.at
					n := 0
					if batch, n = f.take(&c, batch[:0], 100); n == 0 {
						break
					}
					st.mark(f, f.place(), batch, at)
				}
			}
		})
		if allocs > 0 {
			t.Errorf("sized %v: %v allocations", sized, allocs)
		}
	}
}

package fragment_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/mkv"
)

func void(payload []byte) []byte { return mkv.AppendBytes(nil, mkv.IDVoid, payload) }

func named(session byte, sequence uint64) []byte {
	return void(millrace.AppendIdentity(nil, millrace.Identity{Session: millrace.SessionID{session}, Sequence: sequence}))
}

// sealed adds the digest of a Cluster to it.
func sealed(cluster []byte) []byte {
	return append(cluster, void(millrace.AppendDigest(nil, sha256.Sum256(cluster)))...)
}

// identified is a Cluster with an identity and a digest.
func identified(timecode, sequence uint64, blocks ...[]byte) []byte {
	return sealed(cluster(timecode, named(1, sequence), concat(blocks...)))
}

// sized gives a Cluster of unknown size its size, and a new digest.
func sized(cluster []byte) []byte {
	inner := cluster[12 : len(cluster)-millrace.DigestVoidSize]
	b := mkv.AppendID(nil, mkv.IDCluster)
	b = mkv.AppendSize(b, int64(len(inner)+millrace.DigestVoidSize), 4)
	return sealed(append(b, inner...))
}

// A librarian is a recorder that has some fragments already.
type librarian struct {
	recorder
	has    map[uint64]bool
	begins []string
}

func (l *librarian) Begin(b fragment.Begin) error {
	_ = l.recorder.Begin(b)
	text := fmt.Sprint(b.Timecode, " after ", len(b.Prefix))
	if b.Identified {
		text += fmt.Sprint(": ", b.Identity.Session[0], " ", b.Identity.Sequence)
	}
	l.begins = append(l.begins, text)
	if b.Identified && l.has[b.Identity.Sequence] {
		return fragment.ErrKept
	}
	return nil
}

func (l *librarian) Append(p []byte) error {
	l.open.cluster = append(l.open.cluster, p...)
	return nil
}

// catalogue reads a body of a producer with an identity.
func catalogue(body []byte, l fragment.Limits, has ...uint64) (*librarian, error) {
	s := &librarian{has: map[uint64]bool{}}
	for _, n := range has {
		s.has[n] = true
	}
	a := fragment.NewAssembler(fragment.Config{Limits: l, Sink: s, TagKind: tagKind, Identified: true})
	err := read(a, body)
	if err == nil {
		err = a.Close(true, true)
	}
	return s, err
}

func TestAFragmentBeginsWhenItIsKnownWhichOneItIs(t *testing.T) {
	block := simpleBlock(1, 0, 0x80, "x")
	head := len(cluster(1000))
	bare, with := fmt.Sprint(" after ", head), fmt.Sprint(" after ", head+millrace.IdentityVoidSize)
	for name, tc := range map[string]struct {
		body []byte
		want []string
	}{
		"with an identity":               {identified(1000, 5, block), []string{"1000" + with + ": 1 5"}},
		"of known size":                  {sized(identified(1000, 5, block)), []string{"1000" + fmt.Sprint(" after ", head+millrace.IdentityVoidSize-4) + ": 1 5"}},
		"two in a row":                   {concat(identified(1000, 5, block), identified(1001, 6, block)), []string{"1000" + with + ": 1 5", "1001" + with + ": 1 6"}},
		"without one":                    {cluster(1000, block), []string{"1000" + bare}},
		"with one behind a block":        {cluster(1000, block, named(1, 5)), []string{"1000" + bare}},
		"with one behind another Void":   {cluster(1000, void(nil), named(1, 5), block), []string{"1000" + bare}},
		"with a Void that is none":       {cluster(1000, void(make([]byte, millrace.IdentitySize)), block), []string{"1000" + bare}},
		"with a digest alone":            {sealed(cluster(1000, block)), []string{"1000" + bare}},
		"with a digest that is not its":  {cluster(1000, block, void(millrace.AppendDigest(nil, [32]byte{1}))), []string{"1000" + bare}},
		"with the second of two":         {sealed(cluster(1000, named(1, 5), named(1, 6), block)), []string{"1000" + with + ": 1 5"}},
		"with and without, side by side": {concat(identified(1000, 5, block), cluster(1000, block), identified(1000, 6, block)), []string{"1000" + with + ": 1 5", "1000" + bare, "1000" + with + ": 1 6"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := catalogue(document(tc.body), fragment.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.begins, tc.want) {
				t.Errorf("begun %q, want %q", got.begins, tc.want)
			}
			var whole []byte
			for _, f := range got.done {
				whole = append(whole, f.cluster...)
			}
			if !bytes.Equal(whole, tc.body) {
				t.Error("the clusters are not what was sent")
			}
		})
	}
}

func TestAClusterWithoutAnythingBehindItsTimecodeBegins(t *testing.T) {
	got, err := catalogue(document(cluster(1000), cluster(1001)), fragment.Limits{AllowMissing: true})
	if err != nil || len(got.done) != 2 {
		t.Errorf("%d fragments, err = %v", len(got.done), err)
	}
}

func TestIdentitiesMeanNothingToOtherCalls(t *testing.T) {
	got, err := assemble(bytes.NewReader(document(broken2(identified(1000, 5, simpleBlock(1, 0, 0x80, "x"))))), fragment.Config{}, true, true)
	if err != nil || len(got.done) != 1 || got.done[0].Identified {
		t.Errorf("%+v, err = %v", got.done, err)
	}
}

func TestOfWhatIsKeptNothingIsJudged(t *testing.T) {
	block := simpleBlock(1, 0, 0x80, "x")
	for name, second := range map[string][]byte{
		"the same":                  identified(1000, 5, block),
		"one cut short":             identified(1000, 5),
		"of a track that is not":    identified(1000, 5, simpleBlock(9, 0, 0, "x")),
		"of too many blocks":        identified(1000, 5, bytes.Repeat(block, 30)),
		"that spans too long":       identified(1000, 5, block, simpleBlock(1, 30000, 0, "x")),
		"with something in a block": identified(1000, 5, mkv.AppendBytes(nil, mkv.IDSimpleBlock, nil)),
		"of known size":             sized(identified(1000, 5, block)),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := catalogue(document(second, tags(1, "v"), identified(1001, 6, block)), fragment.Limits{MaxBlocks: 20}, 5)
			if err != nil || len(got.done) != 2 {
				t.Fatalf("%d fragments, err = %v", len(got.done), err)
			}
			if f := got.done[0]; len(f.Samples) != 0 || !bytes.Equal(f.cluster, second) {
				t.Errorf("%d samples of what is kept, %d bytes", len(f.Samples), len(f.cluster))
			}
		})
	}
}

func TestDamageIsToldFromFaults(t *testing.T) {
	block := simpleBlock(1, 0, 0x80, "payload")
	good := identified(1000, 5, block)
	broken := func(at int) []byte {
		b := bytes.Clone(good)
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 1
		return b
	}
	frame := len(good) - millrace.DigestVoidSize - 1
	for name, tc := range map[string]struct {
		body []byte
		has  uint64
		want millrace.Code
	}{
		"a frame":                           {broken(frame), 0, millrace.CodeMediaInternal},
		"a frame of what is kept":           {broken(frame), 5, millrace.CodeMediaInternal},
		"the sequence, as if it was kept":   {broken(frame - 13), 4, millrace.CodeMediaInternal},
		"a track number":                    {broken(frame - 10), 0, millrace.CodeMediaInternal},
		"a size":                            {broken(frame - 11), 0, millrace.CodeMediaInternal},
		"the digest":                        {broken(-1), 0, millrace.CodeMediaInternal},
		"the digest's id":                   {broken(-millrace.DigestVoidSize), 0, millrace.CodeMediaInternal},
		"the end":                           {good[:frame-8], 0, millrace.CodeMediaInternal},
		"no digest":                         {cluster(1000, named(1, 5), block), 0, millrace.CodeMediaInternal},
		"no digest of what is kept":         {cluster(1000, named(1, 5), block), 5, millrace.CodeMediaInternal},
		"a block behind the digest":         {concat(good, block), 0, millrace.CodeMediaInternal},
		"a timecode before the last one":    {broken(13), 0, millrace.CodeMediaInternal},
		"a fault of the producer's":         {identified(1000, 5, simpleBlock(7, 0, 0x80, "x")), 0, millrace.CodeTrackNumberMismatch},
		"a fault, and damage":               {broken2(identified(1000, 5, simpleBlock(7, 0, 0x80, "x"))), 0, millrace.CodeMediaInternal},
		"a timecode that is too small":      {identified(900, 5, block), 0, millrace.CodeTimecodeOrder},
		"a block without a track's number":  {identified(1000, 5, mkv.AppendBytes(nil, mkv.IDSimpleBlock, []byte{0, 0})), 0, millrace.CodeInvalidMKV},
		"a fragment without any frame":      {identified(1000, 5), 0, millrace.CodeFramesMissing},
		"a fragment that is simply too big": {identified(1000, 5, simpleBlock(1, 0, 0, string(make([]byte, 5000)))), 0, millrace.CodeFragmentSize},
		"no Matroska behind a Cluster":      {concat(good, []byte{0, 0, 0, 0}), 0, millrace.CodeMediaInternal},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := catalogue(document(identified(950, 3, block), tc.body, identified(1001, 6, block)), fragment.Limits{MaxSize: 4000}, tc.has)
			if millrace.CodeOf(err) != tc.want {
				t.Errorf("code %d (%v), want %d", millrace.CodeOf(err), err, tc.want)
			}
			if len(got.done) < 1 || len(got.done) > 2 || len(got.done) == 2 && name != "no Matroska behind a Cluster" {
				t.Errorf("%d fragments are finished", len(got.done))
			}
		})
	}
}

// broken2 changes the last byte before the digest.
func broken2(b []byte) []byte {
	b[len(b)-millrace.DigestVoidSize-1] ^= 1
	return b
}

func TestNothingIsKeptInPartOfWhatSaysWhichOneItIs(t *testing.T) {
	block := simpleBlock(1, 0, 0x80, "x")
	for name, has := range map[string][]uint64{"new": nil, "kept": {5}} {
		s := &librarian{has: map[uint64]bool{}}
		for _, n := range has {
			s.has[n] = true
		}
		a := fragment.NewAssembler(fragment.Config{Sink: s, TagKind: tagKind, Identified: true})
		body := document(identified(1000, 5, block, block))
		r := mkv.NewReader(bytes.NewReader(body[:len(body)-50]), a.ReaderOptions())
		for {
			e, err := r.Next()
			if err != nil || e.Kind == mkv.End {
				break
			}
			if err := a.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Close(false, true); err != nil || len(s.done) != 0 || s.aborted != 1 {
			t.Errorf("%s: %d fragments, %d aborted, err = %v", name, len(s.done), s.aborted, err)
		}
	}
}

// The cost of a digest: the same media read with and without one, in frames of
// 10 KB.
func BenchmarkIdentity(b *testing.B) {
	frames := make([][]byte, 50)
	for i := range frames {
		frames[i] = simpleBlock(1, int16(i*40), 0x80, string(make([]byte, 10_000)))
	}
	for name, body := range map[string][]byte{"without": cluster(1000, frames...), "with": identified(1000, 5, frames...)} {
		b.Run(name, func(b *testing.B) {
			a := fragment.NewAssembler(fragment.Config{Sink: discard{}, TagKind: tagKind, Identified: name == "with"})
			if err := read(a, document()); err != nil {
				b.Fatal(err)
			}
			var list []mkv.Element
			r := mkv.NewReader(bytes.NewReader(body), mkv.ReaderOptions{})
			for e, err := r.Next(); err == nil; e, err = r.Next() {
				e.Raw = bytes.Clone(e.Raw)
				list = append(list, e)
			}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				for _, e := range list {
					if err := a.Add(e); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// discard is a Sink that keeps nothing.
type discard struct{}

func (discard) Begin(fragment.Begin) error     { return nil }
func (discard) Append([]byte) error            { return nil }
func (discard) Received() error                { return nil }
func (discard) Finish(fragment.Finish) error   { return nil }
func (discard) Abort() error                   { return nil }
func (discard) Condemned(fragment.Begin) error { return nil }

package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/consumertest"
	"github.com/millrace/millrace/mkv"
)

// keeping are fragments with everything filled in, and the document of each.
func keeping(t *testing.T, shape consumertest.Fragment, count int) ([]consumertest.Fragment, [][]byte) {
	t.Helper()
	s := consumertest.Start(t, consumertest.Config{Pipes: true})
	stream := s.Stream("gate")
	stream.Add(consumertest.Footage{Shape: shape}.Fragments(count)...)
	all := stream.All()
	documents := make([][]byte, count)
	for i, f := range all {
		documents[i] = f.Document(0)
	}
	return all, documents
}

// damages reads an input, and returns what was told beside the media.
func damages(input io.Reader, o consumer.ReadOptions) (*consumertest.Ledger, []consumer.Damage, error) {
	var told []consumer.Damage
	o.Events.Damaged = func(d consumer.Damage) { told = append(told, d) }
	l, err := readAll(context.Background(), consumer.ReadFrom(input, o))
	return l, told, err
}

// Whatever stands between two documents costs neither of them.
func TestGarbageBetweenDocumentsIsPassedOver(t *testing.T) {
	all, documents := keeping(t, consumertest.Fragment{}, 3)
	garbage := consumertest.Hostile()
	garbage["a little"] = []byte{0}
	garbage["much"] = consumertest.Garbage(1, 200_000)
	for name, bad := range garbage {
		if bytes.HasPrefix(bad, []byte{0xEC}) {
			continue // Void may stand between documents
		}
		for source, wrap := range map[string]func(io.Reader) io.Reader{"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader} {
			t.Run(name+"/"+source, func(t *testing.T) {
				input := slices.Concat(documents[0], bad, documents[1], documents[2])
				l, told, err := damages(wrap(bytes.NewReader(input)), consumer.ReadOptions{})
				if err == nil {
					err = l.Compare(all, consumertest.Comparison{})
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(told) != 1 || told[0].Offset != int64(len(documents[0])) || told[0].Skipped != int64(len(bad)) {
					t.Errorf("told %+v, want %d bytes at %d", told, len(bad), len(documents[0]))
				}
				if _, ok := errors.AsType[*mkv.SyntaxError](told[0].Err); !ok {
					t.Errorf("told of %v", told[0].Err)
				}
			})
		}
	}
}

// The same is the end for who wants to know it, with the place.
func TestStrictReadersEndAtTheFirstDamage(t *testing.T) {
	all, documents := keeping(t, consumertest.Fragment{}, 2)
	for name, bad := range consumertest.Hostile() {
		if bytes.HasPrefix(bad, []byte{0xEC}) {
			continue // Void may stand between documents
		}
		input := slices.Concat(documents[0], bad, documents[1])
		l, told, err := damages(bytes.NewReader(input), consumer.ReadOptions{Strict: true})
		syntax, ok := errors.AsType[*mkv.SyntaxError](err)
		if !ok || syntax.Offset != int64(len(documents[0])) || len(told) != 0 {
			t.Errorf("%s: ended with %v, told %v", name, err, told)
		}
		if err := l.Compare(all[:1], consumertest.Comparison{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever stands inside a document, what is handed out is what is stored, in order,
// and the next document is whole if the damage has an end.
func TestHostileBytesInADocumentCostNoMoreThanThat(t *testing.T) {
	all, documents := keeping(t, consumertest.Fragment{}, 3)
	second := all[1]
	at := bytes.Index(documents[1], second.Frames[1].Data)
	begin := bytes.LastIndexByte(documents[1][:at], byte(mkv.IDSimpleBlock))
	head := bytes.Index(documents[1], []byte{0x16, 0x54, 0xAE, 0x6B}) // Tracks
	for name, bad := range consumertest.Hostile() {
		for place, offset := range map[string]int{"in the Cluster": begin, "in the head": head, "at the end": len(documents[1])} {
			input := slices.Concat(documents[0], documents[1][:offset], bad, documents[1][offset:], documents[2])
			l, told, err := damages(bytes.NewReader(input), consumer.ReadOptions{MaxFrame: 1 << 20})
			isSecond := func(n millrace.FragmentNumber) bool { return n == second.Number }
			if err != nil {
				t.Errorf("%s %s: ended with %v", name, place, err)
			}
			var known consumertest.Ledger
			for _, g := range l.Frames() { // a block that is one may be among what is hostile
				if !g.Number.IsZero() && (g.Number != second.Number || g.Track == 1) {
					g.Index = -1
					known.Take(g)
				}
			}
			if err := known.Compare(all, consumertest.Comparison{Missing: isSecond}); err != nil {
				t.Errorf("%s %s: %v", name, place, err)
			}
			for _, d := range told {
				if d.Offset < 0 || d.Skipped < 0 || d.Offset+d.Skipped > int64(len(input)) || d.Err == nil {
					t.Errorf("%s %s: told of %+v in %d bytes", name, place, d, len(input))
				}
			}
		}
	}
}

// uncounted leaves out how frames were counted, which includes those that a block
// says it has.
func uncounted(l *consumertest.Ledger) *consumertest.Ledger {
	var out consumertest.Ledger
	for _, g := range l.Frames() {
		g.Index = -1
		out.Take(g)
	}
	return &out
}

// A block that makes no sense is left out alone.
func TestABlockThatCannotBeReadIsLeftOut(t *testing.T) {
	all, documents := keeping(t, consumertest.Fragment{}, 2)
	at := bytes.Index(documents[0], all[0].Frames[1].Data)
	begin := bytes.LastIndexByte(documents[0][:at], byte(mkv.IDSimpleBlock))
	for _, name := range []string{"an empty block", "a block without its time", "Xiph lacing without an end", "EBML lacing that goes below zero", "fixed lacing that does not add up", "a block group without a block"} {
		bad := consumertest.Hostile()[name]
		input := slices.Concat(documents[0][:begin], bad, documents[0][begin:], documents[1])
		l, told, err := damages(bytes.NewReader(input), consumer.ReadOptions{})
		if err == nil {
			err = uncounted(l).Compare(all, consumertest.Comparison{})
		}
		if err != nil || len(told) != 1 || told[0].Offset != int64(begin) || told[0].Skipped != int64(len(bad)) {
			t.Errorf("%s: told %+v, %v", name, told, err)
		}
		_, told, err = damages(bytes.NewReader(input), consumer.ReadOptions{Strict: true})
		if syntax, ok := errors.AsType[*mkv.SyntaxError](err); !ok || syntax.Offset != int64(begin) || len(told) != 0 {
			t.Errorf("%s, strict: %v", name, err)
		}
	}
}

// A file that ends too soon gives what it has, and says so if that is to be seen.
func TestATruncatedFileGivesWhatItHas(t *testing.T) {
	for name, shape := range shapes() {
		all, documents := keeping(t, shape, 2)
		input := slices.Concat(documents...)
		for n := range len(input) {
			for _, strict := range []bool{false, true} {
				l, _, err := damages(bytes.NewReader(input[:n]), consumer.ReadOptions{Strict: strict})
				if err := l.Compare(all, consumertest.Comparison{Unfinished: true}); err != nil {
					t.Fatalf("%s, %d of %d bytes: %v", name, n, len(input), err)
				}
				if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("%s, %d of %d bytes: ended with %v", name, n, len(input), err)
				}
			}
		}
	}
}

// The bytes of a stream are damaged where they are kept: each response brings the
// same. The rest of that fragment is told to be lost, and reading goes on.
func TestDamageThatComesAgainIsPassedOver(t *testing.T) {
	for name, place := range map[string]consumertest.Fault{
		"between documents": {At: consumertest.AtDocument, Document: 0},
		"in a document":     {At: consumertest.AtBlock, Document: 0, Block: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := quiet(t, consumertest.Config{})
				stream := s.Stream("gate")
				stream.Add(consumertest.Footage{}.Fragments(4)...)
				all := stream.All()
				place.Do, place.Bytes = consumertest.Insert, []byte{0, 1, 2, 3}
				second := place
				second.Document = 1
				s.Next(consumertest.GetMedia, faults(second))
				s.SetAfter(faults(place))
				var told []consumer.Damage
				o := fromStart()
				o.Events.Damaged = func(d consumer.Damage) { told = append(told, d) }
				l, err := readAll(t.Context(), c.Live("gate", o))
				if err == nil {
					err = l.Compare(all, consumertest.Comparison{Missing: func(n millrace.FragmentNumber) bool { return n == all[1].Number }})
				}
				if err != nil || len(told) != 1 {
					t.Errorf("%v, told %+v", err, told)
				}
			})
		})
	}
}

// What can be read is read although the sizes in it are not those of its frames.
func TestFramesThatAreTooLarge(t *testing.T) {
	big := consumertest.Fragment{Frames: []consumertest.Frame{{Data: make([]byte, 2000)}}}
	all, documents := keeping(t, consumertest.Fragment{}, 2)
	s := consumertest.Start(t, consumertest.Config{Pipes: true})
	s.Stream("gate").Add(big)
	input := slices.Concat(documents[0], s.Stream("gate").All()[0].Document(0), documents[1])
	l, told, err := damages(bytes.NewReader(input), consumer.ReadOptions{MaxFrame: 1000})
	if err == nil {
		err = l.Compare(all, consumertest.Comparison{})
	}
	if err != nil || len(told) != 1 || !errors.Is(told[0].Err, mkv.ErrTooLarge) {
		t.Errorf("%v, told %+v", err, told)
	}
	_, _, err = damages(bytes.NewReader(input), consumer.ReadOptions{MaxFrame: 1000, Strict: true})
	if !errors.Is(err, mkv.ErrTooLarge) {
		t.Errorf("strict: %v", err)
	}
}

// The same in a stream ends the loop, with what to do about it; in an archive it is
// told, and costs the one fragment.
func TestFramesOfAStreamThatAreTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := quiet(t, consumertest.Config{})
		stream := s.Stream("gate")
		fragments := consumertest.Footage{}.Fragments(3)
		fragments[1].Frames[1].Data = make([]byte, 2000)
		numbers := stream.Add(fragments...)
		o := fromStart()
		o.MaxFrame = 1000
		l, err := readAll(t.Context(), c.Live("gate", o))
		if !errors.Is(err, mkv.ErrTooLarge) || l.Len() != 4 {
			t.Errorf("live: %d frames, ended with %v", l.Len(), err)
		}
		var told []millrace.FragmentNumber
		a := consumer.ArchiveOptions{MaxFrame: 1000}
		a.Events.Failed = func(e *consumer.FragmentError) { told = append(told, e.Number) }
		l, err = readAll(t.Context(), all(c, stream, a))
		if err != nil || l.Len() != 7 || !slices.Equal(told, numbers[1:2]) {
			t.Errorf("archive: %d frames, told of %v, ended with %v", l.Len(), told, err)
		}
	})
}

// A loop over a file ends with its context between two frames.
func TestAFileEndsWithItsContext(t *testing.T) {
	_, documents := keeping(t, consumertest.Fragment{}, 3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	frames := 0
	var last error
	for _, err := range consumer.ReadFrom(bytes.NewReader(slices.Concat(documents...)), consumer.ReadOptions{}).Frames(ctx) {
		if last = err; err == nil {
			frames++
		}
		if frames == 2 {
			cancel()
		}
	}
	if frames != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d frames, ended with %v", frames, last)
	}
}

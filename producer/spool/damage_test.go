package spool_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer/spool"
)

// written is a memory with a spool of so many fragments in it, closed in order or
// left as a kill leaves it.
func written(t testing.TB, fragments, size int, orderly bool) *memory {
	t.Helper()
	m := newMemory()
	s, err := spool.Open(spool.Options{}.On(m))
	must(t, err)
	for n := range fragments {
		put(t, s, n, 4, size)
		if n == fragments/2 {
			must(t, s.Sync(t.Context()))
		}
	}
	if !orderly {
		m.mu.Lock()
		m.down = true
		m.mu.Unlock()
		_ = s.Close()
		m.restart(false, nil)
		return m
	}
	must(t, s.Close())
	return m
}

// TestAFlippedBitCostsOneFragment flips bits all over a file, one at a time.
func TestAFlippedBitCostsOneFragment(t *testing.T) {
	for _, orderly := range []bool{true, false} {
		t.Run(fmt.Sprintf("closed in order %v", orderly), func(t *testing.T) {
			m := written(t, 8, 700, orderly)
			name := "0000000000000000.spool.mkv"
			whole := slices.Clone(m.names[name].data)
			r := rand.New(rand.NewPCG(3, 4))
			missed := 0
			for i := range rounds(t, 600) {
				at := r.IntN(len(whole))
				if i < 400 {
					at = i // the head of the file, thoroughly
				}
				bad := slices.Clone(whole)
				bad[at] ^= 1 << r.IntN(8)
				m.names[name] = &inode{data: bad}
				if orderly {
					m.names[name].stable = slices.Clone(bad)
				}
				m.restart(false, nil)
				n, err := readAll(m)
				if err != nil {
					t.Fatalf("bit at %d of %d: %v", at, len(whole), err)
				}
				missed += n
			}
			if missed == 0 {
				t.Error("no flipped bit was met")
			}
		})
	}
}

// readAll reads every fragment of the spool of 8 in m, and returns how many
// cannot be read: at most one, of which the spool must have told.
func readAll(m *memory) (int, error) {
	var problems []spool.Problem
	s, err := spool.Open(spool.Options{Report: func(p spool.Problem) { problems = append(problems, p) }}.On(m))
	if err != nil {
		return 0, err
	}
	defer s.Close()
	good := 0
	for f := range s.Pending() {
		n := int(f.Identity.Sequence)
		got, err := framesOf(s, f.Ref)
		want := wantFrames(n, 4, 700)
		switch {
		case errors.Is(err, millrace.ErrCorrupt):
			if again, _ := s.Fragment(f.Ref); !again.Damaged {
				return 0, fmt.Errorf("fragment %d is not marked", n)
			}
		case err != nil:
			return 0, err
		case f.Torn && sameFrames(got, want[:len(got)]):
		case !sameFrames(got, want):
			return 0, fmt.Errorf("fragment %d has other bytes", n)
		default:
			good++
		}
		if h, err := s.Header(f.Ref); err != nil || string(h) != testHeader {
			return 0, fmt.Errorf("header of %d: %w", n, err)
		}
	}
	if good < 7 {
		return 0, fmt.Errorf("%d of 8 fragments are good; told of %v", good, problems)
	}
	if good == 7 && len(problems) == 0 && s.Opening().Torn == 0 && s.Opening().Cut == 0 {
		return 0, errors.New("nobody was told")
	}
	return 8 - good, nil
}

// TestADamagedIdentityIsReplaced: it costs what servers know, not the fragments.
func TestADamagedIdentityIsReplaced(t *testing.T) {
	m := written(t, 2, 100, true)
	data := m.names["producer"].data
	data[3] ^= 1
	s, err := spool.Open(spool.Options{}.On(m))
	must(t, err)
	id := s.Producer()
	must(t, s.Close())
	if !strings.Contains(string(data), id.String()) {
		t.Error("one flipped bit changed the identity")
	}
	data[3+len(data)/2] ^= 1
	told := 0
	s, err = spool.Open(spool.Options{Report: func(spool.Problem) { told++ }}.On(m))
	must(t, err)
	if s.Producer() == id || told != 1 || len(slices.Collect(s.Pending())) != 2 {
		t.Errorf("identity %v, told %d times", s.Producer(), told)
	}
	must(t, s.Close())
}

// TestALaterVersionIsRefused: and nothing of it is touched.
func TestALaterVersionIsRefused(t *testing.T) {
	m := written(t, 2, 100, true)
	was := slices.Clone(m.names["0000000000000000.spool.mkv"].data)
	data := m.names["0000000000000000.spool.mkv"].data
	for _, at := range spool.HeaderCopies {
		spool.SetVersion(data[at:], 2)
	}
	now := slices.Clone(data)
	if _, err := spool.Open(spool.Options{}.On(m)); !errors.Is(err, spool.ErrVersion) {
		t.Errorf("open: %v", err)
	}
	if !slices.Equal(now, data) || slices.Equal(now, was) {
		t.Error("the file was changed")
	}
}

// FuzzOpen gives the reader any file.
func FuzzOpen(f *testing.F) {
	var id *inode
	for _, orderly := range []bool{true, false} {
		m := written(f, 3, 90, orderly)
		id = m.names["producer"]
		f.Add(m.names["0000000000000000.spool.mkv"].data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := newMemory()
		m.names["producer"] = id
		m.names["0000000000000000.spool.mkv"] = &inode{data: data}
		s, err := spool.Recovered(spool.Options{}.On(m))
		if err != nil {
			return
		}
		for f := range s.Pending() {
			got, err := framesOf(s, f.Ref)
			if err == nil && len(got) < f.Frames {
				t.Errorf("%d frames, not %d", len(got), f.Frames)
			}
			_, _ = s.Header(f.Ref)
		}
		_, _ = spool.Salvage(io.Discard, &handle{m: m, node: &inode{data: data}}, int64(len(data)))
	})
}

package mem_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

// block is a whole block of one letter.
func block(letter string) string { return strings.Repeat(letter, 4096) }

// shorthand writes whole blocks of one letter as that letter, those of zeros
// as "0", and all other bytes as they are.
func shorthand(content string) string {
	var b strings.Builder
	for ; len(content) >= 4096; content = content[4096:] {
		if part := content[:4096]; part == strings.Repeat(part[:1], 4096) {
			b.WriteString(strings.ReplaceAll(part[:1], "\x00", "0"))
			continue
		}
		b.WriteString("~") // torn
	}
	b.WriteString(strings.ReplaceAll(content, "\x00", "0"))
	return b.String()
}

// outcomes are all that a crash may leave of the file "a", torn blocks aside.
func outcomes(t *testing.T, d *mem.FS) []string {
	t.Helper()
	all := make(map[string]bool)
	for _, left := range mem.Outcomes(5000, 1, func(c mem.Chooser) *mem.FS { return d.Crash(c) }) {
		if s := shorthand(read(t, left, "a")); !strings.Contains(s, "~") {
			all[s] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func writeAt(t *testing.T, f store.File, content string, off int64) {
	t.Helper()
	if _, err := f.WriteAt([]byte(content), off); err != nil {
		t.Fatal(err)
	}
}

func TestACrashLeavesEveryLegalOutcome(t *testing.T) {
	for name, tc := range map[string]struct {
		before string // synced
		act    func(t *testing.T, f store.File)
		want   []string
	}{
		"of two blocks that were appended": {
			"", func(t *testing.T, f store.File) { write(t, f, block("x")+block("y")) },
			[]string{"", "0", "00", "0y", "x", "x0", "xy"},
		},
		"of a byte in place": {
			"one", func(t *testing.T, f store.File) { writeAt(t, f, "X", 1) },
			[]string{"oXe", "one"},
		},
		"of a byte that is written twice": {
			"one", func(t *testing.T, f store.File) {
				writeAt(t, f, "X", 1)
				writeAt(t, f, "Y", 1)
			},
			[]string{"oXe", "oYe", "one"},
		},
		"of two blocks in place": {
			block("a") + block("b"), func(t *testing.T, f store.File) { writeAt(t, f, block("x")+block("y"), 0) },
			[]string{"ab", "ay", "xb", "xy"},
		},
		"of a hole": {
			block("a") + block("b") + block("c") + "d",
			func(t *testing.T, f store.File) { sync(t, f.Punch(100, 3*4096)) },
			[]string{"a00d", "a0cd", "ab0d", "abcd"},
		},
		"of a hole behind a mark": {
			block("a") + block("b"),
			func(t *testing.T, f store.File) {
				writeAt(t, f, block("x"), 0)
				sync(t, f.Punch(4096, 4096))
			},
			[]string{"a0", "ab", "x0", "xb"},
		},
		"of a cut": {
			block("a") + "b", func(t *testing.T, f store.File) { sync(t, f.Truncate(0)) },
			[]string{"", "ab"},
		},
		"of what is appended behind a cut": {
			block("a") + block("b"), func(t *testing.T, f store.File) {
				sync(t, f.Truncate(4096))
				write(t, f, block("x"))
			},
			[]string{"a", "a0", "ab", "ax"},
		},
		"of two cuts": {
			block("a") + block("b"), func(t *testing.T, f store.File) {
				sync(t, f.Truncate(4096), f.Truncate(0))
				write(t, f, "x")
			},
			[]string{"", "0", "a", "ab", "x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := mem.NewFS()
			f := create(t, d, "a", tc.before)
			sync(t, f.Sync(), d.SyncDir())
			tc.act(t, f)
			if got := outcomes(t, d); !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestACrashTearsTheLastWrite(t *testing.T) {
	d := mem.NewFS()
	f := create(t, d, "a", "------")
	sync(t, f.Sync(), d.SyncDir())
	writeAt(t, f, "torn", 1)
	want := []string{"------", "---rn-", "-t----", "-to---", "-tor--", "-torn-"}
	if got := outcomes(t, d); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAHoleTakesNoRoomAndIsFilledByAWrite(t *testing.T) {
	d := mem.NewFS()
	f := create(t, d, "a", block("a")+block("b")+block("c")+"d")
	takes := func(want int64) {
		t.Helper()
		if got, err := f.Allocated(); got != want*4096 || err != nil {
			t.Errorf("takes %d bytes, %v, want %d blocks", got, err, want)
		}
	}
	takes(4)
	sync(t, f.Punch(1, 3*4096), f.Sync(), d.SyncDir())
	takes(2)
	left := d.Crash(lose)
	if f, _ := left.Open("a"); f != nil {
		if got, err := f.Allocated(); got != 2*4096 || err != nil {
			t.Errorf("takes %d bytes after a crash, %v", got, err)
		}
	}
	d = left.Kill()
	f, _ = d.Open("a")
	writeAt(t, f, "x", 4096)
	takes(3)
	sync(t, f.Truncate(4096))
	takes(1)
}

func TestAKilledProgramLeavesWhatItWroteToTheNextOne(t *testing.T) {
	d := mem.NewFS()
	f := create(t, d, "a", "one")
	sync(t, f.Sync(), d.SyncDir())
	write(t, f, "two")
	killed := d.Kill()
	if got := read(t, killed, "a"); got != "onetwo" {
		t.Errorf("killed: %q", got)
	}
	g, err := killed.Open("a")
	sync(t, err, g.Sync())
	if got := read(t, killed.Crash(lose), "a"); got != "onetwo" {
		t.Errorf("what the next program synced is lost: %q", got)
	}
	if got := read(t, d.Crash(lose), "a"); got != "one" {
		t.Errorf("the next program was seen by the one before: %q", got)
	}
}

func TestOutcomesAreAllOrASample(t *testing.T) {
	bits := func(choose mem.Chooser) (n int) {
		for range 4 {
			n = 2*n + choose(2)
		}
		return n
	}
	if got := mem.Outcomes(16, 1, bits); len(got) != 16 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 16 {
		t.Errorf("all of 16: %v", got)
	}
	got := mem.Outcomes(6, 1, bits)
	if len(got) != 6 || got[0] != 0 || got[1] != 15 {
		t.Errorf("6 of 16: %v", got)
	}
	if again := mem.Outcomes(6, 1, bits); !slices.Equal(again, got) {
		t.Errorf("not the same again: %v, %v", got, again)
	}
	if got := mem.Outcomes(2, 1, func(mem.Chooser) int { return 7 }); !slices.Equal(got, []int{7}) {
		t.Errorf("the only one: %v", got)
	}
}

func TestOnePowerDrivesOneMachine(t *testing.T) {
	p := mem.NewPower()
	a, b := mem.NewFSOn(p), mem.NewFSOn(p)
	var calls []string
	p.Watch(func(call string) { calls = append(calls, call) })
	p.FailAt(2)
	sync(t, a.SyncDir())
	if _, err := b.Create("x"); err == nil || !a.Dead() || p.Mutations() != 2 {
		t.Errorf("create in the second mutation: %v, dead %t", err, a.Dead())
	}
	if want := []string{"sync directory", "create x"}; !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
}

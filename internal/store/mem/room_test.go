package mem_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

func free(t *testing.T, d *mem.FS) int64 {
	t.Helper()
	s, err := d.Space()
	if err != nil {
		t.Fatal(err)
	}
	return s.Free
}

func TestWithoutACapacityTheRoomIsNotKnown(t *testing.T) {
	d := mem.NewFS()
	create(t, d, "a", "abc")
	if s, err := d.Space(); s != (store.Space{}) || err != nil {
		t.Errorf("space is %+v, %v", s, err)
	}
}

func TestAWriteThatDoesNotFitWritesWhatDoes(t *testing.T) {
	d := mem.NewFS()
	d.SetCapacity(3 * 4096)
	f := create(t, d, "a", strings.Repeat("x", 5000))
	if n := free(t, d); n != 4096 {
		t.Errorf("%d bytes are free beside two pages", n)
	}
	n, err := f.WriteV([][]byte{make([]byte, 4000), make([]byte, 6000)})
	if n != 3*4096-5000 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if size, err := f.Size(); size != 3*4096 || err != nil {
		t.Errorf("size is %d, %v", size, err)
	}
	if n, err := f.WriteV([][]byte{{1}}); n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d to a full disk, %v", n, err)
	}
	if n, err := f.WriteAt([]byte("yy"), 4095); n != 2 || err != nil {
		t.Errorf("wrote %d in place, %v", n, err)
	}
}

func TestRoomComesBackByHolesCutsAndRemovals(t *testing.T) {
	d := mem.NewFS()
	d.SetCapacity(10 * 4096)
	f := create(t, d, "a", strings.Repeat("x", 8*4096))
	sync(t, f.Punch(4096, 2*4096))
	if n := free(t, d); n != 4*4096 {
		t.Errorf("%d bytes are free after a hole of two pages", n)
	}
	if _, err := f.WriteAt([]byte("back"), 4096); err != nil {
		t.Error(err)
	}
	if n := free(t, d); n != 3*4096 {
		t.Errorf("%d bytes are free when half the hole is filled", n)
	}
	sync(t, f.Truncate(4096))
	if n := free(t, d); n != 9*4096 {
		t.Errorf("%d bytes are free after the cut", n)
	}
	sync(t, d.Remove("a"))
	if n := free(t, d); n != 9*4096 {
		t.Errorf("%d bytes are free while the file is open", n)
	}
	sync(t, f.Close())
	if n := free(t, d); n != 10*4096 {
		t.Errorf("%d bytes are free at the end", n)
	}
}

func TestOthersCanFillTheDisk(t *testing.T) {
	d := mem.NewFS()
	f := create(t, d, "a", strings.Repeat("x", 8*4096))
	d.SetCapacity(4096)
	if n := free(t, d); n != 0 {
		t.Errorf("%d bytes are free", n)
	}
	if _, err := f.WriteV([][]byte{{1}}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write to a full disk: %v", err)
	}
	d.SetCapacity(9 * 4096)
	write(t, f, "there is room again")
	if after := d.Crash(lose); free(t, after) != 9*4096 {
		t.Errorf("%d bytes are free after a crash that lost all", free(t, after))
	}
}

package disk

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/internal/store"
)

func TestRoomIsCountedInFragments(t *testing.T) {
	for name, c := range map[string]struct {
		is   unix.Statfs_t
		want store.Space
	}{
		"blocks are fragments":   {unix.Statfs_t{Bsize: 4096, Frsize: 4096, Blocks: 10, Bavail: 3}, store.Space{Total: 40960, Free: 12288}},
		"blocks are larger":      {unix.Statfs_t{Bsize: 1 << 20, Frsize: 4096, Blocks: 10, Bavail: 3}, store.Space{Total: 40960, Free: 12288}},
		"there are no fragments": {unix.Statfs_t{Bsize: 4096, Blocks: 10, Bavail: 3}, store.Space{Total: 40960, Free: 12288}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := spaceOf(&c.is); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

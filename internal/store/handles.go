package store

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/millrace/millrace"
)

// handles keeps files open for reading, at most limit of them besides those
// that are being read right now; the one unused for longest goes first.
type handles struct {
	fs    FS
	limit int

	mu   sync.Mutex               // guards what follows
	open map[uint64]*list.Element // of *handle
	idle list.List                // all handles, most recently used first
}

// A handle is one open file, used by any number of readers.
type handle struct {
	number uint64
	file   File
	users  int
	gone   bool // not in the table any more; the last user closes it
}

func newHandles(f FS, limit int) *handles {
	return &handles{fs: f, limit: limit, open: make(map[uint64]*list.Element)}
}

// acquire opens a pack. A pack that does not exist is millrace.ErrNotFound.
// The caller must release the handle.
func (h *handles) acquire(number uint64) (*handle, error) {
	if x := h.lookUp(number); x != nil {
		return x, nil
	}
	f, err := h.fs.Open(packName(number))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open pack: %w", millrace.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open pack: %w", err)
	}
	if x := h.lookUp(number); x != nil {
		return x, f.Close() // another reader was faster
	}
	return h.keep(number, f), nil
}

func (h *handles) lookUp(number uint64) *handle {
	h.mu.Lock()
	defer h.mu.Unlock()
	el := h.open[number]
	if el == nil {
		return nil
	}
	h.idle.MoveToFront(el)
	x := el.Value.(*handle)
	x.users++
	return x
}

func (h *handles) keep(number uint64, f File) *handle {
	x := &handle{number: number, file: f, users: 1}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open[number] == nil {
		h.open[number] = h.idle.PushFront(x)
	} else {
		x.gone = true
	}
	return x
}

// release ends the use of a handle.
func (h *handles) release(x *handle) {
	for _, f := range h.releaseLocked(x) {
		_ = f.Close() // it was only read
	}
}

// releaseLocked returns the files that are to be closed.
func (h *handles) releaseLocked(x *handle) (closing []File) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x.users--
	if x.gone && x.users == 0 {
		closing = append(closing, x.file)
	}
	for el := h.idle.Back(); el != nil && h.idle.Len() > h.limit; {
		before := el.Prev()
		if old := el.Value.(*handle); old.users == 0 {
			h.forgetLocked(el)
			closing = append(closing, old.file)
		}
		el = before
	}
	return closing
}

func (h *handles) forgetLocked(el *list.Element) {
	x := el.Value.(*handle)
	x.gone = true
	h.idle.Remove(el)
	delete(h.open, x.number)
}

// drop closes a pack's file as soon as nobody reads it.
func (h *handles) drop(number uint64) {
	h.mu.Lock()
	el := h.open[number]
	if el == nil {
		h.mu.Unlock()
		return
	}
	h.forgetLocked(el)
	x := el.Value.(*handle)
	idle := x.users == 0
	h.mu.Unlock()
	if idle {
		_ = x.file.Close()
	}
}

// close drops all.
func (h *handles) close() {
	h.mu.Lock()
	numbers := make([]uint64, 0, len(h.open))
	for n := range h.open {
		numbers = append(numbers, n)
	}
	h.mu.Unlock()
	for _, n := range numbers {
		h.drop(n)
	}
}

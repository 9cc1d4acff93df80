package spool_test

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/millrace/millrace/producer/spool"
)

var errCrashed = errors.New("crashed")

// A memory is a directory that can lose what was not synced, tear what was being
// written, fail, and be full.
type memory struct {
	mu     sync.Mutex
	names  map[string]*inode // as the system has them
	stable map[string]*inode // as a power cut leaves them, but for what moves
	moves  []move            // since the directory was synced
	left   int               // calls until the crash, if it is above 0
	down   bool
	room   int64                              // bytes, if it is above 0
	fail   func(op, name string, n int) error // n: how many calls of op came before
	calls  map[string]int                     // by op
	read   int64                              // bytes
	unsaid map[string]bool                    // journals that do not say yet that a sync of their file failed
	locked bool
}

// A move is a change to names: from or to may be empty.
type move struct {
	from, to string
	node     *inode
}

type inode struct {
	data   []byte
	stable []byte
	writes []write // since it was synced
}

// A write is one that may be lost: data at off, or a cut to off.
type write struct {
	off  int64
	data []byte // nil cuts
}

func newMemory() *memory {
	return &memory{names: map[string]*inode{}, stable: map[string]*inode{}, calls: map[string]int{}, unsaid: map[string]bool{}}
}

// step counts a call that changes something. At the crash, and behind it, all
// fail.
func (m *memory) step(op, name string) error {
	if m.down {
		return errCrashed
	}
	if m.left > 0 {
		if m.left--; m.left == 0 {
			m.down = true
			return errCrashed
		}
	}
	n := m.calls[op]
	m.calls[op]++
	if m.fail != nil {
		return m.fail(op, name, n)
	}
	return nil
}

func (m *memory) Make() error { return nil }

func (m *memory) Lock() (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked {
		return nil, spool.ErrLocked
	}
	m.locked = true
	return unlock{m}, nil
}

type unlock struct{ m *memory }

func (u unlock) Close() error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	u.m.locked = false
	return nil
}

func (m *memory) Names() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.names)), nil
}

func (m *memory) Create(name string) (spool.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("create", name); err != nil {
		return nil, err
	}
	if m.names[name] != nil {
		return nil, fs.ErrExist
	}
	node := &inode{}
	m.names[name] = node
	m.moves = append(m.moves, move{to: name, node: node})
	return &handle{m, name, node}, nil
}

func (m *memory) Open(name string, _ bool) (spool.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, errCrashed
	}
	if node := m.names[name]; node != nil {
		return &handle{m, name, node}, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("remove", name); err != nil {
		return err
	}
	node := m.names[name]
	if node == nil {
		return fs.ErrNotExist
	}
	delete(m.names, name)
	m.moves = append(m.moves, move{from: name, node: node})
	return nil
}

func (m *memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("rename", from); err != nil {
		return err
	}
	node := m.names[from]
	delete(m.names, from)
	m.names[to] = node
	m.moves = append(m.moves, move{from: from, to: to, node: node})
	return nil
}

func (m *memory) Sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("syncdir", ""); err != nil {
		return err
	}
	m.stable, m.moves = maps.Clone(m.names), nil
	return nil
}

// used is what all files take. The caller holds mu.
func (m *memory) used() (n int64) {
	for _, node := range m.names {
		n += int64(len(node.data))
	}
	return n
}

// restart is what follows a crash of the process, or of the power: then
// everything that was not synced is lost, kept or torn, each on its own.
//
// A process that is killed after a sync has failed, and before it has said so in
// the journal, leaves something that the next one trusts: that is documented, and
// a power cut takes its place. It returns whether there was one.
func (m *memory) restart(power bool, r *rand.Rand) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	power = power || r != nil && len(m.unsaid) > 0
	clear(m.unsaid)
	m.left, m.down, m.locked, m.fail = 0, false, false, nil
	if !power {
		return false
	}
	names := maps.Clone(m.stable)
	for _, mv := range m.moves {
		if r.IntN(2) == 0 {
			continue
		}
		if mv.from != "" && names[mv.from] == mv.node {
			delete(names, mv.from)
		}
		if mv.to != "" {
			names[mv.to] = mv.node
		}
	}
	m.names, m.stable, m.moves = names, maps.Clone(names), nil
	for _, node := range names {
		node.cut(r)
	}
	return true
}

// cut is a power cut.
func (n *inode) cut(r *rand.Rand) {
	data := slices.Clone(n.stable)
	mode := r.IntN(4) // all, none, a prefix, any
	keep := r.IntN(len(n.writes) + 1)
	for i, w := range n.writes {
		switch {
		case mode == 1, mode == 2 && i > keep, mode == 3 && r.IntN(2) == 0:
			continue
		case w.data == nil:
			data = data[:min(int64(len(data)), w.off)]
			continue
		}
		torn := w.data
		if mode >= 2 && (i == keep || r.IntN(8) == 0) {
			torn = torn[:r.IntN(len(torn)+1)]
		}
		data = patch(data, torn, w.off)
	}
	n.data, n.stable, n.writes = data, slices.Clone(data), nil
}

func patch(data, b []byte, off int64) []byte {
	if need := off + int64(len(b)); need > int64(len(data)) {
		data = append(data, make([]byte, need-int64(len(data)))...)
	}
	copy(data[off:], b)
	return data
}

// A handle is an open file of a memory.
type handle struct {
	m    *memory
	name string
	node *inode
}

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if off >= int64(len(h.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.node.data[off:])
	h.m.read += int64(n)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.m.down {
		return 0, errCrashed
	}
	err := h.m.step("write", h.name)
	if grow := off + int64(len(p)) - int64(len(h.node.data)); err == nil && h.m.room > 0 && grow > 0 && h.m.used()+grow > h.m.room {
		err = syscall.ENOSPC
		p = p[:max(0, min(int64(len(p)), h.m.room-h.m.used()))] // what fits
	} else if err != nil {
		p = p[:len(p)/2] // torn
	}
	if err == nil {
		delete(h.m.unsaid, h.name)
	}
	p = slices.Clone(p)
	h.node.data = patch(h.node.data, p, off)
	h.node.writes = append(h.node.writes, write{off, p})
	return len(p), err
}

func (h *handle) Truncate(size int64) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.m.step("truncate", h.name); err != nil {
		return err
	}
	h.node.data = h.node.data[:min(size, int64(len(h.node.data)))]
	h.node.writes = append(h.node.writes, write{size, nil})
	return nil
}

// Sync makes what was written durable. If it fails, the system forgets that
// there was something to write, as real ones do.
func (h *handle) Sync() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.m.step("sync", h.name); err != nil {
		if !h.m.down {
			h.node.writes = nil
			h.m.unsaid[strings.TrimSuffix(h.name, ".spool.mkv")+".acks"] = true
		}
		return err
	}
	for _, w := range h.node.writes {
		if w.data == nil {
			h.node.stable = h.node.stable[:min(int64(len(h.node.stable)), w.off)]
			continue
		}
		h.node.stable = patch(h.node.stable, w.data, w.off)
	}
	h.node.writes = nil
	return nil
}

func (h *handle) Size() (int64, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return int64(len(h.node.data)), nil
}

func (h *handle) Close() error { return nil }

package store

import (
	"container/list"
	"sync"

	"github.com/millrace/millrace"
)

// A headerCache keeps header elements by their hash, up to limit bytes; those
// unused for longest go first.
type headerCache struct {
	limit int64

	mu     sync.Mutex // guards what follows
	byHash map[[32]byte]*list.Element
	recent list.List // of *millrace.Header, most recently used first
	bytes  int64
}

func newHeaderCache(limit int64) *headerCache {
	return &headerCache{limit: limit, byHash: make(map[[32]byte]*list.Element)}
}

func (c *headerCache) get(hash [32]byte) *millrace.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.byHash[hash]
	if el == nil {
		return nil
	}
	c.recent.MoveToFront(el)
	return el.Value.(*millrace.Header)
}

func (c *headerCache) put(h *millrace.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byHash[h.Hash] != nil || int64(len(h.Bytes)) > c.limit {
		return
	}
	c.byHash[h.Hash] = c.recent.PushFront(h)
	c.bytes += int64(len(h.Bytes))
	for c.bytes > c.limit {
		old := c.recent.Remove(c.recent.Back()).(*millrace.Header)
		delete(c.byHash, old.Hash)
		c.bytes -= int64(len(old.Bytes))
	}
}

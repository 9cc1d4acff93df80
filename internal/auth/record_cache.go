package auth

import "sync"

// maxRecords bounds a recordCache. A record is a few hundred bytes, and 20 KiB
// at most.
const maxRecords = 4096

// A recordCache remembers keys as they are in the control state. It knows no
// other: ids that are not there are asked for each time. The zero recordCache is
// empty.
//
// A key that is changed is forgotten behind the change and before anybody is
// told of it. A reader that has read the old one meanwhile must not remember it
// after that, so it says at which change it began.
type recordCache struct {
	mu      sync.Mutex // guards what follows
	records map[string]*record
	changes uint64
}

// find returns the record of an id, or nil, and the change it belongs to.
func (c *recordCache) find(id string) (*record, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.records[id], c.changes
}

// remember keeps what was read behind the change that find told of, unless
// there has been another one. When the cache is full any one record makes room.
func (c *recordCache) remember(r *record, change uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != change {
		return
	}
	if c.records == nil {
		c.records = make(map[string]*record)
	}
	for id := range c.records {
		if len(c.records) < maxRecords {
			break
		}
		delete(c.records, id)
	}
	c.records[r.ID] = r
}

// forget drops the record of an id.
func (c *recordCache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.records, id)
	c.changes++
}

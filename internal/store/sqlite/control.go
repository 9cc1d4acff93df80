package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"github.com/millrace/millrace/internal/store"
)

// Control is a store.Control in an SQLite file. Make one with OpenControl.
type Control struct {
	pools

	mu     sync.Mutex // guards closed, and calls against growing behind it
	closed bool
	calls  sync.WaitGroup // under way

	closing sync.Once
}

var _ store.Control = (*Control)(nil)

// OpenControl opens the file at path, or makes it, readable by its owner
// alone, and brings its schema up to date. A file of a newer release is a
// *VersionError. A locked or full file is store.ErrUnavailable, one of which
// streams or deletions have been lost millrace.ErrCorrupt. The folder must
// exist. The caller sees to it that one server at a time uses the file, and
// closes the Control.
func OpenControl(ctx context.Context, path string, o Options) (*Control, error) {
	p, err := openWhole(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open control database: %w", err)
	}
	return &Control{pools: p}, nil
}

func openWhole(ctx context.Context, path string, o Options) (pools, error) {
	if err := checkLog(path + "-wal"); err != nil {
		return pools{}, err
	}
	p, err := openPools(ctx, path, o, controlKind())
	if err != nil {
		return pools{}, err
	}
	if err := expectWhole(ctx, p.reader); err != nil {
		p.close()
		return pools{}, err
	}
	return p, nil
}

func controlKind() kind {
	return kind{
		application: 0x4d6c7263, // "Mlrc"
		name:        "a control database",
		remedy:      "start the newer release that wrote it, or restore a backup made before the upgrade",
		pragmas:     []string{"synchronous(FULL)", "foreign_keys(1)"},
		steps:       []step{createSchema1, addChecksums, addDocuments},
	}
}

func createSchema1(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, schema1)
	return err
}

// Close implements store.Control.
func (c *Control) Close() error {
	var err error
	c.closing.Do(func() { err = c.close() })
	return err
}

func (c *Control) close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.calls.Wait()
	if err := c.pools.close(); err != nil {
		return fmt.Errorf("close control database: %w", err)
	}
	return nil
}

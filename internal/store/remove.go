package store

import (
	"errors"
	"fmt"
	"io/fs"
)

// removePack removes a pack, and reports whether it was there and has gone. One
// that is said to be dead stays if the index has found something in it since. The
// pack is hidden first, so that a reader that opens its file now finds out and
// closes it, and of any number of calls at once one removes it.
//
// Crash safety: nothing that can be found is in the pack, or it is to go
// whatever is in it. If the removal is lost, the pack is there again at the
// next start; what is in it is gone by policy, or is found elsewhere.
func (e *Engine) removePack(p packInfo) (removed bool, err error) {
	p, ok := e.packs.hide(p)
	if !ok {
		return false, nil
	}
	if err := e.cfg.FS.Remove(packName(p.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.packs.show(p.number)
		return false, fmt.Errorf("remove pack %s: %w", packName(p.number), err)
	}
	e.packs.remove(p.number)
	e.handles.drop(p.number)
	e.cfg.Events.Removed(p.number)
	return true, nil
}

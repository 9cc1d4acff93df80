package mkv

import (
	"fmt"
	"io"
)

// sourceError turns what fill returned inside an element into Next's error.
func (r *Reader) sourceError(err error, id ElementID) error {
	if isEnd(err) {
		return r.fault(io.ErrUnexpectedEOF, id)
	}
	return fmt.Errorf("mkv: read at offset %d: %w", r.off+int64(r.Buffered()), err)
}

// fault makes and keeps a SyntaxError about the element at the present place;
// its id is 0 if it is not known.
func (r *Reader) fault(err error, id ElementID) error {
	r.err = &SyntaxError{Offset: r.off, Path: r.path(id), Err: err}
	return r.err
}

func (r *Reader) path(id ElementID) string {
	var path string
	if r.segment.open {
		path = "Segment"
	}
	if r.cluster.open {
		path = join(path, "Cluster")
	}
	if id != 0 {
		path = join(path, id.String())
	}
	return path
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

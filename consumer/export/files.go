package export

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/millrace/millrace/consumer"
)

// Files writes what a reader hands out to as many files as it takes, see NewParts,
// until the reader ends, which is no error. The last file is made whole whatever
// ended it, also where the context did. The reader is not closed.
//
// A reader with a Store saves its position behind fragments that are in a file which
// is not whole yet. Who must not lose them if the process ends takes a reader with
// CommitMode Manual, and starts the next one at the Last of the last Part that was
// finished.
func Files(ctx context.Context, r *consumer.Reader, o Options, open func(part int) (io.WriteSeeker, error)) error {
	p, err := NewParts(o, open)
	if err != nil {
		return err
	}
	return drain(r.Fragments(ctx), p)
}

// Copy writes what a reader hands out to w, and closes that, like Files.
func Copy(ctx context.Context, r *consumer.Reader, w Writer) error {
	return drain(r.Fragments(ctx), w)
}

// drain writes fragments and closes w.
func drain(fragments iter.Seq2[*consumer.Fragment, error], w Writer) (err error) {
	for f, failed := range fragments {
		if err = failed; err == nil {
			err = w.WriteFragment(f)
		}
		if err != nil {
			break
		}
	}
	return errors.Join(err, w.Close())
}

package consumer

import "context"

// A source hands out the fragments of one stream or file: each once, in order,
// whatever happens to connections. Only one goroutine uses it.
type source interface {
	// head returns the next fragment when its Cluster has begun. It ends what is
	// left of the one before. It returns io.EOF behind the last one, a
	// *FragmentError for a fragment that the server cannot give, behind which it
	// goes on, and for good what ends the reading.
	head(ctx context.Context) (*Fragment, error)

	// close lets go of connections, and waits for what runs in the background.
	close()
}

// A leaper is a source that can leave out what it is behind with.
type leaper interface {
	// leap makes the next head the newest fragment there is, and one that comes
	// after those that were handed out.
	leap()
}

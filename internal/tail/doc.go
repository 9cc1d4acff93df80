// Package tail keeps the open and the newest fragments of every stream in
// memory and fans them out to readers.
//
// A Tail has a Stream for each stream that somebody writes or reads. A writer
// opens a Fragment on it, appends whole blocks, completes it, and settles it
// when the store has answered. Readers walk the fragments with a Cursor, which
// starts in the store's history and joins the tail, and read an open fragment
// block by block.
//
//	entries:   (low)  n+1 settled | n+2 complete | n+3 open | n+4 open
//	store:     … n-1  n | n+1 …
//	                  ^ everything up to low is settled and found in the store
//
// What it promises:
//
//	T1: a reader sees fragments in number order, each once (I4), and nothing of
//	    fragment m before every lower one that it will see is settled (the
//	    horizon).
//	T2: a fragment leaves the tail only when the store answers for it, or its
//	    time in memory is over (zero retention); entries leave from the front
//	    only, so (low, ∞) is always whole.
//	T3: a fragment that was failed can never be completed, and the other way
//	    round; both are decided once, under the stream's lock.
//	T4: memory is held once for all readers, is given back when the last of
//	    them lets go, and is bounded for all streams together, but for the
//	    one fragment that each slow reader may hold.
//	T5: a reader never makes a writer wait.
//
// The package refuses to touch disk or sockets; history comes through
// store.Index.
package tail
